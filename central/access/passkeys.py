"""Passkeys: a key pair of a person's device instead of a secret that can be told (W3C Web Authentication level 3).

The browser is put a challenge, which is answered once and within minutes; the person is verified by their device (PIN
or fingerprint), so that a passkey alone is two factors. Origin and relying party are those of the configuration.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from central import journal
from central.access.errors import AccessError
from central.store import new_id
from central.store.models import Passkey, PasskeyChallenge, User

ANSWER_WITHIN = timedelta(minutes=5)
MOST_NAME = 60
MOST_ANSWER = 20_000
LOGIN, FACTOR, REGISTER = "login", "factor", "register"


@dataclass(frozen=True)
class RelyingParty:
    """The site as browsers know it: ``origin`` such as ``https://oficina.example.es``, and its host name."""

    origin: str
    name: str

    @property
    def id(self) -> str:
        """The relying party's identifier: the host name, to which a passkey is bound."""
        return urlsplit(self.origin).hostname or ""


def ask_to_register(session: Session, user: User, party: RelyingParty, now: datetime) -> str:
    """Options (JSON) for ``navigator.credentials.create``: discoverable, with the person verified."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=_handle(user),
        user_name=user.login,
        user_display_name=user.name,
        challenge=_challenge(session, user.utility_id, REGISTER, user.id, now),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[_descriptor(row) for row in passkeys(session, user)],
    )
    return options_to_json(options)


def register(session: Session, user: User, party: RelyingParty, answer: str, name: str, now: datetime) -> Passkey:
    """Keep the passkey a browser made; AccessError where its answer is not to the challenge or its name is empty."""
    label = " ".join(name.split())[:MOST_NAME]
    if not label:
        raise AccessError("name: empty, must say which device the passkey is on")
    challenge = _answered(session, user.utility_id, answer, REGISTER, user.id, now)
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise AccessError(f"passkey: {error}") from error
    if session.scalar(_by_credential(user.utility_id, made.credential_id)) is not None:
        raise AccessError("passkey: is registered already")
    row = Passkey(
        utility_id=user.utility_id,
        id=new_id(),
        user_id=user.id,
        name=label,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=_transports(answer),
        created_at=now,
    )
    session.add(row)
    session.flush()
    journal.record(
        session, user.utility_id, user.login, "passkey.added", "user", user.id, at=now, after={"name": label}
    )
    return row


def ask(session: Session, utility_id: int, user: User | None, party: RelyingParty, now: datetime) -> str:
    """Options (JSON) for ``navigator.credentials.get``: any passkey of the site, or one of ``user``'s."""
    purpose, user_id = (LOGIN, None) if user is None else (FACTOR, user.id)
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=_challenge(session, utility_id, purpose, user_id, now),
        allow_credentials=[_descriptor(row) for row in passkeys(session, user)] if user else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def accept(
    session: Session, utility_id: int, user: User | None, party: RelyingParty, answer: str, now: datetime
) -> User:
    """Whose passkey answered; AccessError for a wrong, old or repeated answer, and for a counter that did not rise.

    ``user`` is whom it must be, None at a log-in without a name.
    """
    purpose, user_id = (LOGIN, None) if user is None else (FACTOR, user.id)
    challenge = _answered(session, utility_id, answer, purpose, user_id, now)
    row = session.scalar(_by_credential(utility_id, _field(answer, "rawId")))
    if row is None or row.removed_at is not None or user_id not in (None, row.user_id):
        raise AccessError("passkey: is not known here")
    owner = session.get_one(User, (utility_id, row.user_id))
    if owner.disabled_at is not None:
        raise AccessError("passkey: is not known here")
    try:
        seen = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise AccessError(f"passkey {row.name}: {error}") from error
    row.sign_count = seen.new_sign_count
    row.used_at = now
    session.flush()
    return owner


def passkeys(session: Session, user: User) -> list[Passkey]:
    """A user's passkeys, the oldest first."""
    query = select(Passkey).where(
        Passkey.utility_id == user.utility_id, Passkey.user_id == user.id, Passkey.removed_at.is_(None)
    )
    return list(session.scalars(query.order_by(Passkey.id)))


def remove(session: Session, user: User, passkey_id: int, actor: str, now: datetime) -> bool:
    """End one of the user's passkeys; False where it is none of theirs."""
    row = session.get(Passkey, (user.utility_id, passkey_id))
    if row is None or row.user_id != user.id or row.removed_at is not None:
        return False
    row.removed_at = now
    session.flush()
    told = {"name": row.name}
    journal.record(session, user.utility_id, actor, "passkey.removed", "user", user.id, at=now, before=told)
    return True


def _challenge(session: Session, utility_id: int, purpose: str, user_id: int | None, now: datetime) -> bytes:
    stale = PasskeyChallenge.expires_at <= now
    session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.utility_id == utility_id, stale))
    challenge = secrets.token_bytes(64)
    session.add(
        PasskeyChallenge(
            utility_id=utility_id,
            challenge=challenge,
            purpose=purpose,
            user_id=user_id,
            expires_at=now + ANSWER_WITHIN,
        )
    )
    session.flush()
    return challenge


def _answered(
    session: Session, utility_id: int, answer: str, purpose: str, user_id: int | None, now: datetime
) -> bytes:
    """The challenge that ``answer`` is to; it is taken out, so that no other answer to it will be heard."""
    challenge = _client_challenge(answer)
    query = delete(PasskeyChallenge).where(
        PasskeyChallenge.utility_id == utility_id,
        PasskeyChallenge.challenge == challenge,
        PasskeyChallenge.purpose == purpose,
        PasskeyChallenge.user_id.is_(None) if user_id is None else PasskeyChallenge.user_id == user_id,
        PasskeyChallenge.expires_at > now,
    )
    if session.scalar(query.returning(PasskeyChallenge.purpose)) is None:
        raise AccessError("passkey: the answer is to no question that is open, must be tried again")
    return challenge


def _client_challenge(answer: str) -> bytes:
    try:
        client = msgspec.json.decode(base64url_to_bytes(_decoded(answer)["response"]["clientDataJSON"]))
        return base64url_to_bytes(client["challenge"])
    except (KeyError, TypeError, ValueError) as error:
        raise AccessError("passkey: the answer is not one of a browser") from error


def _field(answer: str, name: str) -> bytes:
    try:
        return base64url_to_bytes(_decoded(answer)[name])
    except (KeyError, TypeError, ValueError) as error:
        raise AccessError("passkey: the answer is not one of a browser") from error


def _decoded(answer: str) -> Any:
    if len(answer) > MOST_ANSWER:
        raise ValueError("longer than any browser's")
    return msgspec.json.decode(answer)


def _transports(answer: str) -> list[str]:
    known = {transport.value for transport in AuthenticatorTransport}
    said = _decoded(answer)["response"].get("transports", [])
    return [one for one in said if isinstance(one, str) and one in known] if isinstance(said, list) else []


def _descriptor(row: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        id=row.credential_id, transports=[AuthenticatorTransport(one) for one in row.transports] or None
    )


def _by_credential(utility_id: int, credential_id: bytes) -> Select[Passkey]:
    return select(Passkey).where(Passkey.utility_id == utility_id, Passkey.credential_id == credential_id)


def _handle(user: User) -> bytes:
    return user.id.to_bytes(8, "big")
