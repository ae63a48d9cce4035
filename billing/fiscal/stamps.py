"""The instant that a record states."""

from datetime import datetime

from billing.fiscal.port import FiscalError
from billing.volume.period import MADRID


def stamp_of(at: datetime) -> str:
    """FechaHoraHusoGenRegistro: local time in whole seconds with its offset."""
    if at.tzinfo is None:
        raise FiscalError(f"at {at.isoformat()}: must carry a time zone")
    return at.astimezone(MADRID).replace(microsecond=0).isoformat()
