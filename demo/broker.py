"""The MQTT broker of the embedded default: inside this process, on a free loopback port, kept in memory.

It may lose what it holds when it stops; nothing depends on it, because an agent prunes only what the centre has
committed. In service a real broker stands here.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amqtt.broker import Broker

ANONYMOUS = "amqtt.plugins.authentication.AnonymousAuthPlugin"


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def embedded_broker(port: int) -> AsyncIterator[Broker]:
    """A running broker on 127.0.0.1:``port`` for the length of the block."""
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {ANONYMOUS: {"allow_anonymous": True}},
        }
    )
    await broker.start()
    try:
        yield broker
    finally:
        await broker.shutdown()
