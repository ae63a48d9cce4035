"""A user's second factors together: given at log-in, kept, removed, and taken away by an administrator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from central import journal
from central.access import passkeys, recovery, throttle, totp
from central.access.errors import AccessError
from central.access.passkeys import RelyingParty
from central.access.passwords import matches
from central.access.rules import load_rules
from central.access.sessions import From, end_sessions, has_factor
from central.access.users import find_user
from central.register.keys import KeyRing
from central.store.models import FactorGrace, Passkey, User

CODE_DIGITS = 6


@dataclass(frozen=True)
class Factors:
    """What a user can prove themselves with; ``required``: their role must have something."""

    codes_since: datetime | None
    passkeys: Sequence[Passkey]
    recovery_left: int
    required: bool
    grace_since: datetime | None

    @property
    def any(self) -> bool:
        """Whether there is a second factor."""
        return self.codes_since is not None or bool(self.passkeys)

    @property
    def last(self) -> bool:
        """Whether there is but one."""
        return (self.codes_since is not None) + len(self.passkeys) == 1


def factors_of(session: Session, user: User) -> Factors:
    """A user's factors."""
    codes = totp.confirmed(session, user.utility_id, user.id)
    grace = session.get(FactorGrace, (user.utility_id, user.id))
    return Factors(
        codes.confirmed_at if codes else None,
        passkeys.passkeys(session, user),
        recovery.left(session, user),
        user.role in load_rules(session, user.utility_id).factor_roles,
        grace.since if grace else None,
    )


def give_code(session: Session, user: User, ring: KeyRing | None, code: str, place: From, now: datetime) -> bool:
    """Whether ``code`` is the application's of now or one of the recovery codes; a wrong one is counted and told.

    ThrottledError after too many wrong ones.
    """
    counters = throttle.counters_of_factor(user.id)
    throttle.check(session, user.utility_id, counters, now)
    typed = "".join(code.split())
    if len(typed) == CODE_DIGITS and typed.isdigit():
        right = ring is not None and totp.accept(session, user.utility_id, user.id, ring, typed, now)
    else:
        right = recovery.accept(session, user, code, now)
    if not right:
        throttle.refuse(session, user.utility_id, counters, user, "code", place.network, now)
    return right


def give_passkey(
    session: Session, utility_id: int, user: User | None, party: RelyingParty, answer: str, place: From, now: datetime
) -> User | None:
    """Whose passkey answered: ``user``'s, or anybody's at a log-in; None, and told to the audit, where it is refused.

    The caller commits in either case: a challenge that was answered wrongly is gone as well.
    """
    try:
        return passkeys.accept(session, utility_id, user, party, answer, now)
    except AccessError:
        throttle.refuse(session, utility_id, (), user, "passkey", place.network, now)
        return None


def give_password(session: Session, user: User, password: str, place: From, now: datetime) -> bool:
    """Whether ``password`` is the user's, asked again where there is no second factor."""
    counters = throttle.counters_of_factor(user.id)
    throttle.check(session, user.utility_id, counters, now)
    right = matches(user.password_hash, password)
    if not right:
        throttle.refuse(session, user.utility_id, counters, user, "password again", place.network, now)
    return right


def after_adding(session: Session, user: User, keep: str, now: datetime) -> list[str]:
    """End the user's other sessions; recovery codes where there are none left, to be shown once."""
    end_sessions(session, user.utility_id, user.id, now, keep=keep)
    return [] if recovery.left(session, user) else recovery.make(session, user, user.login, now)


def remove_codes(session: Session, user: User, keep: str, now: datetime) -> None:
    """End the application's codes; AccessError where the user's role needs them."""
    _refuse_last(session, user)
    totp.remove(session, user, user.login, now)
    _after_removing(session, user, keep, now)


def remove_passkey(session: Session, user: User, passkey_id: int, keep: str, now: datetime) -> None:
    """End a passkey; AccessError where the user's role needs it, LookupError where it is none of theirs."""
    _refuse_last(session, user)
    if not passkeys.remove(session, user, passkey_id, user.login, now):
        raise LookupError(f"passkey: {passkey_id} is none of {user.login}'s")
    _after_removing(session, user, keep, now)


def reset_factors(session: Session, utility_id: int, login: str, actor: str, now: datetime, reason: str = "") -> User:
    """Take away every factor and session of a user who lost theirs; they add new ones at their next log-in."""
    user = find_user(session, utility_id, login)
    totp.remove(session, user, actor, now)
    for row in passkeys.passkeys(session, user):
        passkeys.remove(session, user, row.id, actor, now)
    recovery.retire(session, user, now)
    end_sessions(session, utility_id, user.id, now)
    told = {"login": login}
    journal.record(session, utility_id, actor, "factors.reset", "user", user.id, at=now, before=told, reason=reason)
    return user


def without_factor(session: Session, utility_id: int) -> list[User]:
    """Users whose role must have a second factor and who have none."""
    roles = load_rules(session, utility_id).factor_roles
    query = select(User).where(User.utility_id == utility_id, User.role.in_(roles), User.disabled_at.is_(None))
    return [
        user for user in session.scalars(query.order_by(User.login)) if not has_factor(session, utility_id, user.id)
    ]


def _refuse_last(session: Session, user: User) -> None:
    found = factors_of(session, user)
    if found.required and found.last:
        raise AccessError("factor: is the last one of a role that must have one; add another first")


def _after_removing(session: Session, user: User, keep: str, now: datetime) -> None:
    if not has_factor(session, user.utility_id, user.id):
        recovery.retire(session, user, now)
    end_sessions(session, user.utility_id, user.id, now, keep=keep)
