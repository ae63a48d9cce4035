"""Users and tokens of a utility: made, helped when locked out, and the rules by which they get in.

What lets somebody in asks for a proof of who the caller is (:mod:`central.api.proof`); secrets are told once.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from central.access import Permission, create_token, create_user
from central.access.factors import factors_of, reset_factors
from central.access.passwords import LINK_HOLDS, make_link
from central.access.rules import load_rules, set_rules
from central.access.sessions import end_sessions_of, live_sessions
from central.api import shapes
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import ApiError, documented
from central.api.proof import Proven, once_proved
from central.api.queries import one_of
from central.api.reads import answer
from central.api.register import Id, Reasoned
from central.api.values import Int64, Output, Text, Utc
from central.api.values import PathId as Number
from central.store import Session, models, read_session

router = APIRouter()
Warden = Annotated[Caller, Depends(Allowed(Permission.MANAGE_USERS))]
LISTED = documented(401, 403, 422, 429)
READ = documented(401, 403, 404, 422, 429)
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)
Role = Literal["reader", "clerk", "supervisor", "auditor", "owner", "admin"]
AnyRole = Literal["subscriber", "reader", "clerk", "supervisor", "auditor", "owner", "admin"]
Named = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")
]
Minutes = Annotated[int, Field(ge=1, le=1440)]
MOST_DAYS, USUAL_DAYS = 366, 90


class NewUser(Proven):
    """Somebody of the staff, who chooses a password by the link in the answer."""

    login: Named
    name: Text = ""
    role: Role


class Reset(Proven):
    """Why the factors are taken away."""

    reason: Annotated[Text, Field(min_length=1)]


class NewToken(Proven):
    """A program's token: whom it acts as, what it is for, its days, and what of the role it is narrowed to."""

    user_id: Id
    name: Named
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = USUAL_DAYS
    scopes: Annotated[list[Annotated[Permission, Field(strict=False)]], Field(max_length=20, default_factory=list)]


class NewRules(Proven):
    """The rules that change; times of roles that are not named stay."""

    factor_roles: Annotated[list[AnyRole], Field(max_length=20)] | None = None
    grace_days: Annotated[int, Field(ge=0, le=90)] | None = None
    proof_minutes: Minutes | None = None
    idle_minutes: dict[AnyRole, Minutes] | None = None
    longest_minutes: dict[AnyRole, Minutes] | None = None


class UserMade(shapes.UserOut):
    """A user and the path of the link by which they choose a password, null where the answer is given again."""

    link: str | None


class LinkMade(Output):
    """The path on the portal by which its bearer sets the user's password, once; null where it is given again."""

    user_id: Int64
    login: str
    link: str | None
    expires_at: Utc


class TokenMade(shapes.TokenOut):
    """A token and its secret, which is null where the answer is given a second time."""

    secret: str | None


class FactorsOut(Output):
    """With what a user proves who they are: ``required`` where their role must have a second factor."""

    user_id: Int64
    codes_since: Utc | None
    passkeys: int
    recovery_left: int
    required: bool
    grace_since: Utc | None


class SessionOut(Output):
    """A log-in that holds."""

    id: Int64
    created_at: Utc
    seen_at: Utc
    network: str
    agent: str
    second_factor: bool


class SessionsOut(Output):
    """The log-ins of a user, the one last seen first."""

    items: list[SessionOut]


class EndedOut(Output):
    """How many sessions were ended."""

    user_id: Int64
    ended: int


class RulesOut(Output):
    """Who must have a second factor, and how long a log-in and a proof last (docs/security.md)."""

    factor_roles: list[str]
    grace_days: int
    proof_minutes: int
    idle_minutes: dict[str, int]
    longest_minutes: dict[str, int]


@router.post("/users", status_code=201, response_model=UserMade, responses=REFUSALS)
def add_user(request: Request, caller: Warden, key: Key, body: NewUser) -> Response:
    """Make a user without a password. The link that sets one is in this answer alone, and holds for an hour."""

    def work(session: Session) -> UserMade:
        made = create_user(
            session,
            caller.utility_id,
            body.login,
            None,
            role=body.role,
            name=body.name.strip() or body.login,
            actor=caller.actor,
        )
        secret = make_link(session, caller.utility_id, made.login, caller.actor, caller.now)
        return UserMade(link=_path(secret), **shapes.UserOut.model_validate(made).model_dump())

    return once_proved(request, caller, key, body, work, untold=frozenset({"link"}))


@router.post("/users/{number}/links", status_code=201, response_model=LinkMade, responses=MISSING)
def make_password_link(request: Request, caller: Warden, key: Key, number: Number, body: Proven) -> Response:
    """A link by which a user sets a new password, told in this answer alone; earlier ones end, factors stay."""
    _exists(caller, number)

    def work(session: Session) -> LinkMade:
        login = _user(session, caller, number).login
        secret = make_link(session, caller.utility_id, login, caller.actor, caller.now)
        return LinkMade(user_id=number, login=login, link=_path(secret), expires_at=caller.now + LINK_HOLDS)

    return once_proved(request, caller, key, body, work, untold=frozenset({"link"}))


@router.get("/users/{number}/factors", response_model=FactorsOut, responses=READ)
def get_user_factors(caller: Warden, number: Number) -> Response:
    """A user's second factors, without what is secret of them."""
    with read_session(caller.engine) as session:
        return answer(_factors(session, _user(session, caller, number)))


@router.post("/users/{number}/factor-reset", response_model=FactorsOut, responses=MISSING)
def reset_user_factors(request: Request, caller: Warden, key: Key, number: Number, body: Reset) -> Response:
    """Take the factors and sessions away of another user who lost theirs."""
    _exists(caller, number)
    _refuse_oneself(caller, number)

    def work(session: Session) -> FactorsOut:
        login = _user(session, caller, number).login
        user = reset_factors(session, caller.utility_id, login, caller.actor, caller.now, body.reason)
        session.flush()
        return _factors(session, user)

    return once_proved(request, caller, key, body, work, 200)


@router.get("/users/{number}/sessions", response_model=SessionsOut, responses=READ)
def list_user_sessions(caller: Warden, number: Number) -> Response:
    """From where a user is logged in."""
    with read_session(caller.engine) as session:
        found = live_sessions(session, caller.utility_id, _user(session, caller, number), caller.now)
        return answer(SessionsOut(items=[_session(row) for row in found]))


@router.post("/users/{number}/session-ending", response_model=EndedOut, responses=MISSING)
def end_user_sessions(request: Request, caller: Warden, key: Key, number: Number, body: Reasoned) -> Response:
    """End every session of a user; their tokens stay."""

    def work(session: Session) -> EndedOut:
        login = _user(session, caller, number).login
        return EndedOut(
            user_id=number, ended=end_sessions_of(session, caller.utility_id, login, caller.actor, caller.now)
        )

    return once(request, caller, key, body, work, 200)


@router.post("/tokens", status_code=201, response_model=TokenMade, responses=MISSING)
def add_token(request: Request, caller: Warden, key: Key, body: NewToken) -> Response:
    """Make a token. Its secret is in this answer alone: the same request sent again is answered with null."""
    _exists(caller, body.user_id)

    def work(session: Session) -> TokenMade:
        user = _user(session, caller, body.user_id)
        held = timedelta(body.days)
        row, secret = create_token(
            session, caller.utility_id, user.login, body.name, held, caller.actor, caller.now, body.scopes
        )
        return TokenMade(secret=secret, **shapes.TokenOut.model_validate(row).model_dump())

    return once_proved(request, caller, key, body, work, untold=frozenset({"secret"}))


@router.get("/access-rules", response_model=RulesOut, responses=LISTED)
def get_access_rules(caller: Warden) -> Response:
    """The rules of access."""
    with read_session(caller.engine) as session:
        return answer(_rules(load_rules(session, caller.utility_id)))


@router.post("/access-rules", response_model=RulesOut, responses=REFUSALS)
def change_access_rules(request: Request, caller: Warden, key: Key, body: NewRules) -> Response:
    """Change some of the rules; they hold at once, for open sessions too."""

    def work(session: Session) -> RulesOut:
        changes = body.model_dump(exclude={"proof"}, exclude_none=True)
        before = load_rules(session, caller.utility_id)
        for name in ("idle_minutes", "longest_minutes"):
            if name in changes:
                changes[name] = getattr(before, name) | changes[name]
        after = set_rules(session, caller.utility_id, changes, caller.actor, caller.now) if changes else before
        return _rules(after)

    return once_proved(request, caller, key, body, work, 200)


def _user(session: Session, caller: Caller, number: int) -> models.User:
    return one_of(session, models.User, models.User.id, caller.utility_id, number)


def _exists(caller: Caller, number: int) -> None:
    """404 before a proof is asked for, or counted."""
    with read_session(caller.engine) as session:
        _user(session, caller, number)


def _refuse_oneself(caller: Caller, number: int) -> None:
    if number == caller.identity.user_id:
        raise ApiError(409, "state", f"user {number}: is the caller; another one must do it")


def _path(secret: str) -> str:
    return f"/clave/{secret}"


def _factors(session: Session, user: models.User) -> FactorsOut:
    found = factors_of(session, user)
    return FactorsOut(
        user_id=user.id,
        codes_since=found.codes_since,
        passkeys=len(found.passkeys),
        recovery_left=found.recovery_left,
        required=found.required,
        grace_since=found.grace_since,
    )


def _session(row: models.LoginSession) -> SessionOut:
    told = {name: getattr(row, name) for name in ("id", "created_at", "seen_at", "network", "agent")}
    return SessionOut(**told, second_factor=row.factor_at is not None)


def _rules(rules: Any) -> RulesOut:
    return RulesOut.model_validate(msgspec.to_builtins(rules))
