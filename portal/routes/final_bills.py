"""The closing bill of who left a contract, from the page of its case: made, reviewed, and issued by another person."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from central import lifecycle
from central.access import Identity, Permission
from central.invoicing import desk
from central.invoicing import run as runs
from central.invoicing.queries import exception_counts
from central.invoicing.states import RunError, RunStatus
from central.lifecycle.final_bill import Asked, final_bill, make_final_bill
from central.store import Engine, Session, read_session, write_session
from central.store.models import BillingRun, ContractCase
from portal.routes.contracts import case_page
from portal.security import may
from portal.typed import by, day, given

router = APIRouter(prefix="/oficina/contratos/{case_id}/cierre")
Maker = Annotated[Identity, Depends(may(Permission.MAKE_RUNS))]
Approver = Annotated[Identity, Depends(may(Permission.APPROVE_RUNS))]
Text = Annotated[str, Form()]
Work = Callable[[Engine], None]


@router.post("")
def make(
    request: Request, identity: Maker, case_id: int, serie: Text = "", vence: Text = "", desde: Text = ""
) -> Response:
    """Make the closing run and simulate it."""

    def work(engine: Engine) -> None:
        asked = Asked(serie.strip(), None, given(day, "vence", vence), given(day, "desde", desde))
        with write_session(engine) as session:
            made = make_final_bill(session, _case(session, identity, case_id), asked, by=by(identity)).id
        runs.simulate(engine, identity.utility_id, made, _operator(request, identity), _now())

    return _done(request, identity, case_id, work)


@router.post("/calcular")
def simulate(request: Request, identity: Maker, case_id: int) -> Response:
    """Simulate it again, with what is known now."""

    def work(engine: Engine) -> None:
        with read_session(engine) as session:
            run_id = _run(session, identity, case_id).id
        runs.simulate(engine, identity.utility_id, run_id, _operator(request, identity), _now())

    return _done(request, identity, case_id, work)


@router.post("/revisar")
def waive(request: Request, identity: Maker, case_id: int, motivo: Text = "") -> Response:
    """Let it pass in spite of all that stood out in it."""

    def work(engine: Engine) -> None:
        with write_session(engine) as session:
            run = _run(session, identity, case_id)
            codes = list(exception_counts(session, identity.utility_id, run.id))
            desk.waive_all(session, run, codes, identity.login, _now(), motivo)

    return _done(request, identity, case_id, work)


@router.post("/abandonar")
def cancel(request: Request, identity: Maker, case_id: int, motivo: Text = "") -> Response:
    """Give it up, so that another one can be made."""

    def work(engine: Engine) -> None:
        with write_session(engine) as session:
            runs.cancel(session, _run(session, identity, case_id), identity.login, _now(), motivo)

    return _done(request, identity, case_id, work)


@router.post("/emitir")
def issue(request: Request, identity: Approver, case_id: int) -> Response:
    """Approve it, number it and make its document; after an interruption the rest of that."""

    def work(engine: Engine) -> None:
        with write_session(engine) as session:
            run = _run(session, identity, case_id)
            if run.status not in (RunStatus.APPROVED, RunStatus.NUMBERED, RunStatus.ISSUED):
                runs.approve(session, run, identity.login, _now())
            run_id, issued = run.id, run.status == RunStatus.ISSUED
        operator = _operator(request, identity)
        if not issued:
            runs.issue(engine, identity.utility_id, run_id, operator, _now())
        runs.deliver(engine, identity.utility_id, run_id, operator, _now())

    return _done(request, identity, case_id, work)


def _done(request: Request, identity: Identity, case_id: int, work: Work) -> Response:
    """Do it and show the case again; what is refused is told on its page."""
    try:
        work(request.app.state.engine)
    except (RunError, ValueError) as error:
        return case_page(request, identity, case_id, str(error))
    return RedirectResponse(f"/oficina/contratos/{case_id}", 303)


def _case(session: Session, identity: Identity, case_id: int) -> ContractCase:
    case = lifecycle.case_with(session, identity.utility_id, case_id)
    if case is None:
        raise HTTPException(404)
    return case


def _run(session: Session, identity: Identity, case_id: int) -> BillingRun:
    """The closing run of a case."""
    found = final_bill(session, _case(session, identity, case_id))
    if found is None:
        raise HTTPException(404)
    return found.run


def _operator(request: Request, identity: Identity) -> runs.Operator:
    return runs.Operator(identity.login, keys=request.app.state.config.keys)


def _now() -> datetime:
    return datetime.now(UTC)
