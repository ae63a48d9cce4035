"""Extended link layers of EN 13757-4 clause 12.2: I to IV, and V with the parts it names."""

from dataclasses import dataclass

from firmware_sim.telegram import address as addresses
from firmware_sim.telegram import crc, security
from firmware_sim.telegram.address import MeterAddress

CI_I, CI_II, CI_III, CI_IV, CI_V = 0x8C, 0x8D, 0x8E, 0x8F, 0x86

AES_CTR = 1

# Parts that the control byte of layer V announces.
HAS_DELAY, HAS_LEVEL, HAS_TARGET, HAS_SESSION = 0x01, 0x02, 0x04, 0x08


@dataclass(frozen=True, slots=True)
class Session:
    """Session number: four bits of session, 25 of minutes, three of security (1: AES-CTR with ``key``)."""

    minutes: int
    number: int = 0
    key: bytes | None = None

    def __bytes__(self) -> bytes:
        code = 0 if self.key is None else AES_CTR
        return (self.number | self.minutes << 4 | code << 29).to_bytes(4, "little")

    def sealed(self, link: MeterAddress, control: int, message: bytes) -> bytes:
        """Payload CRC (low byte first) and message, encrypted where the session has a key."""
        checked = crc.wmbus(message).to_bytes(2, "little") + message
        if self.key is None:
            return checked
        return security.ctr_crypt(self.key, addresses.link_bytes(link), control, bytes(self), checked)


@dataclass(frozen=True, slots=True)
class Variable:
    """What only layer V can carry: delay (two bytes) and level (one byte), None to leave one out."""

    delay: int | None = None
    level: int | None = None

    def control(self, *, target: bool, session: bool) -> int:
        """The byte that says which parts follow."""
        return (
            HAS_DELAY * (self.delay is not None)
            | HAS_LEVEL * (self.level is not None)
            | HAS_TARGET * target
            | HAS_SESSION * session
        )

    def __bytes__(self) -> bytes:
        delay = b"" if self.delay is None else self.delay.to_bytes(2, "little")
        return delay + (b"" if self.level is None else bytes((self.level,)))


@dataclass(frozen=True, slots=True)
class ExtendedLink:
    """One extended link layer: I bare, II with ``session``, III with ``target``, IV with both, V ``variable``."""

    access_no: int = 0
    control: int = 0x20
    session: Session | None = None
    target: MeterAddress | None = None
    variable: Variable | None = None

    @property
    def ci(self) -> int:
        """The CI field that the parts ask for."""
        if self.variable is not None:
            return CI_V
        if self.target is None:
            return CI_I if self.session is None else CI_II
        return CI_III if self.session is None else CI_IV

    def wrap(self, link: MeterAddress, message: bytes) -> bytes:
        """The layer before a message."""
        head = bytes((self.ci, self.control, self.access_no))
        if self.variable is not None:
            announced = self.variable.control(target=self.target is not None, session=self.session is not None)
            head += bytes((announced,)) + bytes(self.variable)
        if self.target is not None:
            head += addresses.link_bytes(self.target)
        if self.session is None:
            return head + message
        return head + bytes(self.session) + self.session.sealed(link, self.control, message)
