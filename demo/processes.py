"""The rooms as processes of this machine, each running its own ``sgc`` command with a log file of its own."""

import asyncio
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

GRACE_SECONDS = 15


class ProcessError(RuntimeError):
    """A room's process ended when it should not have; the text names it, its exit code and its last words."""


@dataclass
class Room:
    """One running command."""

    name: str
    arguments: tuple[str, ...]
    log: Path
    process: asyncio.subprocess.Process
    stopping: bool = False

    def last_words(self, lines: int = 3) -> str:
        """The end of its log, on one line."""
        text = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return " | ".join(text[-lines:]) or "nothing"

    def check(self) -> None:
        """Raise :class:`ProcessError` where the process has ended unasked."""
        if self.process.returncode is not None and not self.stopping:
            raise ProcessError(
                f"{self.name}: ended with code {self.process.returncode}, must run until told to stop "
                f"(log {self.log}: {self.last_words()})"
            )


@dataclass
class Rooms:
    """Every process that was started; stops them in reverse order."""

    logs: Path
    running: list[Room] = field(default_factory=list)

    async def start(self, name: str, *arguments: str) -> Room:
        """Run ``sgc ARGUMENTS`` and append what it says to ``<logs>/<name>.log``."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "sgc", *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        room = Room(name, arguments, log, process)
        self.running.append(room)
        return room

    def check(self) -> None:
        """Raise :class:`ProcessError` where any process has ended unasked."""
        for room in self.running:
            room.check()

    async def stop(self, room: Room) -> None:
        """Ask one process to end (SIGTERM) and wait; insist after a grace."""
        room.stopping = True
        if room.process.returncode is None:
            room.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(room.process.wait(), GRACE_SECONDS)
            except TimeoutError:
                room.process.kill()
                await room.process.wait()
        if room in self.running:
            self.running.remove(room)

    async def stop_all(self) -> None:
        """Stop everything, the last started first."""
        for room in reversed(list(self.running)):
            await self.stop(room)
