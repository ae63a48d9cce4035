"""Batches between edge and centre: opened, or refused by name."""

import contextlib

from protocols import sync

BOOT = "0b7e7b6e-0000-4000-8000-000000000001"
STAMP = sync.ClockStamp(1_790_000_000_000, 5_000, True)
ITEMS: tuple[sync.Item, ...] = tuple(
    sync.TelegramItem(number, STAMP, bytes(range(number, 60)), "T1", -71, "dongle", "receiver", "none")
    for number in range(5)
)
SEEDS = [
    sync.seal(sync.Batch(sync.SCHEMA, "edge-1", BOOT, "os", number, STAMP, b"", ITEMS[:number]))
    for number in range(1, 6)
]


def fuzz(data: bytes) -> None:
    """Open a batch."""
    with contextlib.suppress(sync.SyncError):
        sync.open_batch(sync.read_envelope(data))
