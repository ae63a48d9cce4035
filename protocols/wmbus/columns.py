"""What ``decode_batch`` gives: one numpy array for each column, one row for each frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from protocols.wmbus.address import Address
from protocols.wmbus.keyring import Keyring

# Meaning of Columns.state.
STATES: Final = ("ok", "bad_frame", "key_missing", "key_wrong", "unsupported", "incomplete", "no_meter")
# What stands in litres and watt_hours where a telegram has no such main register.
NOTHING: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of a batch, row i for frame i.

    address      uint64   ``Address.from_int`` gives the meter; 0 in frames without one
    meter        int32    its index in the Keyring (in the order of adding), -1 if it is not in there
    litres       int64    main volume index in whole litres (floor), ``NOTHING`` if there is none
    watt_hours   int64    main energy index in whole watt-hours (floor), ``NOTHING`` if there is none
    meter_time   datetime64[s]  the meter's own clock, NaT if it sends none
    status       int16    status byte, -1 if there is none
    access_no    int16    access number, -1 if there is none
    state        uint8    index into ``STATES``; values are only there where it is 0
    authentic    bool     whether a MAC or tag under the meter's key agreed
    """

    address: npt.NDArray[np.uint64]
    meter: npt.NDArray[np.int32]
    litres: npt.NDArray[np.int64]
    watt_hours: npt.NDArray[np.int64]
    meter_time: npt.NDArray[np.datetime64]
    status: npt.NDArray[np.int16]
    access_no: npt.NDArray[np.int16]
    state: npt.NDArray[np.uint8]
    authentic: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.address)

    def address_of(self, row: int) -> Address:
        """The meter of a row."""
        return Address.from_int(int(self.address[row]))


def keyring_of(keys: Any) -> Keyring:
    """A Keyring of any key provider that can be turned into one. Raises TypeError."""
    if isinstance(keys, Keyring):
        return keys
    if keys is None:
        return Keyring()
    if isinstance(keys, (bytes, str)):
        return Keyring(default=keys)
    if isinstance(keys, Mapping):
        return Keyring(keys)
    raise TypeError(f"keys: {type(keys).__name__} must be a Keyring, a mapping or one key for a batch")
