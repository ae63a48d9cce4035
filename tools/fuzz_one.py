"""Runs one fuzz target in this process: what ``tools.fuzz`` starts, and what replays an input it kept.

python -m tools.fuzz_one TARGET FILE.hex                # one input
python -m tools.fuzz_one TARGET CORPUS -runs=1000       # under libFuzzer, which has been loaded before Python
"""

import ctypes
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

LAYERS = "wmbus_layers"
PLANTED = "planted"
# Places in Python code that are told apart: a power of two, well above the number of lines that are traced.
PLACES = 1 << 16
PC_ENTRY = 16  # bytes that libFuzzer keeps for each counter: an address and flags


@dataclass(frozen=True)
class Target:
    """The good inputs of a target and what must survive their damage."""

    seeds: Sequence[bytes]
    fuzz: Callable[[bytes], object]


def load(name: str) -> Target:
    """A target by its name; a layer's function is looked for when it is first called."""
    name, _, layer = name.partition(".")
    if not layer:
        module = importlib.import_module(f"tests.fuzz.{name}")
        return Target(module.SEEDS, module.fuzz)
    module = importlib.import_module(f"tests.fuzz.{LAYERS}")
    seeds: Sequence[bytes] = module.PLANTED if layer == PLANTED else module.SEEDS[layer]
    return Target(seeds, lambda data: module.layer(layer)(data))


def count_lines(rooms: Sequence[str]) -> None:
    """Give libFuzzer counters for the lines of Python that run, as clang gives it for compiled code."""
    counters = (ctypes.c_uint8 * PLACES)()
    table = ctypes.create_string_buffer(PLACES * PC_ENTRY)
    library = ctypes.PyDLL(None)
    for start, memory in (("__sanitizer_cov_8bit_counters_init", counters), ("__sanitizer_cov_pcs_init", table)):
        first = ctypes.addressof(memory)
        library[start](ctypes.c_void_p(first), ctypes.c_void_p(first + ctypes.sizeof(memory)))
    ours = tuple(f"{Path.cwd() / room}{os.sep}" for room in rooms)

    def line(frame: FrameType, event: str, _: Any) -> Any:
        counters[(id(frame.f_code) // 16 * 31 + frame.f_lineno) % PLACES] = 1
        return line

    def call(frame: FrameType, event: str, _: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(ours) else None

    _KEPT.extend((counters, table))
    sys.settrace(call)


# What libFuzzer has been given the address of.
_KEPT: list[object] = []


def guided(fuzz: Callable[[bytes], object], arguments: Sequence[str]) -> int:
    """Let libFuzzer call a target with what it thinks of; ends the process at the first input that breaks it."""

    def call(data: int, size: int) -> int:
        try:
            fuzz(ctypes.string_at(data, size))
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os.abort()  # which libFuzzer takes for what it is
        return 0

    entry = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)(call)
    words = (ctypes.c_char_p * (len(arguments) + 2))(b"fuzz", *map(os.fsencode, arguments), None)
    count = ctypes.c_int(len(arguments) + 1)
    start = ctypes.PyDLL(None).LLVMFuzzerRunDriver
    return int(start(ctypes.byref(count), ctypes.byref(ctypes.cast(words, ctypes.POINTER(ctypes.c_char_p))), entry))


def main(arguments: Sequence[str]) -> int:
    """Replay one input, or look for one that breaks the target."""
    name, *rest = arguments
    target = load(name)
    if len(rest) == 1:
        target.fuzz(bytes.fromhex(Path(rest[0]).read_text()))
        return 0
    # Everything that is counted must be there before the first input.
    target.fuzz(target.seeds[0])
    if "." not in name:
        count_lines(("central", "edge", "protocols"))
    return guided(target.fuzz, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
