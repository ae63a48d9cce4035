"""The agent as its users start it: a process with a configuration file."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

PIN = "2468"
ROOT = Path(__file__).parents[2]

# The commands of this room alone, so that its tests need no other room.
COMMAND = "import sys, typer, edge.cli; app = typer.Typer(); edge.cli.register(app); app(sys.argv[1:])"


def sgc(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the agent to its end."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, timeout=120, cwd=ROOT
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AgentProcess:
    """``sgc edge run`` in a folder; may be killed and started again."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.config = folder / "edge.toml"
        self.port = free_port()
        self.config.write_text(f'{text}\n[screen]\npin = "{PIN}"\nport = {self.port}\n')
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "agent.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, "edge", "run", "--config", self.config], stderr=log, cwd=ROOT
            )

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    async def stop(self) -> int:
        """End the agent as systemd would; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return await asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    def clean_up(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    async def status(self) -> dict[str, object]:
        """``/api/status``, or nothing while the agent does not answer."""
        try:
            async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
                found: dict[str, object] = (await client.get(f"{self.url}/api/status")).json()
                return found
        except httpx.HTTPError:
            return {}

    async def until(self, **wanted: object) -> dict[str, object]:
        """Wait until the status says all of that."""
        async with asyncio.timeout(60):
            while True:
                found = await self.status()
                if found and all(found.get(name) == value for name, value in wanted.items()):
                    return found
                await asyncio.sleep(0.05)
