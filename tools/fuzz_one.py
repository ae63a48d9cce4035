"""Runs one fuzz target in this process: what ``tools.fuzz`` starts, and what replays an input it kept.

python -m tools.fuzz_one TARGET FILE.hex                    # one input
python -m tools.fuzz_one TARGET SECONDS SEED NOTE           # many; each is in NOTE before it is tried
"""

import importlib
import mmap
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.mutate import LONGEST, mutations

LENGTH_BYTES = 4
CLOCK_EVERY = 256


def load(name: str) -> tuple[Sequence[bytes], Callable[[bytes], None]]:
    """The good inputs of a target and what must survive their damage."""
    module = importlib.import_module(f"tests.fuzz.{name}")
    return module.SEEDS, module.fuzz


def run(name: str, seconds: float, seed: int, note: Path) -> int:
    """Try inputs until the time is over; returns how many."""
    seeds, fuzz = load(name)
    stop = time.monotonic() + seconds
    with note.open("w+b") as file:
        file.truncate(LENGTH_BYTES + LONGEST)
        with mmap.mmap(file.fileno(), 0) as memory:
            for tried, data in enumerate(mutations(seeds, seed)):
                memory[: LENGTH_BYTES + len(data)] = len(data).to_bytes(LENGTH_BYTES, "big") + data
                fuzz(data)
                if tried % CLOCK_EVERY == 0 and time.monotonic() > stop:
                    return tried + 1
    raise AssertionError("mutations never end")


def noted(note: Path) -> bytes:
    """The input that was being tried when the process ended."""
    data = note.read_bytes()
    length = int.from_bytes(data[:LENGTH_BYTES], "big")
    return data[LENGTH_BYTES : LENGTH_BYTES + length]


def main(arguments: Sequence[str]) -> None:
    """Replay one input, or try many."""
    name, *rest = arguments
    if len(rest) == 1:
        load(name)[1](bytes.fromhex(Path(rest[0]).read_text()))
        return
    seconds, seed, note = rest
    tried = run(name, float(seconds), int(seed), Path(note))
    sys.stdout.write(f"{name}: {tried:,} inputs\n")


if __name__ == "__main__":
    main(sys.argv[1:])
