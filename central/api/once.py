"""Idempotency keys: a POST that is sent again gets the answer it was given and changes nothing.

draft-ietf-httpapi-idempotency-key-header: the key is the caller's; with another request under it, 422. The answer is
kept in the transaction of the change, so neither is ever there without the other. Refusals are not kept.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from fastapi import Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from central.api.gate import Caller
from central.api.problems import ApiError, FieldProblem
from central.store import Session, read_session, write_session
from central.store.models import ApiAnswer

KEPT = timedelta(hours=24)
_NOT_YET = 0

Key = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$", examples=["7c1e0f"])
]
Work = Callable[[Session], BaseModel]


def once(
    request: Request,
    caller: Caller,
    key: str,
    body: BaseModel | None,
    work: Work,
    status: int = 201,
    untold: frozenset[str] = frozenset(),
) -> Response:
    """Do ``work`` in one transaction and keep its answer under ``key``, or give the answer that is kept.

    ``untold`` fields are in the first answer alone: what is kept has null in their place.
    """
    said = body.model_dump_json() if body is not None else ""
    route = f"{request.method} {request.url.path}"
    digest = hashlib.sha256(f"{route}\n{said}".encode()).digest()
    with write_session(caller.engine) as session:
        kept = _kept(session, caller, key)
        if kept is not None:
            return _again(kept, key, digest)
        answer = ApiAnswer(
            utility_id=caller.utility_id,
            user_id=caller.identity.user_id,
            key=key,
            digest=digest,
            route=route[:64],
            status=_NOT_YET,
            body="",
            created_at=caller.now,
        )
        session.add(answer)
        session.flush()  # whoever sends the same key meanwhile waits here, and is told to try again
        done = work(session)
        answer.body = done.model_copy(update=dict.fromkeys(untold)).model_dump_json()
        answer.status = status
        return Response(done.model_dump_json(), status, media_type="application/json")


def answered(caller: Caller, key: str) -> bool:
    """Whether something was answered under ``key``: work that commits by itself is then not to be done again."""
    with read_session(caller.engine) as session:
        kept = session.get(ApiAnswer, (caller.utility_id, caller.identity.user_id, key))
        return kept is not None and not _is_old(caller, kept)


def _kept(session: Session, caller: Caller, key: str) -> ApiAnswer | None:
    kept = session.get(ApiAnswer, (caller.utility_id, caller.identity.user_id, key))
    if kept is not None and _is_old(caller, kept):
        session.delete(kept)
        session.flush()
        return None
    return kept


def _is_old(caller: Caller, kept: ApiAnswer) -> bool:
    return caller.now - kept.created_at > KEPT


def _again(kept: ApiAnswer, key: str, digest: bytes) -> Response:
    if kept.digest != digest:
        rule = "was used for another request; each request has its own key"
        field = FieldProblem(field="header.Idempotency-Key", value=key, rule=rule)
        raise ApiError(422, "idempotency", f"Idempotency-Key: {key!r} {rule}", field=field)
    return _json(kept)


def _json(answer: ApiAnswer) -> Response:
    return Response(answer.body, answer.status, media_type="application/json")
