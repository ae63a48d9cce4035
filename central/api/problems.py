"""Errors as problem details (RFC 9457), each naming field, value and rule where there is one."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from billing.fiscal import FiscalError
from billing.invoice import InvoiceError
from billing.tariff import RatingError, TariffError
from billing.volume import VolumeError
from billing.whatif import ChangeError
from central.access import AccessError
from central.collection.refunds import RefundError
from central.invoicing.states import RunError
from central.register import RegisterError
from central.webhooks.endpoints import WebhookError

MEDIA_TYPE = "application/problem+json"
LONGEST_VALUE = 200
HIDDEN, SECRET = "…", "proof"  # a field that is told in no answer


class FieldProblem(BaseModel):
    """One value that was refused: where it was, what it was (as text, cut short) and the rule it breaks."""

    model_config = ConfigDict(extra="forbid")
    field: str
    value: str
    rule: str


class Problem(BaseModel):
    """RFC 9457: ``type`` is a name of the kind of problem, ``title`` its status in words."""

    model_config = ConfigDict(extra="forbid")
    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class ApiError(Exception):
    """A request that is refused with ``status``."""

    def __init__(
        self, status: int, kind: str, detail: str, *, field: FieldProblem | None = None, headers: Mapping[str, str] = {}
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.fields = [field] if field else []
        self.headers = headers


def problem(
    status: int, kind: str, detail: str, errors: Sequence[FieldProblem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for a refused request."""
    said = Problem(
        type=f"urn:sgc:problem:{kind}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=list(errors),
    )
    # ASCII: what a client sent may hold halves of characters that UTF-8 does not have.
    return Response(json.dumps(said.model_dump()), status, headers=headers, media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these statuses."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` with a problem."""
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RegisterError, _register)
    app.add_exception_handler(RefundError, _refund)
    app.add_exception_handler(RunError, _conflict)
    app.add_exception_handler(AccessError, _conflict)
    for kind in (FiscalError, InvoiceError, TariffError, RatingError, VolumeError, ChangeError, WebhookError):
        app.add_exception_handler(kind, _conflict)
    app.add_exception_handler(IntegrityError, _integrity)
    app.add_exception_handler(Exception, _unexpected)


def _text(value: object) -> str:
    return (value if isinstance(value, str) else repr(value))[:LONGEST_VALUE]


def _given(error: Mapping[str, Any]) -> str:
    """The value that was refused, or the body that lacks one, without a secret in it."""
    value = error.get("input")
    if SECRET in error["loc"]:
        return HIDDEN
    return _text(value | {SECRET: HIDDEN} if isinstance(value, dict) and SECRET in value else value)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101  registered for this type alone
    return problem(error.status, error.kind, error.detail, error.fields, error.headers)


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for this type alone
    return problem(error.status_code, "http", str(error.detail), headers=error.headers)


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this type alone
    fields = [
        FieldProblem(field=".".join(map(str, one["loc"])), value=_given(one), rule=one["msg"]) for one in error.errors()
    ]
    return problem(422, "invalid", "; ".join(f"{one.field}: {one.rule}" for one in fields)[:1000], fields)


def _register(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RegisterError)  # noqa: S101  registered for this type alone
    value = str(error)[len(error.field) + 2 : -len(error.rule) - 2]
    return problem(422, "register", str(error), [FieldProblem(field=error.field, value=value[:200], rule=error.rule)])


def _refund(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefundError)  # noqa: S101  registered for this type alone
    if not error.field:
        return problem(409, "state", str(error))
    field = FieldProblem(field=f"body.{error.field}", value=error.value[:LONGEST_VALUE], rule=error.rule)
    return problem(409, "refund", str(error), [field])


def _conflict(_request: Request, error: Exception) -> Response:
    return problem(409, "state", str(error))


def _integrity(_request: Request, _error: Exception) -> Response:
    return problem(409, "conflict", "the change contradicts another one made meanwhile; read again and retry")


def _unexpected(_request: Request, _error: Exception) -> Response:
    return problem(500, "internal", "the request failed here; nothing was changed by it")
