"""Types of the hand-written kernel of the bench; see baseline.pyx."""

from billing.rating.kernel import Int32, Int64

def run(
    klass: Int32,
    litres: Int64,
    fees: Int64,
    slots: Int32,
    quantities: Int64,
    amounts: Int64,
    offsets: Int64,
    base: Int64,
    vat: Int64,
    total: Int64,
) -> int:
    """Rate every contract of the bench's tariff."""
