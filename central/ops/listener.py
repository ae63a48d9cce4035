"""The operations listener: whether the process lives, whether it can work, and its metrics. Never for the public."""

from collections.abc import Callable

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Ready = Callable[[], dict[str, str]]


def create_listener(registry: CollectorRegistry, ready: Ready) -> FastAPI:
    """The application; ``ready`` returns what is wrong, by name, and nothing where all is well."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz(response: Response) -> dict[str, str]:
        problems = ready()
        if problems:
            response.status_code = 503
        return {"status": "not ready" if problems else "ready", **problems}

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app
