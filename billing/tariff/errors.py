"""What is wrong with a tariff file: file, line, field, value and the rule it breaks."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to correct in a tariff file."""

    file: str
    line: int
    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field} {self.value}: {self.rule}"


class TariffError(ValueError):
    """A tariff file that cannot be used; ``problems`` has every one found, the text names the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{self.problems[0]}{more}")


class RatingError(ValueError):
    """A case that a tariff cannot rate: what is missing or wrong, and where."""


class MissingPriceError(RatingError):
    """A price that the published source lacks and this case needs."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: the published source has no price for {what}")
