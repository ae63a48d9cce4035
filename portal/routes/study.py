"""The study of a tariff: what the bills of a period would have been, and who would win or lose."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from starlette.responses import Response

from billing.tariff import RatingError, TariffError
from billing.volume.readings import VolumeError
from billing.whatif import ChangeError, picture, report
from central.access import Identity, Permission
from central.invoicing.states import RunError
from central.invoicing.whatif import Study, load, recorded_tariffs, study
from central.store import read_session
from portal.pages import render
from portal.security import may
from portal.typed import period

router = APIRouter(prefix="/oficina")
Office = Annotated[Identity, Depends(may(Permission.SEE_RUNS))]
GROUPS = {
    "m3_month": "Consumo (m³ al mes)",
    "use": "Uso",
    "calibre_mm": "Calibre (mm)",
    "q3_m3h": "Caudal permanente (m³/h)",
    "dwellings": "Viviendas",
    "persons": "Personas",
    "zone": "Zona",
    "groups": "Colectivo",
}


@router.get("/estudio")
def show_study(
    request: Request, identity: Office, tarifa: str = "", desde: str = "", hasta: str = "", sustituye: str = ""
) -> Response:
    """The form, and under it the study that its fields ask for."""
    asked = {"tarifa": tarifa, "desde": desde, "hasta": hasta, "sustituye": sustituye}
    found: dict[str, Any] | None = None
    error = ""
    with read_session(request.app.state.engine) as session:
        tariffs = recorded_tariffs(session, identity.utility_id)
        if tarifa:
            try:
                register = load(session, identity.utility_id, period("desde", desde, "hasta", hasta))
                change = Study(tarifa, None, sustituye or None, {})
                found = report(study(session, identity.utility_id, register, change))
            except (RatingError, TariffError, RunError, ChangeError, VolumeError, ValueError) as refused:
                error = str(refused)
    return render(
        request,
        "study.html",
        status=422 if error else 200,
        asked=asked,
        tariffs=tariffs,
        found=found,
        error=error,
        groups=GROUPS,
        pictures=_pictures(found) if found else [],
    )


def _pictures(found: dict[str, Any]) -> list[Markup]:
    """The same pictures as the command draws; every text in them is escaped where they are drawn."""
    by = "m3_month"
    drawn = [
        picture.histogram(found),
        picture.winners_and_losers(found, by, "Quién pagaría menos (verde) y más (rojo), por m³ al mes"),
    ]
    return [Markup(svg) for svg in drawn]  # noqa: S704
