"""What ``sgc demo`` does with its options: run, report, and serve until Ctrl-C."""

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from central.invoicing.states import RunError
from demo.broker import free_port
from demo.processes import ProcessError
from demo.road import Plan, Result, Road, RoadError, open_road
from demo.screen import Screen
from demo.workplace import PIN


@dataclass(frozen=True)
class Options:
    """The command line's options."""

    meters: int
    months: int
    seed: int
    headless: bool
    as_json: bool
    keep: Path | None
    port: int


def run_demo(options: Options) -> int:
    """The main job on a simulated town; the exit code."""
    return finish(_demo(options))


def run_replay(options: Options, file: Path) -> int:
    """The main job on recorded telegrams; the exit code."""
    from demo.replay import replay

    return finish(_replay(options, replay, file))


def finish(job: Coroutine[Any, Any, int]) -> int:
    """Run ``job``; an error is one line that names station and reason, Ctrl-C ends cleanly."""
    try:
        return asyncio.run(job)
    except (RoadError, RunError, ProcessError, OSError, ValueError) as error:
        sys.stderr.write(f"sgc demo: {error}\n")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


async def _demo(options: Options) -> int:
    screen = Screen(quiet=options.as_json)
    plan = Plan(options.meters, options.months, options.seed)
    with folder_of(options.keep) as folder:
        async with cancelled_by_signals(), open_road(plan, folder, screen, options.port or free_port()) as road:
            result = await work(road)
            report(result, options)
            if not options.headless:
                await serve(road, result)
    return 0 if result.ok else 1


async def work(road: Road) -> Result:
    """Transmit, bill, close the books."""
    with road.screen.live():
        edge = await road.transmit()
        invoices, cents = await road.bill()
        return await road.close(edge, invoices, cents)


async def serve(road: Road, result: Result) -> None:
    """Show the address and the log-ins, and serve until Ctrl-C."""
    url = await road.open_portal()
    say = road.screen.say
    say("")
    say(f"[bold]Portal y oficina / Portal and back office:[/bold] {url}")
    for login in result.logins:
        say(f"  {login.role:<28} {login.login} / {login.password}   {url.rstrip('/')}{login.path}")
    say("  Solo aquí, sin segundo paso al entrar / Only here, without a second factor")
    say(f"[bold]Pantalla del lector / Reader's screen:[/bold] http://127.0.0.1:{road.ports.screen}/   PIN {PIN}")
    say("Ctrl-C para terminar / to end")
    while True:
        road.rooms.check()
        await asyncio.sleep(1)


def report(result: Result, options: Options) -> None:
    """One JSON object, or a few lines for a person."""
    if options.as_json:
        sys.stdout.write(json.dumps(as_json(result)) + "\n")
        sys.stdout.flush()
        return
    for line in in_words(result):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def as_json(result: Result) -> dict[str, Any]:
    """The result in its contract's shape."""
    books = result.books
    return {
        "meters": result.meters,
        "telegrams_sent": books.sent,
        "telegrams_heard": books.heard,
        "readings_stored_edge": result.edge["readings"] + result.edge["typed"],
        "readings_stored_central": books.stored + books.typed,
        "lost": books.lost,
        "duplicates": books.doubled,
        "supply_points_billed": books.billed,
        "estimated": books.estimated,
        "invoices": result.invoices,
        "total_eur": str(Decimal(result.total_cents).scaleb(-2)),
        "billed_litres": books.billed_litres,
        "metered_litres": books.metered_litres,
        "ground_truth_litres_matched": books.litres_match,
        "differences": [*books.wrong, *breaches(result)],
        "audit": "ok" if result.lawful else "breach",
        "seconds": result.seconds,
    }


def in_words(result: Result) -> Iterator[str]:
    """The result for a person."""
    books = result.books
    yield f"Telegramas: {books.sent} emitidos, {books.heard} oídos, {books.stored} en el centro; " + (
        f"{books.lost} perdidos, {books.doubled} repetidos."
    )
    yield f"Facturas: {result.invoices} por {Decimal(result.total_cents).scaleb(-2)} EUR; " + (
        f"{books.billed} suministros, {books.estimated} estimados."
    )
    yield f"Litros: {books.metered_litres} medidos, {books.billed_litres} facturados" + (
        ", cuadran." if books.litres_match else ", NO cuadran."
    )
    yield f"Auditoría: {len(result.audit)} leyes, " + ("todas se cumplen." if result.lawful else "CON FALLOS.")
    yield from books.wrong
    yield from breaches(result)


def breaches(result: Result) -> Iterator[str]:
    """The first breaches of each law."""
    for verdict in result.audit:
        yield from (f"{verdict.law}: {breach}" for breach in verdict.breaches[:3])


async def _replay(options: Options, replay: Any, file: Path) -> int:
    with folder_of(options.keep) as folder:
        async with cancelled_by_signals():
            return int(await replay(file, folder, Screen(quiet=options.as_json), options.as_json))


@contextlib.contextmanager
def folder_of(keep: Path | None) -> Iterator[Path]:
    """The folder to work in: a fresh one that goes away, or one that is kept (and must be empty)."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="sgc-demo-") as folder:
            yield Path(folder)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise RoadError(f"--keep {keep}: is not empty, must be a fresh folder")
    yield keep.resolve()


@contextlib.asynccontextmanager
async def cancelled_by_signals() -> AsyncIterator[None]:
    """Ctrl-C and SIGTERM cancel the work, so that every room is stopped before the process ends."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def cancel_once() -> None:
        # A second signal must not interrupt the stopping of the rooms.
        if task is not None and not task.cancelling():
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, cancel_once)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
