"""What every test may ask for, and the rules that hold for all of them."""

import functools
import gc
import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import structlog

pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.mosquitto",
    "tests.fixtures.postgres",
    "tests.fixtures.road",
    "tests.fixtures.shared",
]

# Shared machines are slow at times: no test may depend on seconds. A gate repeats the same examples; a
# developer's run looks for new ones.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# A mutant is asked thousands of times whether anything notices it, never what the smallest such thing is.
hypothesis.settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=25,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
MUTATED = "MUTANT_UNDER_TEST" in os.environ
hypothesis.settings.load_profile("mutants" if MUTATED else "ci" if os.environ.get("CI") else "local")


def pytest_sessionstart() -> None:
    """A mutant runs in a process that ran the tests before: what they left in caches is not its doing."""
    if MUTATED:
        for found in gc.get_objects():
            if isinstance(found, functools._lru_cache_wrapper):
                found.cache_clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers and whole roads need the machine: one worker runs them one after the other."""
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("journey"):
            item.add_marker(pytest.mark.xdist_group("serial"))


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test talks to another machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address):
            raise RuntimeError(f"a test tried to connect to {address!r}; only this machine is allowed")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _logging_ends_with_its_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command run inside a test sets logging up for streams that are closed when the test ends."""
    before = structlog.get_config()
    configure = structlog.configure

    def uncached(**settings: Any) -> None:
        configure(**{**settings, "cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", uncached)
    yield
    configure(**before)


def _is_loopback(address: object) -> bool:
    host = str(address[0]) if isinstance(address, tuple) else ""
    return host == "localhost" or ipaddress.ip_address(host).is_loopback
