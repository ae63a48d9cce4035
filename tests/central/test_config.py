"""The configuration: defaults that run, a file, the environment, and refusals by name."""

import tomllib
from pathlib import Path

import pytest

from central.config import BrokerConfig, Config, ConfigError, LogConfig, OpsConfig, ValidationConfig, load_config

EXAMPLE = Path(__file__).parents[2] / "central/example.toml"


def test_without_a_file_the_defaults_run_on_sqlite() -> None:
    config = load_config(None, {})
    assert config.database.url == "sqlite:///var/sgc.db"
    assert (config.broker, config.keys, config.ops.port) == (None, None, 9180)


def test_a_file_names_its_neighbours_from_its_own_folder(tmp_path: Path) -> None:
    path = tmp_path / "central.toml"
    path.write_text(
        '[database]\nurl = "sqlite:///data/sgc.db"\n[keys]\nfile = "kek"\n[broker]\nhost = "mq"\npassword_file = "pw"\n'
        '[broker.tls]\nca_file = "ca.pem"\n'
    )
    config = load_config(path, {})
    assert config.database.url == f"sqlite:///{tmp_path}/data/sgc.db"
    assert config.keys is not None
    assert config.keys.file == str(tmp_path / "kek")
    assert config.broker is not None
    assert config.broker.password_file == str(tmp_path / "pw")
    assert config.broker.tls is not None
    assert (config.broker.tls.ca_file, config.broker.tls.key_file) == (str(tmp_path / "ca.pem"), None)


@pytest.mark.parametrize("url", ["sqlite:////srv/sgc.db", "postgresql+psycopg://db/sgc"])
def test_an_absolute_database_stays_where_it_is(tmp_path: Path, url: str) -> None:
    path = tmp_path / "central.toml"
    path.write_text(f'[database]\nurl = "{url}"\n')
    assert load_config(path, {}).database.url == url


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "central.toml"
    path.write_text('[broker]\nhost = "mq"\nport = 1\n')
    environment = {
        "SGC_CENTRAL_BROKER_PORT": "8883",
        "SGC_CENTRAL_BROKER_CLIENT_ID": "central-2",
        "SGC_CENTRAL_DATABASE_URL": "postgresql+psycopg://db/sgc",
        "HOME": "/root",
    }
    config = load_config(path, environment)
    assert config.broker is not None
    assert (config.broker.host, config.broker.port, config.broker.client_id) == ("mq", 8883, "central-2")
    assert config.database.url == "postgresql+psycopg://db/sgc"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[databse]\n", "Object contains unknown field `databse`"),
        ('[broker]\nhost = "mq"\nprot = 1\n', "broker: Object contains unknown field `prot`"),
        ("[broker]\nport = 1883\n", "broker: Object missing required field `host`"),
        ('[broker]\nhost = "mq"\nport = 70000\n', "broker.port = 70000: Expected `int` <= 65535"),
        ('[broker]\nhost = "mq"\nprotocol = "4"\n', "broker.protocol = '4': Invalid enum value"),
        ("[ops]\nport = true\n", "ops.port = True: Expected `int`, got `bool`"),
        ("database = [\n", "Invalid value"),
    ],
)
def test_a_wrong_file_is_refused_by_file_field_value_and_rule(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "central.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refusal:
        load_config(path, {})
    assert str(refusal.value).startswith(f"{path}: ")
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [("SGC_CENTRAL_BROKER", "must be SGC_CENTRAL_<TABLE>_<KEY>"), ("SGC_CENTRAL_OPS_PROT", "unknown field `prot`")],
)
def test_a_wrong_name_in_the_environment_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(None, {name: "1"})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.toml", {})


def test_the_example_shows_the_defaults() -> None:
    example = load_config(EXAMPLE, {})
    assert example.broker == BrokerConfig(host="127.0.0.1")
    assert (example.ops, example.validation, example.log) == (OpsConfig(), ValidationConfig(), LogConfig())
    assert set(tomllib.loads(EXAMPLE.read_text())) == set(Config.__struct_fields__)
