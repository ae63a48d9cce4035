"""Second factors: codes of an application, codes on paper, and what is told of them."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from central import journal
from central.access import (
    AccessError,
    Stage,
    ThrottledError,
    create_user,
    identify,
    open_session,
    recovery,
    throttle,
    totp,
)
from central.access.factors import after_adding, give_code, remove_codes, reset_factors, without_factor
from central.access.sessions import NOWHERE, renew_session
from central.register import KeyRing
from central.store import read_session, write_session
from central.store.models import AuditEntry, RecoveryCode, TotpSecret, User
from tests.central.conftest import Town

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
STEP = timedelta(seconds=30)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with write_session(engine) as session:
        yield session


@pytest.fixture
def ana(session: Session, town: Town) -> User:
    return create_user(session, town.utility_id, "ana", "long enough", role="supervisor", name="Ana")


def code_at(secret: str, at: datetime) -> str:
    return pyotp.TOTP(secret).at(at)


def enrolled(session: Session, user: User, ring: KeyRing, at: datetime = NOW) -> str:
    """A confirmed secret; its code of ``at`` is used up."""
    secret = totp.shared_secret(totp.begin(session, user, ring, at), ring)
    assert totp.confirm(session, user, ring, code_at(secret, at), at)
    return secret


# RFC 6238 Appendix B, SHA-1, to six digits: the ASCII secret, and the instants of the table.
VECTORS = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"}


@pytest.mark.parametrize(("second", "expected"), VECTORS.items())
def test_codes_are_those_of_the_standard(
    session: Session, ana: User, town: Town, second: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.access.totp.secrets.token_bytes", lambda size: b"12345678901234567890"[:size])
    at = datetime.fromtimestamp(second, UTC)
    totp.begin(session, ana, town.ring, at)
    assert not totp.confirm(session, ana, town.ring, f"{(int(expected) + 1) % 1_000_000:06}", at)
    assert totp.confirm(session, ana, town.ring, expected, at)


def test_a_code_is_taken_once_and_one_step_early_or_late(session: Session, ana: User, town: Town) -> None:
    secret = enrolled(session, ana, town.ring)

    def taken(code: str, at: datetime) -> bool:
        return totp.accept(session, town.utility_id, ana.id, town.ring, code, at)

    assert not taken(code_at(secret, NOW), NOW), "the code that confirmed it"
    late = NOW + 10 * STEP
    assert not taken(code_at(secret, late - 2 * STEP), late)
    assert not taken(code_at(secret, late + 2 * STEP), late)
    assert taken(code_at(secret, late - STEP), late)
    assert not taken(code_at(secret, late - STEP), late)
    assert taken(code_at(secret, late + STEP), late)
    assert not taken(code_at(secret, late), late), "older than the one last taken"
    assert taken(f" {code_at(secret, late + 2 * STEP)[:3]} {code_at(secret, late + 2 * STEP)[3:]} ", late + STEP)


def test_the_secret_is_sealed_at_rest_and_bound_to_its_user(
    session: Session, ana: User, town: Town, tmp_path: Path
) -> None:
    secret = enrolled(session, ana, town.ring)
    row = session.scalars(select(TotpSecret)).one()
    assert base64.b32decode(secret) not in row.sealed
    moved = TotpSecret(
        utility_id=row.utility_id, id=row.id + 1, user_id=row.user_id, kek=row.kek, nonce=row.nonce, sealed=row.sealed
    )
    with pytest.raises(AccessError, match="the key file must be the one that sealed it"):
        totp.shared_secret(moved, town.ring)
    with pytest.raises(AccessError, match="the key file must be the one that sealed it"):
        totp.shared_secret(row, KeyRing.create(tmp_path / "other.keys"))


def test_an_unconfirmed_secret_counts_for_nothing(session: Session, ana: User, town: Town) -> None:
    secret = totp.shared_secret(totp.begin(session, ana, town.ring, NOW), town.ring)
    assert not totp.accept(session, town.utility_id, ana.id, town.ring, code_at(secret, NOW), NOW)
    fresh = totp.shared_secret(totp.begin(session, ana, town.ring, NOW), town.ring)
    assert not totp.confirm(session, ana, town.ring, code_at(secret, NOW), NOW)
    assert totp.confirm(session, ana, town.ring, code_at(fresh, NOW), NOW)


def test_ten_recovery_codes_each_taken_once_and_never_stored(session: Session, ana: User) -> None:
    codes = recovery.make(session, ana, "ana", NOW)
    assert len(set(codes)) == 10
    stored = " ".join(session.scalars(select(RecoveryCode.code_hash)))
    assert stored.count("$argon2id$") == 10
    assert not any(code.replace("-", "")[1:] in stored for code in codes)
    assert recovery.accept(session, ana, codes[3], NOW)
    assert not recovery.accept(session, ana, codes[3], NOW)
    assert recovery.accept(session, ana, codes[7].lower().replace("-", " "), NOW)
    assert not recovery.accept(session, ana, codes[5][:-1], NOW)
    assert not recovery.accept(session, ana, "", NOW)
    assert recovery.left(session, ana) == 8
    again = recovery.make(session, ana, "ana", NOW)
    assert not recovery.accept(session, ana, codes[1], NOW)
    assert recovery.accept(session, ana, again[1], NOW)
    assert recovery.left(session, ana) == 9


def test_guessing_codes_stops_after_five(session: Session, ana: User, town: Town) -> None:
    secret = enrolled(session, ana, town.ring)
    for number in range(5):
        assert not give_code(session, ana, town.ring, f"{number}-AAAA-AAAA-AAAA", NOWHERE, NOW)
    later = NOW + 2 * STEP
    with pytest.raises(ThrottledError):
        give_code(session, ana, town.ring, code_at(secret, later), NOWHERE, later)
    rested = NOW + timedelta(minutes=6)
    assert give_code(session, ana, town.ring, code_at(secret, rested), NOWHERE, rested)


def test_many_guesses_at_once_are_no_more_than_one_after_the_other(engine: Engine, town: Town) -> None:
    with write_session(engine) as session:
        user = create_user(session, town.utility_id, "ana", "long enough", role="supervisor", name="Ana")

    def guess(number: int) -> bool:
        try:
            with write_session(engine) as session:
                return give_code(session, user, town.ring, f"{number:06}", NOWHERE, NOW)
        except ThrottledError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(guess, range(24)))
    with read_session(engine) as session:
        assert throttle.recent(session, NOW) == throttle.PER_FACTOR


def test_adding_a_factor_ends_the_other_sessions_and_opens_this_one(session: Session, ana: User, town: Town) -> None:
    elsewhere = open_session(session, ana, NOW)
    here = open_session(session, ana, NOW)
    enrolled(session, ana, town.ring)
    stage = identify(session, town.utility_id, here, NOW)
    assert stage is not None
    assert stage.stage is Stage.FACTOR
    token = renew_session(session, town.utility_id, here, NOW, factor=True)
    assert len(after_adding(session, ana, token, NOW)) == 10
    assert identify(session, town.utility_id, elsewhere, NOW) is None
    assert identify(session, town.utility_id, here, NOW) is None
    seen = identify(session, town.utility_id, token, NOW)
    assert seen is not None
    assert seen.stage is Stage.OPEN
    assert after_adding(session, ana, token, NOW) == [], "codes on paper that are left stay"


def test_the_last_factor_of_a_role_that_needs_one_stays(session: Session, ana: User, town: Town) -> None:
    token = open_session(session, ana, NOW)
    enrolled(session, ana, town.ring)
    with pytest.raises(AccessError, match="is the last one of a role that must have one"):
        remove_codes(session, ana, token, NOW)
    reader = create_user(session, town.utility_id, "leo", "long enough", role="reader", name="Leo")
    enrolled(session, reader, town.ring)
    recovery.make(session, reader, "leo", NOW)
    remove_codes(session, reader, token, NOW)
    assert recovery.left(session, reader) == 0


def test_a_reset_takes_everything_and_the_audit_tells_it_without_secrets(
    session: Session, ana: User, town: Town
) -> None:
    secret = enrolled(session, ana, town.ring)
    codes = recovery.make(session, ana, "ana", NOW)
    token = open_session(session, ana, NOW, factor=True)
    assert [user.login for user in without_factor(session, town.utility_id)] == []
    assert not give_code(session, ana, town.ring, "918273", NOWHERE, NOW + 20 * STEP)
    assert give_code(session, ana, town.ring, codes[0], NOWHERE, NOW)
    reset_factors(session, town.utility_id, "ana", "jefa", NOW, "lost phone")
    assert identify(session, town.utility_id, token, NOW) is None
    assert [user.login for user in without_factor(session, town.utility_id)] == ["ana"]
    assert recovery.left(session, ana) == 0
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.position)).all()
    told = [(one.actor, one.action) for one in entries if one.subject == "user"]
    assert told == [
        ("operator", "user.created"),
        ("ana", "totp.added"),
        ("ana", "recovery.made"),
        ("ana", "login.refused"),
        ("ana", "recovery.used"),
        ("jefa", "totp.removed"),
        ("jefa", "factors.reset"),
    ]
    said = json.dumps([[one.before, one.after, one.reason] for one in entries])
    assert secret not in said
    assert "918273" not in said
    assert not any(code in said for code in codes)
    assert [fault for fault in journal.verify(session, town.utility_id) if fault] == []
