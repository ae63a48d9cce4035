"""The centre's one configuration file (TOML) and what the environment may say instead of it.

Every table and key is a struct below; an unknown key is an error that names it. ``SGC_CENTRAL_<TABLE>_<KEY>`` overrides
a key, for example ``SGC_CENTRAL_DATABASE_URL``; its value is read as TOML where it is TOML and as text where it is not.
Without a file the defaults hold, which run on SQLite. Relative paths are relative to the file.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from central.store.engine import DEFAULT_URL

ENVIRONMENT = "SGC_CENTRAL_"


class ConfigError(ValueError):
    """The configuration cannot be used; the text names where, field, value and rule."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


Positive = Annotated[float, msgspec.Meta(gt=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class DatabaseConfig(_Section, frozen=True):
    """``[database]``: ``sqlite:///path`` or ``postgresql+psycopg://…``."""

    url: Text = DEFAULT_URL


class KeysConfig(_Section, frozen=True):
    """``[keys]``: the file with the key-encryption keys of meter keys; without it sealed telegrams stay sealed."""

    file: Text


class TlsConfig(_Section, frozen=True):
    """``[broker.tls]``: whom the centre trusts and how it proves itself."""

    ca_file: Text
    certificate_file: str | None = None
    key_file: str | None = None


class BrokerConfig(_Section, frozen=True):
    """``[broker]``: where batches arrive.

    ``shared`` names a shared subscription: workers with the same name share the load (MQTT 5). ``client_id`` must
    differ between workers and stay the same over restarts, so that the broker keeps what arrives meanwhile. Up to
    ``group_batches`` that have arrived are applied in one transaction.
    """

    host: Text
    port: Port = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    client_id: Text = "sgc-central"
    shared: str | None = None
    username: str | None = None
    password_file: str | None = None
    tls: TlsConfig | None = None
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    session_s: Annotated[int, msgspec.Meta(ge=0)] = 7 * 24 * 3600
    group_batches: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 32
    retry_first_s: Positive = 0.5
    retry_cap_s: Positive = 60.0
    stable_s: Positive = 30.0


class OpsConfig(_Section, frozen=True):
    """``[ops]``: the operations listener (health, readiness, metrics); port 0 takes a free one."""

    host: Text = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 9180


class ValidationConfig(_Section, frozen=True):
    """``[validation]``: how often new readings are validated while the service runs; 0 is never."""

    every_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0


class StreetConfig(_Section, frozen=True):
    """``[street]``: how often reports of orders are settled and devices told what is new; 0 is never."""

    every_s: Annotated[float, msgspec.Meta(ge=0)] = 5.0


class BackupConfig(_Section, frozen=True):
    """``[backup]``: where ``sgc central backup`` puts its copies, and how old the newest may become."""

    folder: Text
    most_hours: Annotated[int, msgspec.Meta(ge=1)] = 26


class AgencyConfig(_Section, frozen=True):
    """``[agency]``: how fiscal records are submitted, with which certificate, and how often the queue is looked at.

    ``certificate_file`` is PKCS#12 (.p12, .pfx) or PEM with certificate and key; ``seal`` says that it is one of an
    electronic seal, for which the agency has other addresses. ``url`` stands for the agency's own address of
    VERI*FACTU, ``sii_url`` for that of the SII.
    """

    certificate_file: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    seal: bool = False
    url: str | None = None
    sii_url: str | None = None
    every_s: Positive = 10.0
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 60.0


class BodyConfig(_Section, frozen=True):
    """``[[facturae.bodies]]``: a public body's DIR3 codes: accounting, managing and processing office."""

    nif: Text
    accounting: Text
    managing: Text
    processing: Text


class FacturaeConfig(_Section, frozen=True):
    """``[facturae]``: the PKCS#12 certificate that signs electronic invoices, and whom they go to."""

    certificate_file: Text
    password_file: str | None = None
    bodies: tuple[BodyConfig, ...] = ()


class SealConfig(_Section, frozen=True):
    """``[seal]``: the PKCS#12 certificate that signs the records and events of a system that does not submit them."""

    certificate_file: Text
    password_file: str | None = None


class WebhooksConfig(_Section, frozen=True):
    """``[webhooks]``: how events are delivered; the addresses they may go to besides public ones over https.

    ``networks`` lets private networks in ("10.0.0.0/8"), ``plain_http`` unencrypted addresses. An endpoint that fails
    for ``disable_days`` without a break is disabled; events and their deliveries are kept ``keep_days``.
    """

    every_s: Annotated[float, msgspec.Meta(ge=0)] = 2.0
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 15.0
    plain_http: bool = False
    networks: tuple[str, ...] = ()
    disable_days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 5
    keep_days: Annotated[int, msgspec.Meta(ge=7, le=3660)] = 30


class LogConfig(_Section, frozen=True):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Section, frozen=True):
    """The whole file."""

    database: DatabaseConfig = DatabaseConfig()
    keys: KeysConfig | None = None
    broker: BrokerConfig | None = None
    ops: OpsConfig = OpsConfig()
    validation: ValidationConfig = ValidationConfig()
    street: StreetConfig = StreetConfig()
    backup: BackupConfig | None = None
    agency: AgencyConfig | None = None
    facturae: FacturaeConfig | None = None
    seal: SealConfig | None = None
    webhooks: WebhooksConfig = WebhooksConfig()
    log: LogConfig = LogConfig()


def load_config(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read and check a configuration; raises :class:`ConfigError`."""
    where = str(path) if path else "configuration"
    raw = _read(path) if path else {}
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT):
            _override(raw, name, value)
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_in_words(str(error), raw)}") from error
    return _with_paths(config, path.parent) if path else config


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _override(raw: dict[str, Any], name: str, value: str) -> None:
    table, _, key = name.removeprefix(ENVIRONMENT).lower().partition("_")
    if not key or not isinstance(raw.setdefault(table, {}), dict):
        raise ConfigError(f"environment {name}: must be {ENVIRONMENT}<TABLE>_<KEY>")
    try:
        raw[table][key] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        raw[table][key] = value


def _in_words(text: str, raw: Any) -> str:
    """msgspec's message (``rule - at `$.store.path```) as ``store.path = value: rule``."""
    match = re.fullmatch(r"(.*) - at `\$\.?(.*)`", text)
    if match is None:
        return text
    rule, where = match.groups()
    for step in where.split("."):
        raw = raw.get(step) if isinstance(raw, dict) else None
    return f"{where}: {rule}" if raw is None or isinstance(raw, dict) else f"{where} = {raw!r}: {rule}"


def _with_paths(config: Config, folder: Path) -> Config:
    """The same with its files named from the folder of the configuration."""
    changes: dict[str, Any] = {}
    if config.keys:
        changes["keys"] = KeysConfig(str(folder / config.keys.file))
    if config.backup:
        changes["backup"] = msgspec.structs.replace(config.backup, folder=str(folder / config.backup.folder))
    if config.agency:
        changes["agency"] = _beside(config.agency, folder, "certificate_file", "password_file", "ca_file")
    if config.facturae:
        changes["facturae"] = _beside(config.facturae, folder, "certificate_file", "password_file")
    if config.seal:
        changes["seal"] = _beside(config.seal, folder, "certificate_file", "password_file")
    if config.broker:
        changes["broker"] = _broker_with_paths(config.broker, folder)
    url = config.database.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        changes["database"] = DatabaseConfig(f"sqlite:///{folder / url.removeprefix('sqlite:///')}")
    return msgspec.structs.replace(config, **changes)


def _beside(section: _Section, folder: Path, *fields: str) -> _Section:
    named = {field: getattr(section, field) for field in fields}
    return msgspec.structs.replace(section, **{field: name and str(folder / name) for field, name in named.items()})


def _broker_with_paths(broker: BrokerConfig, folder: Path) -> BrokerConfig:
    def beside(name: str | None) -> str | None:
        return None if name is None else str(folder / name)

    tls = broker.tls and TlsConfig(
        str(folder / broker.tls.ca_file), beside(broker.tls.certificate_file), beside(broker.tls.key_file)
    )
    return msgspec.structs.replace(broker, password_file=beside(broker.password_file), tls=tls)
