"""How many instructions a telegram takes: the same on a busy machine as on an idle one."""

from pathlib import Path

import pytest

from protocols.wmbus.bench import Mix
from tests.fixtures.callgrind import instructions

COUNT = 500
PROGRAM = """
import sys
from protocols.wmbus.answers import Answers
from protocols.wmbus.decoding import decode
from protocols.wmbus.keyring import Keyring

frames, ring = [], Keyring()
for line in open(sys.argv[1]):
    address, key, frame = line.split()
    ring.add(address, bytes.fromhex(key))
    frames.append(bytes.fromhex(frame))
if sys.argv[2] == "lines":
    answers = Answers(None, None, None, "auto")
    for frame in frames:
        answers.add(None, frame, ring)
    assert answers.take().count(b'"ok":true') == len(frames)
elif sys.argv[2] == "columns":
    from protocols.wmbus.batch import decode_batch

    assert not decode_batch(frames, ring).state.any()
else:
    assert all(decode(frame, ring).ok for frame in frames)
"""
# What is counted, by its symbol, and the most instructions a telegram of 90 bytes may take: a fifth more than now.
LIMITS = {
    "columns": ("*wmbus_5batch_*decode_batch", 9_100),
    "objects": ("*wmbus_8decoding_*decode", 10_500),
    "lines": ("*wmbus_7answers_7Answers_*add", 26_000),
}


@pytest.fixture(scope="module")
def telegrams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of telegrams in mode 5 with the keys of their meters."""
    mix = Mix.of(COUNT)
    file = tmp_path_factory.mktemp("telegrams") / "mix"
    lines = (f"{meter} {key.hex()} {frame.hex()}\n" for (meter, key), frame in zip(mix.keys, mix.frames, strict=True))
    file.write_text("".join(lines))
    return file


@pytest.mark.parametrize("what", LIMITS)
def test_a_telegram_takes_no_more_instructions_than_it_did(what: str, telegrams: Path, tmp_path: Path) -> None:
    symbol, limit = LIMITS[what]
    count = instructions(PROGRAM, symbol, tmp_path / "out", telegrams, what) // COUNT
    assert limit // 3 < count < limit, count
