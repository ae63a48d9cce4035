"""The schema of a tariff file: text in, TariffVersion out, or every problem found with its place."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final, TypeVar

from billing.money import MODES
from billing.tariff.charges import KINDS
from billing.tariff.charges.common import Scope
from billing.tariff.errors import Problem, TariffError
from billing.tariff.facts import FACTS, FactValue
from billing.tariff.match import NUMERIC, condition, fact_name
from billing.tariff.model import (
    CERTAINTIES,
    NATURES,
    VAT_CODES,
    Charge,
    Component,
    Frequency,
    Parameter,
    Rate,
    RoundingPolicy,
    Season,
    Source,
    TariffVersion,
)
from billing.tariff.reader import Keys, Value, read
from billing.tariff.span import MONTHS

T = TypeVar("T")
ID: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{2,39}", re.ASCII)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,39}", re.ASCII)
_DAY = re.compile(r"(\d{2})-(\d{2})", re.ASCII)


@dataclass(slots=True)
class _Defaults:
    """What a component takes from the file's ``defaults:`` when it does not say otherwise."""

    nature: str = ""
    beneficiary: str = ""
    vat: str = ""


@dataclass(slots=True)
class _File:
    """What is known of the file while its components are read."""

    parameters: Mapping[str, Parameter]
    defaults: _Defaults
    problems: list[Problem] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)


def parse(text: str, name: str) -> TariffVersion:
    """A tariff file's text as a TariffVersion; ``name`` is how errors call the file.

    Raises TariffError with every problem found, each with line, field, value and rule.
    """
    with read(text, name).keys() as keys:
        file = _File(_parameters(keys), _defaults(keys))
        version = _version(keys, file, name, hashlib.sha256(text.encode()).hexdigest())
    if file.problems:
        raise TariffError(file.problems)
    return version


def _version(keys: Keys, file: _File, name: str, digest: str) -> TariffVersion:
    tariff, notes = keys.need("tariff"), keys.take("notes")
    if not ID.fullmatch(tariff.text()):
        tariff.fail("must be 3 to 40 of A-Z, 0-9 and '-', like ES-AGOST-2023")
    start, end = _valid(keys)
    return TariffVersion(
        id=tariff.text(),
        series=keys.text("series", tariff.text()),
        place=keys.need("place").text(),
        utility=keys.need("utility").text(),
        source=_source(keys.need("source")),
        start=start,
        end=end,
        components=_components(keys.need("components"), file),
        rounding=_rounding(keys),
        assume=_assume(keys.take("assume")),
        parameters=file.parameters,
        frequency=_frequency(keys),
        notes=tuple(item.text() for item in notes.items()) if notes else (),
        digest=digest,
        file=name,
    )


def _valid(keys: Keys) -> tuple[date | None, date | None]:
    value = keys.take("valid")
    if value is None:
        return None, None
    with value.keys() as inner:
        return _dates(inner)


def _dates(keys: Keys) -> tuple[date | None, date | None]:
    start, end = keys.day("from"), keys.take("to")
    if end is None:
        return start, None
    if start and end.day() <= start:
        end.fail(f"must be after from ({start}); it is the first day it no longer applies")
    return start, end.day()


def _source(value: Value) -> Source:
    with value.keys() as keys:
        return Source(
            title=keys.need("title").text(),
            url=keys.text("url"),
            published=keys.day("published"),
            certainty=keys.need("certainty").choice({name: name for name in CERTAINTIES}),
            read_as=keys.text("read_as"),
        )


def _assume(value: Value | None) -> dict[str, FactValue]:
    if value is None:
        return {}
    return {fact_name(key): _fact_value(item, key.text()) for key, item in value.pairs()}


def _fact_value(value: Value, fact: str) -> FactValue:
    kind = FACTS[fact].kind
    if kind == "flag":
        return value.flag()
    if kind in NUMERIC:
        return Fraction(value.decimal())
    return frozenset(v.text() for v in value.one_or_many()) if kind == "set" else value.text()


def _parameters(keys: Keys) -> dict[str, Parameter]:
    value = keys.take("parameters")
    return {key.text(): _parameter(key.text(), item) for key, item in value.pairs()} if value else {}


def _parameter(name: str, value: Value) -> Parameter:
    with value.keys() as keys:
        low, high, values = keys.take("min"), keys.take("max"), keys.take("values")
        return Parameter(
            name,
            keys.need("text").text(),
            low.decimal() if low else None,
            high.decimal() if high else None,
            tuple(item.text() for item in values.items()) if values else (),
            keys.text("default") or None,
        )


def _defaults(keys: Keys) -> _Defaults:
    value = keys.take("defaults")
    if value is None:
        return _Defaults()
    with value.keys() as inner:
        nature, vat = inner.take("nature"), inner.take("vat")
        return _Defaults(
            nature.choice({name: name for name in NATURES}) if nature else "",
            inner.text("beneficiary"),
            vat.choice({code: code for code in VAT_CODES}) if vat else "",
        )


def _rounding(keys: Keys) -> RoundingPolicy:
    value = keys.take("rounding")
    if value is None:
        return RoundingPolicy()
    with value.keys() as inner:
        decimals, mode, vat = inner.take("line_decimals"), inner.take("mode"), inner.take("vat")
        return RoundingPolicy(
            decimals.choice({str(n): n for n in range(2, 10)}) if decimals else 2,
            mode.choice({name: name for name in MODES}) if mode else "half_up",
            vat.choice({"rate": "rate", "line": "line"}) if vat else "rate",
        )


def _frequency(keys: Keys) -> Frequency | None:
    value = keys.take("billing")
    if value is None:
        return None
    options = {name: name for name in (*MONTHS, "year")}
    with value.keys() as inner:
        every, above, then = inner.need("every").choice(options), inner.take("above_m3_month"), inner.take("then")
        if above is None:
            return Frequency(every)
        return Frequency(every, above.decimal(), (then or inner.need("then")).choice(options))


def _components(value: Value, file: _File) -> tuple[Component, ...]:
    found: list[Component] = []
    for item in value.items():
        component = _collect(lambda place: _component(place, file), item, file)
        if component is not None:
            found.append(component)
    return tuple(found)


def _collect(reads: Callable[[Value], T], value: Value, file: _File) -> T | None:
    """Read one entry; if it is wrong keep its problems and go on with the next, so that all are reported at once."""
    try:
        return reads(value)
    except TariffError as error:
        file.problems.extend(error.problems)
        return None


def _component(value: Value, file: _File) -> Component:
    with value.keys() as keys:
        code = _code(keys.need("code"), file)
        component = Component(
            code=code,
            name=keys.need("name").text(),
            nature=_nature(keys, file.defaults),
            beneficiary=keys.text("beneficiary", file.defaults.beneficiary) or keys.lacks("beneficiary"),
            vat=_vat(keys, file) or file.defaults.vat or keys.lacks("vat"),
            clause=keys.text("clause"),
            when=condition(keys.take("when")),
            start=keys.day("from"),
            end=keys.day("to"),
            rates=_rates(keys, file),
            line=value.line,
        )
    file.codes.append(code)
    return component


def _code(value: Value, file: _File) -> str:
    code = value.text()
    if not _CODE.fullmatch(code):
        value.fail("must be 2 to 40 of A-Z, 0-9 and '_', like AGUA_CONS")
    if code in file.codes:
        value.fail("is already the code of another component")
    return code


def _nature(keys: Keys, defaults: _Defaults) -> str:
    value = keys.take("nature")
    return value.choice({name: name for name in NATURES}) if value else defaults.nature or keys.lacks("nature")


def _vat(keys: Keys, file: _File) -> str:
    value = keys.take("vat")
    if value is None:
        return ""
    parameter = file.parameters.get(value.text())
    if parameter is None:
        return value.choice({code: code for code in VAT_CODES})
    if not parameter.values or not set(parameter.values) <= set(VAT_CODES):
        value.fail(f"the parameter must list its values among {', '.join(VAT_CODES)}")
    return parameter.name


def _rates(keys: Keys, file: _File) -> tuple[Rate, ...]:
    listed = keys.take("rates")
    scope = Scope(file.parameters, tuple(file.codes))
    if listed is None:
        charge = _charge(keys, scope)
        return (Rate(None, None, None, condition(None), "", "", None, charge, "", keys.place.line),)
    return tuple(_rate(item, file, scope) for item in listed.items())


def _rate(value: Value, file: _File, scope: Scope) -> Rate:
    with value.keys() as keys:
        exempt = keys.text("exempt")
        start, end = _dates(keys)
        return Rate(
            start,
            end,
            _season(keys.take("season")),
            condition(keys.take("when")),
            keys.text("clause"),
            keys.text("source"),
            _vat(keys, file) or None,
            None if exempt else _charge(keys, scope),
            exempt,
            value.line,
        )


def _charge(keys: Keys, scope: Scope) -> Charge:
    given = [(kind, value) for kind in KINDS if (value := keys.take(kind))]
    if len(given) != 1:
        keys.place.fail(f"must have exactly one of {', '.join(KINDS)}; it has {len(given)}")
    kind, value = given[0]
    return KINDS[kind](value, scope)


def _season(value: Value | None) -> Season | None:
    if value is None:
        return None
    with value.keys() as keys:
        return Season(_month_day(keys.need("from")), _month_day(keys.need("to")))


def _month_day(value: Value) -> tuple[int, int]:
    found = _DAY.fullmatch(value.text())
    try:  # in a common year: 29 February is no season's edge
        day = date(2001, int(found[1]), int(found[2])) if found else None
    except ValueError:
        day = None
    if day is None:
        value.fail("must be a month and day like 06-01")
    return day.month, day.day
