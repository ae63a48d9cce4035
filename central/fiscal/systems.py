"""The systems whose records go to the tax agency: how each one's messages are made, read and addressed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from billing.fiscal import (
    MAX_RECORDS,
    Answer,
    endpoint,
    envelope,
    read_answer,
    read_sii_answer,
    sii_endpoint,
    sii_message,
    submission,
    uniform,
)
from billing.fiscal.sii_messages import MAX_ENTRIES, Communication, Entry
from billing.invoice import Party

VERIFACTU, SII = "verifactu", "sii"
# What a record does: SENT_AGAIN supplies anew what was rejected, CORRECTION mends what is held.
ISSUE, CANCELLATION, CORRECTION, SENT_AGAIN = "alta", "anulacion", "subsanacion", "reenvio"
_COMMUNICATIONS: Mapping[str, Communication] = MappingProxyType(
    {ISSUE: "A0", SENT_AGAIN: "A0", CORRECTION: "A1", CANCELLATION: "baja"}
)


class Waiting(NamedTuple):
    """A stored record on its way."""

    record_id: int
    position: int
    kind: str
    number: str
    xml: str


@dataclass(frozen=True, slots=True)
class System:
    """``most`` records go in a message, of which the first ``fits(records)`` may go together."""

    most: int
    message: Callable[[Party, Sequence[Waiting], bool], bytes]
    read: Callable[[bytes], Answer]
    address: Callable[..., str]
    fits: Callable[[Sequence[Waiting]], int] | None = None


def _verifactu(payer: Party, records: Sequence[Waiting], incident: bool) -> bytes:
    return envelope(submission(payer, [row.xml.encode() for row in records], incident=incident))


def _sii(payer: Party, records: Sequence[Waiting], _incident: bool) -> bytes:
    return sii_message(payer, _entries(records))


def _fits_sii(records: Sequence[Waiting]) -> int:
    return uniform(_entries(records))


def _entries(records: Sequence[Waiting]) -> list[Entry]:
    return [Entry(_COMMUNICATIONS[row.kind], row.xml.encode()) for row in records]


SYSTEMS: Mapping[str, System] = MappingProxyType(
    {
        VERIFACTU: System(MAX_RECORDS, _verifactu, read_answer, endpoint),
        SII: System(MAX_ENTRIES, _sii, read_sii_answer, sii_endpoint, _fits_sii),
    }
)
SUBMITTED = tuple(SYSTEMS)
