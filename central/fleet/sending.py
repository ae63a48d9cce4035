"""The centre's own work in the street, round after round: settle what was reported, watch cuts, tell devices."""

import asyncio
from datetime import datetime

import structlog
from sqlalchemy import Engine

from central.config import BrokerConfig
from central.fleet import mail, watch
from central.fleet.outcomes import settle_all
from central.reading.mqtt import open_publisher
from central.reading.routes import Message
from central.register.errors import RegisterError
from central.register.keys import KeyRing
from central.store import read_session, write_session

log = structlog.get_logger("central.fleet")


def settle_and_watch(engine: Engine, ring: KeyRing | None, now: datetime) -> int:
    """Settle every new report and look after cuts and reconnections; returns how many reports were settled."""
    settled = settle_all(engine, ring, now)
    with read_session(engine) as session:
        found = watch.utilities(session)
    for utility_id in found:
        try:
            with write_session(engine) as session:
                withdrawn, ordered = watch.watch(session, utility_id, now)
        except RegisterError as error:
            # One utility's settings must not keep the others' devices from being told.
            log.error("cuts not watched", utility=utility_id, error=str(error))
            continue
        if withdrawn or ordered:
            log.info("cuts watched", utility=utility_id, withdrawn=withdrawn, reconnections=ordered)
    return settled


def prepared(engine: Engine, now: datetime) -> list[tuple[mail.Due, Message | None]]:
    """What devices are to be told, with the messages that tell it."""
    with read_session(engine) as session:
        return [(one, mail.message_of(session, one, now)) for one in mail.due(session)]


def told(engine: Engine, one: mail.Due, now: datetime) -> None:
    """Note that a message is on the broker."""
    with write_session(engine) as session:
        mail.mark_sent(session, one, now)


async def tell_devices(engine: Engine, config: BrokerConfig, now: datetime) -> int:
    """Leave the newest of what devices are to be told on the broker, retained; returns how many messages.

    Told first and noted afterwards: an interruption in between tells it once more. Raises :class:`aiomqtt.MqttError`.
    """
    waiting = await asyncio.to_thread(prepared, engine, now)
    if not waiting:
        return 0
    async with open_publisher(config, f"{config.client_id}-street") as client:
        for one, message in waiting:
            if message is not None:
                await client.publish(message.topic, message.payload, qos=1, retain=True)
            await asyncio.to_thread(told, engine, one, now)
    return len(waiting)
