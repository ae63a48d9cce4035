"""Transport layer headers of EN 13757-7: long, short and none, with their configuration field."""

from dataclasses import dataclass
from typing import Literal

from firmware_sim.telegram import address as addresses
from firmware_sim.telegram.address import MeterAddress

Header = Literal["long", "short", "none"]
Application = Literal["full", "compact", "format", "alarm", "error"]

# CI field by what the application part is and which header precedes it (EN 13757-7 table 2).
CI_FIELDS: dict[Application, dict[Header, int]] = {
    "full": {"long": 0x72, "short": 0x7A, "none": 0x78},
    "compact": {"long": 0x73, "short": 0x7B, "none": 0x79},
    "format": {"long": 0x6B, "short": 0x6A, "none": 0x69},
    "alarm": {"long": 0x75, "short": 0x74, "none": 0x71},
    "error": {"long": 0x6F, "short": 0x6E, "none": 0x70},
}


class Status:
    """Bits of the status byte (EN 13757-7 clause 7.5.6); bits 5 to 7 belong to the manufacturer."""

    BUSY = 0x01
    ERROR = 0x02
    ALARM = 0x03
    POWER_LOW = 0x04
    PERMANENT_ERROR = 0x08
    TEMPORARY_ERROR = 0x10


@dataclass(frozen=True, slots=True)
class Transport:
    """One transport header. ``meter`` is the address a long header carries; None repeats the link's."""

    header: Header = "short"
    application: Application = "full"
    meter: MeterAddress | None = None
    access_no: int = 0
    status: int = 0
    bidirectional: bool = False
    accessible: bool = False
    synchronous: bool = False
    content: int = 0
    hop: int = 0

    @property
    def ci(self) -> int:
        """The CI field that announces this header and application."""
        return CI_FIELDS[self.application][self.header]

    def flags(self, mode: int) -> int:
        """High byte of the configuration field: radio flags and the security mode."""
        return self.bidirectional << 7 | self.accessible << 6 | self.synchronous << 5 | mode

    def configuration(self, mode: int, blocks: int) -> bytes:
        """Configuration field of modes 0, 5 and 7: number of encrypted blocks, content, hop and flags."""
        return bytes((blocks << 4 | self.content << 2 | self.hop, self.flags(mode)))

    def head(self, link: MeterAddress) -> bytes:
        """CI field, the long header's address, access number and status; CI alone without a header."""
        start = bytes((self.ci,))
        if self.header == "none":
            return start
        if self.header == "long":
            start += addresses.header_bytes(self.meter or link)
        return start + bytes((self.access_no, self.status))

    def sender(self, link: MeterAddress) -> MeterAddress:
        """The address that the keys and initial vectors are bound to."""
        if self.header == "long" and self.meter is not None:
            return self.meter
        return link
