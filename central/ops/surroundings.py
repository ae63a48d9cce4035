"""What the centre stands on outside its database: clock, secrets, certificates, backups. One finding for each."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from sqlalchemy import Engine, func, select

from central.config import Config
from central.ops.backup import BackupError, newest_backup
from central.ops.finding import Finding
from central.store.models import Reading
from central.times import instant_of

MOST_SKEW = timedelta(seconds=5)
EXPIRES_SOON = timedelta(days=21)


def clock(engine: Engine, now: datetime) -> Finding:
    """This machine's clock against the database server's, and against the newest reading that was recorded."""
    with engine.connect().execution_options(sgc_write=False) as connection:
        theirs = connection.scalar(select(func.now())) if engine.dialect.name == "postgresql" else None
        newest = connection.scalar(select(func.max(Reading.recorded_ms)).where(Reading.recorded_ms > 0))
    if theirs is not None and abs(theirs - now) > MOST_SKEW:
        apart = int((now - theirs).total_seconds())
        return Finding("clock", False, f"{apart:+} s from the database server's", "let chrony or ntpd set both clocks")
    if newest is not None and instant_of(newest) > now + MOST_SKEW:
        text = f"{_said(now)}, but a reading was recorded at {_said(instant_of(newest))}"
        return Finding("clock", False, text, "set this machine's clock: it is behind")
    return Finding("clock", True, _said(now))


def secrets(config: Config) -> Iterator[Finding]:
    """Files that only their owner may read."""
    broker = config.broker
    files = {
        "keys.file": config.keys and config.keys.file,
        "broker.password_file": broker and broker.password_file,
        "broker.tls.key_file": broker and broker.tls and broker.tls.key_file,
    }
    for field, name in files.items():
        if not name:
            continue
        path = Path(name)
        if not path.is_file():
            yield Finding("secrets", False, f"{field}: {path} is missing", "put it in its place, or correct the path")
        elif mode := stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Finding("secrets", False, f"{field}: {path} is open to others ({mode:03o})", f"chmod 600 {path}")
        else:
            yield Finding("secrets", True, f"{field}: {path} is its owner's only")


def certificates(config: Config, now: datetime) -> Iterator[Finding]:
    """How long the broker's certificates are still good."""
    tls = config.broker.tls if config.broker else None
    for name in filter(None, (tls.ca_file, tls.certificate_file) if tls else ()):
        try:
            found = x509.load_pem_x509_certificates(Path(name).read_bytes())
        except (OSError, ValueError) as error:
            yield Finding("certificate", False, f"{name}: {error}", "put a PEM certificate there")
            continue
        ends = min(one.not_valid_after_utc for one in found)
        soon = ends - now < EXPIRES_SOON
        remedy = "renew it and put it in its place" if soon else ""
        yield Finding("certificate", not soon, f"{name}: good until {ends:%Y-%m-%d}", remedy)


def backup(config: Config, now: datetime) -> Finding:
    """How old the newest backup is."""
    if config.backup is None:
        return Finding(
            "backup", False, "no [backup] is configured", "name its folder, and let a timer make one a night"
        )
    folder = Path(config.backup.folder)
    try:
        newest = newest_backup(folder)
    except BackupError as error:
        return Finding("backup", False, str(error), "remove the damaged one and make another: sgc central backup")
    if newest is None:
        return Finding("backup", False, f"{folder}: none", "sgc central backup")
    hours = (now - newest[1].made_at) // timedelta(hours=1)
    old = hours > config.backup.most_hours
    text = f"{newest[0].name}, {hours} h old" + (f", at most {config.backup.most_hours} h are allowed" if old else "")
    return Finding("backup", not old, text, "look at the timer's log, then: sgc central backup" if old else "")


def _said(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
