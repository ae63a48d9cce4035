"""Structured logs: one JSON object a line on standard error, without keys, log-ins or what a household used."""

import logging
import sys
from collections.abc import MutableMapping

import structlog

# What no log line carries, whoever wrote the call.
WITHHELD = frozenset(
    {
        "key",
        "keys",
        "password",
        "secret",
        "token",
        "frame",
        "payload",
        "litres",
        "nif",
        "iban",
        "email",
        "street",
        "note",
    }
)


def withhold(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Replace what must not be logged by the word that says so."""
    for field in WITHHELD & event.keys():
        event[field] = "withheld"
    return event


def set_up_logs(level: str = "info") -> None:
    """Send this process's logs of ``level`` and above to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            withhold,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
