"""What volume is determined from: readings, installations and what earlier bills left behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from billing.volume.period import Period


class VolumeError(ValueError):
    """An input that cannot be used; the text names field, value and rule."""


class Kind(StrEnum):
    """How an index was obtained, from the most to the least trusted."""

    REAL = "real"
    FINAL = "final"
    REMOVAL = "removal"
    INSTALLATION = "installation"
    REMOTE = "remote"
    THIRD_PARTY = "third_party"
    SELF = "self"
    AGREED = "agreed"
    ESTIMATED = "estimated"


# Position in the list above decides between two readings at the same distance of a boundary.
TRUST: Mapping[Kind, int] = MappingProxyType({kind: rank for rank, kind in enumerate(Kind)})

# Incidence codes of the reader's terminal that change how a difference is computed.
STOPPED = "03"
BROKEN = "04"
REVERSED = "13"
ROLLED = "16"


@dataclass(frozen=True, slots=True)
class Reading:
    """One index of one meter.

    ``at`` is aware UTC, ``litres`` the index, ``origin`` the id of the stored reading. ``incidence`` is
    the two-digit code noted with it. ``reason`` names why an index may be lower than the one before
    (for example a misread opening, with its work order); without it the reading is set aside.
    """

    meter: str
    at: datetime
    litres: int
    kind: Kind
    origin: str
    incidence: str = "00"
    reason: str = ""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise VolumeError(f"reading {self.origin}: at {self.at.isoformat()} must carry a time zone")
        if self.litres < 0:
            raise VolumeError(f"reading {self.origin}: litres {self.litres} must not be negative")

    @property
    def estimated(self) -> bool:
        """Whether nobody and nothing looked at the register."""
        return self.kind is Kind.ESTIMATED


@dataclass(frozen=True, slots=True)
class Installation:
    """A meter on the supply point during ``[start, end)`` (aware UTC; ``end`` None while it hangs there).

    ``modulus_litres`` is the index at which the register starts again (5 digits of m3: 100,000,000).
    ``q3_lph`` is the permanent flow in l/h (ISO 4064-1), None when unknown.
    """

    meter: str
    start: datetime
    end: datetime | None
    modulus_litres: int
    calibre_mm: int
    q3_lph: int | None = None

    def __post_init__(self) -> None:
        if self.modulus_litres <= 0:
            raise VolumeError(f"installation of {self.meter}: modulus_litres {self.modulus_litres} must be positive")
        if self.end is not None and self.end < self.start:
            raise VolumeError(f"installation of {self.meter}: end {self.end} must not precede {self.start}")


@dataclass(frozen=True, slots=True)
class PastPeriod:
    """What an earlier bill charged: used by estimates, leak references and redistributions."""

    period: Period
    litres: int
    estimated: bool = False
    leak: bool = False

    @property
    def usable(self) -> bool:
        """Whether it may serve as a pattern of consumption."""
        return not (self.estimated or self.leak)


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier bills of the supply point leave behind.

    ``closing`` holds, by meter, the reading that closed the last bill: it opens the next one, so no litre
    is billed twice or lost. A change of holder passes the previous holder's closings on.
    """

    closing: Mapping[str, Reading] = field(default_factory=dict)
    periods: tuple[PastPeriod, ...] = ()


NO_PAST = Past()
