"""The driver files as tables, kept beside the byte code so that they are compiled only when one changed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import msgspec

from protocols.wmbus import families

HERE: Final = Path(__file__).parent
# What the tables are made from, besides the driver files.
MAKERS: Final = ("compiled.py", "expressions.py", "families.py", "fieldnames.py", "tables.py")


class Kept(msgspec.Struct):
    """The file: what the tables were made from, and the tables."""

    sources: list[tuple[str, int, int]]
    tables: families.Compiled


def compiled() -> families.Compiled:
    """The tables of the driver files that come with the decoder. Raises families.DriverError."""
    made_from = sources()
    with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
        kept = decoder.decode(place().read_bytes())
        if kept.sources == made_from:
            return kept.tables
    tables = families.compile_all(families.read_files())
    if not sys.dont_write_bytecode:
        keep(Kept(made_from, tables))
    return tables


def sources() -> list[tuple[str, int, int]]:
    """(name, size, time of change in ns) of every file the tables are made from."""
    files = [HERE / name for name in MAKERS] + sorted((HERE / "drivers").glob("*.yaml"))
    return [(file.name, (status := file.stat()).st_size, status.st_mtime_ns) for file in files]


def place() -> Path:
    """Where the tables are kept: in the folder of this package's byte code."""
    return Path(importlib.util.cache_from_source(str(HERE / "drivers.py"))).with_suffix(".tables")


def keep(kept: Kept) -> None:
    """Write the tables, whole or not at all; where that is not allowed, they are made anew each time."""
    file = place()
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(encoder.encode(kept))
        draft.replace(file)


def simple(value: Any) -> Any:
    """A value of a type that the file's format does not know."""
    if isinstance(value, range):
        return (value.start, value.stop)
    if isinstance(value, Fraction):
        return (value.numerator, value.denominator)
    raise NotImplementedError(f"{type(value).__name__} in a driver's tables")


def rich(wanted: type, value: Any) -> Any:
    """The inverse of ``simple``."""
    return wanted(*value)


encoder: Final = msgspec.msgpack.Encoder(enc_hook=simple)
decoder: Final = msgspec.msgpack.Decoder(Kept, dec_hook=rich)
