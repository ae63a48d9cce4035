"""When water may be cut off for a debt, and by when it must run again: pure rules, each with its name.

The model is Andalusia's (Decreto 120/1991, arts. 66 and 67): the debt claimed with proof of receipt, a notice in
working days, the administration told and silent for its days, never on a holiday, its eve or a day without full
service, and the supply restored the same day it is paid or on the next working one. A utility's bylaw may say otherwise
(``utility.settings["cuts"]``). Vulnerable households in their home (RDL 8/2021 and its successors), essential supplies
and supplies with an open claim are never cut.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, NamedTuple

import holidays
import msgspec

from central.times import MADRID, local_day, millis

Days = Annotated[int, msgspec.Meta(ge=0, le=365)]
_ONE = timedelta(days=1)
SATURDAY, SUNDAY = 5, 6


class CutRulesError(ValueError):
    """A utility's rules for cuts that cannot be read; names the field and the rule."""


class CutRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A utility's rules.

    ``working`` says whether days of notice are working or calendar days; ``authority`` whether the administration must
    be told first, and ``silence_days`` how many working days it may object. ``region`` is an ISO 3166-2 part of Spain
    ("AN"), whose holidays count beside the ``holidays`` of the place.
    """

    source: str = "Decreto 120/1991 (Andalucía), arts. 66 y 67"
    minimum_cents: Annotated[int, msgspec.Meta(ge=1)] = 3000
    notice_days: Days = 15
    working: bool = True
    authority: bool = True
    silence_days: Days = 12
    eves: bool = True
    region: str = "AN"
    holidays: tuple[date, ...] = ()


class Refusal(NamedTuple):
    """Why a cut is not lawful: the rule's name, and its words with the numbers it compared."""

    rule: str
    text: str


class Step(NamedTuple):
    """A step that was taken: on which day, for how many cents, and the reference of its proof."""

    on: date
    cents: int | None
    reference: str


@dataclass(frozen=True)
class Debtor:
    """What is known of a contract on the day of the question."""

    debt_cents: int
    demands: Sequence[Step] = ()
    authority: Sequence[Step] = ()
    vulnerable: bool = False
    essential: bool = False
    claim: bool = False
    instalments: bool = False
    protections: dict[str, str] = field(default_factory=dict)  # rule → the reference that is kept of it


def rules_of(settings: dict[str, Any]) -> CutRules:
    """The rules in a utility's settings; raises :class:`CutRulesError`."""
    try:
        rules = msgspec.convert(settings.get("cuts", {}), CutRules)
        holidays.country_holidays("ES", subdiv=rules.region or None, years=2026)
    except (msgspec.ValidationError, NotImplementedError) as error:
        raise CutRulesError(f"utility.settings.cuts: {error}") from error
    return rules


def refusals(debtor: Debtor, rules: CutRules, on: date) -> list[Refusal]:
    """Every rule that forbids to cut on ``on``, the protections first; none where the cut is lawful then."""
    return [*_protections(debtor), *_steps(debtor, rules, on), *_day(rules, on)]


_PROTECTED = {
    "vulnerable": "vive en ella un hogar vulnerable: no se le puede cortar el agua",
    "essential": "es un suministro esencial: no se corta",
    "claim": "hay una reclamación abierta: no se corta hasta que se resuelva",
    "instalments": "la deuda se está pagando a plazos: no se corta mientras se cumplan",
}


def _protections(debtor: Debtor) -> list[Refusal]:
    found = []
    for rule, words in _PROTECTED.items():
        if getattr(debtor, rule):
            kept = debtor.protections.get(rule, "")
            found.append(Refusal(rule, f"{words} ({kept})" if kept else words))
    return found


def _steps(debtor: Debtor, rules: CutRules, on: date) -> list[Refusal]:
    if debtor.debt_cents < rules.minimum_cents:
        return [
            Refusal("debt", f"debe {_euros(debtor.debt_cents)}, y solo se corta desde {_euros(rules.minimum_cents)}")
        ]
    proven = [step for step in debtor.demands if step.reference and (step.cents or 0) >= rules.minimum_cents]
    if not proven:
        return [Refusal("demand", "no consta un requerimiento de la deuda con acuse de recibo")]
    found = []
    first = min(step.on for step in proven)
    allowed = after(first, rules.notice_days, rules, working=rules.working)
    if on < allowed:
        kind = "hábiles" if rules.working else "naturales"
        found.append(
            Refusal(
                "notice",
                f"el aviso se recibió el {_day_text(first)}: con {rules.notice_days} días {kind}, no antes del "
                f"{_day_text(allowed)}",
            )
        )
    return found + _authority(debtor, rules, on)


def _authority(debtor: Debtor, rules: CutRules, on: date) -> list[Refusal]:
    if not rules.authority:
        return []
    if not debtor.authority:
        return [Refusal("authority", "no se ha comunicado a la administración")]
    told = min(step.on for step in debtor.authority)
    allowed = after(told, rules.silence_days, rules, working=True)
    if on >= allowed:
        return []
    return [
        Refusal(
            "silence",
            f"la administración lo supo el {_day_text(told)}: con {rules.silence_days} días hábiles de silencio, no "
            f"antes del {_day_text(allowed)}",
        )
    ]


def _day(rules: CutRules, on: date) -> list[Refusal]:
    if is_holiday(rules, on):
        return [Refusal("day", f"el {_day_text(on)} es festivo o fin de semana")]
    if rules.eves and _is_feast(rules, on + _ONE):
        return [Refusal("day", f"el {_day_text(on)} es víspera de festivo")]
    return []


def is_holiday(rules: CutRules, day: date) -> bool:
    """Whether a day is a weekend's or a holiday of the place: no full service to the public."""
    return day.weekday() == SATURDAY or _is_feast(rules, day)


def _is_feast(rules: CutRules, day: date) -> bool:
    return day.weekday() == SUNDAY or day in rules.holidays or day in _calendar(rules.region, day.year)


def _calendar(region: str, year: int) -> Collection[date]:
    return holidays.country_holidays("ES", subdiv=region or None, years=year)


def after(day: date, count: int, rules: CutRules, *, working: bool) -> date:
    """The first day on which ``count`` days have passed since ``day``, which itself does not count."""
    if not working:
        return day + (count + 1) * _ONE
    left = count
    while left:
        day += _ONE
        left -= not is_holiday(rules, day)
    return day + _ONE


def reconnect_by(paid_at: datetime, rules: CutRules) -> datetime:
    """By when the water must run again: the end of the day of payment, or of the next working day after a holiday.

    A payment in the evening counts for the next working day: nobody can be sent out any more.
    """
    day = local_day(millis(paid_at))
    evening = datetime.combine(day, time(18), MADRID)
    if paid_at >= evening or is_holiday(rules, day):
        day += _ONE
        while is_holiday(rules, day):
            day += _ONE
    return datetime.combine(day + _ONE, time(), MADRID)


def _euros(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d} €" if cents >= 0 else f"-{_euros(-cents)}"


def _day_text(day: date) -> str:
    return day.strftime("%d/%m/%Y")
