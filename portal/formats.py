"""How numbers and dates are written for a person (Spanish conventions; exact, never through a float)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

MADRID = ZoneInfo("Europe/Madrid")
MONTHS = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()  # noqa: SIM905
)


def grouped(digits: str) -> str:
    """``1234567`` → ``1.234.567``; four digits stay together (RAE)."""
    if len(digits) <= 4:
        return digits
    head = len(digits) % 3
    parts = [digits[:head]] if head else []
    return ".".join(parts + [digits[i : i + 3] for i in range(head, len(digits), 3)])


def decimal_text(value: Decimal | str | int) -> str:
    """An exact decimal with comma and grouped thousands."""
    text = format(Decimal(value), "f")
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = text.partition(".")
    return sign + grouped(whole) + (f",{fraction}" if fraction else "")


def euros(cents: int) -> str:
    """Cents → ``26,66 €``."""
    return decimal_text(Decimal(cents).scaleb(-2)) + "\u00a0€"


def money(value: Decimal) -> str:
    """Decimal euros → ``26,66 €``."""
    return decimal_text(value) + "\u00a0€"


def cubic_metres(litres: int) -> str:
    """Litres → ``18,000 m³``."""
    return decimal_text(Decimal(litres).scaleb(-3)) + "\u00a0m³"


def litres_text(litres: int) -> str:
    """Litres → ``18.000 l``."""
    return decimal_text(litres) + "\u00a0l"


def day(value: date | str) -> str:
    """``30/09/2026``, from a date or its ISO text."""
    at = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{at:%d/%m/%Y}"


def last_day(value: date) -> str:
    """The last day of a period whose end is exclusive."""
    return day(value - timedelta(1))


def long_day(value: date) -> str:
    """``30 de septiembre de 2026``."""
    return f"{value.day} de {MONTHS[value.month - 1]} de {value.year}"


def moment(value: datetime | int) -> str:
    """An instant, or epoch milliseconds, as local time: ``30/09/2026 23:15``."""
    at = datetime.fromtimestamp(value // 1000, UTC) if isinstance(value, int) else value
    return f"{at.astimezone(MADRID):%d/%m/%Y %H:%M}"


FILTERS = {
    "decimal": decimal_text,
    "euros": euros,
    "money": money,
    "m3": cubic_metres,
    "litres": litres_text,
    "day": day,
    "last_day": last_day,
    "long_day": long_day,
    "moment": moment,
}
