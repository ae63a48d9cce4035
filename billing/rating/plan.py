"""From tariffs, a supply and a period to the ordered steps of its bill; the litres come later.

Each component's time is cut where its price changes (dates, seasons) or where what it asks of the supply does (terms of
the contract; the meter's calibre); neighbouring parts with the same price are one step.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import reduce
from itertools import groupby, pairwise
from typing import Final

from billing.rating.case import Bonus, Case, CaseError, MeterRun, Stage
from billing.tariff.errors import RatingError
from billing.tariff.facts import Facts, FactValue, plain
from billing.tariff.model import Ask, Component, Parameter, Rate, RoundingPolicy, TariffVersion
from billing.tariff.span import Span, SpanError, cuts
from billing.tariff.steps import Action, Exempt, Percent, Water

CALIBRE: Final = "calibre_mm"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a bill: what it does, for which stretch of time, and everything its lines must explain."""

    code: str
    name: str
    vat: str
    action: Action
    span: Span
    rounding: RoundingPolicy
    tariff: TariffVersion | None
    component: Component | None
    rate: Rate | None
    facts: Mapping[str, FactValue]
    assumed: Mapping[str, FactValue]
    changed: tuple[str, ...] = ()
    """The facts that change within the period and decide this step."""

    @property
    def where(self) -> str:
        """How errors name the step."""
        return f"{self.code} of {self.tariff.id}" if self.tariff else self.code


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a bill, and whether VAT is rounded per line or per rate."""

    steps: tuple[Step, ...]
    vat_per_line: bool
    needs_reference: bool


def plan(case: Case, get: Callable[[str], TariffVersion]) -> Plan:
    """The steps that rate ``case``; RatingError names the fact, parameter, price or date that is missing."""
    tariffs = [get(name) for name in case.tariffs]
    _check_clashes(tariffs)
    _check_parameters(case, tariffs)
    _check_once(case, tariffs)
    steps = [step for tariff in tariffs for step in _tariff_steps(case, tariff)]
    for bonus, span in _bonus_spans(case):
        steps.extend(_bonus_steps(bonus, span, steps, tariffs))
    return Plan(tuple(steps), _vat_per_line(tariffs), any(_asks_reference(step) for step in steps))


def _asks_reference(step: Step) -> bool:
    return isinstance(step.action, Water) and step.action.volume == "leak_excess"


def _check_clashes(tariffs: Sequence[TariffVersion]) -> None:
    """Two tariffs that both bill the same concept would bill it twice."""
    owner: dict[str, str] = {}
    for tariff in tariffs:
        for component in tariff.components:
            other = owner.setdefault(component.code, tariff.id)
            if other != tariff.id and not component.once:
                raise CaseError("tariffs", f"{other} and {tariff.id} both bill {component.code}")


def _check_parameters(case: Case, tariffs: Sequence[TariffVersion]) -> None:
    known = {name: parameter for tariff in tariffs for name, parameter in tariff.parameters.items()}
    for name, value in (item for stage in case.stages for item in stage.parameters.items()):
        if name not in known:
            raise CaseError(f"parameters.{name}", f"not known; known: {', '.join(known) or 'none'}")
        _check_parameter(known[name], value)


def _check_parameter(parameter: Parameter, value: str) -> None:
    where = f"parameters.{parameter.name}"
    if parameter.values:
        if value not in parameter.values:
            raise CaseError(where, f"{value} must be one of {', '.join(parameter.values)}")
        return
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise CaseError(where, f"{value!r} must be a number") from None
    low, high = parameter.low, parameter.high
    if not number.is_finite() or (low is not None and number < low) or (high is not None and number > high):
        raise CaseError(where, f"{value} must be from {low} to {high}")


def _check_once(case: Case, tariffs: Sequence[TariffVersion]) -> None:
    known = {component.code for tariff in tariffs for component in tariff.components if component.once}
    for code in case.once:
        if code not in known:
            raise CaseError(
                "once", f"{code} is not a one-off charge of these tariffs; known: {', '.join(sorted(known)) or 'none'}"
            )


def _vat_per_line(tariffs: Sequence[TariffVersion]) -> bool:
    policies = {tariff.rounding.vat for tariff in tariffs}
    if len(policies) > 1:
        raise CaseError("tariffs", "round VAT in different ways (per rate, per line) and cannot share a bill")
    return policies == {"line"}


def _tariff_steps(case: Case, tariff: TariffVersion) -> Iterator[Step]:
    period = case.period
    if period.start and period.end and not tariff.covers(period.start, period.end):
        since, until = tariff.start or "ever", tariff.end or "further notice"
        rule = f"{period.start} to {period.end} is not covered: {tariff.id} is in force from {since} until {until}"
        raise CaseError("period", rule)
    for component in tariff.components:
        if component.once == (component.code in case.once):
            yield from _component_steps(case, tariff, component)


def _component_steps(case: Case, tariff: TariffVersion, component: Component) -> Iterator[Step]:
    where = f"{component.code} of {tariff.id}"
    changing = _Changing.of(case, tariff, component)
    pieces = [_piece(case, tariff, component, span, changing) for span in _spans(case, component, changing)]
    for piece in _joined([piece for piece in pieces if piece]):
        yield _step(tariff, component, piece, changing, where)


@dataclass(frozen=True, slots=True)
class _Changing:
    """What a component asks of the supply that changes within the period, and on which days."""

    stages: tuple[Stage, ...]
    facts: tuple[str, ...]
    parameters: tuple[str, ...]

    @classmethod
    def of(cls, case: Case, tariff: TariffVersion, component: Component) -> "_Changing":
        stages = case.stages
        if len(stages) == 1:
            return cls(stages, (), ())
        asked = component.when.facts.union(*(rate.facts for rate in component.rates))
        facts = sorted(name for name in asked if len({stage.supply.get(name) for stage in stages}) > 1)
        used = _parameters_of(tariff, component)
        parameters = sorted(name for name in used if len({stage.parameters.get(name) for stage in stages}) > 1)
        return cls(stages, tuple(facts), tuple(parameters))

    def days(self) -> Iterator[date]:
        """The days on which something that counts changes."""
        for before, after in pairwise(self.stages):
            if after.start is not None and self.key(before) != self.key(after):
                yield after.start

    def on(self, day: date | None) -> Stage:
        """What holds on a day."""
        return next(s for s in reversed(self.stages) if s.start is None or (day is not None and s.start <= day))

    def key(self, stage: Stage) -> tuple[object, ...]:
        """What of a stage decides the component."""
        facts = (stage.supply.get(name) for name in self.facts)
        return (*facts, *(stage.parameters.get(name) for name in self.parameters))


def _parameters_of(tariff: TariffVersion, component: Component) -> set[str]:
    """The parameters that a component's prices or VAT use."""
    codes = (component.vat, *(rate.vat for rate in component.rates))
    used = {vat for vat in codes if vat is not None and vat in tariff.parameters}
    return used.union(*(rate.charge.parameters for rate in component.rates if rate.charge))


def _spans(case: Case, component: Component, changing: _Changing) -> list[Span]:
    """The stretches of the period within which nothing about the component changes."""
    period = case.period
    if period.start is None or period.end is None:
        return [period]
    if component.once:
        return [period]
    edges = [*component.edges(period.start, period.end), *changing.days()]
    if _depends_on_calibre(component):
        edges += [run.start for run in case.readings if run.start]
    return cuts(period, edges)


def _depends_on_calibre(component: Component) -> bool:
    return CALIBRE in component.when.facts or any(CALIBRE in rate.facts for rate in component.rates)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One stretch of time with the rate and the facts that hold in it."""

    span: Span
    rate: Rate
    facts: Facts
    stage: Stage
    key: tuple[object, ...]


def _piece(case: Case, tariff: TariffVersion, component: Component, span: Span, changing: _Changing) -> _Piece | None:
    where = f"{component.code} of {tariff.id}"
    stage = changing.on(span.start)
    known = {**stage.supply, "leak": case.leak}
    if not component.when.holds(Facts(known, tariff.assume), where):
        return None
    day = span.start or _undated_day(tariff, component)
    if (component.start and day < component.start) or (component.end and day >= component.end):
        return None
    facts = Facts(known, tariff.assume)
    calibre = _calibre(case, span) if _depends_on_calibre(component) else None
    if calibre is not None:
        facts = facts.with_fact(CALIBRE, calibre)
    rate = _choose(component, facts, day, span, where)
    return _Piece(span, rate, facts, stage, (component.rates.index(rate), calibre, changing.key(stage)))


def _undated_day(tariff: TariffVersion, component: Component) -> date:
    """An undated period takes the last published prices."""
    if any(rate.season for rate in component.rates):
        raise CaseError("period.from", f"missing; {component.code} of {tariff.id} has seasonal prices")
    return tariff.last_day()


def _calibre(case: Case, span: Span) -> Fraction | None:
    """The calibre of the meter that hung there in the stretch, where the readings tell it."""
    calibres = {run.calibre_mm for run in case.readings if run.calibre_mm is not None}
    if len(calibres) <= 1:
        return next(iter(calibres), None)
    for run in case.readings:
        if _hung(run, span):
            return run.calibre_mm
    raise CaseError("readings[].from", "missing; meters of different calibre need the dates each one hung there")


def _hung(run: MeterRun, span: Span) -> bool:
    if span.start is None or (run.start is None and run.end is None):
        return False
    return (run.start is None or run.start <= span.start) and (run.end is None or span.start < run.end)


def _choose(component: Component, facts: Facts, day: date, span: Span, where: str) -> Rate:
    """The first rate in force whose condition holds."""
    possible = [rate for rate in component.rates if rate.when.holds(facts, where)]
    for rate in possible:
        if rate.covers(day):
            return rate
    if possible:
        raise RatingError(f"period.from: {where} has no price in force on {span.start or 'an undated period'}")
    asked = sorted(set().union(*(rate.when.facts for rate in component.rates)) & set(facts.used))
    stated = ", ".join(f"{name} {plain(facts.used[name])}" for name in asked)
    known = "; ".join(dict.fromkeys(rate.when.text for rate in component.rates))
    raise RatingError(f"supply.{asked[0] if asked else 'use'}: {where} has no price for {stated}; it has {known}")


def _joined(pieces: Sequence[_Piece]) -> Iterator[_Piece]:
    """Neighbouring stretches with the same rate and facts as one."""
    pending: _Piece | None = None
    for piece in pieces:
        if pending and pending.key == piece.key and pending.span.last == piece.span.first:
            pending = replace(pending, span=_both(pending.span, piece.span))
            continue
        if pending:
            yield pending
        pending = piece
    if pending:
        yield pending


def _both(left: Span, right: Span) -> Span:
    days = None if left.days is None or right.days is None else left.days + right.days
    return Span(left.start, right.end, left.months + right.months, days, left.first, right.last, left.whole)


def _step(tariff: TariffVersion, component: Component, piece: _Piece, changing: _Changing, where: str) -> Step:
    rate, facts = piece.rate, piece.facts
    parameters = _ParameterValues(piece.stage.parameters, tariff, where)
    try:
        action = rate.charge.action(Ask(facts, piece.span, parameters, where)) if rate.charge else Exempt(rate.exempt)
    except SpanError as error:
        name, _, rule = str(error).partition(": ")
        raise CaseError(name, f"{rule} ({where})") from error
    vat = rate.vat or component.vat
    vat = parameters[vat] if vat in tariff.parameters else vat
    return Step(
        component.code,
        component.name,
        vat,
        action,
        piece.span,
        tariff.rounding,
        tariff,
        component,
        rate,
        dict(facts.used),
        dict(facts.assumed),
        changing.facts,
    )


class _ParameterValues(dict[str, str]):
    """The case's parameters over the tariff's defaults; one that is missing is an error that names it."""

    def __init__(self, given: Mapping[str, str], tariff: TariffVersion, where: str) -> None:
        defaults = {name: known.default for name, known in tariff.parameters.items() if known.default is not None}
        super().__init__({**defaults, **given})
        self._tariff = tariff
        self._where = where

    def __missing__(self, name: str) -> str:
        raise CaseError(f"parameters.{name}", f"missing; {self._where} needs it ({self._tariff.parameters[name].text})")


def _bonus_spans(case: Case) -> Iterator[tuple[Bonus, Span]]:
    """Each bonus with the stretches of the period it is granted in, in the order in which they are first granted."""
    if not case.changes or case.period.start is None:
        yield from ((bonus, case.period) for bonus in case.bonuses)
        return
    spans = cuts(case.period, [stage.start for stage in case.changes if stage.start])
    for bonus in dict.fromkeys(bonus for stage in case.stages for bonus in stage.bonuses):
        granted = [bonus in stage.bonuses for stage in case.stages]
        for has, several in groupby(zip(granted, spans, strict=True), key=lambda pair: pair[0]):
            if has:
                together = [span for _, span in several]
                yield bonus, reduce(_both, together)


def _bonus_steps(bonus: Bonus, span: Span, steps: Sequence[Step], tariffs: Sequence[TariffVersion]) -> Iterator[Step]:
    """A bonus granted to this supply: one step for each VAT rate that its components carry."""
    codes = [component.code for tariff in tariffs for component in tariff.components]
    for pattern in bonus.components:
        if not any(fnmatchcase(code, pattern) for code in codes):
            raise CaseError("bonuses[].components", f"{pattern} matches no component; known: {', '.join(codes)}")
    chosen = [step for step in steps if any(fnmatchcase(step.code, pattern) for pattern in bonus.components)]
    for vat in dict.fromkeys(step.vat for step in chosen):
        of = tuple(dict.fromkeys(step.code for step in chosen if step.vat == vat))
        action = Percent(of, -Fraction(bonus.percent), bonus.blocks, vat, {"percent": str(bonus.percent)})
        name = bonus.description or "Bonificación"
        rounding = chosen[0].rounding
        yield Step(bonus.code, name, vat, action, span, rounding, None, None, None, {}, {})
