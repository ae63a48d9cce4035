"""The register into files and out of them: a file is looked at first, then applied as it was shown, or discarded."""

import base64
import binascii
import tempfile
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from central import register
from central.access import Permission
from central.api.exchange_shapes import FateOut, ImportOut
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import ApiError, FieldProblem, documented
from central.api.queries import one_of, opened, sealed
from central.api.reads import answer
from central.api.values import Input, Page, Paging, Text
from central.api.values import PathId as Number
from central.reading.reattach import reattach
from central.register import exporting
from central.register.importing import desk
from central.store import Session, models, read_session, write_session

router = APIRouter()
Editor = Annotated[Caller, Depends(Allowed(Permission.EDIT_REGISTER))]
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_REGISTER))]
Exporter = Annotated[Caller, Depends(Allowed(Permission.EXPORT_REGISTER))]
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)
Base64 = Annotated[str, Field(min_length=4, max_length=desk.MOST_BYTES * 4 // 3 + 4, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
FORMS = {
    "csv": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PIECE = 2**16


class NewImport(Input):
    """A file: CSV, a zip of CSV files or a workbook, in base64; ``mapping`` is YAML for heads of one's own."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]*[^\x00-\x20\x7f/\\]$")]
    content: Base64
    mapping: Annotated[str, Field(max_length=100_000, pattern=r"^[^\x00]*$")] = ""
    reason: Text = ""


class Decision(Input):
    """Why."""

    reason: Text = ""


class Application(Decision):
    """Do what was shown; refused rows keep everything from being done unless they are left out."""

    without_refused: bool = False


class RowsQuery(Paging):
    """The fates of an import, all or of one kind."""

    fate: Literal["added", "changed", "unchanged", "refused"] | None = None


class ExportQuery(BaseModel):
    """How the register is wanted: a zip of CSV files, or a workbook."""

    model_config = ConfigDict(extra="forbid")
    form: Literal["csv", "xlsx"] = "csv"


@router.post(
    "/register-imports",
    status_code=201,
    response_model=ImportOut,
    responses=REFUSALS | documented(413),
    max_body_size=desk.MOST_BYTES * 3 // 2,
)
def plan_register_import(request: Request, caller: Editor, key: Key, body: NewImport) -> Response:
    """Say what would become of every row of a file; nothing of the register is changed."""
    content = _decoded(body.content)

    def work(session: Session) -> ImportOut:
        by = register.Change(caller.actor, caller.now, body.reason)
        row = desk.keep(session, caller.utility_id, body.name, content, body.mapping, by)
        return ImportOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.get(
    "/register-imports/{number}/rows", response_model=Page[FateOut], responses=documented(401, 403, 404, 422, 429)
)
def list_register_import_rows(caller: Viewer, number: Number, asked: Annotated[RowsQuery, Query()]) -> Response:
    """The fate of each line of a file, in its order."""
    start = opened(asked.after, 1)[0] if asked.after else 0
    with read_session(caller.engine) as session:
        fates = desk.fates_of(_import(session, caller, number), asked.fate or "")
    start = max(0, start)
    end = start + asked.limit
    items = [FateOut.model_validate(fate) for fate in fates[start:end]]
    return answer(Page[FateOut](items=items, next=sealed([end]) if end < len(fates) else None))


@router.post("/register-imports/{number}/application", status_code=201, response_model=ImportOut, responses=MISSING)
def apply_register_import(request: Request, caller: Editor, key: Key, number: Number, body: Application) -> Response:
    """Change the register as was shown, in one piece."""

    def work(session: Session) -> ImportOut:
        row = _import(session, caller, number)
        by = register.Change(caller.actor, caller.now, body.reason)
        desk.apply(session, row, by, without_refused=body.without_refused)
        reattach(session.connection(), caller.utility_id, None, caller.now)
        return ImportOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post("/register-imports/{number}/discard", status_code=201, response_model=ImportOut, responses=MISSING)
def discard_register_import(request: Request, caller: Editor, key: Key, number: Number, body: Decision) -> Response:
    """Let go of a file."""

    def work(session: Session) -> ImportOut:
        row = _import(session, caller, number)
        desk.discard(session, row, register.Change(caller.actor, caller.now, body.reason))
        return ImportOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.get(
    "/register-export",
    response_class=Response,
    responses=documented(401, 403, 422, 429)
    | {200: {"content": {form: {"schema": {"type": "string", "format": "binary"}} for form in FORMS.values()}}},
)
def export_register(caller: Exporter, asked: Annotated[ExportQuery, Query()]) -> Response:
    """The whole register, without meters' keys; the audit says who took it."""
    with write_session(caller.engine) as session:
        exporting.tell_export(session, caller.utility_id, asked.form, register.Change(caller.actor, caller.now))
    headers = {"Content-Disposition": f'attachment; filename="padron.{"zip" if asked.form == "csv" else "xlsx"}"'}
    return StreamingResponse(exported(caller, asked.form), media_type=FORMS[asked.form], headers=headers)


def exported(caller: Caller, form: str) -> Iterator[bytes]:
    """The register in pieces, as of one instant."""
    with read_session(caller.engine) as session:
        if form == "csv":
            yield from exporting.csv_set(session, caller.utility_id)
            return
        with tempfile.TemporaryFile() as file:
            exporting.write_workbook(session, caller.utility_id, file)
            file.seek(0)
            yield from iter(lambda: file.read(PIECE), b"")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        field = FieldProblem(field="body.content", value=text[:40], rule="must be base64")
        raise ApiError(422, "invalid", "body.content: must be base64", field=field) from error


def _import(session: Session, caller: Caller, number: int) -> models.RegisterImport:
    return one_of(session, models.RegisterImport, models.RegisterImport.id, caller.utility_id, number)
