"""The billable litres of a period from any mix of readings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.volume.meter import MeterPart, in_units
from billing.volume.period import Period
from billing.volume.pieces import Note, Piece
from billing.volume.policy import Policy
from billing.volume.readings import NO_PAST, Installation, Past, Reading

DEFAULT = Policy()


@dataclass(frozen=True, slots=True)
class Volume:
    """Billable litres, the pieces that add up to them, and what a clerk should know.

    ``closing`` is to be stored with the bill and handed to the next one as ``Past.closing``.
    """

    litres: int
    pieces: tuple[Piece, ...]
    estimated: bool
    notes: tuple[Note, ...]
    closing: Mapping[str, Reading]

    @property
    def index_litres(self) -> int:
        """The part that registers show; estimates for stopped meters are left out."""
        return sum(piece.index_litres for piece in self.pieces)


def determine(
    readings: Iterable[Reading],
    installations: Sequence[Installation],
    period: Period,
    policy: Policy = DEFAULT,
    past: Past = NO_PAST,
    handover: datetime | None = None,
) -> Volume:
    """Billable litres of ``period``: every meter that hung on the point, exchanges included.

    ``readings`` are the accepted ones (validation sets the rest aside beforehand), in any order and of any
    meter. The opening of a meter is ``past.closing`` where there is one, else its installation reading or
    the best reading at the period's start; the closing is its removal or the best reading at the end, and
    an estimate where there is none. Without any installation the volume is zero with a note.

    Where somebody else takes over when the period ends, readings up to ``handover`` may be looked at: without one
    taken on that day, what lies between the nearest ones before and after it is shared by days.
    """
    by_meter: dict[str, list[Reading]] = {}
    for reading in readings:
        by_meter.setdefault(reading.meter, []).append(in_units(reading, policy))
    closing = dict(past.closing)
    pieces: list[Piece] = []
    notes: list[Note] = []
    concerned = [installation for installation in installations if _concerns(installation, period, past)]
    for installation in sorted(concerned, key=lambda item: (item.start, item.meter)):
        part = MeterPart(installation, by_meter.get(installation.meter, []), period, policy, past, handover)
        part.settle()
        pieces += part.pieces
        notes += part.notes
        if part.closing is not None:
            closing[installation.meter] = part.closing
    if not concerned:
        notes.append(Note("no_meter", "", "No hay contador instalado en el período: 0 litros"))
    return Volume(
        litres=sum(piece.litres for piece in pieces),
        pieces=tuple(pieces),
        estimated=any(piece.estimated for piece in pieces),
        notes=tuple(dict.fromkeys(notes)),
        closing=closing,
    )


def _concerns(installation: Installation, period: Period, past: Past) -> bool:
    """Whether a meter hung here in the period, or was taken down earlier and is still unsettled."""
    if installation.start >= period.closes:
        return False
    if installation.end is None or installation.end > period.opens:
        return True
    last = past.closing.get(installation.meter)
    return last is not None and last.estimated
