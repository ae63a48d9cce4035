"""A billed period measured and rated again, from what opened it and from the register as it is now."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, UnaryExpression, select
from sqlalchemy.orm import Session

from billing.invoice import InvoiceLine, VatSum, lines_of
from billing.rating import Case, rate
from billing.tariff import RatingError, TariffError
from billing.volume import Method, Period, Piece
from central.invoicing.archive import Archived
from central.invoicing.case import case_of
from central.invoicing.draft import Basis
from central.invoicing.evidence import Closing, Evidence, PieceEnd, Source
from central.invoicing.program import VERSION
from central.invoicing.readings import Rules
from central.invoicing.settings import RunSettings, settings_of
from central.invoicing.sharing import settle
from central.invoicing.states import RunError
from central.invoicing.subjects import Scope, Subject, subjects
from central.invoicing.tariffs import Assignments, book_at
from central.invoicing.volume import Measured, Stretch, Wanted, measure
from central.store.models import BillingRun, Consumption, Reading, ReadingKind
from central.times import millis

Closings = dict[str, Closing]
NO_LEAK: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Remade:
    """What a bill should have been: its lines and VAT, what they rest on, and what it leaves to the next bill."""

    lines: tuple[InvoiceLine, ...]
    vat: tuple[VatSum, ...]
    litres: int
    pieces: tuple[Piece, ...]
    basis: Basis
    closing: Closings
    ends: list[PieceEnd]
    estimates: list[Source]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Remaker:
    """Makes bills of one utility again, as the register was known at ``at``."""

    session: Session
    utility_id: int
    at: datetime

    def remade(self, bill: Archived, opening: Closings, granted: Mapping[str, Any] = NO_LEAK) -> Remade:
        """A bill made again, with a leak where one is ``granted``; RunError names what forbids it."""
        settings, period = self._settings(bill), bill.invoice.period
        subject = self._subject(bill, period, settings)
        measured = self.measured(bill, period, opening, settings)
        ends = [
            PieceEnd(number, role, source)
            for number, piece in enumerate(measured.volume.pieces)
            for role, source in zip(("opening", "closing"), measured.ends(piece), strict=True)
            if source is not None
        ]
        return self.rated(bill, subject, measured, ends, measured.closings(), settings, granted)

    def spread(self, bill: Archived, measured: Measured, litres: int, start: Closing) -> Remade:
        """An estimated bill of one meter with another number of litres: its closing becomes a better estimate."""
        settings, period = self._settings(bill), bill.invoice.period
        subject = self._subject(bill, period, settings)
        meter = start.meter
        modulus = measured.installation(meter).modulus_litres
        end = self.estimated(start.source.meter_id, millis(period.closes), (start.source.litres + litres) % modulus)
        closing = Closing(meter, end)
        piece = replace(
            bill.invoice.pieces[0],
            opening=start.reading(),
            closing=closing.reading(),
            litres=litres,
            index_litres=litres,
            method=Method.ESTIMATED,
            estimated=True,
            basis="redistribution",
        )
        volume = replace(measured.volume, litres=litres, pieces=(piece,), estimated=True, notes=())
        ends = [PieceEnd(0, "opening", start.source), PieceEnd(0, "closing", end)]
        shared = replace(measured, volume=volume)
        return self.rated(bill, subject, shared, ends, {meter: closing}, settings)

    def measured(self, bill: Archived, period: Period, opening: Closings, settings: RunSettings) -> Measured:
        """The volume of a period of the bill's contract that follows an opening."""
        contract = bill.row.contract_id
        rules = Rules(self.utility_id, millis(self.at), settings.accept_suspect)
        openings = {bill.row.supply_point_id: opening}
        stretch = Stretch(period, (contract, contract), settings.volume, rules, self.at, openings)
        within, leaves = self._billed_with(bill, period), bool(settings.closing)
        wanted = Wanted(contract, bill.row.supply_point_id, period, within, leaves)
        return settle(self.session, stretch, measure(self.session, stretch, [wanted]))[wanted]

    def _billed_with(self, bill: Archived, period: Period) -> Period | None:
        """The period of the bill's run where somebody else had the place on some of its days."""
        consumption = self.session.get_one(Consumption, (self.utility_id, bill.row.consumption_id))
        run = self.session.get_one(BillingRun, (self.utility_id, consumption.run_id))
        whole = Period(run.period_from, run.period_to)
        return whole if whole.start <= period.start and period.end <= whole.end and whole != period else None

    def rated(
        self,
        bill: Archived,
        subject: Subject,
        measured: Measured,
        ends: list[PieceEnd],
        closing: Closings,
        settings: RunSettings,
        granted: Mapping[str, Any] = NO_LEAK,
    ) -> Remade:
        """The lines of a volume; an estimated index that is stored with other litres gets a row of its own."""
        number, volume = bill.row.number_text, measured.volume
        if subject.terms is None:
            raise RunError(f"invoice {number}: the contract has no terms on {bill.invoice.period.last_day}")
        if volume.litres < 0:
            raise RunError(f"invoice {number}: litres {volume.litres}: spread the readings over the estimated bills")
        tariffs = Assignments(self.session, self.utility_id, self.at).of(subject.supply.zone, bill.invoice.period)
        book = book_at(self.session, self.utility_id, self.at)
        case = case_of(subject, subject.terms, measured, tariffs, settings) | dict(granted)
        try:
            result = rate(Case.parse(case), book.book)
        except (RatingError, TariffError) as error:
            raise RunError(f"invoice {number}: cannot be rated again: {error}") from None
        known = {end.source: self._settled(end.source) for end in ends} | {
            one.source: self._settled(one.source) for one in closing.values()
        }
        ends = [PieceEnd(end.piece, end.role, known[end.source]) for end in ends]
        rows = book.rows_of(tariffs)
        digest = hashlib.sha256(msgspec.json.encode([case, rows, ends])).hexdigest()
        return Remade(
            lines=lines_of(result.lines),
            vat=tuple(VatSum(code, item.base, item.vat) for code, item in result.by_rate.items()),
            litres=volume.litres,
            pieces=volume.pieces,
            basis=Basis(case, rows, VERSION, digest),
            closing={meter: msgspec.structs.replace(one, source=known[one.source]) for meter, one in closing.items()},
            ends=ends,
            estimates=[source for source in dict.fromkeys(known.values()) if not self._is_stored(source)],
            notes=[note.text for note in volume.notes],
        )

    def estimated(self, meter_id: int, at_ms: int, litres: int) -> Source:
        """The row of an estimated index, a new revision where another one is stored."""
        return self._settled(Source(meter_id, at_ms, ReadingKind.ESTIMATED, 0, litres))

    def _settled(self, source: Source) -> Source:
        if source.kind != ReadingKind.ESTIMATED:
            return source
        rows = self.session.execute(
            select(Reading.revision, Reading.litres)
            .where(
                Reading.utility_id == self.utility_id,
                Reading.meter_id == source.meter_id,
                Reading.at_ms == source.at_ms,
                Reading.kind == source.kind,
            )
            .order_by(Reading.revision)
        ).all()
        same = [row.revision for row in rows if row.litres == source.litres]
        revision = same[-1] if same else (rows[-1].revision + 1 if rows else 0)
        return msgspec.structs.replace(source, revision=revision)

    def _is_stored(self, source: Source) -> bool:
        key = (self.utility_id, source.at_ms, source.meter_id, source.kind, source.revision)
        return source.kind != ReadingKind.ESTIMATED or self.session.get(Reading, key) is not None

    def _settings(self, bill: Archived) -> RunSettings:
        return settings_of_bill(self.session, bill)

    def _subject(self, bill: Archived, period: Period, settings: RunSettings) -> Subject:
        everywhere = msgspec.structs.replace(settings, zones=None)
        contract = bill.row.contract_id
        scope = Scope(self.utility_id, (contract, contract), period, self.at, everywhere, rebilling=True)
        found = [one for one in subjects(self.session, scope) if one.period == period]
        number = bill.row.number_text
        if not found:
            raise RunError(f"invoice {number}: the contract is not in force in all of its period; cancel it instead")
        holder = found[0].customer
        if holder is None or holder.id != bill.row.customer_id:
            raise RunError(f"invoice {number}: was made out to another holder; cancel it and bill the right one")
        return found[0]


def settings_of_bill(session: Session, bill: Archived) -> RunSettings:
    """The settings of the run that a bill came of, by its consumption."""
    consumption = session.get_one(Consumption, (bill.row.utility_id, bill.row.consumption_id))
    return settings_of(session.get_one(BillingRun, (bill.row.utility_id, consumption.run_id)))


def closing_before(session: Session, bill: Archived) -> Closings:
    """What closed the supply point's bill before this one, in its newest generation."""
    return _closing(
        session,
        bill,
        Consumption.period_to <= bill.row.period_from,
        (Consumption.period_to.desc(), Consumption.generation.desc()),
    )


def closing_of(session: Session, bill: Archived) -> Closings:
    """What a bill leaves to the next one, as it stands."""
    mine = (Consumption.contract_id == bill.row.contract_id) & (Consumption.period_from == bill.row.period_from)
    return _closing(session, bill, mine, (Consumption.generation.desc(),))


def same_indexes(one: Mapping[str, Closing], other: Mapping[str, Closing]) -> bool:
    """Whether the next bill opens at the same instants and litres."""
    return _indexes(one) == _indexes(other)


def _indexes(closings: Mapping[str, Closing]) -> dict[str, tuple[int, int]]:
    return {meter: (one.source.at_ms, one.source.litres) for meter, one in closings.items()}


def _closing(
    session: Session, bill: Archived, which: ColumnElement[bool], order: tuple[UnaryExpression[Any], ...]
) -> Closings:
    row = session.scalars(
        select(Consumption.evidence)
        .where(
            Consumption.utility_id == bill.row.utility_id,
            Consumption.supply_point_id == bill.row.supply_point_id,
            which,
        )
        .order_by(*order)
        .limit(1)
    ).first()
    return Evidence.of(row).closing if row else {}
