"""The door of every route: who asks (a bearer token), how often, and whether the policy lets them."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItem
from limits.strategies import RateLimiter
from sqlalchemy import Engine

from central.access import Identity, Permission, allows, bearer
from central.api.problems import ApiError
from central.store import read_session

_scheme = HTTPBearer(auto_error=False, scheme_name="token", description="A token of sgc central token create")


@dataclass(frozen=True)
class Caller:
    """Who calls, on which database, when; ``actor`` is how the audit names them."""

    identity: Identity
    engine: Engine
    now: datetime

    @property
    def utility_id(self) -> int:
        """The utility whose rows they may see: no other is ever asked for."""
        return self.identity.utility_id

    @property
    def actor(self) -> str:
        """Their login."""
        return self.identity.login


@dataclass(frozen=True)
class Limits:
    """Requests a user may make, and wrong tokens an address may send."""

    limiter: RateLimiter
    per_user: RateLimitItem
    wrong_tokens: RateLimitItem

    def spend(self, item: RateLimitItem, who: str) -> None:
        """Count one; ApiError 429 where it is too many."""
        if not self.limiter.hit(item, who):
            self.refuse(item, who)

    def refuse(self, item: RateLimitItem, who: str) -> None:
        """ApiError 429 that says when to come again."""
        wait = max(1, round(self.limiter.get_window_stats(item, who).reset_time - time.time()))
        raise ApiError(429, "rate", f"more than {item}; try again in {wait} s", headers={"Retry-After": str(wait)})


@dataclass(frozen=True)
class Allowed:
    """A dependency that yields the caller where the policy gives them ``permission``: 401, 403 or 429 otherwise."""

    permission: Permission

    def __call__(
        self,
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_scheme)] = None,
    ) -> Caller:
        """Identify, count, ask the policy."""
        state, now = request.app.state, datetime.now(UTC)
        limits: Limits = state.limits
        address = request.client.host if request.client else "?"
        if not limits.limiter.test(limits.wrong_tokens, address):
            limits.refuse(limits.wrong_tokens, address)
        identity = None
        if credentials is not None:
            with read_session(state.engine) as session:
                identity = bearer(session, state.site.utility_id, credentials.credentials, now)
        if identity is None:
            if credentials is not None:
                limits.limiter.hit(limits.wrong_tokens, address)
            raise ApiError(401, "token", "a valid bearer token is needed", headers={"WWW-Authenticate": "Bearer"})
        limits.spend(limits.per_user, str(identity.user_id))
        if not allows(identity, self.permission):
            raise ApiError(403, "permission", f"needs the permission {self.permission.value}")
        return Caller(identity, state.engine, now)
