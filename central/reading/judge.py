"""The first verdict on an index, at ingest: only what is wrong whatever other readings say."""

from central.reading.clocks import TOLERANCE_MS
from central.reading.rows import REJECTED, SUSPECT, VALID
from central.times import instant_of


def first_verdict(litres: int, at_ms: int, received_ms: int, modulus_litres: int, doubt: str) -> tuple[int, str]:
    """Status and reason of an index at ``at_ms`` that arrived at ``received_ms``; ``doubt`` is the clock's, if any."""
    if at_ms > received_ms + TOLERANCE_MS:
        return REJECTED, (
            f"reading.at: {_text(at_ms)}, later than its arrival {_text(received_ms)} plus {TOLERANCE_MS // 1000} s"
        )
    if not 0 <= litres < modulus_litres:
        return REJECTED, f"reading.litres: {litres}, the meter shows 0 to {modulus_litres - 1}"
    return (SUSPECT, doubt) if doubt else (VALID, "")


def _text(ms: int) -> str:
    try:
        return instant_of(ms).isoformat(timespec="seconds")
    except OverflowError:
        return f"{ms} ms after 1970"
