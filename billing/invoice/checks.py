"""What an invoice must satisfy before it may be numbered and issued; every fault is named at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from stdnum.es import nif

from billing.invoice.build import NOT_TAXED, vat_on
from billing.invoice.party import Party
from billing.invoice.value import Invoice, InvoiceType

ARTICLE_6 = "RD 1619/2012 art. 6.1"
# Supplying water is none of the trades that may go up to 3,000 euros (article 4.2).
MOST_SIMPLIFIED = Decimal(400)
MAX_NUMBER = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: the field, its value, and the rule it breaks."""

    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.value or '(empty)'}: {self.rule}"


class InvoiceError(ValueError):
    """An invoice that may not be issued; ``problems`` holds every fault."""

    def __init__(self, invoice: Invoice, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        name = invoice.full_number or f"of contract {invoice.supply.contract}"
        super().__init__(f"invoice {name}: " + "; ".join(str(problem) for problem in problems))


def ensure(invoice: Invoice) -> Invoice:
    """The invoice itself, or InvoiceError with everything that is wrong with it."""
    problems = check(invoice)
    if problems:
        raise InvoiceError(invoice, problems)
    return invoice


def check(invoice: Invoice) -> tuple[Problem, ...]:
    """Every fault of an invoice about to be issued; empty when it may be."""
    return (
        *_identity(invoice),
        *_parties(invoice),
        *_lines(invoice),
        *_sums(invoice),
        *_rectifies(invoice),
        *_simplified(invoice),
    )


def _identity(invoice: Invoice) -> Iterator[Problem]:
    if not invoice.series or invoice.number is None:
        yield Problem("number", invoice.full_number, f"{ARTICLE_6}.a: number and series")
    elif invoice.number <= 0:
        yield Problem("number", str(invoice.number), "must be positive")
    text = invoice.full_number
    if len(text) > MAX_NUMBER or not all(32 <= ord(char) <= 126 for char in text):
        yield Problem("number", text, "at most 60 printable ASCII characters (AEAT, QR of the invoice)")
    if invoice.issued is None:
        yield Problem("issued", "", f"{ARTICLE_6}.b: date of issue")
    elif invoice.operation_date is not None and invoice.operation_date > invoice.issued:
        yield Problem("operation_date", str(invoice.operation_date), f"must not follow the issue {invoice.issued}")


def _parties(invoice: Invoice) -> Iterator[Problem]:
    for name, party in (("issuer", invoice.issuer), ("recipient", invoice.recipient)):
        if not party.name.strip() and not (party is invoice.recipient and invoice.type.simplified):
            yield Problem(f"{name}.name", party.name, f"{ARTICLE_6}.c: full name of both parties")
        if party.nif and not _is_nif(party.nif):
            yield Problem(f"{name}.nif", party.nif, "is not a valid NIF (check letter)")
        obliged = party is invoice.issuer or party.business
        if obliged and (party.address is None or not party.address.complete):
            yield Problem(f"{name}.address", _written(party), f"{ARTICLE_6}.e: address of both parties")
        if obliged and not party.nif and party.foreign_id is None:
            yield Problem(f"{name}.nif", "", f"{ARTICLE_6}.d: tax number")


def _lines(invoice: Invoice) -> Iterator[Problem]:
    if not invoice.lines:
        yield Problem("lines", "", f"{ARTICLE_6}.f: description of the operations")
    for position, line in enumerate(invoice.lines):
        where = f"lines[{position}]"
        if not line.description.strip():
            yield Problem(f"{where}.description", line.description, f"{ARTICLE_6}.f: description")
        if line.amount != line.amount.quantize(Decimal("0.01")):
            yield Problem(f"{where}.amount", str(line.amount), "whole cents")
        if not _is_rate(line.vat):
            yield Problem(f"{where}.vat", line.vat, f"{ARTICLE_6}.g: a rate in percent, NS or EX")


def _sums(invoice: Invoice) -> Iterator[Problem]:
    sums: dict[str, Decimal] = {}
    count: dict[str, int] = {}
    for line in invoice.lines:
        sums[line.vat] = sums.get(line.vat, Decimal(0)) + line.amount
        count[line.vat] = count.get(line.vat, 0) + 1
    stated = {item.code: item for item in invoice.vat}
    if len(stated) != len(invoice.vat):
        yield Problem("vat", ",".join(item.code for item in invoice.vat), "each rate once")
    for code in sums.keys() | stated.keys():
        item = stated.get(code)
        lines = sums.get(code, Decimal(0))
        if item is None or item.base != lines:
            yield Problem(f"vat[{code}].base", str(item and item.base), f"must equal its lines, {lines}")
        # A tariff may round VAT by line: each line may then move it by a cent.
        elif _is_rate(code) and abs(item.vat - vat_on(item.base, code)) > Decimal("0.01") * count.get(code, 0):
            yield Problem(f"vat[{code}].vat", str(item.vat), f"{ARTICLE_6}.h: {code} of {item.base}")
    if invoice.total != invoice.base + invoice.vat_total:
        yield Problem("total", str(invoice.total), f"must equal {invoice.base} + {invoice.vat_total}")


def _rectifies(invoice: Invoice) -> Iterator[Problem]:
    note = invoice.rectification
    if invoice.type.rectifies is (note is None):
        yield Problem("rectification", invoice.type.value, "R1 to R5 name what they rectify, F1 does not (art. 15)")
    if note is None:
        return
    if not note.originals:
        yield Problem("rectification.originals", "", "RD 1619/2012 art. 15: the invoices rectified")
    if not note.reason.strip():
        yield Problem("rectification.reason", note.reason, "RD 1619/2012 art. 15: the cause")
    if note.method == "S" and (note.base is None or note.vat is None):
        yield Problem("rectification.base", str(note.base), "by substitution the amounts replaced are stated")


def _simplified(invoice: Invoice) -> Iterator[Problem]:
    if invoice.type is not InvoiceType.F2:
        return
    if invoice.total > MOST_SIMPLIFIED:
        yield Problem("total", str(invoice.total), f"RD 1619/2012 art. 4.1.a: simplified only up to {MOST_SIMPLIFIED}")
    if invoice.recipient.business:
        yield Problem("type", "F2", "RD 1619/2012 art. 7.2: who acts as a business is due a whole invoice")


@lru_cache(maxsize=256)
def _is_rate(code: str) -> bool:
    if code in NOT_TAXED:
        return True
    try:
        return Decimal(0) <= Decimal(code) <= Decimal(100)
    except InvalidOperation:
        return False


def _written(party: Party) -> str:
    return "" if party.address is None else ", ".join(party.address.lines)


@lru_cache(maxsize=256)
def _is_nif(text: str) -> bool:
    """Asked of the issuer with every invoice of a run."""
    return bool(nif.is_valid(text))
