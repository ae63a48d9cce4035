"""Codes of an authenticator application (RFC 6238: SHA-1, six digits, 30 s; OWASP ASVS 5.0 6.5.1, 6.5.5).

A code is taken one step early or late, for clocks that differ, and only where its step is later than the last one
taken: the same code is never taken twice. The secret is sealed under the key-encryption key and bound to its user.
"""

import base64
import hmac
import secrets
from datetime import datetime

import pyotp
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from central import journal
from central.access.errors import AccessError
from central.register.keys import KeyFileError, KeyRing, Sealed
from central.store import new_id
from central.store.models import TotpSecret, User

STEP_S = 30
SECRET_BYTES = 20  # RFC 4226 section 4, R6


def begin(session: Session, user: User, ring: KeyRing, now: datetime) -> TotpSecret:
    """A fresh secret that counts once :func:`confirm` has seen a code of it; one that was never confirmed goes."""
    _retire(session, user, now, confirmed=False)
    row_id = new_id()
    sealed = ring.seal(_bound(user.utility_id, user.id, row_id), secrets.token_bytes(SECRET_BYTES))
    row = TotpSecret(
        utility_id=user.utility_id,
        id=row_id,
        user_id=user.id,
        kek=sealed.kek,
        nonce=sealed.nonce,
        sealed=sealed.sealed,
        created_at=now,
        last_step=0,
    )
    session.add(row)
    session.flush()
    return row


def pending(session: Session, user: User) -> TotpSecret | None:
    """The secret that waits for its first code."""
    return session.scalar(_of(user.utility_id, user.id).where(TotpSecret.confirmed_at.is_(None)))


def confirmed(session: Session, utility_id: int, user_id: int) -> TotpSecret | None:
    """The secret whose codes count."""
    return session.scalar(_of(utility_id, user_id).where(TotpSecret.confirmed_at.is_not(None)))


def shared_secret(row: TotpSecret, ring: KeyRing) -> str:
    """The secret as applications take it typed: base32. AccessError where the key file cannot open it."""
    try:
        key = ring.open(_bound(row.utility_id, row.user_id, row.id), Sealed(row.kek, row.nonce, row.sealed))
    except KeyFileError as error:
        raise AccessError(f"secret of user {row.user_id}: the key file must be the one that sealed it") from error
    return base64.b32encode(key).decode()


def uri(secret: str, login: str, issuer: str) -> str:
    """The ``otpauth://`` address that a QR code carries to the application."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def confirm(session: Session, user: User, ring: KeyRing, code: str, now: datetime) -> bool:
    """Let the pending secret count where ``code`` is one of its codes; an earlier secret ends."""
    row = pending(session, user)
    if row is None or not _take(session, row, ring, code, now):
        return False
    _retire(session, user, now, confirmed=True)
    row.confirmed_at = now
    session.flush()
    journal.record(session, user.utility_id, user.login, "totp.added", "user", user.id, at=now)
    return True


def accept(session: Session, utility_id: int, user_id: int, ring: KeyRing, code: str, now: datetime) -> bool:
    """Whether ``code`` is the user's now; it will not be again."""
    row = confirmed(session, utility_id, user_id)
    return row is not None and _take(session, row, ring, code, now)


def remove(session: Session, user: User, actor: str, now: datetime) -> bool:
    """End the user's codes; False where there are none."""
    if confirmed(session, user.utility_id, user.id) is None:
        return False
    _retire(session, user, now, confirmed=True)
    journal.record(session, user.utility_id, actor, "totp.removed", "user", user.id, at=now)
    return True


def _take(session: Session, row: TotpSecret, ring: KeyRing, code: str, now: datetime) -> bool:
    """Mark the step of ``code`` as used; one statement, so that of two requests at once one is refused."""
    generator = pyotp.TOTP(shared_secret(row, ring))
    present = int(now.timestamp()) // STEP_S
    typed = "".join(code.split())
    for step in (present - 1, present, present + 1):
        if hmac.compare_digest(generator.generate_otp(step).encode(), typed.encode()):
            query = update(TotpSecret).where(
                TotpSecret.utility_id == row.utility_id, TotpSecret.id == row.id, TotpSecret.last_step < step
            )
            taken = session.scalar(query.values(last_step=step).returning(TotpSecret.id))
            return taken is not None
    return False


def _retire(session: Session, user: User, now: datetime, *, confirmed: bool) -> None:
    state = TotpSecret.confirmed_at.is_not(None) if confirmed else TotpSecret.confirmed_at.is_(None)
    for row in session.scalars(_of(user.utility_id, user.id).where(state)):
        row.removed_at = now
    session.flush()


def _of(utility_id: int, user_id: int) -> Select[TotpSecret]:
    return select(TotpSecret).where(
        TotpSecret.utility_id == utility_id, TotpSecret.user_id == user_id, TotpSecret.removed_at.is_(None)
    )


def _bound(utility_id: int, user_id: int, row_id: int) -> str:
    return f"totp:{utility_id}:{user_id}:{row_id}"
