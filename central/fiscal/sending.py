"""Sends what is due, message after message, and records what came of it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine, select

from billing.fiscal import AgencyFaultError, Environment, FiscalError
from central.config import AgencyConfig
from central.fiscal import queue, supply
from central.fiscal.agency import Agency, LineError
from central.fiscal.systems import SII, SUBMITTED, SYSTEMS, VERIFACTU
from central.invoicing import regimes
from central.invoicing.settings import FiscalSettings
from central.store import read_session, write_session
from central.store.models import Utility

log = structlog.get_logger("fiscal")

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
    """Everything that is due, of every utility that submits, in each system it uses or has used."""
    found: list[Sent] = []
    for utility_id, system, url in _lines(engine, config):
        if system == SII:
            refused = supply.enlist(engine, utility_id, clock()).refused
            for number, reason in refused.items():
                log.error("not supplied", utility=utility_id, invoice=number, error=reason)
        found += send_due(engine, utility_id, agency, url, clock, system=system)
    return found


def send_due(
    engine: Engine, utility_id: int, agency: Agency, url: str, clock: Clock = utc_now, *, system: str = VERIFACTU
) -> Iterator[Sent]:
    """One utility's messages in one system, until none is due; a failure ends it."""
    while True:
        with write_session(engine) as session:
            message = queue.take(session, utility_id, system, clock())
        if message is None:
            return
        sent = _send(engine, message, agency, url, clock)
        log.info(
            "submitted", utility=utility_id, system=system, records=sent.records, attempt=sent.attempt, error=sent.error
        )
        yield sent
        if sent.error:
            return


def _send(engine: Engine, message: queue.Message, agency: Agency, url: str, clock: Clock) -> Sent:
    verdicts: dict[str, int] = {}
    error, interrupted = "", False
    try:
        content = agency.send(url, message.envelope)
        answer = SYSTEMS[message.system].read(content)
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


def _lines(engine: Engine, config: AgencyConfig) -> list[tuple[int, str, str]]:
    """The utilities that submit, by system, with the address each one's messages go to."""
    with read_session(engine) as session:
        ids = session.scalars(select(Utility.id).order_by(Utility.id)).all()
        used = [(utility_id, regimes.systems_of(session, utility_id)) for utility_id in ids]
    return [
        (utility_id, system, address(settings, config))
        for utility_id, systems in used
        for system, settings in systems.items()
        if system in SUBMITTED
    ]


def address(settings: FiscalSettings, config: AgencyConfig) -> str:
    """Where messages of a system go: the address configured, or the agency's own of its environment."""
    own = settings.sii if settings.system == SII else settings.config
    environment = own.environment if own else Environment.TEST
    stated = config.sii_url if settings.system == SII else config.url
    return stated or SYSTEMS[settings.system].address(environment, seal=config.seal)
