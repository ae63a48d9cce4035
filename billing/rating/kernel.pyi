"""Types of the compiled rating kernel; see kernel.pyx."""

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]

class Writer:
    """Where the lines of a batch go."""

    def __init__(self, slots: Int32, quantities: Int64, amounts: Int64, scratch: Int64) -> None: ...

def run(
    plans: Int64,
    steps: Int64,
    slots: Int64,
    terms: Int64,
    klass: Int32,
    litres: Int64,
    reference: Int64,
    out: Writer,
    offsets: Int64,
    base: Int64,
    vat: Int64,
    total: Int64,
    status: Int32,
) -> int:
    """Rate every contract of a batch."""
