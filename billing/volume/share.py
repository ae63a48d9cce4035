"""Splitting litres by days and putting volumes together, without losing or inventing one."""

from collections.abc import Iterable, Sequence

from billing.volume.readings import VolumeError


def share_by_days(litres: int, days: Sequence[int]) -> tuple[int, ...]:
    """Split ``litres`` in proportion to ``days``; the parts add up exactly (largest remainder).

    Works for negative litres too. Equal remainders go to the earlier part.
    """
    total = sum(days)
    if total <= 0 or min(days) < 0:
        raise VolumeError(f"days {list(days)}: must be non-negative with a positive sum")
    parts = [divmod(litres * span, total) for span in days]
    missing = litres - sum(whole for whole, _ in parts)
    by_remainder = sorted(range(len(parts)), key=lambda index: (-parts[index][1], index))
    extra = set(by_remainder[:missing])
    return tuple(whole + (index in extra) for index, (whole, _) in enumerate(parts))


def merge(litres: Iterable[int]) -> int:
    """The volume of contracts billed as one: the plain sum, refused when any part is negative."""
    total = 0
    for part in litres:
        if part < 0:
            raise VolumeError(f"litres {part}: a credit is settled on its own contract before merging")
        total += part
    return total
