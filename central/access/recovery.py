"""Ten codes to be kept on paper, for who lost their second factor; each is taken once (OWASP ASVS 5.0 6.5.2, 6.5.3).

A code is a digit, which says which one it is, and twelve signs of 58 bits together, of which an Argon2id hash is kept.
"""

import secrets
from datetime import datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from central import journal
from central.access.passwords import matches, slow_hash
from central.store import new_id
from central.store.models import RecoveryCode, User

COUNT = 10
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # none that is taken for another
_LENGTH = 12
_GROUP = 4


def make(session: Session, user: User, actor: str, now: datetime) -> list[str]:
    """Ten fresh codes, to be shown now and never again; those of before end."""
    retire(session, user, now)
    codes = []
    for digit in range(COUNT):
        letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        codes.append(_shown(digit, letters))
        session.add(
            RecoveryCode(
                utility_id=user.utility_id,
                id=new_id(),
                user_id=user.id,
                digit=digit,
                code_hash=slow_hash(letters),
                created_at=now,
            )
        )
    session.flush()
    journal.record(session, user.utility_id, actor, "recovery.made", "user", user.id, at=now, after={"codes": COUNT})
    return codes


def accept(session: Session, user: User, code: str, now: datetime) -> bool:
    """Whether ``code`` is one of the user's that was not used yet; it is used now."""
    typed = "".join(sign for sign in code.upper() if sign.isascii() and sign.isalnum())
    digit, letters = typed[:1], typed[1:]
    row = session.scalar(_unused(user).where(RecoveryCode.digit == int(digit))) if digit.isdigit() else None
    if not matches(row.code_hash if row is not None else None, letters) or row is None:
        return False
    query = update(RecoveryCode).where(
        RecoveryCode.utility_id == user.utility_id, RecoveryCode.id == row.id, RecoveryCode.used_at.is_(None)
    )
    if session.scalar(query.values(used_at=now).returning(RecoveryCode.id)) is None:
        return False
    journal.record(
        session,
        user.utility_id,
        user.login,
        "recovery.used",
        "user",
        user.id,
        at=now,
        after={"left": left(session, user)},
    )
    return True


def left(session: Session, user: User) -> int:
    """How many codes the user can still use."""
    return session.scalar(select(func.count()).select_from(_unused(user).subquery())) or 0


def retire(session: Session, user: User, now: datetime) -> None:
    """End what is left of the user's codes."""
    for row in session.scalars(_unused(user)):
        row.retired_at = now
    session.flush()


def _unused(user: User) -> Select[RecoveryCode]:
    return select(RecoveryCode).where(
        RecoveryCode.utility_id == user.utility_id,
        RecoveryCode.user_id == user.id,
        RecoveryCode.used_at.is_(None),
        RecoveryCode.retired_at.is_(None),
    )


def _shown(digit: int, letters: str) -> str:
    return "-".join([str(digit), *(letters[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))])
