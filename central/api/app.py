"""The application behind ``/api/v1``, mounted by the web process."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import Engine

from central.access import Site
from central.api import (
    billing,
    cases,
    exchange,
    fiscal,
    fiscal_system,
    fleet,
    people,
    problems,
    quality,
    readings,
    reads,
    rectifications,
    refunds,
    register,
    runs,
    sharing,
    stories,
    street,
    studies,
    webhooks,
)
from central.api.gate import Limits
from central.api.problems import Problem
from central.config import FacturaeConfig
from central.webhooks.described import described

ROOMS = (
    reads,
    register,
    sharing,
    cases,
    billing,
    runs,
    stories,
    rectifications,
    refunds,
    studies,
    readings,
    street,
    people,
    fleet,
    fiscal,
    fiscal_system,
    exchange,
    quality,
    webhooks,
)
PER_MINUTE, WRONG_TOKENS = 600, "20 per 5 minutes"


def create_api(per_minute: int = PER_MINUTE, wrong_tokens: str = WRONG_TOKENS) -> FastAPI:
    """The application; :func:`serve` gives it its database before the first request."""
    app = FastAPI(title="SGC", version="1", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    limiter = MovingWindowRateLimiter(MemoryStorage())
    app.state.limits = Limits(limiter, parse(f"{per_minute} per minute"), parse(wrong_tokens))
    problems.install(app)
    for room in ROOMS:
        app.include_router(room.router)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def serve(
    app: FastAPI, engine: Engine, site: Site, keys: Path | None = None, facturae: FacturaeConfig | None = None
) -> None:
    """Answer for one utility from its database.

    ``keys`` is the key file a run reads encrypted telegrams with and secrets are sealed under; ``facturae`` signs.
    """
    app.state.engine, app.state.site = engine, site
    app.state.keys, app.state.facturae = keys, facturae


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes, description=_WORDS)
        schema["servers"] = [{"url": "/api/v1"}]
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts = schema["components"]["schemas"]
        parts |= problem.pop("$defs") | {"Problem": problem}
        for unused in ("HTTPValidationError", "ValidationError"):
            parts.pop(unused, None)
        told, shapes = described()
        schema["webhooks"] = told
        parts |= shapes
        app.openapi_schema = schema
    return app.openapi_schema


_WORDS = (
    "Money is decimal text in euros, volumes whole litres, `*_ms` UTC epoch milliseconds. Lists are pages: `after` "
    "takes the `next` of the page before. Every POST carries an `Idempotency-Key`. Errors are problems (RFC 9457)."
)
