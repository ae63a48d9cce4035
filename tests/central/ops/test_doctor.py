"""The doctor: what is well is said so, what is not comes with what to do."""

from pathlib import Path

import pytest
from sqlalchemy import text

from central.config import BrokerConfig, Config, DatabaseConfig, KeysConfig
from central.ops.doctor import examine
from central.reading.ingest import Ingest
from central.register.keys import KeyRing
from tests.central.conftest import Town
from tests.central.reading.support import FakeDevice
from tests.fixtures.mosquitto import Mosquitto


def found(config: Config) -> dict[str, tuple[bool, str]]:
    return {one.name: (one.ok, one.text) for one in examine(config)}


@pytest.fixture
def config(town: Town, database: str, tmp_path: Path) -> Config:
    return Config(DatabaseConfig(database), KeysConfig(str(tmp_path / "town.keys")))


@pytest.mark.mosquitto
def test_all_is_well(config: Config, database: str, mosquitto: Mosquitto) -> None:
    whole = Config(config.database, config.keys, BrokerConfig(mosquitto.host, mosquitto.port))
    assert {name for name, (ok, _) in found(whole).items() if not ok} == set()
    assert found(whole)["keys"] == (True, "current key k1")


def test_what_is_wrong_is_named_with_its_remedy(config: Config, town: Town) -> None:
    stranger = FakeDevice("tpl-9")
    Ingest(town.engine).apply([stranger.arrival()])
    with town.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    broken = Config(config.database, None, BrokerConfig("127.0.0.1", 1))
    (database, *_, broker) = list(examine(broken))
    assert (database.ok, database.remedy) == (False, "sgc central migrate")
    assert (broker.ok, broker.name) == (False, "broker")
    with town.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    said = found(broken)
    assert said["quarantine"] == (False, "open: 1 batch")
    assert said["keys"] == (False, "meter keys are registered, no key file is configured")


def test_another_databases_key_file_is_noticed(config: Config, tmp_path: Path) -> None:
    KeyRing.create(tmp_path / "other.keys")
    said = found(Config(config.database, KeysConfig(str(tmp_path / "other.keys"))))
    assert said["keys"][0] is False
    assert "sealed under another key named 'k1'" in said["keys"][1]


def test_a_missing_sqlite_file_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    said = found(Config(DatabaseConfig(f"sqlite:///{path}")))
    assert said["database"] == (False, f"{path}: no such file")
    assert not path.exists()


@pytest.mark.postgres
def test_rows_of_a_device_whose_clock_is_far_off_are_noticed(postgres_database: str) -> None:
    from central.store import open_engine

    engine = open_engine(postgres_database)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO reading VALUES (1, 0, 7, 1, 0, 5, 1, '', NULL, NULL, NULL, 0)"))
    engine.dispose()
    assert found(Config(DatabaseConfig(postgres_database)))["partitions"] == (False, "1 in reading_default")
