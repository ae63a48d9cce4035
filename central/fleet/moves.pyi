"""Short open paths through many spots."""

import numpy as np
import numpy.typing as npt

def shorten(points: npt.NDArray[np.float64], first: int) -> list[int]:
    """The spots' numbers in a short open path through all of them that the search begins at ``first``."""
