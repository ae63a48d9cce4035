"""From litres and a tariff to explained lines: the single path, and the kernel that rates a whole register alike."""

from billing.rating.case import Bonus, Case, CaseError, MeterRun
from billing.rating.lines import Line, Rated, Vat
from billing.rating.rate import rate

__all__ = ["Bonus", "Case", "CaseError", "Line", "MeterRun", "Rated", "Vat", "rate"]
