"""The register in the office: finding what hangs together, importing files after seeing every row's fate, exporting."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, HTTPException, Request, UploadFile
from msgspec import structs
from starlette.responses import RedirectResponse, Response, StreamingResponse

from central.access import Identity, Permission, allows
from central.reading.reattach import reattach
from central.register import RegisterError, RowFate, exporting
from central.register.importing import desk, fates_csv, fates_workbook
from central.register.importing.plan import REFUSED
from central.register.lookup import look_up
from central.store import Engine, Session, models, read_session, write_session
from portal import quality as words
from portal.pages import render
from portal.refusals import parts
from portal.security import may
from portal.typed import by

router = APIRouter(prefix="/oficina/padron")
Office = Annotated[Identity, Depends(may(Permission.SEE_REGISTER))]
Editor = Annotated[Identity, Depends(may(Permission.EDIT_REGISTER))]
Exporter = Annotated[Identity, Depends(may(Permission.EXPORT_REGISTER))]
PAGE = 100
ZIP = "application/zip"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("")
def show_register(request: Request, identity: Office, que: str = "contract", codigo: str = "") -> Response:
    """The search, what it finds, the imports and the export."""
    return _register(request, identity, que, codigo[:64])


@router.post("/importaciones", max_body_size=desk.MOST_BYTES * 5 // 4)
def upload(
    request: Request,
    identity: Editor,
    fichero: Annotated[UploadFile, File()],
    correspondencia: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Keep a file and show what would become of its rows."""
    try:
        if (fichero.size or 0) > desk.MOST_BYTES:
            raise RegisterError("file", fichero.filename, f"has more than {desk.MOST_BYTES} bytes; divide it")
        mapping = correspondencia.file.read(200_000).decode() if correspondencia and correspondencia.filename else ""
        with write_session(request.app.state.engine) as session:
            content = fichero.file.read()
            kept = desk.keep(session, identity.utility_id, fichero.filename or "", content, mapping, by(identity)).id
    except (RegisterError, UnicodeDecodeError) as error:
        return _register(request, identity, error=str(error))
    return RedirectResponse(f"/oficina/padron/importaciones/{kept}", 303)


@router.get("/importaciones/{number}")
def show_import(
    request: Request, identity: Office, number: int, destino: str = "", hoja: str = "", desde: int = 0
) -> Response:
    """Every row's fate, filtered by the URL, page by page, and the decision."""
    return _import(request, identity, number, destino, hoja, max(0, desde))


@router.post("/importaciones/{number}/aplicar")
def apply(request: Request, identity: Editor, number: int, sin_rechazadas: Annotated[bool, Form()] = False) -> Response:
    """Change the register as was shown, whole or, where it is asked for, without the refused rows."""
    try:
        with write_session(request.app.state.engine) as session:
            row = _row(session, identity, number)
            desk.apply(session, row, by(identity), without_refused=sin_rechazadas)
            reattach(session.connection(), identity.utility_id, None, datetime.now(UTC))
    except RegisterError as error:
        return _import(request, identity, number, error=str(error))
    return RedirectResponse(f"/oficina/padron/importaciones/{number}", 303)


@router.post("/importaciones/{number}/repasar")
def look_again(request: Request, identity: Editor, number: int) -> Response:
    """See what would become of the rows now."""
    try:
        with write_session(request.app.state.engine) as session:
            desk.plan_again(session, _row(session, identity, number), by(identity))
    except RegisterError as error:
        return _import(request, identity, number, error=str(error))
    return RedirectResponse(f"/oficina/padron/importaciones/{number}", 303)


@router.post("/importaciones/{number}/descartar")
def discard(request: Request, identity: Editor, number: int) -> Response:
    """Let go of a file."""
    try:
        with write_session(request.app.state.engine) as session:
            desk.discard(session, _row(session, identity, number), by(identity))
    except RegisterError as error:
        return _import(request, identity, number, error=str(error))
    return RedirectResponse("/oficina/padron", 303)


@router.get("/importaciones/{number}/destinos.{form}")
def download_fates(request: Request, identity: Office, number: int, form: str) -> Response:
    """Every row's fate as a file to hand back."""
    if form not in ("csv", "xlsx"):
        raise HTTPException(404)
    with read_session(request.app.state.engine) as session:
        fates = [_in_spanish(one) for one in desk.fates_of(_row(session, identity, number))]
    headers = {"Content-Disposition": f'attachment; filename="destinos-{number}.{form}"'}
    if form == "csv":
        return Response(b"".join(fates_csv(fates)), media_type="text/csv; charset=utf-8", headers=headers)
    with tempfile.TemporaryFile() as out:
        fates_workbook(out, fates)
        out.seek(0)
        return Response(out.read(), media_type=XLSX, headers=headers)


@router.post("/exportar")
def export(
    request: Request, identity: Exporter, formato: Annotated[Literal["csv", "xlsx"], Form()] = "xlsx"
) -> Response:
    """The whole register as a file; the audit says who took it."""
    engine: Engine = request.app.state.engine
    with write_session(engine) as session:
        exporting.tell_export(session, identity.utility_id, formato, by(identity))
    name, kind = ("padron.zip", ZIP) if formato == "csv" else ("padron.xlsx", XLSX)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_exported(engine, identity.utility_id, formato), media_type=kind, headers=headers)


def _exported(engine: Engine, utility_id: int, form: str) -> Iterator[bytes]:
    with read_session(engine) as session:
        if form == "csv":
            yield from exporting.csv_set(session, utility_id)
            return
        with tempfile.TemporaryFile() as file:
            exporting.write_workbook(session, utility_id, file)
            file.seek(0)
            yield from iter(lambda: file.read(2**16), b"")


def _register(request: Request, identity: Identity, que: str = "contract", code: str = "", error: str = "") -> Response:
    if que not in words.KINDS:
        raise HTTPException(404)
    with read_session(request.app.state.engine) as session:
        found = look_up(session, identity.utility_id, que, code) if code else []
        imports = desk.newest(session, identity.utility_id)
    return render(
        request,
        "register.html",
        422 if error else 200,
        que=que,
        code=code,
        found=found,
        imports=imports,
        words=words,
        error=error,
        may_edit=allows(identity, Permission.EDIT_REGISTER),
        may_export=allows(identity, Permission.EXPORT_REGISTER),
    )


def _import(
    request: Request,
    identity: Identity,
    number: int,
    fate: str = "",
    section: str = "",
    start: int = 0,
    error: str = "",
) -> Response:
    if fate not in ("", *words.FATES) or section not in ("", *words.SECTIONS):
        raise HTTPException(404)
    with read_session(request.app.state.engine) as session:
        row = _row(session, identity, number)
        fates = desk.fates_of(row, fate, section)
    return render(
        request,
        "register_import.html",
        422 if error else 200,
        row=row,
        fates=fates[start : start + PAGE],
        total=len(fates),
        start=start,
        following=start + PAGE if start + PAGE < len(fates) else None,
        fate=fate,
        section=section,
        words=words,
        error=error,
        may_edit=allows(identity, Permission.EDIT_REGISTER),
    )


def _in_spanish(fate: RowFate) -> RowFate:
    if fate.fate != REFUSED:
        return fate
    field, value, rule = parts(fate.field, fate.value, fate.rule)
    return structs.replace(fate, field=field, value=value, rule=rule)


def _row(session: Session, identity: Identity, number: int) -> models.RegisterImport:
    row = desk.find_import(session, identity.utility_id, number)
    if row is None:
        raise HTTPException(404)
    return row
