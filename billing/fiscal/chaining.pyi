"""The chained hashes of a whole run."""

import numpy as np
from numpy.typing import NDArray

def chain_amounts(
    nif: str,
    numbers: list[str],
    issued: str,
    vat: NDArray[np.int64],
    total: NDArray[np.int64],
    previous: str,
    stamp: str,
) -> bytes:
    """Digests (32 bytes each, end to end) of the records of issue (F1) of a run's invoices in order."""
