"""The back office: what is to be done, billing runs, their exceptions."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import Response

from central.access import Identity, Permission
from central.invoicing.queries import Filters, PageKeyError, draft, drafts, exception_counts, run_summary, runs
from central.store import read_session
from portal.pages import render
from portal.security import may

router = APIRouter(prefix="/oficina")
Office = Annotated[Identity, Depends(may(Permission.SEE_RUNS))]


@router.get("/")
def queues(request: Request, identity: Office) -> Response:
    """The runs and what is open in each; every count opens the list it counts."""
    with read_session(request.app.state.engine) as session:
        found = runs(session, identity.utility_id)
        counts = {one.id: exception_counts(session, identity.utility_id, one.id) for one in found}
    return render(request, "office.html", runs=found, counts=counts)


@router.get("/tandas/{run_id}")
def show_run(
    request: Request,
    identity: Office,
    run_id: int,
    codigo: str | None = None,
    pendientes: bool = False,
    despues: str = "",
) -> Response:
    """One run's drafts, filtered by the URL, page by page."""
    filters = Filters(code=codigo or None, open_only=pendientes)
    with read_session(request.app.state.engine) as session:
        found = run_summary(session, identity.utility_id, run_id)
        if found is None:
            raise HTTPException(404)
        try:
            page = drafts(session, identity.utility_id, run_id, filters, after=despues or None)
        except PageKeyError as error:
            raise HTTPException(404) from error
        counts = exception_counts(session, identity.utility_id, run_id, open_only=False)
    return render(request, "run.html", run=found, page=page, counts=counts, code=codigo, open_only=pendientes)


@router.get("/tandas/{run_id}/contratos/{contract_id}")
def show_draft(
    request: Request, identity: Office, run_id: int, contract_id: int, desde: date | None = None
) -> Response:
    """One draft: the bill it would be, its exceptions and the numbers they compared; ``desde`` tells holders apart."""
    with read_session(request.app.state.engine) as session:
        found = run_summary(session, identity.utility_id, run_id)
        view = draft(session, identity.utility_id, run_id, contract_id, desde)
    if found is None or view is None:
        raise HTTPException(404)
    return render(request, "draft.html", run=found, view=view)
