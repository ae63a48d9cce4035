"""The listener for LoRaWAN network servers: they post each uplink to ``/uplinks/<source>`` with the source's token."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from central.reading.ingest import Ingest
from central.reading.uplinks import UplinkError, arrival_of

MOST_BYTES = 64 * 1024


def read_tokens(text: str) -> dict[str, str]:
    """SHA-256 (hex) of each source's token, from lines ``source sha256``; raises ValueError naming the line."""
    tokens = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        source, _, digest = line.strip().partition(" ")
        if len(digest.strip()) != 64 or not all(sign in "0123456789abcdef" for sign in digest.strip()):
            raise ValueError(f"tokens: line {number}, must be a source and the SHA-256 of its token in hexadecimal")
        tokens[source] = digest.strip()
    return tokens


def create_uplinks(
    ingest: Ingest, tokens: Mapping[str, str], clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> FastAPI:
    """The application. An uplink is answered once it is committed, or kept in quarantine."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/uplinks/{source}")
    async def take(source: str, request: Request, event: str = "up") -> dict[str, str]:
        _admit(tokens, source, request.headers.get("authorization", ""))
        if event != "up":
            return {"fate": "ignored"}
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise HTTPException(413, f"uplink: at most {MOST_BYTES} bytes")
        try:
            arrival = arrival_of(source, body, clock())
        except UplinkError as error:
            raise HTTPException(422, str(error)) from error
        applied = await run_in_threadpool(ingest.apply, [arrival])
        outcome = applied.outcomes[0]
        return {"fate": outcome.fate, "reason": outcome.reason}

    return app


def _admit(tokens: Mapping[str, str], source: str, header: str) -> None:
    """Refuse whoever does not hold the source's token, and tell nobody whether the source exists."""
    scheme, _, token = header.partition(" ")
    digest = hashlib.sha256(token.encode()).hexdigest()
    held = hmac.compare_digest(digest, tokens.get(source, ""))
    if scheme.lower() != "bearer" or not token or not held:
        raise HTTPException(401, "the source's token is missing or wrong", {"WWW-Authenticate": "Bearer"})
