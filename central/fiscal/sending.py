"""Sends what is due, message after message, and records what came of it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine, select

from billing.fiscal import AgencyFaultError, Environment, FiscalError, endpoint, read_answer
from central.config import AgencyConfig
from central.fiscal import queue
from central.fiscal.agency import Agency, LineError
from central.invoicing.settings import RunSettings, settings_for
from central.store import read_session, write_session
from central.store.models import Utility

log = structlog.get_logger("fiscal")

SUBMITTED = "verifactu"
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one message; ``error`` is empty where it was answered."""

    utility_id: int
    records: int
    attempt: int
    incident: bool
    verdicts: dict[str, int]
    error: str = ""


def send_all(engine: Engine, agency: Agency, config: AgencyConfig, clock: Clock = utc_now) -> list[Sent]:
    """Everything that is due, of every utility that submits."""
    return [
        sent for utility_id, url in _lines(engine, config) for sent in send_due(engine, utility_id, agency, url, clock)
    ]


def send_due(engine: Engine, utility_id: int, agency: Agency, url: str, clock: Clock = utc_now) -> Iterator[Sent]:
    """One utility's messages, until none is due; a failure ends it."""
    while True:
        with write_session(engine) as session:
            message = queue.take(session, utility_id, SUBMITTED, clock())
        if message is None:
            return
        sent = _send(engine, message, agency, url, clock)
        log.info("submitted", utility=utility_id, records=sent.records, attempt=sent.attempt, error=sent.error)
        yield sent
        if sent.error:
            return


def _send(engine: Engine, message: queue.Message, agency: Agency, url: str, clock: Clock) -> Sent:
    verdicts: dict[str, int] = {}
    error, interrupted = "", False
    try:
        content = agency.send(url, message.envelope)
        answer = read_answer(content)
        with write_session(engine) as session:
            verdicts = queue.settle(session, message, answer, content, clock())
    except LineError as problem:
        error, interrupted = str(problem), True
    except AgencyFaultError as problem:
        error, interrupted = str(problem), problem.server
    except FiscalError as problem:
        error = str(problem)
    except queue.LostClaimError as problem:
        return Sent(message.utility_id, message.records, message.attempt, message.incident, {}, str(problem))
    if error:
        with suppress(queue.LostClaimError), write_session(engine) as session:
            queue.put_back(session, message, error, clock(), interrupted=interrupted)
    return Sent(message.utility_id, message.records, message.attempt, message.incident, verdicts, error)


def _lines(engine: Engine, config: AgencyConfig) -> list[tuple[int, str]]:
    """The utilities that submit, with the address each one's messages go to."""
    with read_session(engine) as session:
        rows = session.execute(select(Utility.id, Utility.settings).order_by(Utility.id)).all()
    found = [(utility_id, settings_for(settings, {})) for utility_id, settings in rows]
    return [
        (utility_id, address(settings, config)) for utility_id, settings in found if settings.fiscal.system == SUBMITTED
    ]


def address(settings: RunSettings, config: AgencyConfig) -> str:
    """Where a utility's messages go: the address configured, or the agency's own of its environment."""
    environment = settings.fiscal.config.environment if settings.fiscal.config else Environment.TEST
    return config.url or endpoint(environment, seal=config.seal)
