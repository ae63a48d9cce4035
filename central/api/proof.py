"""A proof of who one is, in the request that lets others in (OWASP ASVS 5.0 7.5.1, 7.5.3).

A token acts without a factor: whoever holds it cannot make another one, or a user, with it alone.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy.orm import Session
from starlette.responses import Response

from central.access import ThrottledError
from central.access.factors import factors_of, give_code, give_password
from central.access.rules import load_rules
from central.access.sessions import From
from central.access.throttle import WINDOW
from central.access.users import by_id
from central.api.gate import Caller
from central.api.keys import ring_if_any
from central.api.once import Work, answered, once
from central.api.problems import HIDDEN, ApiError, FieldProblem
from central.api.values import Input
from central.store import write_session

RULE = "must be a code of one's application, a recovery code, or the password of who has no second factor"


class Proven(Input):
    """``proof``: a code of the application or a recovery code; the password of who has no second factor.

    It is of the user whose token is used, and is kept nowhere.
    """

    proof: Annotated[SecretStr, Field(min_length=1, max_length=200)]


def once_proved(
    request: Request,
    caller: Caller,
    key: str,
    body: Proven,
    work: Work,
    status: int = 201,
    untold: frozenset[str] = frozenset(),
) -> Response:
    """Do ``work`` once, where the request proves who its caller is: ApiError 403, and 429 after too many wrong ones.

    A request that was answered is told the same again without another proof, for a code is taken only once.
    """
    proved = not answered(caller, key) and _proves(request, caller, body.proof.get_secret_value())

    def guarded(session: Session) -> BaseModel:
        # Asked here, too: what was answered when it was looked up may be forgotten by now.
        if not proved:
            raise _refused()
        return work(session)

    return once(request, caller, key, body, guarded, status, untold)


def _proves(request: Request, caller: Caller, proof: str) -> bool:
    """Whether the proof is right, in a transaction of its own: a wrong one is counted though the request is refused."""
    place = From.of(request.headers.get("user-agent", ""), request.client.host if request.client else "?")
    try:
        with write_session(caller.engine) as session:
            user = by_id(session, caller.utility_id, caller.identity.user_id)
            factors = factors_of(session, user)
            if factors.any:
                return give_code(session, user, ring_if_any(request), proof, place, caller.now)
            until = load_rules(session, user.utility_id).grace_until(user.role, factors.grace_since)
            if until is not None and caller.now >= until:
                rule = "needs a second factor first: its time of grace is over"
                raise ApiError(403, "proof", f"proof: the user {user.login} {rule}", field=_field(rule))
            return give_password(session, user, proof, place, caller.now)
    except ThrottledError as error:
        wait = {"Retry-After": str(WINDOW // timedelta(seconds=1))}
        raise ApiError(429, "proof", f"proof: {error}", headers=wait) from error


def _refused() -> ApiError:
    return ApiError(403, "proof", f"proof: {RULE}", field=_field(RULE))


def _field(rule: str) -> FieldProblem:
    return FieldProblem(field="body.proof", value=HIDDEN, rule=rule)
