"""``sgc sim``: draw a town, play it through a receiver that does not exist."""

import datetime as dt
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from firmware_sim.clock import Clock
    from firmware_sim.player import Player, Progress

sim = typer.Typer(
    no_args_is_help=True,
    help="Pueblo, contadores y receptor simulados / Simulated town, meters and receiver",
)


def register(app: typer.Typer) -> None:
    """Mounts ``sim`` on the root command."""
    app.add_typer(sim, name="sim")


@sim.command()
def town(
    out: Annotated[Path, typer.Option(help="Carpeta de town.json / Folder of town.json")],
    meters: Annotated[int, typer.Option(help="Puntos de suministro / Supply points")] = 60,
    months: Annotated[int, typer.Option(min=1, max=120, help="Meses completos / Whole months")] = 3,
    seed: Annotated[int, typer.Option(help="Semilla / Seed")] = 1,
    end: Annotated[str, typer.Option(help="Primer día tras el periodo / First day after the period")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Resultado en JSON / Result as JSON")] = False,
) -> None:
    """Crea un pueblo a partir de una semilla / Draw a town from a seed."""
    from firmware_sim.town import Town

    try:
        drawn = Town.build(meters, months, seed, day("--end", end))
        path = drawn.write(out)
    except (ValueError, OSError) as error:
        fail(error)
    litres = sum(meter.end_litres - meter.start_litres for meter in drawn.meters)
    result = {
        "file": str(path),
        "houses": len(drawn.houses),
        "meters": len(drawn.meters),
        "start": drawn.start.isoformat(),
        "end": drawn.end.isoformat(),
        "litres": litres,
    }
    words = f"{path}: {len(drawn.houses)} suministros, {len(drawn.meters)} contadores, {litres} l"
    typer.echo(json.dumps(result) if as_json else words)


@sim.command()
def run(
    town_dir: Annotated[Path, typer.Option("--town", help="Carpeta de town.json / Folder of town.json")],
    link: Annotated[Path, typer.Option(help="Enlace al puerto serie simulado / Link to the simulated serial port")],
    speed: Annotated[str, typer.Option(help="max, o veces más rápido que el reloj / max, or times real time")] = "max",
    since: Annotated[str, typer.Option("--from", help="Desde esta fecha / From this date")] = "",
    until: Annotated[str, typer.Option("--to", help="Hasta esta fecha, excluida / Until this date, exclusive")] = "",
    wait: Annotated[float, typer.Option(help="Segundos de espera al lector / Seconds to wait for the host")] = 120.0,
    grace: Annotated[
        float, typer.Option(help="Segundos dudosos si el lector muere / Doubtful seconds if the host dies")
    ] = 2.0,
    garbage_one_in: Annotated[int, typer.Option(help="Fallo: bytes basura / Fault: garbage bytes")] = 0,
    split: Annotated[bool, typer.Option(help="Fallo: tramas partidas / Fault: split frames")] = False,
    silent_after: Annotated[int, typer.Option(help="Fallo: escrituras hasta callar / Fault: writes until silence")] = 0,
    silent_s: Annotated[float, typer.Option(help="Fallo: segundos de silencio / Fault: seconds of silence")] = 0.0,
) -> None:
    """Emite el pueblo por un iM871A simulado / Play the town through a simulated iM871A.

    Una línea JSON por segundo; al acabar mantiene el puerto abierto hasta SIGTERM.
    / One JSON line a second; when done the port stays open until SIGTERM.
    """
    from firmware_sim.air import Air
    from firmware_sim.line import Faults, Line
    from firmware_sim.player import HostError, Player
    from firmware_sim.town import Town
    from firmware_sim.truth import Truth

    try:
        drawn = Town.read(town_dir)
        span = play_span(drawn.clock, day("--from", since), day("--to", until))
        factor = speed_factor(speed)
        truth = Truth(town_dir, drawn, *span)
        line = Line(link)
    except (ValueError, OSError) as error:
        fail(error)
    faults = Faults(garbage_one_in, split=split, silent_after=silent_after, silent_s=silent_s)
    player = Player(
        Air(drawn), truth, line, speed=factor, grace_s=grace, faults=faults, report=lambda p: report(player, p)
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: player.stop())
    try:
        player.run(wait)
    except (HostError, OSError) as error:
        fail(error)
    finally:
        line.close()
        truth.close()


@sim.command()
def replay(
    file: Annotated[Path, typer.Option(help="Grabación: SEGUNDO HEX por línea / Recording: SECOND HEX a line")],
    link: Annotated[Path, typer.Option(help="Enlace al puerto serie simulado / Link to the simulated serial port")],
    wait: Annotated[float, typer.Option(help="Segundos de espera al lector / Seconds to wait for the host")] = 120.0,
) -> None:
    """Emite telegramas grabados por un iM871A simulado / Play recorded telegrams through a simulated iM871A.

    Al acabar mantiene el puerto abierto hasta SIGTERM. / When done the port stays open until SIGTERM.
    """
    from firmware_sim.line import Line
    from firmware_sim.player import HostError
    from firmware_sim.recorded import RecordedPlayer, read_recording

    try:
        telegrams = read_recording(file)
        line = Line(link)
    except (ValueError, OSError) as error:
        fail(error)
    player = RecordedPlayer(line)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: player.stop())
    try:
        player.run(telegrams, wait)
    except (HostError, OSError) as error:
        fail(error)
    finally:
        line.close()


def report(player: "Player", progress: "Progress") -> None:
    """One line of progress; a reader that went away ends the play."""
    line = {
        "sent": progress.sent,
        "heard": progress.heard,
        "instant": progress.instant.isoformat(timespec="milliseconds"),
        "done": progress.done,
        "state": progress.state,
    }
    try:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        player.stop()


def day(option: str, text: str) -> dt.date | None:
    """A date option; empty is none."""
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError(f"{option}: {text!r} is not a date like 2026-07-01") from None


def play_span(clock: "Clock", since: dt.date | None, until: dt.date | None) -> tuple[int, int]:
    """Epoch milliseconds of the play: local midnights, by default everything that is on the air."""
    from firmware_sim.clock import local_midnight

    low = clock.first if since is None else local_midnight(since)
    high = clock.air_end if until is None else local_midnight(until)
    if not clock.first <= low < high <= clock.air_end:
        raise ValueError(
            f"--from/--to: [{since}, {until}) must lie within [{clock.start}, {clock.end}] and the day after it"
        )
    return 1000 * low, 1000 * high


def speed_factor(text: str) -> float | None:
    """None for ``max``, otherwise how many times faster than life."""
    if text == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise ValueError(f"--speed: {text!r}, must be max or a number above 0")
    return factor


def fail(error: Exception) -> NoReturn:
    """One line on standard error, then exit 1."""
    typer.echo(f"sgc sim: {error}", err=True)
    raise typer.Exit(1)
