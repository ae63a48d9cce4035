"""An invoice as it is stored: what it shares with others by its form, the rest as a line of JSON; and back, exactly.

``content`` is ``[recipient, supply, vat, lines, payment, inputs]``, or one longer where the case is not the form's:

* recipient: ``[name, nif, [street, postal_code, town, province, country], business, [kind, number, country]]``
* supply: ``[contract, supply_code, street, postal_code, meter]``; the meter is 0 where it is the last piece's
* vat: base and VAT in cents of each rate, in the form's order
* lines: ``[quantity, cents]``, or ``[quantity, cents, exact]`` where the exact quantity is not the one shown
* payment: ``[iban, mandate]`` or 0; inputs: the SHA-256 of all inputs in base64

What is usual at the end of a list is left out.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import msgspec

from billing.invoice import (
    Address,
    ForeignId,
    Invoice,
    InvoiceLine,
    InvoiceType,
    Party,
    PaymentMethod,
    PaymentTerms,
    Rectification,
    Supply,
    VatSum,
)
from billing.ledger import cents_of
from billing.money import euros
from billing.volume import Period, Piece
from central.invoicing.draft import Basis, Draft
from central.invoicing.shared import FORM, Charge, Form, Pool, Shared

# Of a case, what bills of one form do not share.
OWN = ("ref", "litres", "readings", "reference_litres")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode


@dataclass(frozen=True, slots=True)
class Face:
    """What stands in columns of its own: enough, with form, content and evidence, to have the invoice again."""

    series: str
    number: int | None
    issued: date | None
    kind: str
    period: Period
    litres: int
    total_cents: int
    operation_date: date | None
    rectifies: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line with the row of the tariff it follows from."""

    line: InvoiceLine
    tariff: int | None


def form_and_content(draft: Draft, versions: Mapping[str, int], pool: Pool) -> tuple[int, bytes]:
    """The id of a draft's form, and its content; ``versions`` are tariffs' rows by id."""
    invoice, supply, case = draft.invoice, draft.invoice.supply, draft.basis.case
    charges = [pool.charge(line, versions.get(str(line.why.get("version") or ""))) for line in invoice.lines]
    form = Form(
        issuer=invoice.issuer,
        due=invoice.terms.due.isoformat(),
        method=invoice.terms.method.value,
        description=invoice.description,
        place=(supply.address.town, supply.address.province, supply.address.country),
        use=supply.use,
        calibre_mm=supply.calibre_mm,
        persons=supply.persons,
        dwellings=supply.dwellings,
        vat=[item.code for item in invoice.vat],
        charges=charges,
        case={name: value for name, value in case.items() if name not in OWN},
        tariffs=draft.basis.tariffs,
        program=draft.basis.program,
    )
    meter = 0 if invoice.pieces and invoice.pieces[-1].meter == supply.meter else supply.meter
    content: list[Any] = [
        _party(invoice.recipient),
        [supply.contract, supply.supply_code, supply.address.street, supply.address.postal_code, meter],
        [cents for item in invoice.vat for cents in (cents_of(item.base), cents_of(item.vat))],
        [_line(line) for line in invoice.lines],
        [invoice.terms.iban, invoice.terms.mandate] if invoice.terms.iban or invoice.terms.mandate else 0,
        _short(draft.basis.inputs),
    ]
    own = {name: case[name] for name in OWN if name in case}
    if own != _usual_case(invoice):
        content.append(own)
    return pool.add(FORM, form), _encode(content)


class Content:
    """A stored content, read once and asked for its parts."""

    def __init__(self, form_id: int, text: str | bytes, shared: Shared) -> None:
        self._shared = shared
        self.form = shared.form(form_id)
        self._parts: list[Any] = _decode(text)

    def invoice(self, face: Face, pieces: tuple[Piece, ...]) -> Invoice:
        """The invoice as the value it was."""
        form, parts = self.form, self._parts
        iban, mandate = parts[4] or ("", "")
        return Invoice(
            series=face.series,
            number=face.number,
            issued=face.issued,
            issuer=form.issuer,
            recipient=_party_of(parts[0]),
            supply=self._supply(pieces),
            period=face.period,
            litres=face.litres,
            pieces=pieces,
            lines=tuple(one.line for one in self.lines()),
            vat=self.vat(),
            total=euros(face.total_cents),
            terms=PaymentTerms(PaymentMethod(form.method), date.fromisoformat(form.due), iban, mandate),
            type=InvoiceType(face.kind),
            operation_date=face.operation_date,
            description=form.description,
            rectification=msgspec.convert(face.rectifies, Rectification | None),
        )

    def lines(self) -> list[StoredLine]:
        """The lines in order."""
        charges = [self._shared.charge(one) for one in self.form.charges]
        return [_line_of(charge, said) for charge, said in zip(charges, self._parts[3], strict=True)]

    def vat(self) -> tuple[VatSum, ...]:
        """Base and VAT of each rate."""
        sums = [euros(cents) for cents in self._parts[2]]
        return tuple(VatSum(*one) for one in zip(self.form.vat, sums[::2], sums[1::2], strict=True))

    def basis(self, litres: int) -> Basis:
        """What the amounts follow from."""
        own = self._parts[6] if len(self._parts) > 6 else {"ref": self._parts[1][0], "litres": litres}
        inputs = base64.b64decode(self._parts[5] + "=").hex() if self._parts[5] else ""
        return Basis({**own, **self.form.case}, self.form.tariffs, self.form.program, inputs)

    def _supply(self, pieces: Sequence[Piece]) -> Supply:
        contract, code, street, postal_code, meter = self._parts[1]
        form = self.form
        address = Address(street, postal_code, *form.place)
        if meter == 0:
            meter = pieces[-1].meter
        return Supply(contract, code, address, form.use, form.calibre_mm, form.persons, form.dwellings, meter)


def _usual_case(invoice: Invoice) -> dict[str, Any]:
    return {"ref": invoice.supply.contract, "litres": invoice.litres}


def _short(inputs: str) -> str:
    """A hexadecimal SHA-256 in 43 characters."""
    return base64.b64encode(bytes.fromhex(inputs)).decode().rstrip("=")


def _line(line: InvoiceLine) -> list[Any]:
    said: list[Any] = [str(line.quantity), cents_of(line.amount)]
    exact = line.why.get("quantity")
    if exact != _exact(said[0]):
        said.append(exact)
    return said


def _line_of(charge: Charge, said: Sequence[Any]) -> StoredLine:
    quantity, cents = said[0], said[1]
    exact = said[2] if len(said) > 2 else _exact(quantity)
    why = charge.why if exact is None else {**charge.why, "quantity": exact}
    price, amount = Decimal(charge.unit_price), euros(cents)
    line = InvoiceLine(
        charge.code,
        charge.description,
        Decimal(quantity),
        charge.unit,
        price,
        amount,
        charge.vat,
        charge.beneficiary,
        charge.nature,
        why,
    )
    return StoredLine(line, charge.tariff)


@lru_cache(maxsize=65536)
def _exact(quantity: str) -> str:
    """A quantity as rating writes it in a reason."""
    return str(Fraction(quantity))


def _party(party: Party) -> list[Any]:
    foreign = party.foreign_id
    said: list[Any] = [
        party.name,
        party.nif,
        None if party.address is None else _address(party.address),
        int(party.business),
        None if foreign is None else [foreign.kind, foreign.number, foreign.country],
    ]
    return _without_tail(said, (None, 0))


def _party_of(said: Sequence[Any]) -> Party:
    name, nif, address, business, foreign = (*said, 0, None) if len(said) == 3 else (*said, None)[:5]
    return Party(
        name,
        nif,
        None if address is None else Address(*address),
        bool(business),
        None if foreign is None else ForeignId(*foreign),
    )


def _address(address: Address) -> list[str]:
    said = [address.street, address.postal_code, address.town, address.province, address.country]
    return _without_tail(said, ("ES", ""))


def _without_tail(said: list[Any], usual: Sequence[Any]) -> list[Any]:
    for value in usual:
        if said[-1] != value or type(said[-1]) is not type(value):
            break
        said.pop()
    return said
