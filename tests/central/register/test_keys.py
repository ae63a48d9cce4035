"""Meter keys: sealed for one meter under one key-encryption key, opened by nothing else."""

import secrets
from pathlib import Path

import pytest

from central.register.keys import KeyFileError, KeyRing, Sealed

ADDRESS = "KAM-76348799-1B-16"


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "keys")


def test_a_sealed_key_opens_again_and_shows_nothing(ring: KeyRing) -> None:
    key = secrets.token_bytes(16)
    sealed = ring.seal(ADDRESS, key)
    assert ring.open(ADDRESS, sealed) == key
    assert key not in sealed.sealed
    assert ring.seal(ADDRESS, key) != sealed


def test_it_opens_for_no_other_meter(ring: KeyRing) -> None:
    sealed = ring.seal(ADDRESS, bytes(16))
    with pytest.raises(KeyFileError, match="KAM-76348799-1B-17: sealed under another key named 'k1', or altered"):
        ring.open("KAM-76348799-1B-17", sealed)


def test_an_altered_one_does_not_open(ring: KeyRing) -> None:
    sealed = ring.seal(ADDRESS, bytes(16))
    altered = Sealed(sealed.kek, sealed.nonce, sealed.sealed[:-1] + bytes([sealed.sealed[-1] ^ 1]))
    with pytest.raises(KeyFileError, match="or altered"):
        ring.open(ADDRESS, altered)


def test_older_keys_stay_for_what_they_sealed(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    old = KeyRing.create(path, "2025").seal(ADDRESS, bytes(16))
    with path.open("a") as file:
        file.write(f"# since January\n2026 = {secrets.token_hex(32)}\n")
    ring = KeyRing.load(path)
    assert ring.open(ADDRESS, old) == bytes(16)
    assert ring.seal(ADDRESS, bytes(16)).kek == "2026"


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    KeyRing.create(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="mode 640, only its owner may read it"):
        KeyRing.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("k1 = 00\n", "line 1: must be NAME = 64"), ("\n# nothing\n", "no key"), ("secret\n", "line 1")],
)
def test_a_bad_key_file_is_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=message):
        KeyRing.load(path)


def test_an_existing_key_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    KeyRing.create(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        KeyRing.create(path)
    assert path.read_bytes() == before
