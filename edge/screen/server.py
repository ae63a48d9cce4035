"""Serves the screen on the loopback interface inside the agent's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import structlog
import uvicorn

from edge.config import ScreenConfig
from edge.screen.app import create_app
from edge.store import Store

log = structlog.get_logger("edge.screen")

HOST = "127.0.0.1"
CLOSE_S = 5


class ScreenError(Exception):
    """The screen cannot be served; the text names the port."""


class _Server(uvicorn.Server):
    """Leaves the signals to the agent."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ScreenServer:
    """The screen's port and its server. The port is taken at once, so that a taken one is known at once."""

    def __init__(self, config: ScreenConfig, store: Store, status: Callable[[], dict[str, object]]) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, config.port))
        except OSError as error:
            self._socket.close()
            raise ScreenError(f"screen.port {config.port}: {error}") from error
        self.port = int(self._socket.getsockname()[1])
        settings = uvicorn.Config(
            create_app(config, store, status),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=CLOSE_S,
        )
        self._server = _Server(settings)
        self._ended = asyncio.Event()
        self._ended.set()

    @property
    def url(self) -> str:
        """Where the reader finds the screen."""
        return f"http://{HOST}:{self.port}/"

    async def run(self) -> None:
        """Serve until stopped."""
        self._ended.clear()
        log.info("screen", url=self.url)
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()
            self._ended.set()

    async def stop(self) -> None:
        """Answer what was asked, then close the port."""
        self._server.should_exit = True
        await self._ended.wait()
        self._socket.close()
