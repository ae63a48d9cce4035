"""Stored telegrams decoded again: a compact frame with the format that its meter's full telegrams show."""

from collections.abc import Iterator

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from central.store.models import Telegram
from protocols import wmbus

# Full frames come every few telegrams; a meter that has sent none in so many is not waited for.
NEAREST = 200


class StoredTelegrams:
    """Decodes the telegrams of a utility; what one teaches is there for the next."""

    def __init__(self, session: Session, utility_id: int, keys: wmbus.KeyProvider) -> None:
        self._session = session
        self._utility_id = utility_id
        self._keys = keys
        self._formats = wmbus.FormatStore()

    def decode(self, frame: bytes, meter_id: int | None, received_ms: int) -> wmbus.Telegram:
        """A telegram of the store, ``received_ms`` its instant there."""
        telegram = self._decode(frame)
        if telegram.format_state != "compact_waiting" or meter_id is None:
            return telegram
        for other in self._others(meter_id, received_ms):
            known = len(self._formats)
            self._decode(other)
            if len(self._formats) > known:
                telegram = self._decode(frame)
            if telegram.ok:
                break
        return telegram

    def _decode(self, frame: bytes) -> wmbus.Telegram:
        # What devices send has been freed of its CRCs by their receivers.
        return wmbus.decode(frame, self._keys, formats=self._formats, link="none")

    def _others(self, meter_id: int, received_ms: int) -> Iterator[bytes]:
        """The meter's telegrams before this one, newest first, then those behind it."""
        heard = self._heard(meter_id)
        before = heard.where(Telegram.received_ms < received_ms).order_by(Telegram.received_ms.desc())
        behind = heard.where(Telegram.received_ms > received_ms).order_by(Telegram.received_ms)
        yield from self._session.scalars(before.limit(NEAREST))
        yield from self._session.scalars(behind.limit(NEAREST))

    def _heard(self, meter_id: int) -> Select[bytes]:
        return select(Telegram.frame).where(Telegram.utility_id == self._utility_id, Telegram.meter_id == meter_id)
