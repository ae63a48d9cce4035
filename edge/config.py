"""The agent's one configuration file (TOML). An unknown key is an error that names it; see ``example.toml``."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.receivers.registry import UnknownReceiverError, driver
from protocols.sync import valid_device

# Values that an error message names but does not show.
SECRET_FIELDS = frozenset({"pin"})


class ConfigError(ValueError):
    """The configuration cannot be used; the text names file, field, value and rule."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class StoreConfig(_Section, frozen=True):
    """``[store]``: telegrams are committed every ``group_ms`` or ``group_most``, whichever comes first."""

    path: Text
    group_ms: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    group_most: Annotated[int, msgspec.Meta(ge=1, le=20_000)] = 1000


class ClockConfig(_Section, frozen=True):
    """``[clock]``: whose clock says when a telegram was heard."""

    source: Literal["system", "receiver"] = "system"


class ReceiverConfig(_Section, frozen=True):
    """``[[receiver]]``: one receiver, by its kind and its port (a device path or ``socket://host:port``)."""

    name: Text
    port: Text
    kind: str = "im871a"
    mode: str = "T1"
    silence_s: Positive = 300.0


class KeysConfig(_Section, frozen=True):
    """``[keys]``: the file with the meters' keys; without it telegrams travel sealed."""

    file: Text


class SignatureConfig(_Section, frozen=True):
    """``[signature]``: the file with the key that signs this device's batches; see ``sgc edge signature``."""

    file: Text


class TlsConfig(_Section, frozen=True):
    """``[broker.tls]``: whom the device trusts and how it proves itself."""

    ca_file: Text
    certificate_file: str | None = None
    key_file: str | None = None


class BrokerConfig(_Section, frozen=True):
    """``[broker]``: where batches go, and in what portions.

    A batch is sealed with ``batch_most`` items, or with fewer when the oldest has waited ``batch_wait_s``; at most
    ``window`` batches are under way without the centre's acknowledgement, each offered again after ``ack_wait_s``.
    """

    host: Text
    port: Port = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password_file: str | None = None
    tls: TlsConfig | None = None
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    window: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    batch_most: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 500
    batch_wait_s: Positive = 1.0
    ack_wait_s: Positive = 60.0
    retry_first_s: Positive = 0.5
    retry_cap_s: Positive = 60.0
    stable_s: Positive = 30.0


class ScreenConfig(_Section, frozen=True):
    """``[screen]``: the reader's page on the loopback interface. Port 0 takes a free one."""

    pin: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4,12}$")]
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8088
    reader: Text = "lector"
    idle_minutes: Positive = 30.0


class RouteConfig(_Section, frozen=True):
    """``[route]``: a file with a route message, read at start, for a device that has not met its centre yet."""

    file: Text


class LogConfig(_Section, frozen=True):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Section, frozen=True):
    """The whole file. Without ``[broker]`` everything stays on the device; without ``[screen]`` there is no page."""

    device: str
    store: StoreConfig
    clock: ClockConfig = ClockConfig()
    receiver: tuple[ReceiverConfig, ...] = ()
    keys: KeysConfig | None = None
    signature: SignatureConfig | None = None
    broker: BrokerConfig | None = None
    screen: ScreenConfig | None = None
    route: RouteConfig | None = None
    log: LogConfig = LogConfig()
    drain_s: Positive = 10.0


def load_config(path: Path) -> Config:
    """Read and check ``path``; relative paths in it are relative to it. Raises :class:`ConfigError`."""
    try:
        with path.open("rb") as file:
            raw = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_in_words(str(error), raw)}") from error
    _check(config, path)
    return config


def _in_words(text: str, raw: object) -> str:
    """msgspec's message (``rule - at `$.store.path```) as ``store.path = value: rule``."""
    match = re.fullmatch(r"(.*) - at `\$\.?(.*)`", text)
    if match is None:
        return text
    rule, where = match.groups()
    steps = re.findall(r"[^.\[\]]+", where)
    for step in steps:
        raw = raw[int(step) if step.isdigit() else step]  # type: ignore[index]
    if isinstance(raw, dict) or steps[-1] in SECRET_FIELDS:
        return f"{where}: {rule}"
    return f"{where} = {raw!r}: {rule}"


def _check(config: Config, path: Path) -> None:
    if not valid_device(config.device):
        raise ConfigError(f"{path}: device {config.device!r}, must be 1-32 of a-z, 0-9 and '-'")
    names = [receiver.name for receiver in config.receiver]
    for number, receiver in enumerate(config.receiver):
        _check_receiver(receiver, f"{path}: receiver[{number}]")
        if receiver.name in names[:number]:
            raise ConfigError(f"{path}: receiver[{number}].name {receiver.name!r}, must be unique")


def _check_receiver(receiver: ReceiverConfig, where: str) -> None:
    try:
        modes = driver(receiver.kind).modes
    except UnknownReceiverError as error:
        raise ConfigError(f"{where}.kind: {error}") from error
    if receiver.mode not in modes:
        raise ConfigError(f"{where}.mode {receiver.mode!r}, must be one of: {', '.join(modes)}")


def beside(config_path: Path, name: str) -> Path:
    """A path named in the configuration: relative to the configuration's folder."""
    return config_path.parent / name
