"""Delivers what is due: endpoints side by side, the messages of one endpoint one after the other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Protocol

import structlog
from sqlalchemy import Engine

from central.config import WebhooksConfig
from central.register.keys import KeyFileError, KeyRing
from central.store import read_session, write_session
from central.webhooks import queue, signing
from central.webhooks.address import AddressError, Guard, Pinned
from central.webhooks.queue import Answer, Due, LostClaimError, Work
from central.webhooks.sending import Post, Sender

log = structlog.get_logger("webhooks")

NO_KEYS = "the central service has no key file ([keys] file), which the secrets of webhooks are sealed under"
Clock = Callable[[], datetime]
Count = Callable[[str], None]


class Line(Protocol):
    """What sends a message and brings its answer."""

    def send(self, post: Post) -> Answer:
        """Send and wait; never raises for what the other side does."""


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


class Courier:
    """Delivers from a database; ``ring`` opens the secrets. Several, here and elsewhere, share the work."""

    def __init__(
        self,
        engine: Engine,
        ring: KeyRing | None,
        config: WebhooksConfig,
        *,
        clock: Clock = utc_now,
        count: Count = lambda _: None,
    ) -> None:
        self._engine, self._ring, self._config = engine, ring, config
        self._guard = Guard.of(config)
        self._clock, self._count = clock, count
        self._disable_after = timedelta(days=config.disable_days)
        self.stopping = Event()

    def deliver(self) -> int:
        """Send everything that is due now, on as many threads as it takes; returns how many tries were made."""
        with read_session(self._engine) as session:
            threads = queue.ready(session, self._clock(), self._config.workers)
        if not threads:
            return 0
        with ThreadPoolExecutor(threads, thread_name_prefix="webhooks") as pool:
            return sum(pool.map(lambda _: self._share(), range(threads)))

    def _share(self) -> int:
        """One thread's part: endpoint after endpoint until none is ready."""
        tries = 0
        with Sender(self._config.timeout_s) as sender:
            while not self.stopping.is_set():
                with write_session(self._engine) as session:
                    work = queue.take(session, self._clock())
                if work is None:
                    break
                tries += self.serve(work, sender)
        return tries

    def serve(self, work: Work, line: Line) -> int:
        """Send an endpoint what is due at it, until it should be left alone; returns how many tries were made."""
        tries = 0
        with suppress(LostClaimError):
            try:
                secrets = self._secrets(work)
            except KeyFileError as error:
                log.error("webhook cannot be signed", endpoint=work.endpoint_id, error=str(error))
                with write_session(self._engine) as session:
                    queue.postpone(session, work, str(error), self._clock())
                return 0
            for due in work.due:
                answer = self._try(work, due, secrets, line)
                tries += 1
                if not self._settled(work, due, answer) or self.stopping.is_set():
                    break
            with write_session(self._engine) as session:
                queue.release(session, work)
        return tries

    def _try(self, work: Work, due: Due, secrets: list[bytes], line: Line) -> Answer:
        try:
            pinned: Pinned = self._guard.pin(work.url)
        except AddressError as error:
            return Answer(None, error=str(error))
        signed = signing.headers(due.message, int(self._clock().timestamp()), due.body, secrets)
        return line.send(Post(pinned, signed, due.body))

    def _settled(self, work: Work, due: Due, answer: Answer) -> bool:
        with write_session(self._engine) as session:
            goes_on = queue.settle(session, work, due, answer, self._clock(), self._disable_after)
        fate = "delivered" if answer.taken else "refused" if answer.status is not None else "unanswered"
        self._count(fate)
        log.info("webhook", endpoint=work.endpoint_id, message=due.message, status=answer.status, error=answer.error)
        return goes_on

    def _secrets(self, work: Work) -> list[bytes]:
        if self._ring is None:
            raise KeyFileError(NO_KEYS)
        found = [signing.unseal(self._ring, work.endpoint_id, sealed) for sealed in work.secrets]
        if not found:
            raise KeyFileError(f"webhook {work.endpoint_id}: no secret holds any more; rotate it")
        return found

    def prune(self) -> int:
        """Forget what is older than the configured days."""
        with write_session(self._engine) as session:
            return queue.prune(session, self._clock() - timedelta(days=self._config.keep_days))
