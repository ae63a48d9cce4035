"""A subscriber's consumption, day by day: sentence, chart, table and CSV of the same numbers."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import Response

from central.access import Identity, Permission
from central.reading.history import MADRID, DayUse, daily_use
from central.reading.noticed import OpenFinding, open_findings
from central.register.holdings import Holding, holdings
from central.store import read_session
from portal.charts import Bar, bar_chart
from portal.pages import render
from portal.security import may

router = APIRouter()

# Thirteen months: the same month of the year before is always in sight.
DAYS = 396
Subscriber = Annotated[Identity, Depends(may(Permission.OWN_CONSUMPTION))]


@router.get("/consumo")
def show(request: Request, identity: Subscriber, contrato: str = "") -> Response:
    """The newest thirteen months of one of the subscriber's contracts."""
    held, chosen = _chosen(request, identity, contrato)
    days, findings = _read(request, chosen)
    known = [one for one in days if one.litres is not None]
    leaks = [one for one in findings if one.rule in {"alarm.leak", "alarm.burst", "continuous_flow"}]
    return render(
        request,
        "consumption.html",
        held=held,
        chosen=chosen,
        days=list(reversed(known)),
        total=sum(one.litres or 0 for one in known),
        chart=_chart(known, leaks),
        findings=findings,
    )


@router.get("/consumo.csv")
def download(request: Request, identity: Subscriber, contrato: str = "") -> Response:
    """The same days as a file a spreadsheet opens (UTF-8 with BOM, semicolons)."""
    _held, chosen = _chosen(request, identity, contrato)
    days, _findings = _read(request, chosen)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(["fecha", "litros", "leído ese día"])
    for one in days:
        if one.litres is not None:
            writer.writerow([f"{one.day:%d/%m/%Y}", one.litres, "sí" if one.heard else "no"])
    name = f"consumo-{chosen.contract}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _chosen(request: Request, identity: Identity, contract: str) -> tuple[list[Holding], Holding]:
    assert identity.customer_id is not None  # noqa: S101  the permission demands it
    with read_session(request.app.state.engine) as session:
        held = holdings(session, identity.utility_id, identity.customer_id)
    for one in held:
        if contract in {"", one.contract}:
            return held, one
    raise HTTPException(404)


def _read(request: Request, chosen: Holding) -> tuple[list[DayUse], list[OpenFinding]]:
    utility_id = request.app.state.site.utility_id
    with read_session(request.app.state.engine) as session:
        end = _end(chosen)
        days = daily_use(session, utility_id, chosen.supply_point_id, _first(chosen, end), end)
        return days, open_findings(session, utility_id, chosen.supply_point_id)


def _end(chosen: Holding) -> date:
    today = datetime.now(UTC).astimezone(MADRID).date()
    return min(today, chosen.held_to) if chosen.held_to else today


def _first(chosen: Holding, end: date) -> date:
    return max(chosen.held_from, end - timedelta(DAYS))


def _chart(days: Sequence[DayUse], leaks: Sequence[OpenFinding]) -> object:
    leaking = min((one.since.astimezone(MADRID).date() for one in leaks), default=None)
    bars = [
        Bar(one.litres or 0, f"{one.day:%d/%m}" if one.day.day == 1 else "", leaking is not None and one.day >= leaking)
        for one in days
    ]
    highest = max(days, key=lambda one: one.litres or 0, default=None)
    text = f"El día de más consumo fue el {highest.day:%d/%m/%Y} con {highest.litres} litros." if highest else ""
    return bar_chart(bars, "Litros por día", text)
