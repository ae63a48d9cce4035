"""Bills in columns, as invoices store them: what a partition's drafts are kept as, and what issuing writes.

The block is made once, when a partition is simulated; issuing adds numbers and hashes and hands its columns on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from billing.ledger import account_of, cents_of, vat_account
from billing.volume import Period
from central.invoicing.draft import Draft
from central.invoicing.evidence import Evidence, Source
from central.invoicing.shared import Pool, Shared
from central.invoicing.stored import Content, Face, form_and_content
from central.store.columns import Texts

DOMESTIC = "domestic"
_LEVEL = 1


class Estimated(msgspec.Struct, frozen=True, array_like=True):
    """Readings that nobody took and that are stored when the bill at ``place`` is issued, and what they rest on."""

    place: int
    sources: list[Source]
    basis: str


@dataclass(frozen=True, slots=True, eq=False)
class Bills:
    """Bills by place, in the order of their numbers; money in cents, days as ordinals, 0 for none.

    The credits of the bill at ``i`` are ``credits[bounds[i]:bounds[i + 1]]``, each to ``accounts[booked[…]]``.
    """

    contract: NDArray[np.int64]
    customer: NDArray[np.int64]
    supply_point: NDArray[np.int64]
    period_from: NDArray[np.int64]
    period_to: NDArray[np.int64]
    due: NDArray[np.int64]
    operation: NDArray[np.int64]
    litres: NDArray[np.int64]
    estimated_litres: NDArray[np.int64]
    base: NDArray[np.int64]
    vat: NDArray[np.int64]
    total: NDArray[np.int64]
    leak: NDArray[np.int64]
    home: NDArray[np.int64]
    form: NDArray[np.int64]
    code: Texts
    content: Texts
    evidence: Texts
    bounds: NDArray[np.int64]
    booked: NDArray[np.int64]
    credits: NDArray[np.int64]
    accounts: list[str]
    estimates: list[Estimated] = field(default_factory=list)
    heard: list[tuple[int, int, int]] = field(default_factory=list)  # place, and the key of a telegram
    notes: list[tuple[int, list[str]]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.contract)

    @classmethod
    def of(cls, drafts: Sequence[tuple[int, Draft]], versions: Mapping[str, int], pool: Pool) -> "Bills":
        """From drafts with their contracts; what they share goes to the pool, ``versions`` are tariffs' rows by id."""
        return _Filler(versions, pool).filled(drafts)

    def pack(self) -> bytes:
        """As a draft block keeps them."""
        said: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Texts):
                value = (value.data, np.diff(value.ends).astype("<i4").tobytes())
            elif isinstance(value, np.ndarray):
                value = value.astype("<i8").tobytes()
            said[one.name] = value
        return zstandard.compress(msgspec.msgpack.encode(said), _LEVEL)

    @classmethod
    def unpack(cls, content: bytes) -> "Bills":
        """From a draft block."""
        said: dict[str, Any] = msgspec.msgpack.decode(zstandard.decompress(content))
        said["estimates"] = msgspec.convert(said["estimates"], list[Estimated])
        for name in ("code", "content", "evidence"):
            data, lengths = said[name]
            ends = np.zeros(len(lengths) // 4 + 1, np.int64)
            np.cumsum(np.frombuffer(lengths, "<i4"), out=ends[1:])
            said[name] = Texts(data, ends)
        for name, value in said.items():
            if isinstance(value, bytes):
                said[name] = np.frombuffer(value, "<i8")
        return cls(**said)

    def only(self, places: NDArray[np.intp]) -> "Bills":
        """Those at some places, in their order."""
        if len(places) == len(self):
            return self
        where = {place: at for at, place in enumerate(places.tolist())}
        chosen: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Texts):
                chosen[one.name] = value.only(places)
            elif isinstance(value, np.ndarray) and one.name not in ("bounds", "booked", "credits"):
                chosen[one.name] = value[places]
        counts = np.diff(self.bounds)
        kept = np.repeat(np.isin(np.arange(len(self)), places), counts)
        chosen["bounds"] = np.concatenate(([0], np.cumsum(counts[places])))
        chosen["booked"], chosen["credits"] = self.booked[kept], self.credits[kept]
        return Bills(
            accounts=self.accounts,
            estimates=[
                msgspec.structs.replace(one, place=where[one.place]) for one in self.estimates if one.place in where
            ],
            heard=[(where[place], ms, one) for place, ms, one in self.heard if place in where],
            notes=[(where[place], texts) for place, texts in self.notes if place in where],
            **chosen,
        )

    def sums(self) -> dict[str, int]:
        """Cents of each account that the bills credit."""
        cents = np.zeros(len(self.accounts), np.int64)
        np.add.at(cents, self.booked, self.credits)
        return {account: int(value) for account, value in zip(self.accounts, cents, strict=True) if value}

    def credits_of(self, place: int) -> dict[str, int]:
        """Cents of each account that one bill credits."""
        found: dict[str, int] = {}
        mine = slice(int(self.bounds[place]), int(self.bounds[place + 1]))
        for account, cents in zip(self.booked[mine].tolist(), self.credits[mine].tolist(), strict=True):
            found[self.accounts[account]] = found.get(self.accounts[account], 0) + cents
        return {account: cents for account, cents in found.items() if cents}

    def draft(self, place: int, series: str, shared: Shared) -> Draft:
        """The draft at a place, as it was."""
        said = Content(int(self.form[place]), self.content[place], shared)
        evidence = Evidence.of(self.evidence[place])
        operation = int(self.operation[place])
        face = Face(
            series,
            None,
            None,
            "F1",
            Period(*(date.fromordinal(int(days[place])) for days in (self.period_from, self.period_to))),
            int(self.litres[place]),
            int(self.total[place]),
            date.fromordinal(operation) if operation else None,
        )
        return Draft(
            invoice=said.invoice(face, evidence.pieces),
            customer_id=int(self.customer[place]),
            supply_point_id=int(self.supply_point[place]),
            basis=said.basis(face.litres),
            closing=evidence.closing,
            ends=evidence.ends,
            estimates=[source for one in self.estimates if one.place == place for source in one.sources],
            notes=[text for at, texts in self.notes if at == place for text in texts],
        )


class _Filler:
    """Collects bills row by row and turns them into columns."""

    def __init__(self, versions: Mapping[str, int], pool: Pool) -> None:
        self._versions, self._pool = versions, pool
        self._accounts: dict[str, int] = {}
        self._numbers: list[tuple[int, ...]] = []
        self._texts: list[tuple[bytes, bytes, bytes]] = []
        self._credits: list[list[tuple[int, int]]] = []
        self._estimates: list[Estimated] = []
        self._heard: list[tuple[int, int, int]] = []
        self._notes: list[tuple[int, list[str]]] = []

    def filled(self, drafts: Sequence[tuple[int, Draft]]) -> Bills:
        for place, (contract_id, draft) in enumerate(drafts):
            self._add(place, contract_id, draft)
        numbers = np.array(self._numbers, np.int64).reshape(len(drafts), len(_NUMBERS))
        credits = np.array([one for bill in self._credits for one in bill], np.int64).reshape(-1, 2)
        code, content, evidence = (Texts.of([texts[at] for texts in self._texts]) for at in range(3))
        bounds = np.zeros(len(drafts) + 1, np.int64)
        np.cumsum([len(bill) for bill in self._credits], out=bounds[1:])
        return Bills(
            **{name: np.ascontiguousarray(numbers[:, at]) for at, name in enumerate(_NUMBERS)},
            code=code,
            content=content,
            evidence=evidence,
            bounds=bounds,
            booked=np.ascontiguousarray(credits[:, 0]),
            credits=np.ascontiguousarray(credits[:, 1]),
            accounts=list(self._accounts),
            estimates=self._estimates,
            heard=self._heard,
            notes=self._notes,
        )

    def _add(self, place: int, contract_id: int, draft: Draft) -> None:
        invoice, form_content = draft.invoice, form_and_content(draft, self._versions, self._pool)
        operation = invoice.operation_date
        self._numbers.append(
            (
                contract_id,
                draft.customer_id,
                draft.supply_point_id,
                invoice.period.start.toordinal(),
                invoice.period.end.toordinal(),
                invoice.terms.due.toordinal(),
                operation.toordinal() if operation else 0,
                invoice.litres,
                draft.estimated_litres,
                cents_of(invoice.base),
                cents_of(invoice.vat_total),
                cents_of(invoice.total),
                int(bool(draft.basis.case.get("leak"))),
                int(invoice.supply.use == DOMESTIC),
                form_content[0],
            )
        )
        self._texts.append((invoice.supply.contract.encode(), form_content[1], draft.evidence.to_json().encode()))
        credited = [(str(account_of(line)), -cents_of(line.amount)) for line in invoice.lines]
        credited += [(str(vat_account(item.code)), -cents_of(item.vat)) for item in invoice.vat]
        self._credits.append([(self._accounts.setdefault(one, len(self._accounts)), cents) for one, cents in credited])
        self._note(place, draft)

    def _note(self, place: int, draft: Draft) -> None:
        """What few bills have: estimates to be stored, telegrams to be explained, notes for the review."""
        if draft.estimates:
            guessed = {piece.basis for piece in draft.invoice.pieces if piece.estimated and piece.basis}
            self._estimates.append(Estimated(place, draft.estimates, ", ".join(sorted(guessed))))
        if draft.notes:
            self._notes.append((place, draft.notes))
        for end in draft.ends:
            if end.source.telegram_ms is not None and end.source.telegram_id is not None:
                self._heard.append((place, end.source.telegram_ms, end.source.telegram_id))


_NUMBERS = tuple(one.name for one in fields(Bills))[:15]
