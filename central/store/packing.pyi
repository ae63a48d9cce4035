from numpy import int64
from numpy.typing import NDArray

VARIABLE: int

def pack_rows(count: int, columns: list[tuple[bytes, int, int, NDArray[int64] | None]]) -> bytes: ...
