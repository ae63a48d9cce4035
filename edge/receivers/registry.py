"""The kinds of receivers there are."""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import edge.receivers
from edge.receivers.port import Framer, Reply


class UnknownReceiverError(ValueError):
    """No receiver of that kind; the text lists those there are."""


Ask = Callable[[bytes, int, int], Awaitable[Reply]]
"""Sends a request and waits for the reply of that endpoint and message."""


@dataclass(frozen=True)
class Driver:
    """What is particular to one kind of receiver.

    ``set_up`` brings the opened receiver into the wanted mode and returns a line that describes it; ``probe`` asks
    for a sign of life. Both raise :class:`~edge.receivers.port.ReceiverError`.
    """

    kind: str
    description: str
    baudrate: int
    modes: tuple[str, ...]
    framer: Callable[[str], Framer]
    set_up: Callable[[Ask, str], Awaitable[str]]
    probe: Callable[[Ask], Awaitable[None]]


_drivers: dict[str, Driver] = {}


def register(driver: Driver) -> None:
    """Make ``driver`` known under its kind."""
    _drivers[driver.kind] = driver


def drivers() -> dict[str, Driver]:
    """Every registered driver by its kind; imports the files of this folder once."""
    for module in pkgutil.iter_modules(edge.receivers.__path__):
        importlib.import_module(f"edge.receivers.{module.name}")
    return dict(sorted(_drivers.items()))


def driver(kind: str) -> Driver:
    """The driver of ``kind``; raises :class:`UnknownReceiverError`."""
    known = drivers()
    if kind not in known:
        raise UnknownReceiverError(f"receiver kind {kind!r}, must be one of: {', '.join(known)}")
    return known[kind]
