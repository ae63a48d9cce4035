"""The doctor: what is well is said so, what is not comes with what to do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from central.config import BackupConfig, BrokerConfig, Config, DatabaseConfig, KeysConfig, TlsConfig
from central.ops import surroundings
from central.ops.backup import back_up
from central.ops.doctor import examine
from central.reading.ingest import Ingest
from central.register.keys import KeyRing
from central.store import write_session
from central.store.partitions import ensure_partitions
from central.times import DAY_MS, millis
from tests.central.conftest import Town
from tests.central.reading.support import FakeDevice
from tests.fixtures.mosquitto import Mosquitto


def found(config: Config) -> dict[str, tuple[bool, str]]:
    return {one.name: (one.ok, one.text) for one in examine(config)}


@pytest.fixture
def config(town: Town, database: str, tmp_path: Path) -> Config:
    return Config(DatabaseConfig(database), KeysConfig(str(tmp_path / "town.keys")))


@pytest.mark.mosquitto
def test_all_is_well(config: Config, town: Town, tmp_path: Path, mosquitto: Mosquitto) -> None:
    folder = tmp_path / "backup"
    back_up(town.engine, folder, datetime.now(UTC))
    broker = BrokerConfig(mosquitto.host, mosquitto.port)
    now_ms = millis(datetime.now(UTC))
    with write_session(town.engine) as session:
        ensure_partitions(session.connection(), [now_ms, now_ms + 31 * DAY_MS])
        # The registered device of the tests was enrolled long before its first batch.
        session.execute(text("UPDATE device SET last_batch_ms = :now"), {"now": now_ms})
    whole = Config(config.database, config.keys, broker, backup=BackupConfig(str(folder)))
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


# What the centre stands on ------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_devices_that_fell_silent_are_named(config: Config, town: Town) -> None:
    with town.engine.begin() as connection:
        long_ago = {"at": datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None), "ms": 1}
        connection.execute(text("UPDATE device SET enrolled_at = :at, last_batch_ms = :ms"), long_ago)
    said = next(one for one in examine(config) if one.name == "devices")
    assert (said.ok, said.text) == (False, "nothing for 14 days from tpl-1")
    assert "device revoke" in said.remedy


def test_a_secret_open_to_others_is_named_with_its_mode(tmp_path: Path) -> None:
    shut, wide = tmp_path / "kek", tmp_path / "password"
    for path, mode in ((shut, 0o600), (wide, 0o644)):
        path.write_text("x")
        path.chmod(mode)
    broker = BrokerConfig("host", password_file=str(wide), tls=TlsConfig("ca", key_file=str(tmp_path / "none")))
    said = [
        (one.ok, one.text, one.remedy)
        for one in surroundings.secrets(Config(keys=KeysConfig(str(shut)), broker=broker))
    ]
    assert said == [
        (True, f"keys.file: {shut} is its owner's only", ""),
        (False, f"broker.password_file: {wide} is open to others (044)", f"chmod 600 {wide}"),
        (
            False,
            f"broker.tls.key_file: {tmp_path / 'none'} is missing",
            "put it in its place, or correct the path",
        ),
    ]


@pytest.mark.parametrize(("days", "ok"), [(90, True), (5, False), (-1, False)])
def test_a_certificate_that_ends_soon_is_named(tmp_path: Path, days: int, ok: bool) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(certificate(NOW + timedelta(days)))
    (said,) = surroundings.certificates(Config(broker=BrokerConfig("host", tls=TlsConfig(str(path)))), NOW)
    assert (said.ok, said.text) == (ok, f"{path}: good until {NOW + timedelta(days):%Y-%m-%d}")
    path.write_text("nothing")
    (said,) = surroundings.certificates(Config(broker=BrokerConfig("host", tls=TlsConfig(str(path)))), NOW)
    assert not said.ok


def certificate(ends: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, ends - timedelta(400), ends)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_old_a_damaged_and_a_missing_backup_are_told(town: Town, tmp_path: Path) -> None:
    config = Config(backup=BackupConfig(str(tmp_path / "b"), most_hours=26))
    assert surroundings.backup(Config(), NOW).text == "no [backup] is configured"
    assert surroundings.backup(config, NOW).text == f"{tmp_path / 'b'}: none"
    made = back_up(town.engine, tmp_path / "b", NOW)
    assert surroundings.backup(config, NOW + timedelta(hours=26)).ok
    late = surroundings.backup(config, NOW + timedelta(hours=27))
    assert (late.ok, late.text) == (False, f"{made.name}, 27 h old, at most 26 h are allowed")
    (made / "manifest.json").write_text("{")
    assert "manifest.json" in surroundings.backup(config, NOW).text


def test_a_clock_that_is_behind_is_noticed(town: Town) -> None:
    Ingest(town.engine).apply([FakeDevice().arrival(FakeDevice().telegram(town.meters[0], 5))])
    said = surroundings.clock(town.engine, datetime(2020, 1, 1, tzinfo=UTC))
    assert not said.ok
    assert "clock" in said.remedy
