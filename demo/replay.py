"""The main job on recorded telegrams: the same receiver, agent, broker and centre, and the fate of every telegram."""

import asyncio
import json
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from central.reading.validation import validate_all
from central.register.change import Change
from central.register.importing import apply_import, parse_register_file, plan_import
from central.register.keys import KeyRing
from central.store import Engine, Session, migrate, open_engine, read_session, write_session
from central.store.models import Meter, Quarantine, Reading, ReadingKind, Telegram
from demo.broker import embedded_broker, free_port
from demo.processes import Rooms
from demo.recording import WATER_TYPES, Line, read_lines
from demo.register import DEVICE, MODULUS_LITRES
from demo.road import LOOK_EVERY_SECONDS, RoadError, answers, edge_status
from demo.screen import Screen
from demo.workplace import Ports, Workplace
from protocols import wmbus

AES_KEY_BYTES = 16


@dataclass(frozen=True)
class Fate:
    """What became of one telegram at the centre: reading, kept, sealed, quarantined, refused or lost."""

    ref: str
    fate: str
    meter: str | None
    litres: int | None
    reason: str


async def replay(file: Path, folder: Path, screen: Screen, as_json: bool) -> int:
    """Send the telegrams of ``file`` down the road; exit code 1 where one was lost or a total differs."""
    lines = list(read_lines(file))
    work, ports = Workplace(folder), Ports(free_port(), free_port(), free_port(), 0)
    engine, utility_id = await asyncio.to_thread(found_register, lines, work)
    try:
        with screen.live():
            await play(lines, work, ports, screen)
            await asyncio.to_thread(validate_all, engine, datetime.now(UTC))
        with read_session(engine) as session:
            fates = list(tell(session, utility_id, lines))
    finally:
        engine.dispose()
    return report(fates, as_json)


async def play(lines: list[Line], work: Workplace, ports: Ports, screen: Screen) -> None:
    """Receiver, agent, broker and centre until everything is committed."""
    telegrams = [line for line in lines if line.frame]
    recording = work.folder / "recording.txt"
    start = int(datetime.now(UTC).timestamp()) - len(telegrams)
    recording.write_text("".join(f"{start + n} {one.frame.hex()}\n" for n, one in enumerate(telegrams)))
    work.write_central(ports)
    work.write_edge({str(meter): key for meter, key in keys_of(lines).items()}, ports)
    rooms = Rooms(work.logs)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(embedded_broker(ports.broker))
        stack.push_async_callback(rooms.stop_all)
        with screen.stage("replay", "Los telegramas grabados recorren el camino", len(telegrams)):
            await rooms.start("central", "central", "run", "--config", str(work.central_config))
            await answers(f"http://127.0.0.1:{ports.ops}/readyz", rooms)
            await rooms.start("edge", "edge", "run", "--config", str(work.edge_config))
            await rooms.start("sim", "sim", "replay", "--file", str(recording), "--link", str(work.serial))
            await answers(f"http://127.0.0.1:{ports.screen}/api/status", rooms)
            while True:
                status = await edge_status(ports.screen)
                screen.update("replay", status["stored"], len(telegrams))
                if status["stored"] >= len(telegrams) and status["pending"] == 0:
                    return
                if status["refused"]:
                    raise RoadError(f"edge: {status['refused']} batches refused by the centre, must be 0 ({work.logs})")
                rooms.check()
                await asyncio.sleep(LOOK_EVERY_SECONDS)


def keys_of(lines: list[Line]) -> dict[str | wmbus.Address, bytes]:
    """The keys that came with the telegrams, by meter."""
    found: dict[str | wmbus.Address, bytes] = {}
    for line in lines:
        meter = wmbus.decode(line.frame, line.key, link="none").meter if line.frame else None
        if meter is not None and line.key is not None and len(line.key) == AES_KEY_BYTES:
            found[meter] = line.key
    return found


def found_register(lines: list[Line], work: Workplace) -> tuple[Engine, int]:
    """A register that knows every water meter heard in the recording."""
    keys = keys_of(lines)
    water = water_meters(wmbus.decode(line.frame, keys, link="none") for line in lines if line.frame)
    document = {
        "schema": 1,
        "utility": {"code": "REPLAY", "name": "Telegramas grabados", "nif": "B03999992", "ine_code": "03002"},
        "meters": [meter_row(meter, keys.get(meter)) for meter in water],
        "devices": [{"name": DEVICE, "kind": "vehicle"}],
    }
    ring = KeyRing.create(work.key_file)
    engine = open_engine(work.database)
    migrate(engine)
    by = Change("demo", datetime.now(UTC), "recorded telegrams")
    with write_session(engine) as session:
        planned = plan_import(session, parse_register_file(msgspec.json.encode(document), "recording"), ring, by)
        if refused := planned.refused():
            raise RoadError(f"register: {refused[0].key}: {refused[0].reason}")
        return engine, apply_import(session, planned, by)


def water_meters(telegrams: Iterable[wmbus.Telegram]) -> list[wmbus.Address]:
    """The meters that say they meter water, by their device type or by what their driver knows."""
    heard = ((one.meter, one.medium or "") for one in telegrams)
    return sorted({meter for meter, medium in heard if meter and (meter.type in WATER_TYPES or "water" in medium)})


def meter_row(meter: wmbus.Address, key: bytes | None) -> dict[str, Any]:
    """A heard meter as the register's import takes it; nobody has seen its serial, so its address stands for it."""
    return {
        "serial": str(meter),
        "address": str(meter),
        "calibre_mm": 15,
        "modulus_litres": MODULUS_LITRES * 10,
        "radio": True,
        "key": key.hex() if key else None,
    }


def tell(session: Session, utility_id: int, lines: list[Line]) -> list[Fate]:
    """The fate of every line, in order."""
    stored: dict[bytes, deque[Telegram]] = defaultdict(deque)
    for row in session.scalars(
        select(Telegram).where(Telegram.utility_id == utility_id).order_by(Telegram.received_ms, Telegram.id)
    ):
        stored[row.frame].append(row)
    reasons = quarantined(session)
    readings = read_totals(session, utility_id)
    # Compact frames need what full ones before them taught, as on the device.
    formats = wmbus.FormatStore()
    keys = keys_of(lines)
    expected = [wmbus.decode(line.frame, keys, formats=formats, link="none") if line.frame else None for line in lines]
    return [fate_of(line, sent, stored, readings, reasons) for line, sent in zip(lines, expected, strict=True)]


def read_totals(session: Session, utility_id: int) -> dict[tuple[str, int], int]:
    """(meter, epoch ms) → litres of every index that came by radio."""
    rows = session.execute(
        select(Meter.address, Reading.at_ms, Reading.litres)
        .join(Meter, (Meter.utility_id == Reading.utility_id) & (Meter.id == Reading.meter_id))
        .where(Reading.utility_id == utility_id, Reading.kind == ReadingKind.RADIO)
    )
    return {(address, at_ms): litres for address, at_ms, litres in rows}


def quarantined(session: Session) -> dict[str, str]:
    """Why telegrams of a meter are in quarantine, by the meter's address."""
    rows = session.execute(select(Quarantine.key, Quarantine.reason).where(Quarantine.kind == "telegram"))
    return {key.split(":")[2]: reason for key, reason in rows}


def fate_of(
    line: Line,
    sent: wmbus.Telegram | None,
    stored: dict[bytes, deque[Telegram]],
    readings: dict[tuple[str, int], int],
    reasons: dict[str, str],
) -> Fate:
    """What became of one line; its telegram is taken out of ``stored``, so that twins are told apart."""
    if sent is None:
        return Fate(line.ref, "refused", None, None, line.problem)
    if not stored[line.frame]:
        return Fate(line.ref, "lost", None, None, "not at the centre")
    row = stored[line.frame].popleft()
    litres = readings.get((row.address or "", row.received_ms))
    if litres is not None:
        wrong = litres != sent.total_litres
        return Fate(
            line.ref,
            "wrong" if wrong else "reading",
            row.address,
            litres,
            f"sent {sent.total_litres}" if wrong else "",
        )
    if row.state in ("key_missing", "key_wrong", "unsupported"):
        reason = reasons.get(row.address or "", "")
        return Fate(line.ref, "quarantined" if reason else "sealed", row.address, None, reason or row.state)
    if row.meter_id is not None and sent.total_litres is not None:
        return Fate(line.ref, "lost", row.address, None, f"total {sent.total_litres} l is no reading at the centre")
    return Fate(line.ref, "kept", row.address, None, sent.error or "")


def report(fates: list[Fate], as_json: bool) -> int:
    """Print what became of the telegrams; the exit code."""
    counts = Counter(fate.fate for fate in fates)
    bad = counts["lost"] + counts["wrong"]
    if as_json:
        told = {
            "telegrams": len(fates),
            **{name: counts[name] for name in FATES},
            "fates": [asdict(one) for one in fates],
        }
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        for fate in fates:
            litres = "" if fate.litres is None else f"{fate.litres} l"
            sys.stdout.write(f"{fate.ref:<20} {fate.fate:<12} {fate.meter or '':<22} {litres} {fate.reason}\n")
        sys.stdout.write(", ".join(f"{name} {counts[name]}" for name in FATES) + "\n")
    return 1 if bad else 0


FATES = ("reading", "kept", "sealed", "quarantined", "refused", "wrong", "lost")
