"""A percentage bonus on chosen components: ``bonus: {of: [AGUA_SERV, AGUA_CONS], blocks: [1], percent: 50}``.

Without ``blocks`` it applies to the whole component; with them, to fixed fees and to those blocks only.
"""

from billing.tariff.charges.common import Scope
from billing.tariff.charges.percent import PercentOf, parse_signed
from billing.tariff.reader import Value


def parse(value: Value, scope: Scope) -> PercentOf:
    """The bonus written under ``bonus:``."""
    return parse_signed(value, scope, -1)
