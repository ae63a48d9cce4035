"""Warnings about a tariff that can be read but looks wrong: what a human checks beside the ordinance."""

from billing.tariff.errors import Problem
from billing.tariff.model import TariffVersion


def lint(version: TariffVersion) -> list[Problem]:
    """Every warning of a tariff, in file order."""
    return sorted(
        Problem(version.file, part.line, part.code, "", "clause is not named")
        for part in version.components
        if not part.clause
    )
