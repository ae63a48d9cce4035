"""The words of work orders: what may be ordered, why, and how far it is."""

from typing import NamedTuple

from central.store.models import ReadingKind

READ, INSPECT, SEAL, REPLACE = "read", "inspect", "seal", "replace"
INSTALL, REMOVE, CUT, RECONNECT = "install", "remove", "cut", "reconnect"


class Kind(NamedTuple):
    """What a kind of order needs: whether a meter must hang there (None: either), and why it may be ordered."""

    hangs: bool | None
    causes: tuple[str, ...]


_USUAL = ("staff", "finding", "contract")
KINDS = {
    READ: Kind(True, (*_USUAL, "reread")),
    INSPECT: Kind(None, _USUAL),
    SEAL: Kind(True, _USUAL),
    REPLACE: Kind(True, (*_USUAL, "age")),
    INSTALL: Kind(False, _USUAL),
    REMOVE: Kind(True, _USUAL),
    CUT: Kind(None, ("debt", "contract", "safety", "request")),
    RECONNECT: Kind(None, ("paid", "contract", "staff", "request")),
}

PLANNED, SENT, ACCEPTED = "planned", "sent", "accepted"
DONE, IMPOSSIBLE, CANCELLED = "done", "impossible", "cancelled"
OPEN = (PLANNED, SENT, ACCEPTED)
STATUSES = (PLANNED, SENT, ACCEPTED, DONE, IMPOSSIBLE, CANCELLED)

# What a report may say became of it.
NEW, APPLIED, CONFLICT, DISMISSED = "new", "applied", "conflict", "dismissed"

# Why an order could not be done, as the reader's terminal names it.
REASONS = {
    "01": "ausente",
    "02": "cerrado o sin acceso",
    "04": "roto o empañado",
    "05": "no se encuentra",
    "06": "no hay contador",
    "07": "contador cambiado",
    "14": "perro o peligro",
    "15": "obra o derribo",
    "17": "se dejó nota de autolectura",
    "18": "inundado o arqueta",
    "19": "telelectura sin señal",
    "20": "batería agotada",
}


def reading_kind(order_details: dict[str, object]) -> ReadingKind:
    """How an index read with an order is kept: as a final one where a contract ends with it."""
    return ReadingKind.FINAL if order_details.get("final") else ReadingKind.TYPED
