"""Rendering: one template environment, strict about what a page forgets."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from portal import fieldwork, findings, formats, quality, refusals, telegrams, words

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(fieldwork.FILTERS | refusals.FILTERS)
_environment.filters.update(formats.FILTERS | words.FILTERS | findings.FILTERS | telegrams.FILTERS | quality.FILTERS)


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The page ``template`` with the site, the identity and ``values``; an ``error`` among them is told in Spanish."""
    if values.get("error"):
        values["error"] = refusals.in_spanish(values["error"])
    page = _environment.get_template(template).render(
        site=request.app.state.site,
        config=request.app.state.config,
        identity=request.state.identity,
        seen=request.state.seen,
        path=request.url.path,
        **values,
    )
    return HTMLResponse(page, status)
