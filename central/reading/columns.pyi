"""Types of the compiled reader of batches; see columns.pyx."""

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

class Columns:
    """The items of one batch. ``addresses`` are those of its plain telegrams, ``others`` (place, bytes) the rest."""

    count: int
    addresses: list[str]
    receivers: list[str]
    others: list[tuple[int, bytes]]

    def __len__(self) -> int:
        """How many items there are, plain or not."""
    def spans(self) -> Int64:
        """First and last instant at which each of ``receivers`` heard something, UTC epoch ms: (receivers, 2)."""
    def emit(
        self, utility_id: int, batch_id: int, first_id: int, meters: Int64, moduli: Int64, latest_ms: int
    ) -> tuple[bytes, Int64, Int64, list[tuple[int, int, int, int, int]]]:
        """The rows of the plain telegrams.

        ``meters`` and ``moduli`` follow ``addresses``: id (0 where it is not registered) and capacity of each meter.
        Returns the telegrams' rows; their instants; the indices that are valid as columns (at_ms, meter, litres,
        telegram); and those that somebody must look at: (due day or -1, address, litres, at_ms, telegram).
        """

def scan(raw: bytes) -> Columns | None:
    """The items of a batch from their msgpack array, or None where these bytes are not one."""
