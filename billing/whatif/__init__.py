"""What a tariff would have made of bills that exist: totals, winners and losers, before anybody votes on it."""

from billing.whatif.change import Change, ChangeError
from billing.whatif.compare import Comparison, compare
from billing.whatif.register import Register, RegisterBuilder
from billing.whatif.report import report

__all__ = ["Change", "ChangeError", "Comparison", "Register", "RegisterBuilder", "compare", "report"]
