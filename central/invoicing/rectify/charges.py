"""When two invoice lines are the same charge."""

from collections import Counter
from collections.abc import Iterable

from billing.invoice import InvoiceLine

Charge = tuple[object, ...]


def charge(line: InvoiceLine) -> Charge:
    """All that makes a line the charge it is; where it came from does not."""
    return (line.code, line.description, line.quantity, line.unit, line.unit_price, line.amount, line.vat)


def net(lines: Iterable[InvoiceLine]) -> dict[Charge, int]:
    """How often each charge remains once opposites are taken away."""
    found: Counter[Charge] = Counter()
    for line in lines:
        sign = -1 if line.amount < 0 or line.quantity < 0 else 1
        key = (line.code, line.description, abs(line.quantity), line.unit, line.unit_price, abs(line.amount), line.vat)
        found[key] += sign
    return {key: count for key, count in found.items() if count}
