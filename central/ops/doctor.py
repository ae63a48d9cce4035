"""Looks at everything the centre needs and says what is wrong, one line each."""

import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from central.access import AccessError
from central.access.factors import without_factor
from central.config import Config, ConfigError
from central.fiscal import queries as fiscal
from central.fiscal import supply
from central.fiscal.agency import tls_context
from central.fiscal.events import silent
from central.ops import surroundings
from central.ops.finding import Finding
from central.reading import quarantine
from central.register.keys import KeyFileError, KeyRing, Sealed
from central.store import guards, open_engine, read_session, schema_version
from central.store.migrate import newest_version
from central.store.models import Device, Meter, MeterKey, Utility
from central.store.partitions import PARTITIONED, missing_partitions
from central.times import DAY_MS, local_day, millis

LEAST_FREE_BYTES = 1 << 30
CONNECT_S = 5.0
STALE = timedelta(days=14)


def examine(config: Config) -> Iterator[Finding]:
    """Look at database and contents, clock, disk, secrets, certificates, backup and broker."""
    now = datetime.now(UTC)
    engine = open_engine(config.database.url)
    try:
        found = _database(engine)
        yield found
        if found.ok:
            yield from _contents(config, engine)
            yield surroundings.clock(engine, now)
        yield from _disk(config)
        yield from surroundings.secrets(config)
        yield from surroundings.certificates(config, now)
        yield surroundings.backup(config, now)
        if config.broker:
            yield _reachable(config.broker.host, config.broker.port)
        else:
            yield Finding("broker", False, "no [broker] is configured", "name host and port in the configuration")
    finally:
        engine.dispose()


def _database(engine: Engine) -> Finding:
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file and not Path(file).is_file():
        # Opening it would make it.
        return Finding("database", False, f"{file}: no such file", "sgc central migrate")
    try:
        version = schema_version(engine)
    except SQLAlchemyError as error:
        return Finding("database", False, str(error).splitlines()[0], "start it, or correct database.url")
    if version != newest_version():
        return Finding(
            "database", False, f"schema {version}, this program needs {newest_version()}", "sgc central migrate"
        )
    with engine.connect().execution_options(sgc_write=False) as connection:
        if not guards.are_current(connection):
            return Finding("database", False, "its guards are not those of this program", "sgc central migrate")
    return Finding("database", True, f"{engine.dialect.name}, schema {version}")


def _contents(config: Config, engine: Engine) -> Iterator[Finding]:
    checks: tuple[Callable[[Config, Session], Finding], ...] = (
        _keys,
        _quarantine,
        _devices,
        _stray_rows,
        _coming,
        _fiscal,
        _factors,
    )
    with read_session(engine) as session:
        for check in checks:
            yield check(config, session)


def _keys(config: Config, session: Session) -> Finding:
    query = select(Meter.address, MeterKey.kek, MeterKey.nonce, MeterKey.sealed).join(
        MeterKey, (MeterKey.utility_id == Meter.utility_id) & (MeterKey.meter_id == Meter.id)
    )
    sealed = session.execute(query.where(MeterKey.retired_at.is_(None)).limit(1)).first()
    if config.keys is None:
        if sealed is None:
            return Finding("keys", True, "no meter key is registered and no key file configured")
        return Finding("keys", False, "meter keys are registered, no key file is configured", "name it under [keys]")
    try:
        ring = KeyRing.load(Path(config.keys.file))
        if sealed is not None:
            ring.open(sealed[0], Sealed(*sealed[1:]))
    except KeyFileError as error:
        return Finding("keys", False, str(error), "put the key file of this database in its place")
    return Finding("keys", True, f"current key {ring.current}")


def _quarantine(_config: Config, session: Session) -> Finding:
    kinds = quarantine.count_open(session)
    if not kinds:
        return Finding("quarantine", True, "nothing open")
    counted = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    return Finding("quarantine", False, f"open: {counted}", "sgc central quarantine list")


def _devices(_config: Config, session: Session) -> Finding:
    """Devices in service from which nothing has come for long."""
    limit = millis(datetime.now(UTC) - STALE)
    query = (
        select(Device.name)
        .where(Device.revoked_at.is_(None), func.coalesce(Device.last_batch_ms, 0) < limit)
        .where(Device.enrolled_at < datetime.now(UTC) - STALE)
        .order_by(Device.name)
    )
    silent = session.scalars(query).all()
    if not silent:
        return Finding("devices", True, f"each sent something in the last {STALE.days} days")
    more = f" and {len(silent) - 5} more" if len(silent) > 5 else ""
    text = f"nothing for {STALE.days} days from {', '.join(silent[:5])}{more}"
    return Finding("devices", False, text, "ask for the device, or take it out of service: sgc central device revoke")


def _coming(_config: Config, session: Session) -> Finding:
    """Whether this month's and the next month's rows have partitions to go to."""
    now_ms = millis(datetime.now(UTC))
    missing = missing_partitions(session.connection(), [now_ms, now_ms + 31 * DAY_MS])
    if not missing:
        return Finding("months", True, "this month's and the next one's partitions are there")
    names = ", ".join(partition.name for partition in missing)
    return Finding("months", False, f"missing: {names}", "let sgc central run: it makes them")


def _factors(_config: Config, session: Session) -> Finding:
    """Whoever moves money or lets others in, and is let in by a password alone."""
    try:
        lacking = [
            user for place in session.scalars(select(Utility.id)).all() for user in without_factor(session, place)
        ]
    except AccessError as error:
        return Finding("second factors", False, str(error), "sgc central user policy sets the rules: nobody gets in")
    if not lacking:
        return Finding("second factors", True, "every user whose role needs one has one")
    # Who lets others in first: the rest depends on them.
    lacking.sort(key=lambda user: (user.role != "admin", user.login))
    more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
    text = f"none for {', '.join(f'{user.login} ({user.role})' for user in lacking[:5])}{more}"
    return Finding(
        "second factors", False, text, "let them add one under Seguridad; sgc central user policy has the rules"
    )


def _stray_rows(_config: Config, session: Session) -> Finding:
    """Rows of the default partitions lie outside every month: some device's clock is far off."""
    if session.get_bind().dialect.name != "postgresql":
        return Finding("partitions", True, "none on SQLite")
    rows = {
        table: session.scalar(select(func.count()).select_from(text(f"{table}_default"))) or 0 for table in PARTITIONED
    }
    if not any(rows.values()):
        return Finding("partitions", True, "every row lies in a month's partition")
    counted = ", ".join(f"{number} in {table}_default" for table, number in rows.items() if number)
    return Finding("partitions", False, counted, "look for devices whose clock is wrong")


def _fiscal(config: Config, session: Session) -> Finding:
    """Records that the tax agency rejected, a line that fails, a certificate that cannot be used."""
    if config.agency is not None:
        try:
            tls_context(config.agency)
        except ConfigError as error:
            return Finding("fiscal", False, str(error), "put a valid certificate in its place")
    depth, troubled = fiscal.depth(session), fiscal.troubled(session)
    if troubled:
        return Finding("fiscal", False, troubled[0].error, "mend it, then sgc central fiscal retry")
    if depth.rejected:
        return Finding(
            "fiscal", False, f"{depth.rejected} rejected records", "sgc central fiscal list --state rejected"
        )
    today = local_day(millis(datetime.now(UTC)))
    utilities = session.scalars(select(Utility.id).order_by(Utility.id)).all()
    late = sum(len(supply.overdue(session, utility_id, today)) for utility_id in utilities)
    if late:
        text = f"{late} invoices are late for the SII"
        return Finding("fiscal", False, text, "sgc central fiscal status --system sii says which")
    if config.seal is None and silent(session, datetime.now(UTC)):
        return Finding("fiscal", False, "records are kept unsigned: no [seal] is configured", "configure it")
    if depth.records and config.agency is None:
        return Finding("fiscal", False, f"{depth.records} records wait and no [agency] is configured", "configure it")
    return Finding("fiscal", True, f"{depth.records} records wait")


def _disk(config: Config) -> Iterator[Finding]:
    url = make_url(config.database.url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return
    free = shutil.disk_usage(Path(url.database).parent).free
    yield Finding("disk", free >= LEAST_FREE_BYTES, f"{free >> 20} MiB free", "make room beside the database")


def _reachable(host: str, port: int) -> Finding:
    try:
        socket.create_connection((host, port), timeout=CONNECT_S).close()
    except OSError as error:
        return Finding("broker", False, f"{host}:{port}: {error}", "start it, or correct [broker]")
    return Finding("broker", True, f"{host}:{port} accepts connections")
