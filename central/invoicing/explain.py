"""Telegrams behind billed readings, decoded byte by byte once and for all when a bill comes to depend on them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from central.invoicing.decoding import StoredTelegrams
from central.invoicing.evidence import Source
from central.invoicing.program import VERSION
from central.invoicing.states import RunError
from central.register import KeyRing
from central.register.keys import Sealed
from central.store.bulk import Row, add_missing_rows, chunks
from central.store.models import Meter, MeterKey, Telegram, TelegramExplanation
from protocols import wmbus
from protocols.wmbus.explain import explain_telegram

AT_ONCE = 500
KEY_MISSING = "key_missing"

_EXPLANATION = ("utility_id", "telegram_ms", "telegram_id", "decoder", "decoded", "spans", "recorded_at")


class MeterKeys:
    """Every key that meters of a utility ever had, newest first, opened when asked for."""

    def __init__(self, session: Session, utility_id: int, addresses: Sequence[str], ring: KeyRing | None) -> None:
        self._ring = ring
        self._sealed: dict[str, list[Sealed]] = {}
        for some in chunks(addresses, AT_ONCE):
            for address, kek, nonce, sealed in session.execute(_keys(utility_id, some)):
                self._sealed.setdefault(address, []).append(Sealed(kek, nonce, sealed))

    def keys_for(self, address: wmbus.Address, /) -> list[bytes]:
        """The keys of one meter; none without a key file."""
        name = str(address)
        return [] if self._ring is None else [self._ring.open(name, sealed) for sealed in self._sealed.get(name, ())]


def explain_readings(
    session: Session, utility_id: int, sources: Iterable[Source], ring: KeyRing | None, at: datetime
) -> list[Row]:
    """Rows for the telegrams behind ``sources`` that have none yet; reads only.

    RunError where a telegram is encrypted and there is no key file to open its meter's key with.
    """
    wanted = {
        (source.telegram_ms, source.telegram_id)
        for source in sources
        if source.telegram_ms is not None and source.telegram_id is not None
    }
    telegrams = list(_unexplained(session, utility_id, sorted(wanted)))
    keys = MeterKeys(session, utility_id, sorted({item.address for item in telegrams if item.address}), ring)
    stored = StoredTelegrams(session, utility_id, keys)
    return [_row(telegram, stored, ring, at) for telegram in telegrams]


def store(session: Session, rows: Sequence[Row]) -> None:
    """Keep explanations; those that another bill brought meanwhile stay."""
    add_missing_rows(session, TelegramExplanation, _EXPLANATION, rows)


def _keys(utility_id: int, addresses: Sequence[str]) -> Select[str, str, bytes, bytes]:
    return (
        select(Meter.address, MeterKey.kek, MeterKey.nonce, MeterKey.sealed)
        .join(MeterKey, and_(MeterKey.utility_id == Meter.utility_id, MeterKey.meter_id == Meter.id))
        .where(Meter.utility_id == utility_id, Meter.address.in_(addresses))
        .order_by(Meter.address, MeterKey.recorded_at.desc())
    )


def _row(telegram: Telegram, stored: StoredTelegrams, ring: KeyRing | None, at: datetime) -> Row:
    decoded = stored.decode(telegram.frame, telegram.meter_id, telegram.received_ms)
    if ring is None and decoded.security.state == KEY_MISSING:
        raise RunError(f"telegram of meter {telegram.address}: is encrypted and no key file was given to explain it")
    spans = [span._asdict() for span in explain_telegram(decoded, telegram.frame)]
    key = (telegram.utility_id, telegram.received_ms, telegram.id)
    return (*key, f"sgc {VERSION}", decoded.to_json(), spans, at)


def _unexplained(session: Session, utility_id: int, wanted: Sequence[tuple[int, int]]) -> Iterator[Telegram]:
    for some in chunks(wanted, AT_ONCE):
        keys = set(some)
        instants = sorted({ms for ms, _ in some})
        explained = select(TelegramExplanation.telegram_ms, TelegramExplanation.telegram_id).where(
            TelegramExplanation.utility_id == utility_id, TelegramExplanation.telegram_ms.in_(instants)
        )
        keys -= {(row.telegram_ms, row.telegram_id) for row in session.execute(explained)}
        if keys:
            heard = select(Telegram).where(
                Telegram.utility_id == utility_id,
                Telegram.received_ms.in_(sorted({ms for ms, _ in keys})),
                Telegram.id.in_(sorted({one for _, one in keys})),
            )
            yield from (row for row in session.scalars(heard) if (row.received_ms, row.id) in keys)
