"""A component that is a percentage of others: ``percent: {of: [AGUA_*], percent: 20}``, or of a parameter's value.

The base is the sum of the rounded lines of the earlier components whose code matches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction

from billing.money import shown
from billing.tariff.charges.common import Scope, amount
from billing.tariff.errors import MissingPriceError
from billing.tariff.model import Ask
from billing.tariff.reader import Value
from billing.tariff.steps import Action, Percent


@dataclass(frozen=True, slots=True)
class PercentOf:
    """A percentage of earlier components; ``sign`` is -1 for a bonus."""

    of: tuple[str, ...]
    percent: Decimal | None
    parameter: str
    blocks: frozenset[int] | None
    sign: int
    key: str
    facts: frozenset[str] = frozenset()
    once: bool = False

    def action(self, ask: Ask) -> Action:
        """The percentage to take of the lines so far."""
        percent = Fraction(ask.parameters[self.parameter]) if self.parameter else self._published(ask)
        return Percent(self.of, self.sign * percent, self.blocks, why={"percent": str(shown(percent))})

    @property
    def per(self) -> str:
        """A percentage knows no time of its own."""
        return ""

    @property
    def parameters(self) -> frozenset[str]:
        """The parameter that holds its percentage, if one does."""
        return frozenset([self.parameter] if self.parameter else [])

    def warnings(self) -> Iterator[tuple[str, str]]:
        """A percentage that was never published, or over a hundred."""
        if self.percent is None and not self.parameter:
            yield "incomplete", "not in the source: the percentage"
        if self.percent is not None and self.percent > 100:
            yield "misprint", f"{self.percent} % is more than the whole"

    def table(self) -> list[tuple[str, str, str]]:
        """Its published rows: concept, price, unit."""
        percent = self.parameter or ("no consta" if self.percent is None else str(self.percent))
        only = f", bloques {', '.join(map(str, sorted(self.blocks)))}" if self.blocks else ""
        return [(f"sobre {', '.join(self.of)}{only}", f"{'-' if self.sign < 0 else ''}{percent}", "%")]

    def _published(self, ask: Ask) -> Fraction:
        if self.percent is None:
            raise MissingPriceError(ask.where, "the percentage")
        return Fraction(self.percent)


def parse(value: Value, scope: Scope) -> PercentOf:
    """The percentage written under ``percent:``."""
    return parse_signed(value, scope, 1)


def parse_signed(value: Value, scope: Scope, sign: int) -> PercentOf:
    """A percentage added (sign 1) or taken off (sign -1)."""
    with value.keys() as keys:
        of = keys.need("of").one_or_many()
        for pattern in of:
            if not any(fnmatchcase(code, pattern.text()) for code in scope.earlier):
                pattern.fail(f"matches no component before this one; there are {', '.join(scope.earlier) or 'none'}")
        blocks, percent = keys.take("blocks"), keys.need("percent")
        named = percent.text() in scope.parameters
        return PercentOf(
            tuple(pattern.text() for pattern in of),
            None if named else amount(percent),
            percent.text() if named else "",
            frozenset(_number(item) for item in blocks.one_or_many()) if blocks else None,
            sign,
            "percent" if sign > 0 else "bonus",
        )


def _number(value: Value) -> int:
    number = value.decimal(places=0)
    return int(number) if number >= 1 else value.fail("must be a block number, from 1")
