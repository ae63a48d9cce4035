"""Sessions: their ends by time, by hand and by policy; rules of a utility and a role; wrong guesses."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from central.access import (
    AccessError,
    PasswordError,
    Stage,
    ThrottledError,
    authenticate,
    bearer,
    create_token,
    create_user,
    identify,
    open_session,
    touch,
    users,
)
from central.access.entry import Client, log_in
from central.access.passwords import change_password, check_password, make_link, use_link, user_of_link
from central.access.rules import DEFAULT_ROLES, load_rules, set_rules
from central.access.sessions import From, end_own, end_sessions_of, live_sessions, renew_session
from central.store import write_session
from central.store.models import AuditEntry, LoginSession, User
from tests.central.conftest import Town

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SOMEWHERE = Client("203.0.113.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", None)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with write_session(engine) as session:
        yield session


def user(session: Session, town: Town, role: str = "reader", login: str = "ana") -> User:
    return create_user(session, town.utility_id, login, "long enough", role=role, name=login.title())


def stage(session: Session, town: Town, token: str, at: datetime) -> Stage | None:
    seen = identify(session, town.utility_id, token, at)
    return seen.stage if seen is not None else None


def test_a_session_ends_by_rest_and_by_age_each_role_its_own(session: Session, town: Town) -> None:
    for role, idle, longest in (("reader", 30, 720), ("admin", 15, 480)):
        token = open_session(session, user(session, town, role, role), NOW)
        assert stage(session, town, token, NOW + idle * MINUTE) is Stage.OPEN
        assert stage(session, town, token, NOW + (idle + 1) * MINUTE) is None
        for minute in range(0, longest + 1, idle):
            touch(session, town.utility_id, token, NOW + minute * MINUTE)
        assert stage(session, town, token, NOW + longest * MINUTE) is Stage.OPEN
        assert stage(session, town, token, NOW + (longest + 1) * MINUTE) is None


def test_rules_change_at_once_and_the_audit_says_by_whom(session: Session, town: Town) -> None:
    token = open_session(session, user(session, town), NOW)
    set_rules(session, town.utility_id, {"idle_minutes": {"reader": 5}}, "jefa", NOW)
    assert stage(session, town, token, NOW + 6 * MINUTE) is None
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "access.rules")).one()
    assert entry.actor == "jefa"
    assert entry.after is not None
    assert entry.after["idle_minutes"] == {"reader": 5}
    assert load_rules(session, town.utility_id).factor_roles == DEFAULT_ROLES


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"factor_roles": ["king"]}, "factor_roles: king, must be of admin"),
        ({"grace_days": -1}, "Expected `int` >= 0"),
        ({"idle_minutes": {"king": 5}}, "idle_minutes: king"),
        ({"speed": 1}, "unknown field `speed`"),
    ],
)
def test_a_bad_rule_is_refused(session: Session, town: Town, changes: dict[str, object], fault: str) -> None:
    with pytest.raises(AccessError, match=fault):
        set_rules(session, town.utility_id, changes, "jefa", NOW)


def test_who_moves_money_or_lets_others_in_needs_a_factor_after_the_grace(session: Session, town: Town) -> None:
    assert set(DEFAULT_ROLES) == {"clerk", "supervisor", "owner", "admin"}
    boss = user(session, town, "supervisor")
    token = open_session(session, boss, NOW)
    assert stage(session, town, token, NOW) is Stage.OPEN
    later = NOW + timedelta(days=14)
    after = open_session(session, boss, later)
    assert stage(session, town, after, later) is Stage.ENROL
    set_rules(session, town.utility_id, {"grace_days": 30}, "jefa", NOW)
    assert stage(session, town, after, later) is Stage.OPEN
    set_rules(session, town.utility_id, {"factor_roles": [], "grace_days": 0}, "jefa", NOW)
    assert stage(session, town, after, later) is Stage.OPEN
    set_rules(session, town.utility_id, {"factor_roles": ["supervisor"]}, "jefa", NOW)
    assert stage(session, town, after, later) is Stage.ENROL


def test_the_token_changes_where_rights_do_and_grows_no_younger(session: Session, town: Town) -> None:
    first = open_session(session, user(session, town), NOW, place=From("x", "203.0.113.0/24"))
    second = renew_session(session, town.utility_id, first, NOW + 20 * MINUTE)
    assert second != first
    assert len(second) >= 22, "128 bits"
    assert stage(session, town, first, NOW + 20 * MINUTE) is None
    row = session.scalars(select(LoginSession).where(LoginSession.ended_at.is_(None))).one()
    assert (row.created_at, row.network) == (NOW, "203.0.113.0/24")
    with pytest.raises(LookupError):
        renew_session(session, town.utility_id, first, NOW)


def test_ones_sessions_are_listed_and_ended_one_or_all_others(session: Session, town: Town) -> None:
    ana, leo = user(session, town), user(session, town, login="leo")
    tokens = [open_session(session, ana, NOW + number * MINUTE) for number in range(4)]
    other = open_session(session, leo, NOW)
    rows = live_sessions(session, town.utility_id, ana, NOW + 4 * MINUTE)
    assert len(rows) == 4
    assert end_own(session, leo, NOW, only=rows[0].id) == 0, "not another's"
    assert end_own(session, ana, NOW, only=rows[0].id) == 1
    assert stage(session, town, tokens[3], NOW) is None
    assert end_own(session, ana, NOW, keep=tokens[1]) == 2
    assert stage(session, town, tokens[1], NOW) is Stage.OPEN
    assert end_sessions_of(session, town.utility_id, "ana", "jefa", NOW) == 1
    assert stage(session, town, tokens[1], NOW) is None
    assert stage(session, town, other, NOW) is Stage.OPEN


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("1234567", "short"),
        ("x" * 129, "long"),
        ("Password1", "common"),
        ("qwertyuiop", "common"),
        ("ana maria", "guessable"),
        ("aaaaaaaaaaaaaaaaaaaa", "guessable"),
    ],
)
def test_passwords_that_are_known_or_guessed_are_refused_without_asking_anyone(password: str, rule: str) -> None:
    with pytest.raises(PasswordError) as refused:
        check_password(password, ("ana", "Ana Maria"))
    assert refused.value.rule == rule
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    "password", ["lluvia tierra 9", "ñandú cañón übung", "Vf3z-9q" * 9, "a" * 60 + " cuatro palabras"]
)
def test_long_ones_of_any_signs_are_taken(password: str) -> None:
    check_password(password)


def test_a_password_is_changed_with_the_old_one_and_ends_the_other_sessions(session: Session, town: Town) -> None:
    ana = user(session, town)
    here, elsewhere = open_session(session, ana, NOW), open_session(session, ana, NOW)
    for old, new, rule in (("wrong one", "other enough", "wrong"), ("long enough", "long enough", "same")):
        with pytest.raises(PasswordError) as refused:
            change_password(session, ana, old, new, here, NOW)
        assert refused.value.rule == rule
    change_password(session, ana, "long enough", "otra bien larga", here, NOW)
    assert authenticate(session, town.utility_id, "ana", "otra bien larga") is not None
    assert authenticate(session, town.utility_id, "ana", "long enough") is None
    assert stage(session, town, here, NOW) is Stage.OPEN
    assert stage(session, town, elsewhere, NOW) is None


def test_a_password_is_what_was_typed_to_the_last_sign(session: Session, town: Town) -> None:
    longest = "Vf3z-9q " * 16
    create_user(session, town.utility_id, "ana", longest, role="reader", name="Ana")
    assert authenticate(session, town.utility_id, "ana", longest) is not None
    for other in (longest + "x", longest.lower(), longest.strip(), longest[:-1]):
        assert authenticate(session, town.utility_id, "ana", other) is None


def test_a_fresh_database_lets_nobody_in(session: Session, town: Town) -> None:
    assert users(session, town.utility_id) == []
    for login, password in (("admin", "admin"), ("root", ""), ("sgc", "sgc")):
        assert authenticate(session, town.utility_id, login, password) is None


def test_a_hash_of_earlier_parameters_is_made_anew_at_log_in(session: Session, town: Town) -> None:
    ana = user(session, town)
    ana.password_hash = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash("long enough")
    assert authenticate(session, town.utility_id, "ana", "long enough") is not None
    assert ana.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    kept = ana.password_hash
    assert authenticate(session, town.utility_id, "ana", "long enough") is not None
    assert ana.password_hash == kept


def test_a_link_sets_a_password_once_within_the_hour_and_keeps_the_factors(session: Session, town: Town) -> None:
    ana = user(session, town)
    token = open_session(session, ana, NOW)
    first = make_link(session, town.utility_id, "ana", "jefa", NOW)
    second = make_link(session, town.utility_id, "ana", "jefa", NOW)
    assert user_of_link(session, town.utility_id, first, NOW) is None, "the later one ends it"
    assert user_of_link(session, town.utility_id, second, NOW + timedelta(hours=1)) is None
    with pytest.raises(PasswordError):
        use_link(session, town.utility_id, second, "short", NOW)
    use_link(session, town.utility_id, second, "otra bien larga", NOW)
    assert authenticate(session, town.utility_id, "ana", "otra bien larga") is not None
    assert stage(session, town, token, NOW) is None
    with pytest.raises(AccessError, match="unknown, used or too old"):
        use_link(session, town.utility_id, second, "y otra mas larga", NOW)
    with pytest.raises(AccessError, match="no enabled user"):
        make_link(session, town.utility_id, "nobody", "jefa", NOW)


def test_who_has_no_password_yet_gets_in_by_none(session: Session, town: Town) -> None:
    create_user(session, town.utility_id, "new", None, role="reader", name="New")
    assert authenticate(session, town.utility_id, "new", "") is None


def test_a_stranger_who_guesses_does_not_shut_out_who_was_here_before(session: Session, town: Town) -> None:
    user(session, town)
    entered = log_in(session, town.utility_id, "ana", "long enough", SOMEWHERE, NOW)
    assert entered is not None
    for _ in range(10):
        assert log_in(session, town.utility_id, "ana", "a guess", SOMEWHERE, NOW) is None
    with pytest.raises(ThrottledError):
        log_in(session, town.utility_id, "ana", "long enough", SOMEWHERE, NOW)
    known = Client(SOMEWHERE.address, SOMEWHERE.agent, entered.browser)
    assert log_in(session, town.utility_id, "ana", "long enough", known, NOW) is not None
    user(session, town, login="leo")
    with pytest.raises(ThrottledError):
        log_in(session, town.utility_id, "leo", "long enough", _with_guesses(session, town), NOW)
    later = NOW + 6 * MINUTE
    assert log_in(session, town.utility_id, "ana", "long enough", SOMEWHERE, later) is not None


def _with_guesses(session: Session, town: Town) -> Client:
    """An address that tried a hundred names; that it knows another user's browser helps it nothing."""
    for number in range(100):
        log_in(session, town.utility_id, f"name{number}", "a guess", SOMEWHERE, NOW)
    return SOMEWHERE


def test_a_known_browser_is_throttled_too(session: Session, town: Town) -> None:
    user(session, town)
    entered = log_in(session, town.utility_id, "ana", "long enough", SOMEWHERE, NOW)
    assert entered is not None
    known = Client(SOMEWHERE.address, SOMEWHERE.agent, entered.browser)
    for _ in range(10):
        assert log_in(session, town.utility_id, "ana", "a guess", known, NOW) is None
    with pytest.raises(ThrottledError):
        log_in(session, town.utility_id, "ana", "long enough", known, NOW)


def test_a_refused_log_in_is_told_without_what_was_typed(session: Session, town: Town) -> None:
    ana = user(session, town)
    log_in(session, town.utility_id, "ana", "my secret guess", SOMEWHERE, NOW)
    log_in(session, town.utility_id, "my password typed as a name", "x", SOMEWHERE, NOW)
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "login.refused")).all()
    assert [(one.actor, one.subject_id) for one in entries] == [("ana", ana.id), ("?", None)]
    said = str([one.after for one in entries])
    assert "203.0.113.0/24" in said
    assert "secret" not in said
    assert "typed" not in said


def test_known_and_unknown_logins_cost_the_same_hash(
    session: Session, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central.access import passwords

    user(session, town)
    asked: list[str] = []
    genuine = passwords._hasher.verify

    class Counting:
        """The hasher, and how often it verified with which parameters."""

        def verify(self, hashed: str, password: str) -> bool:
            asked.append(hashed.split("$")[3])
            return genuine(hashed, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    assert authenticate(session, town.utility_id, "ana", "wrong one") is None
    assert authenticate(session, town.utility_id, "nobody", "wrong one") is None
    assert asked == ["m=19456,t=2,p=1"] * 2


def test_tokens_of_programs_go_on_without_a_factor(session: Session, town: Town) -> None:
    user(session, town, "supervisor")
    set_rules(session, town.utility_id, {"grace_days": 0}, "jefa", NOW)
    _, secret = create_token(session, town.utility_id, "ana", "export", timedelta(days=7), "jefa", NOW)
    assert bearer(session, town.utility_id, secret, NOW) is not None
