"""One meter's part of a period: which readings bound it, and what lies between them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from billing.volume.consumption import LAST_OF_METER, Step, between
from billing.volume.estimate import estimate, from_history
from billing.volume.period import Period, local_date
from billing.volume.pieces import Method, Note, Piece
from billing.volume.policy import Policy
from billing.volume.readings import BROKEN, STOPPED, Installation, Kind, Past, Reading
from billing.volume.selection import SAME_JOB, by_preference, of_job
from billing.volume.share import share_by_days

GUESSED = (Method.ESTIMATED, Method.STOPPED)


def in_units(reading: Reading, policy: Policy) -> Reading:
    """The index in whole billing units; cutting both ends keeps consecutive bills adding up."""
    rest = reading.litres % policy.unit_litres
    return replace(reading, litres=reading.litres - rest) if rest else reading


@dataclass(slots=True)
class MeterPart:
    """One meter within one period while it is being settled; ``settle`` fills the last three fields."""

    installation: Installation
    readings: list[Reading]
    period: Period
    policy: Policy
    past: Past
    handover: datetime | None = None
    pieces: list[Piece] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    closing: Reading | None = None

    def settle(self) -> None:
        """Determine the meter's litres: between two readings, or by estimate where one is missing."""
        self.set_aside_impossible()
        opening = self.opening()
        if opening is None:
            self.without_index()
            return
        self.closing = opening
        if self.handover is not None and opening.at < self.until and self.hand_over(opening, self.handover):
            return
        if self.advance(opening, self.closing_candidates(opening)):
            return
        if opening.at < self.until:
            self.bridge(opening)

    @property
    def until(self) -> datetime:
        """The instant up to which this meter counts in the period."""
        end = self.installation.end
        return end if end is not None and end <= self.period.closes else self.period.closes

    @property
    def taken_down(self) -> bool:
        """Whether the meter left the point before the period closes."""
        return self.until == self.installation.end

    def set_aside_impossible(self) -> None:
        """An index that the register cannot show is noted and left out."""
        modulus = self.installation.modulus_litres
        for reading in self.readings:
            if reading.litres >= modulus:
                self.note("index_out_of_range", f"Lectura {reading.origin}: {reading.litres} l ≥ {modulus} l")
        self.readings = [reading for reading in self.readings if reading.litres < modulus]

    # ---- opening -----------------------------------------------------------------------------

    def opening(self) -> Reading | None:
        """The reading from which this meter's litres are counted."""
        billed = self.past.closing.get(self.installation.meter)
        if billed is not None:
            return in_units(billed, self.policy)
        if self.never_billed:
            hung = of_job(self.readings, (Kind.INSTALLATION,), self.installation.start)
            if hung:
                return hung[0]
            return self.first_known(self.installation.start)
        before_end = [reading for reading in self.hanging() if reading.at < self.until]
        near = by_preference(before_end, self.period.opens, self.policy)
        return near[0] if near else self.first_known(self.period.opens)

    @property
    def never_billed(self) -> bool:
        """Whether all the meter ever counted here is still to be billed."""
        return bool(self.past.closing) or self.installation.start >= self.period.opens

    def hanging(self) -> list[Reading]:
        """Readings taken while the meter hung on this point."""
        start, end = self.installation.start, self.installation.end
        return [item for item in self.readings if start <= item.at and (end is None or item.at <= end)]

    def first_known(self, since: datetime) -> Reading | None:
        """Without an opening reading, the first one since then; a note says so."""
        inside = [item for item in self.hanging() if since <= item.at < self.until]
        first = min(inside, key=lambda item: (item.at, item.origin), default=None)
        if first is not None:
            text = f"Sin lectura de apertura; se cuenta desde la primera conocida ({first.origin})"
            self.note("opening_missing", text)
        return first

    # ---- closing -----------------------------------------------------------------------------

    def closing_candidates(self, opening: Reading) -> list[Reading]:
        """Readings that may close, the best first."""
        after = [item for item in self.hanging() if item.at > opening.at]
        near = by_preference(after, self.until, self.policy)
        if not self.taken_down or not (opening.at < self.until or opening.estimated):
            return near
        jobs = of_job(self.readings, LAST_OF_METER, self.until)
        return jobs + [item for item in near if item not in jobs]

    def hand_over(self, opening: Reading, latest: datetime) -> bool:
        """Close for one who leaves and another who comes: with the reading of that day, else by days between two."""
        if self.taken_down:
            return False
        after = [item for item in self.hanging() if item.at > opening.at and not item.estimated]
        agreed = of_job(after, (Kind.FINAL, Kind.AGREED), self.until)
        near = [item for item in after if abs(item.at - self.until) < SAME_JOB]
        same_day = by_preference(near, self.until, self.policy)
        if self.advance(opening, [*agreed, *(item for item in same_day if item not in agreed)]):
            return True
        later = [item for item in after if self.until < item.at <= latest]
        before = [item for item in after if item.at < self.until]
        for closing in sorted(later, key=lambda item: (item.at, item.origin)):
            if self.close_between(opening, before, closing):
                return True
        return False

    def close_between(self, opening: Reading, before: list[Reading], closing: Reading) -> bool:
        """Close on the day between two readings with its share of what lies between them; False where nothing can."""
        last = max(before, key=lambda item: (item.at, item.origin), default=opening)
        step = between(last, closing, self.installation, self.policy, self.ceiling)
        days = [
            (local_date(self.until) - local_date(last.at)).days,
            (local_date(closing.at) - local_date(self.until)).days,
        ]
        if step is None or step.litres < 0:
            return False
        if last is not opening and not self.advance(opening, [last]):
            return False
        litres = share_by_days(step.litres, days)[0]
        index = (last.litres + litres) % self.installation.modulus_litres
        rest = index % self.policy.unit_litres
        self.add_estimate(last, litres - rest, index - rest, "share_by_days")
        text = f"Sin lectura del día: {litres - rest} l de {step.litres} l, {days[0]} de {sum(days)} días"
        self.note("shared_by_days", text)
        return True

    def add_estimate(self, last: Reading, litres: int, index: int, basis: str) -> None:
        """Close at the end with an index that nobody read."""
        origin = f"estimate:{self.installation.meter}:{local_date(self.until).isoformat()}"
        closing = Reading(self.installation.meter, self.until, index, Kind.ESTIMATED, origin)
        self.add(last, closing, Step(litres, Method.ESTIMATED, basis))

    def advance(self, opening: Reading, candidates: Iterable[Reading]) -> bool:
        """Close with the first acceptable candidate; False when there is none."""
        for closing in candidates:
            step = between(opening, closing, self.installation, self.policy, self.ceiling)
            if step is not None:
                self.add(opening, closing, step)
                return True
            text = f"Lectura {closing.origin} ({closing.litres} l) inferior a la anterior ({opening.litres} l)"
            self.note("reading_below_previous", text)
        return False

    def add(self, opening: Reading, closing: Reading, step: Step) -> None:
        """Record what lies between two readings."""
        if step.method is Method.CARRIED:
            ahead = opening.litres - closing.litres
            closing = replace(closing, litres=opening.litres, kind=Kind.ESTIMATED)
            self.note("estimate_carried", f"Estimado {ahead} l por encima de la lectura: quedan a cuenta")
        self.pieces.append(self.piece(opening, closing, step))
        self.closing = closing
        if closing.incidence in (STOPPED, BROKEN):
            self.add_stopped(opening, closing, step.litres)

    def add_stopped(self, opening: Reading, closing: Reading, counted: int) -> None:
        """What a stopped register did not count, estimated over the whole span."""
        expected, basis = self.expected(opening.at, closing.at)
        if expected > counted:
            step = Step(expected - counted, Method.STOPPED, basis)
            self.pieces.append(self.piece(opening, closing, step, on_index=False))
        self.note("meter_stopped", f"Contador parado (incidencia {closing.incidence}): consumo estimado")

    # ---- estimates ---------------------------------------------------------------------------

    def bridge(self, opening: Reading) -> None:
        """No closing reading: count up to the last one known, estimate the rest."""
        known = [item for item in self.hanging() if opening.at < item.at < self.until and not item.estimated]
        last = opening
        if self.advance(opening, sorted(known, key=lambda item: item.at, reverse=True)):
            last = self.closing or opening
        litres, basis = self.expected(last.at, self.until)
        self.add_estimate(last, litres, (last.litres + litres) % self.installation.modulus_litres, basis)
        self.note("estimated", f"Sin lectura de cierre: {litres} l estimados ({basis})")

    def without_index(self) -> None:
        """Not one reading: the whole span is estimated and no index is left behind."""
        litres, basis = self.expected(max(self.period.opens, self.installation.start), self.until)
        step = Step(litres, Method.ESTIMATED, basis)
        self.pieces.append(self.piece(None, None, step, on_index=False))
        self.note("no_readings", f"Sin ninguna lectura: {litres} l estimados ({basis})")

    def expected(self, since: datetime, until: datetime) -> tuple[int, str]:
        """Estimated litres between two instants in whole billing units, and the cascade's step."""
        start, end = local_date(since), local_date(until)
        if end <= start:
            return 0, "same_day"
        guess = estimate(Period(start, end), self.past.periods, self.installation, self.policy)
        return guess.litres - guess.litres % self.policy.unit_litres, guess.basis

    def ceiling(self, opening: Reading, closing: Reading) -> int:
        """The most litres a rollover may yield: the high check, and what the meter can pass at all."""
        start, end = local_date(opening.at), local_date(closing.at)
        q3 = self.installation.q3_lph or self.policy.q3_lph(self.installation.calibre_mm)
        overload = q3 * 5 // 4  # Q4 = 1.25 Q3 (ISO 4064-1)
        physical = overload * 24 * max(1, (end - start).days)
        known = from_history(Period(start, end), self.past.periods, self.policy) if end > start else None
        if known is None:
            return physical
        by_factor = known.litres * self.policy.high_factor_percent // 100
        return min(physical, max(by_factor, known.litres + self.policy.high_margin_litres))

    # ---- values ------------------------------------------------------------------------------

    def piece(self, opening: Reading | None, closing: Reading | None, step: Step, on_index: bool = True) -> Piece:
        """A piece of this meter; an estimated closing marks it estimated."""
        return Piece(
            meter=self.installation.meter,
            calibre_mm=self.installation.calibre_mm,
            opening=opening,
            closing=closing,
            litres=step.litres,
            index_litres=step.litres if on_index else 0,
            method=step.method,
            estimated=step.method in GUESSED or (closing is not None and closing.estimated),
            basis=step.basis,
        )

    def note(self, code: str, text: str) -> None:
        """Add a note on this meter."""
        self.notes.append(Note(code, self.installation.meter, text))
