"""The quality board in the office: what the rules find in the register, who looks after it, and what may stay."""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from central.access import Identity, Permission, allows, users
from central.register import RegisterError, quality
from central.store import Session, models, read_session, write_session
from central.times import local_day, millis
from portal import quality as words
from portal.pages import render
from portal.security import may
from portal.typed import by, day, given

router = APIRouter(prefix="/oficina/calidad")
Office = Annotated[Identity, Depends(may(Permission.SEE_REGISTER))]
Editor = Annotated[Identity, Depends(may(Permission.EDIT_REGISTER))]
Text = Annotated[str, Form()]


@router.get("")
def show_board(request: Request, identity: Office, gravedad: str = "", lleva: str = "") -> Response:
    """The rules with what is open of each, filtered by the URL."""
    return _board(request, identity, gravedad, lleva)


@router.post("/actualizar")
def refresh(request: Request, identity: Editor) -> Response:
    """Ask every rule about the register as it is now."""
    try:
        with write_session(request.app.state.engine) as session:
            quality.refresh(session, _utility(session, identity), datetime.now(UTC))
    except RegisterError as error:
        return _board(request, identity, error=str(error))
    return RedirectResponse("/oficina/calidad", 303)


@router.get("/{regla}")
def show_rule(
    request: Request, identity: Office, regla: str, estado: str = "open", encargo: str = "", despues: str = ""
) -> Response:
    """What one rule finds, page by page."""
    try:
        return _rule(request, identity, regla, estado, encargo[:64], despues)
    except RegisterError as error:
        return _board(request, identity, error=str(error))


@router.post("/{regla}")
def decide(
    request: Request,
    identity: Editor,
    regla: str,
    accion: Text = "",
    incidencia: Annotated[list[int] | None, Form()] = None,
    persona: Text = "",
    motivo: Text = "",
    hasta: Text = "",
    estado: Text = "open",
) -> Response:
    """Give the chosen issues to somebody, accept them as they are, or open them again."""
    try:
        with write_session(request.app.state.engine) as session:
            _decide(session, identity, regla, incidencia or [], (accion, persona, motivo.strip(), hasta))
    except ValueError as error:
        return _rule(request, identity, regla, estado, error=str(error))
    return RedirectResponse(f"/oficina/calidad/{regla}?estado={estado if estado in words.STATES else 'open'}", 303)


def _decide(
    session: Session, identity: Identity, rule: str, numbers: list[int], said: tuple[str, str, str, str]
) -> None:
    action, person, reason, until = said
    if not numbers:
        raise RegisterError("incidencia", "", "choose at least one")
    author, ends = by(identity, reason), given(day, "hasta", until)
    for number in numbers:
        issue = session.get(models.QualityIssue, (identity.utility_id, number))
        if issue is None or issue.rule != rule:
            raise HTTPException(404)
        if action == "encargar":
            quality.assign(session, issue, person, by=author)
        elif action == "aceptar":
            quality.dismiss(session, issue, by=author, until=ends)
        elif action == "reabrir":
            quality.reopen(session, issue, by=author)
        else:
            raise RegisterError("accion", action, "must be encargar, aceptar or reabrir")


def _board(request: Request, identity: Identity, severity: str = "", owner: str = "", error: str = "") -> Response:
    if severity not in ("", *words.SEVERITIES) or owner not in ("", *words.OWNERS):
        raise HTTPException(404)
    now = datetime.now(UTC)
    with read_session(request.app.state.engine) as session:
        utility = _utility(session, identity)
        try:
            lines = quality.board(session, utility, now)
        except RegisterError as wrong:  # a setting of a rule: nothing can be shown until it is corrected
            lines, error = [], str(wrong)
        asked_on = quality.last_refreshed(session, utility.id)
    by_severity: Counter[str] = Counter()
    for line in lines:
        by_severity[line.severity] += line.open
    order = list(words.SEVERITIES)
    shown = [line for line in lines if severity in ("", line.severity) and owner in ("", line.owner)]
    shown.sort(key=lambda line: (line.open == 0, order.index(line.severity), -line.open, line.title))
    return render(
        request,
        "quality.html",
        422 if error else 200,
        lines=shown,
        by_severity=by_severity,
        asked_on=asked_on,
        severity=severity,
        owner=owner,
        words=words,
        error=error,
        may_edit=allows(identity, Permission.EDIT_REGISTER),
    )


def _rule(
    request: Request, identity: Identity, code: str, state: str, assigned: str = "", after: str = "", error: str = ""
) -> Response:
    if state not in words.STATES or (after and not (after.isdecimal() and len(after) < 20)):
        raise HTTPException(404)
    now = datetime.now(UTC)
    filters = quality.Filters(rule=code, state=state, assigned_to=assigned)
    with read_session(request.app.state.engine) as session:
        utility = _utility(session, identity)
        line = next((one for one in quality.board(session, utility, now) if one.rule == code), None)
        if line is None:
            raise HTTPException(404)
        today = local_day(millis(now))
        rows = quality.find_issues(session, utility, filters, today, after=int(after or 0))
        staff = [one for one in users(session, utility.id) if one.role not in ("subscriber", "reader", "admin")]
    return render(
        request,
        "quality_rule.html",
        422 if error else 200,
        line=line,
        rows=rows,
        following=rows[-1].id if len(rows) == PAGE else None,
        state=state,
        assigned=assigned,
        staff=[one.login for one in staff if one.disabled_at is None],
        now=now,
        words=words,
        error=error,
        may_edit=allows(identity, Permission.EDIT_REGISTER),
    )


PAGE = 100


def _utility(session: Session, identity: Identity) -> models.Utility:
    return session.get_one(models.Utility, identity.utility_id)
