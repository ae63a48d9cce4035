"""What is rated: a supply's facts, a period and its litres, read once and refused precisely."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from billing.money import MoneyError, decimal
from billing.tariff.errors import RatingError
from billing.tariff.facts import FACTS, FactValue
from billing.tariff.span import Span, SpanError

MAX_LITRES: Final = 10**10
"""Ten million m³ in one bill: more is a mistyped reading."""
MAX_DIGITS: Final = 15


class CaseError(RatingError):
    """A case that cannot be rated as written: field, value and rule."""

    def __init__(self, field_name: str, rule: str) -> None:
        self.field = field_name
        super().__init__(f"{field_name}: {rule}")


@dataclass(frozen=True, slots=True)
class MeterRun:
    """What one meter counted in the period; dates matter when meters of different calibre follow each other."""

    meter: str
    from_litres: int
    to_litres: int
    calibre_mm: Fraction | None = None
    start: date | None = None
    end: date | None = None

    @property
    def litres(self) -> int:
        """The litres it counted."""
        return self.to_litres - self.from_litres


@dataclass(frozen=True, slots=True)
class Bonus:
    """A percentage taken off chosen components of this supply, in the named blocks only if any."""

    code: str
    percent: Decimal
    components: tuple[str, ...]
    blocks: frozenset[int] | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """What holds of a supply from a day on (None: from the period's start): its facts, parameters and bonuses."""

    start: date | None
    supply: Mapping[str, FactValue]
    parameters: Mapping[str, str]
    bonuses: tuple[Bonus, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of one bill a contract pays: the ``number``-th (from 1) of parts as large as their weights."""

    number: int
    weights: tuple[int, ...]

    @property
    def text(self) -> str:
        """The part as a fraction."""
        part = Fraction(self.weights[self.number - 1], sum(self.weights))
        return f"{part.numerator}/{part.denominator}"


@dataclass(frozen=True, slots=True)
class Case:
    """One supply, one period, its water and the tariffs to apply, in the bill's order.

    ``changes`` are the later stages of a supply whose terms change within the period, each with all that then holds;
    ``share`` divides the bill among several contracts, to the cent.
    """

    tariffs: tuple[str, ...]
    supply: Mapping[str, FactValue]
    period: Span
    litres: int
    reference_litres: int | None = None
    readings: tuple[MeterRun, ...] = ()
    leak: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    bonuses: tuple[Bonus, ...] = ()
    once: tuple[str, ...] = ()
    changes: tuple[Stage, ...] = ()
    share: Share | None = None
    ref: object = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What holds of the supply in the period, stage after stage."""
        return (Stage(None, self.supply, self.parameters, self.bonuses), *self.changes)

    @classmethod
    def parse(cls, raw: object) -> "Case":
        """A case as JSON gives it (numbers as int or Decimal, never float); CaseError names field, value and rule."""
        keys = _mapping(raw, "case", CASE_KEYS)
        readings = tuple(_run(item, f"readings[{i}]") for i, item in enumerate(_list(keys, "readings")))
        period = _period(keys.get("period"))
        first = Stage(
            None,
            facts({} if keys.get("supply") is None else keys["supply"]),
            _parameters({} if keys.get("parameters") is None else keys["parameters"]),
            _bonuses(keys),
        )
        return cls(
            tariffs=_tariffs(keys),
            supply=first.supply,
            period=period,
            litres=_litres(keys, readings),
            reference_litres=_optional_litres(keys, "reference_litres"),
            readings=readings,
            leak=_flag(keys.get("leak"), "leak"),
            parameters=first.parameters,
            bonuses=first.bonuses,
            once=tuple(_word(item, "once") for item in _list(keys, "once")),
            changes=_changes(keys, first, period),
            share=_share(keys.get("share")),
            ref=keys.get("ref"),
        )


CASE_KEYS: Final = (
    "ref",
    "tariffs",
    "supply",
    "period",
    "litres",
    "reference_litres",
    "readings",
    "leak",
    "parameters",
    "bonuses",
    "once",
    "changes",
    "share",
    "derived",  # how the litres follow from several supplies' is kept with the case; rating does not look at it
    "expected",  # a case may carry the bill it should give; rating does not look at it
)
RUN_KEYS: Final = ("meter", "calibre_mm", "from_litres", "to_litres", "from", "to")
CHANGE_KEYS: Final = ("from", "supply", "parameters", "bonuses")
BONUS_KEYS: Final = ("code", "pct", "components", "blocks", "description")


def facts(raw: object) -> dict[str, FactValue]:
    """Supply facts by name; null is absent, and a name outside the vocabulary is an error."""
    keys = _mapping(raw, "supply", tuple(FACTS))
    return {name: _fact(name, value) for name, value in keys.items() if value is not None}


def _fact(name: str, value: object) -> FactValue:
    where, kind = f"supply.{name}", FACTS[name].kind
    if kind == "flag":
        return _flag(value, where)
    if kind == "set":
        if not isinstance(value, list):
            raise CaseError(where, f"{value!r} must be a list of words")
        return frozenset(_word(item, where) for item in value)
    if kind == "text":
        return _word(value, where)
    number = _number(value, where)
    if number < 0 or (kind == "integer" and number.denominator != 1):
        raise CaseError(where, f"{value} must be a {'whole ' if kind == 'integer' else ''}number, not negative")
    return number


def _tariffs(keys: Mapping[str, Any]) -> tuple[str, ...]:
    names = tuple(_word(item, "tariffs") for item in _list(keys, "tariffs"))
    if not names:
        raise CaseError("tariffs", "must name at least one tariff")
    if len(set(names)) < len(names):
        raise CaseError("tariffs", f"{', '.join(names)}: each tariff once")
    return names


def _period(raw: object) -> Span:
    keys = _mapping(raw, "period", ("from", "to", "months", "days"))
    given = {name for name, value in keys.items() if value is not None}
    try:
        if given == {"from", "to"}:
            return Span.between(_date(keys["from"], "period.from"), _date(keys["to"], "period.to"))
        if given == {"months"}:
            return Span.of_months(_number(keys["months"], "period.months"))
        if given == {"days"}:
            return Span.of_days(_whole(keys["days"], "period.days"))
    except SpanError as error:
        name, _, rule = str(error).partition(": ")
        raise CaseError(name, rule) from error
    raise CaseError("period", f"has {', '.join(sorted(given)) or 'nothing'}; must be from and to, or months, or days")


def _litres(keys: Mapping[str, Any], readings: Sequence[MeterRun]) -> int:
    counted = sum(run.litres for run in readings)
    stated = _optional_litres(keys, "litres")
    if stated is None:
        if not readings:
            raise CaseError("litres", "missing; give litres or readings")
        return counted
    if readings and stated != counted:
        raise CaseError("litres", f"{stated} must be what the readings add up to ({counted})")
    return stated


def _optional_litres(keys: Mapping[str, Any], name: str) -> int | None:
    value = keys.get(name)
    return None if value is None else _count(value, name)


def _count(value: object, where: str) -> int:
    litres = _whole(value, where)
    if not 0 <= litres <= MAX_LITRES:
        raise CaseError(where, f"{litres} must be from 0 to {MAX_LITRES} litres")
    return litres


def _run(raw: object, where: str) -> MeterRun:
    keys = _mapping(raw, where, RUN_KEYS)
    calibre, start, end = keys.get("calibre_mm"), keys.get("from"), keys.get("to")
    run = MeterRun(
        meter=str(keys.get("meter", "")),
        from_litres=_whole(keys.get("from_litres"), f"{where}.from_litres"),
        to_litres=_whole(keys.get("to_litres"), f"{where}.to_litres"),
        calibre_mm=None if calibre is None else _number(calibre, f"{where}.calibre_mm"),
        start=None if start is None else _date(start, f"{where}.from"),
        end=None if end is None else _date(end, f"{where}.to"),
    )
    if run.to_litres < run.from_litres:
        rule = f"{run.to_litres} must not be below from_litres {run.from_litres}; rollovers are settled before rating"
        raise CaseError(f"{where}.to_litres", rule)
    return run


def _bonus(raw: object, where: str) -> Bonus:
    keys = _mapping(raw, where, BONUS_KEYS)
    percent = _number(keys.get("pct"), f"{where}.pct")
    if not 0 < percent <= 100:
        raise CaseError(f"{where}.pct", f"{percent} must be above 0 and at most 100")
    blocks = keys.get("blocks")
    return Bonus(
        code=_word(keys.get("code", "BONUS"), f"{where}.code"),
        percent=Decimal(percent.numerator) / percent.denominator,
        components=tuple(_word(item, f"{where}.components") for item in _list(keys, "components", where)),
        blocks=frozenset(_whole(item, f"{where}.blocks") for item in blocks) if isinstance(blocks, list) else None,
        description=str(keys.get("description", "")),
    )


def _bonuses(keys: Mapping[str, Any], where: str = "") -> tuple[Bonus, ...]:
    prefix = f"{where}." if where else ""
    return tuple(_bonus(item, f"{prefix}bonuses[{i}]") for i, item in enumerate(_list(keys, "bonuses", where)))


def _changes(keys: Mapping[str, Any], first: Stage, period: Span) -> tuple[Stage, ...]:
    """Each stage whole: what a change does not name stays as it was before it, a fact that is null goes."""
    stages = [first]
    for number, item in enumerate(_list(keys, "changes")):
        stages.append(_change(item, f"changes[{number}]", stages[-1], period))
    return tuple(stages[1:])


def _change(raw: object, where: str, before: Stage, period: Span) -> Stage:
    keys = _mapping(raw, where, CHANGE_KEYS)
    day = _date(keys.get("from"), f"{where}.from")
    if period.start is None or period.end is None:
        raise CaseError("period.from", "missing; what changes on a day needs period.from and period.to")
    if not max(period.start, before.start or period.start) < day < period.end:
        since = before.start or period.start
        raise CaseError(f"{where}.from", f"{day} must be after {since} and before the period's end {period.end}")
    named = {} if keys.get("supply") is None else _mapping(keys["supply"], f"{where}.supply", tuple(FACTS))
    kept = {name: value for name, value in before.supply.items() if name not in named}
    given = keys.get("parameters")
    return Stage(
        day,
        {**kept, **facts(named)},
        before.parameters if given is None else _parameters(given),
        before.bonuses if keys.get("bonuses") is None else _bonuses(keys, where),
    )


def _share(raw: object) -> Share | None:
    if raw is None:
        return None
    keys = _mapping(raw, "share", ("number", "weights"))
    weights = tuple(_whole(item, "share.weights") for item in _list(keys, "weights", "share"))
    if not weights or min(weights) <= 0:
        raise CaseError("share.weights", f"{list(weights)} must be whole numbers above 0")
    number = _whole(keys.get("number"), "share.number")
    if not 1 <= number <= len(weights):
        raise CaseError("share.number", f"{number} must be from 1 to {len(weights)}")
    return Share(number, weights)


def _parameters(raw: object) -> dict[str, str]:
    if not isinstance(raw, Mapping):
        raise CaseError("parameters", f"{raw!r} must be an object")
    return {str(name): _word(value, f"parameters.{name}") for name, value in raw.items() if value is not None}


def _mapping(raw: object, where: str, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise CaseError(where, f"{raw!r} must be an object" if raw is not None else "missing")
    for key in raw:
        if key not in known:
            raise CaseError(f"{where}.{key}" if where != "case" else str(key), f"not known; known: {', '.join(known)}")
    return raw


def _list(keys: Mapping[str, Any], name: str, where: str = "") -> list[Any]:
    value = keys.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise CaseError(f"{where}.{name}" if where else name, f"{value!r} must be a list")
    return value


def _word(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or not str(value).strip():
        raise CaseError(where, f"{value!r} must be a word")
    return str(value).strip()


def _flag(value: object, where: str) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise CaseError(where, f"{value!r} must be true or false")
    return value


def _number(value: object, where: str) -> Fraction:
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        try:
            number = decimal(value) if isinstance(value, str) else Decimal(value)
            if number.is_finite() and abs(number.adjusted()) < MAX_DIGITS:
                return Fraction(number)
        except MoneyError:
            pass
    raise CaseError(where, f"{value!r} must be a number" if value is not None else "missing")


def _whole(value: object, where: str) -> int:
    number = _number(value, where)
    if number.denominator != 1:
        raise CaseError(where, f"{value} must be a whole number")
    return int(number)


def _date(value: object, where: str) -> date:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else date.fromisoformat("")
    except ValueError:
        raise CaseError(where, f"{value!r} must be a date like 2026-01-31") from None
