"""What the demonstration shows while it works: bars on a terminal, one plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

EVERY_SECONDS = 5.0


@dataclass
class Stage:
    """One piece of work with a known or growing total."""

    title: str
    total: int
    done: int = 0


@dataclass
class Screen:
    """Progress on standard error; standard output stays for the result."""

    quiet: bool = False
    console: Console = field(default_factory=lambda: Console(stderr=True))
    seconds: dict[str, float] = field(default_factory=dict)
    _progress: Progress | None = None
    _tasks: dict[str, TaskID] = field(default_factory=dict)
    _last: float = 0.0

    @contextmanager
    def stage(self, key: str, title: str, total: int = 0) -> Iterator[None]:
        """Time and show one stage; nested updates go to :meth:`update` under the same key."""
        started = time.monotonic()
        self._open(key, title, total)
        try:
            yield
        finally:
            self.seconds[key] = round(time.monotonic() - started, 2)
            self._close(key, title)

    def update(self, key: str, done: int, total: int | None = None) -> None:
        """Show how far the stage is."""
        if self._progress is not None:
            self._progress.update(self._tasks[key], completed=done, total=total)
        elif not self.quiet and time.monotonic() - self._last > EVERY_SECONDS:
            self._last = time.monotonic()
            self._line(f"  {key}: {done}" + (f" / {total}" if total else ""))

    def say(self, text: str) -> None:
        """A line for the person watching."""
        if not self.quiet:
            self.console.print(text, highlight=False)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Bars while the block runs, where there is a terminal to draw them on."""
        if self.quiet or not self.console.is_terminal:
            yield
            return
        columns = (TextColumn("{task.description:<44}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as self._progress:
            yield
        self._progress = None

    def _open(self, key: str, title: str, total: int) -> None:
        if self._progress is not None:
            self._tasks[key] = self._progress.add_task(title, total=total or None)
        elif not self.quiet:
            self._line(title)

    def _close(self, key: str, title: str) -> None:
        if self._progress is not None:
            task = self._progress.tasks[self._progress.task_ids.index(self._tasks[key])]
            total = task.total or task.completed or 1
            self._progress.update(self._tasks[key], total=total, completed=total)
        elif not self.quiet:
            self._line(f"{title}: {self.seconds[key]} s")

    def _line(self, text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
