"""The ways to charge, one file each. A new one is a new file here and one entry in ``KINDS``."""

from collections.abc import Callable
from typing import Final

from billing.tariff.charges import bonus, consumption, fee, percent
from billing.tariff.charges.common import Scope
from billing.tariff.model import Charge
from billing.tariff.reader import Value

KINDS: Final[dict[str, Callable[[Value, Scope], Charge]]] = {
    "fee": fee.parse,
    "consumption": consumption.parse,
    "percent": percent.parse,
    "bonus": bonus.parse,
}
