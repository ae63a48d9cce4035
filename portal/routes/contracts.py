"""Cases of contracts in the office: sign-ups, changes of holder, subrogations and cancellations."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, HTTPException, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from central import lifecycle
from central.access import Identity, Permission, allows
from central.invoicing.closing import DAYS_TO_PAY, usual_series
from central.lifecycle import papers
from central.lifecycle.details import read
from central.lifecycle.documents import document
from central.lifecycle.procedures import CAUSES as CAUSES_OF
from central.lifecycle.procedures import Procedure
from central.lifecycle.queries import PAGE, Filters, View, cases, view
from central.store import Session, read_session, write_session
from central.store.models import ContractCase
from central.times import local_day, millis
from portal import cases as words
from portal.cases import CaseForm, Prefill
from portal.pages import render
from portal.security import may
from portal.typed import by

router = APIRouter(prefix="/oficina/contratos")
Office = Annotated[Identity, Depends(may(Permission.SEE_REGISTER))]
Editor = Annotated[Identity, Depends(may(Permission.EDIT_REGISTER))]
Text = Annotated[str, Form()]
LONGEST = 200


@router.get("")
def show_all(
    request: Request, identity: Office, estado: str = "vivos", tramite: str = "", texto: str = "", antes: str = ""
) -> Response:
    """The cases, the newest first; those that are not closed unless asked otherwise."""
    state = estado if estado in words.STATES else ""
    filters = Filters(state, words.PATHS.get(tramite, ""), estado == "vivos", texto[:LONGEST])
    before = int(antes) if antes.isdecimal() and len(antes) < 16 else None
    with read_session(request.app.state.engine) as session:
        found = cases(session, identity.utility_id, filters, _now(), before=before)
    return render(
        request,
        "contract_cases.html",
        found=found,
        more=len(found) == PAGE,
        estado=estado,
        tramite=tramite,
        texto=texto,
        words=words,
        may_edit=allows(identity, Permission.EDIT_REGISTER),
    )


@router.get("/nuevo/{tramite}")
def ask(request: Request, identity: Editor, tramite: str, contrato: str = "", suministro: str = "") -> Response:
    """The form that opens a case of one procedure."""
    given = CaseForm(contrato=contrato[:64], suministro=suministro[:64], fecha=_today().isoformat())
    return _form(request, _procedure(tramite), tramite, given, "")


@router.post("/nuevo/{tramite}")
def make(request: Request, identity: Editor, tramite: str, given: Annotated[CaseForm, Form()]) -> Response:
    """Open a case; what is wrong is told beside the form, with everything that was typed."""
    procedure = _procedure(tramite)
    try:
        with write_session(request.app.state.engine) as session:
            asked = given.asked(procedure)
            made = lifecycle.open_case(session, identity.utility_id, asked, by=by(identity)).id
    except ValueError as error:
        return _form(request, procedure, tramite, given, str(error))
    return RedirectResponse(f"/oficina/contratos/{made}", 303)


@router.get("/{case_id}")
def show_one(request: Request, identity: Office, case_id: int) -> Response:
    """A case: its data, checklist, deadlines, what forbids it, and its next step."""
    return case_page(request, identity, case_id, "")


@router.post("/{case_id}/datos")
def amend(request: Request, identity: Editor, case_id: int, given: Annotated[CaseForm, Form()]) -> Response:
    """Say something else in a case that is not closed."""

    def work(session: Session, case: ContractCase) -> None:
        asked = given.asked(case.procedure)
        details = given.details(read(case.details))
        lifecycle.amend(session, case, details, asked.effective_on, by=by(identity))

    return _act(request, identity, case_id, work, given)


@router.post("/{case_id}/documentos")
def settle(
    request: Request,
    identity: Editor,
    case_id: int,
    codigo: Text = "",
    accion: Text = "",
    motivo: Text = "",
    fichero: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Receive, waive or give back a document of the checklist."""

    def work(session: Session, case: ContractCase) -> None:
        author = by(identity, motivo)
        if accion == "dispensar":
            lifecycle.waive(session, case, codigo, by=author)
        elif accion == "devolver":
            lifecycle.refuse_document(session, case, codigo, by=author)
        else:
            content = fichero.file.read(papers.LARGEST + 1) if fichero else b""
            name = fichero.filename if fichero and fichero.filename else ""
            lifecycle.receive(session, case, codigo, content, name, by=author)

    return _act(request, identity, case_id, work)


@router.get("/{case_id}/documentos/{document_id}")
def download(request: Request, identity: Office, case_id: int, document_id: int) -> Response:
    """A document as it was received, under a name of ours."""
    with read_session(request.app.state.engine) as session:
        found = document(session, identity.utility_id, document_id)
    if found is None or found.content is None or found.case_id != case_id:
        raise HTTPException(404)
    kind = found.media_type or "application/octet-stream"
    name = f"{found.code}-{found.position}.{kind.rpartition('/')[2]}"
    return Response(found.content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post("/{case_id}/completar")
def complete(request: Request, identity: Editor, case_id: int) -> Response:
    """Do what the case asks, all of it or nothing."""

    def work(session: Session, case: ContractCase) -> None:
        lifecycle.complete(session, case, by=by(identity))

    return _act(request, identity, case_id, work)


@router.post("/{case_id}/rechazar")
def reject(request: Request, identity: Editor, case_id: int, motivo: Text = "") -> Response:
    """Close it without doing it."""

    def work(session: Session, case: ContractCase) -> None:
        lifecycle.reject(session, case, by=by(identity, motivo))

    return _act(request, identity, case_id, work)


@router.post("/{case_id}/desistir")
def withdraw(request: Request, identity: Editor, case_id: int, motivo: Text = "") -> Response:
    """Close it because who asked does not want it any more."""

    def work(session: Session, case: ContractCase) -> None:
        lifecycle.withdraw(session, case, by=by(identity, motivo))

    return _act(request, identity, case_id, work)


def _act(
    request: Request,
    identity: Identity,
    case_id: int,
    work: Callable[[Session, ContractCase], None],
    given: CaseForm | None = None,
) -> Response:
    """Do something to a case and show it again; what is refused is told on its page."""
    try:
        with write_session(request.app.state.engine) as session:
            case = lifecycle.case_with(session, identity.utility_id, case_id)
            if case is None:
                raise HTTPException(404)
            work(session, case)
    except ValueError as error:
        return case_page(request, identity, case_id, str(error), given)
    return RedirectResponse(f"/oficina/contratos/{case_id}", 303)


def _form(request: Request, procedure: Procedure, path: str, given: CaseForm, error: str) -> Response:
    return render(
        request,
        "contract_case_new.html",
        status=422 if error else 200,
        procedure=procedure,
        action=f"/oficina/contratos/nuevo/{path}",
        causes=CAUSES_OF[procedure],
        given=given,
        error=error,
        words=words,
    )


def case_page(
    request: Request, identity: Identity, case_id: int, error: str, given: CaseForm | None = None
) -> Response:
    """A case's page; with an error that tells what was not done."""
    with read_session(request.app.state.engine) as session:
        found: View | None = view(session, identity.utility_id, case_id, _now())
        usual = {"series": usual_series(session, identity.utility_id), "due": _today() + timedelta(DAYS_TO_PAY)}
    if found is None:
        raise HTTPException(404)
    procedure = Procedure(found.case.procedure)
    values: dict[str, Any] = {
        "found": found,
        "titles": {one.item.code: one.item.title for one in found.papers},
        "procedure": procedure,
        "causes": CAUSES_OF[procedure],
        "given": given or Prefill(found.details, found.case.effective_on).form(),
        "error": error,
        "words": words,
        "may_edit": allows(identity, Permission.EDIT_REGISTER) and bool(found.next_step),
        "may_bill": allows(identity, Permission.MAKE_RUNS),
        "may_approve": allows(identity, Permission.APPROVE_RUNS),
        "usual": usual,
    }
    return render(request, "contract_case.html", status=422 if error else 200, **values)


def _procedure(path: str) -> Procedure:
    if path not in words.PATHS:
        raise HTTPException(404)
    return Procedure(words.PATHS[path])


def _now() -> datetime:
    return datetime.now(UTC)


def _today() -> date:
    return local_day(millis(_now()))
