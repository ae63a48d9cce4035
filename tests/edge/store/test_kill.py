"""SIGKILL at any moment: what was reported as committed is there, and no number or byte has changed."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.store import Store
from protocols.sync import open_batch, read_envelope

# Writes for ever; a line on its output says what was committed just before, or will be acknowledged just after.
WRITER = """
import asyncio, json, sys
from pathlib import Path
from edge.clock import SystemClock
from edge.store import HeardTelegram, NewOutcome, NewVisit, Store
from protocols.sync import Ack, WorkOrder, WorkOrders

def say(**what):
    sys.stdout.write(json.dumps(what) + "\\n")
    sys.stdout.flush()

async def write(path):
    clock = SystemClock()
    store = Store(path, "edge-001", clock, group_ms=1)
    say(boot=store.boot)
    count = 0
    while True:
        count += 1
        await store.put([HeardTelegram(clock.now(), "van", "T1", -60, "x", "none", bytes([n]) * 40) for n in range(20)])
        await store.flush()
        say(telegrams=store.counts().telegrams)
        visit = await store.record_visit(NewVisit(f"{store.boot} {count}", "R", "S", "M", count, "00", "lector"))
        say(visit=visit.id)
        order = WorkOrder(f"{store.boot[:8]}-{count}", "seal", "S", "", "", "", "M", "1", 10**8)
        await store.store_orders(WorkOrders(1, "edge-001", clock.now().wall_ms * 1000 + count, (order,)))
        outcome = await store.record_outcome(NewOutcome(f"{order.code} done", order.code, "done", "lector"), [b"photo"])
        say(visit=outcome.id)
        batch = await store.seal(50)
        say(batch=[batch.boot, batch.number, batch.envelope.hex()])
        if count % 3 == 0:
            say(acking=[batch.boot, batch.number - 1])
            await store.apply_acks([Ack(1, "edge-001", batch.boot, batch.number - 1)])

asyncio.run(write(Path(sys.argv[1])))
"""


def run_and_kill(path: Path, lines: int) -> list[dict[str, object]]:
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [json.loads(process.stdout.readline()) for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        # What it still managed to say before it died was committed too.
        said += [json.loads(line) for line in process.stdout if line.endswith("\n")]
    assert process.returncode == -signal.SIGKILL
    return said


@pytest.mark.parametrize("seed", range(6))
async def test_killed_at_random_and_started_again(tmp_path: Path, seed: int) -> None:
    path, rng = tmp_path / "edge.db", random.Random(seed)
    said = [line for _ in range(3) for line in run_and_kill(path, rng.randint(2, 60))]
    batches = {(b[0], b[1]): b[2] for b in _said(said, "batch")}
    acking = dict(_said(said, "acking"))
    store = Store(path, "edge-001", SystemClock())
    counts = store.counts()
    assert counts.telegrams >= max(_said(said, "telegrams"), default=0)
    assert counts.telegrams + counts.typed + counts.events == counts.pending + counts.acknowledged + counts.refused
    kept, ids = await _seal_and_check(store, batches)
    await store.close()
    for key in batches.keys() - kept:
        # Only what was acknowledged may be gone.
        assert key[1] <= acking[key[0]]
        ids += [item.id for item in open_batch(read_envelope(bytes.fromhex(batches[key]))).items]
    assert len(ids) == len(set(ids))
    assert set(_said(said, "visit")) <= set(ids)
    assert counts.pending <= len(ids) <= counts.telegrams + counts.typed + counts.events


def _said(said: list[dict[str, object]], key: str) -> list:  # type: ignore[type-arg]
    return [line[key] for line in said if key in line]


async def _seal_and_check(store: Store, batches: dict[tuple[str, int], str]) -> tuple[set[tuple[str, int]], list[int]]:
    """Seal what waits; a batch that was announced has the bytes it was announced with. Returns all keys and ids."""
    while await store.seal(500):
        pass
    keys, ids, after = set(), [], (0, 0)
    while batch := await store.next_batch(after):
        assert batches.get(batch.key, batch.envelope.hex()) == batch.envelope.hex()
        ids += [item.id for item in open_batch(read_envelope(batch.envelope)).items]
        keys.add(batch.key)
        after = (batch.boot_seq, batch.number)
    return keys, ids
