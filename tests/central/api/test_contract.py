"""The interface is what its OpenAPI says: generated requests, valid and not, against the real application over HTTP."""

import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from central.events.kinds import KINDS
from demo.broker import free_port
from tests.central.api.conftest import Served

EXAMPLES = 5  # of some 150 operations, valid and not: what is asked in all is bounded by it
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
# Who may call each kind of operation without being refused at the door.
SUPERVISOR, ADMIN, AUDITOR = "supervisor", "admin", "auditor"


def test_openapi_names_every_operation_once_and_what_each_refusal_looks_like(served: Served) -> None:
    described = served.app.openapi()
    operations = [one for path in described["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names)) >= 120
    for one in operations:
        assert {"401", "403", "422", "429"} <= set(one["responses"])
        for status, answer in one["responses"].items():
            if int(status) >= 400:
                assert set(answer["content"]) == {"application/problem+json"}, (one["operationId"], status)


def test_openapi_describes_every_event_with_the_shape_of_its_payload(served: Served) -> None:
    described = served.app.openapi()
    assert set(described["webhooks"]) == set(KINDS)
    for name, told in described["webhooks"].items():
        schema = told["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema["properties"]["type"] == {"const": name}
        shape = schema["properties"]["data"]["$ref"].removeprefix("#/components/schemas/")
        assert described["components"]["schemas"][shape]["type"] == "object"


@pytest.fixture
def address(served: Served) -> Iterator[str]:
    """The application under its path on a port of this machine."""
    root = FastAPI()
    root.mount("/api/v1", served.app)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(root, port=port, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/api/v1"
    server.should_exit = True
    thread.join()


def secret_for(served: Served, path: str) -> str:
    if path.startswith(("/users", "/tokens", "/webhook", "/access-rules")):
        return served.secrets[ADMIN]
    return served.secrets[AUDITOR if path.startswith("/audit") else SUPERVISOR]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
def test_generated_requests_get_the_answers_openapi_declares(served: Served, address: str, mode: Any) -> None:
    schema = schemathesis.openapi.from_dict(served.app.openapi())
    asked: dict[str, int] = {}
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # a description that is wrong fails here
        strategy = operation.as_strategy(generation_mode=mode)
        asked[operation.label] = _ask(strategy, address, secret_for(served, operation.path))
    assert len(asked) >= 120
    assert all(asked.values())


def _ask(strategy: Any, address: str, secret: str) -> int:
    """Send generated requests of one operation and hold the answers against the description; returns how many."""
    count = 0

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=strategy)
    def run(case: Any) -> None:
        nonlocal count
        case.headers["Authorization"] = f"Bearer {secret}"
        if "Idempotency-Key" in case.headers and case.meta.generation.mode is GenerationMode.POSITIVE:
            case.headers["Idempotency-Key"] = str(uuid.uuid4())
        case.call_and_validate(base_url=address, checks=CHECKS)
        count += 1

    run()
    return count
