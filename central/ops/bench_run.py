"""``sgc bench run``: issued bills a second on PostgreSQL, beside the bare COPY of the very rows they are made of.

Issuing is numbering, chaining and posting what was simulated and approved: lines, ledger and fiscal records are written
then, after a checkpoint. The simulation before it and both together are told apart in ``more``.
"""

import io
import os
import platform
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from billing.rating.bench import TARIFF
from billing.volume import Period
from central.invoicing import run, tariffs
from central.invoicing.drive import Executors, processes
from central.invoicing.plan import RunPlan
from central.ops.bench_town import NIF, UTILITY, Houses, add_houses, add_utility_row
from central.ops.progress import on_terminal
from central.ops.scratch import scratch_postgres
from central.store import migrate, open_engine, write_session
from central.store.bulk import insert_rows
from central.store.models import Reading, ReadingKind, ReadingStatus
from central.store.partitions import ensure_partitions
from central.times import midnight_ms, millis

PERIOD = Period(date(2026, 1, 1), date(2026, 4, 1))
RECORDED = datetime(2026, 4, 2, tzinfo=UTC)
NOW = datetime(2026, 4, 3, tzinfo=UTC)
MAKER, CHECKER = "maker", "checker"
PARTITIONS_A_WORKER = 8
# A worker holds one partition's bills at a time: this bounds its memory, however many bills there are.
LARGEST_PARTITION = 5_000
MOST_OF_THE_BOUND = 200_000
# Places in what the kernel says of a process: its parent, and four kinds of processor time in ticks.
PARENT, CPU = 0, 10
ROWS = ("consumption", "invoice", "fiscal_record", "ledger_transaction", "ledger_entry")
SOFTWARE = {
    "producer": "SGC",
    "producer_nif": NIF,
    "name": "SGC",
    "identifier": "SG",
    "version": "1",
    "installation": "BENCH",
}

_READING = ("utility_id", "at_ms", "meter_id", "kind", "revision", "litres", "status", "reason", "recorded_ms")


def measure(contracts: int, workers: int, db: str | None = None) -> dict[str, Any]:
    """The bench's result, as every bench prints it; without ``db`` it starts a PostgreSQL of its own."""
    with ExitStack() as stack:
        engine = open_engine(db or stack.enter_context(scratch_postgres()))
        stack.callback(engine.dispose)
        migrate(engine)
        _register(engine, contracts)
        crew = _Crew(processes(workers), 4 * workers)
        seconds = _run(engine, contracts, workers, crew)
        bound, size = _bound(engine, contracts)
    issued = contracts / seconds["issue"]
    return {
        "bench": "run",
        "value": round(issued),
        "unit": "bills/s",
        "bound": {"name": "bare COPY of the issued rows, one writer", "value": round(bound)},
        "ratio": round(issued / bound, 4),
        "n": contracts,
        "python": platform.python_version(),
        "cpu": platform.processor() or platform.machine(),
        "more": {
            "workers": workers,
            "bytes_per_bill": size,
            "load": [round(one, 1) for one in os.getloadavg()],
            "simulated_s": round(contracts / seconds["simulate"]),
            "simulated_and_issued_s": round(contracts / (seconds["simulate"] + seconds["issue"])),
            "worker_peak_mb": crew.peak_kb // 1024,
            "worker_cpu_us_per_bill": {stage: used // contracts for stage, used in crew.cpu_us.items()},
            "server_cpu_us_per_bill": {stage: used // contracts for stage, used in crew.server_us.items()},
            "main_cpu_us_per_bill": {stage: used // contracts for stage, used in crew.main_us.items()},
            "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        },
    }


def _register(engine: Engine, contracts: int) -> None:
    houses = Houses()
    fiscal = {"system": "verifactu", "config": {"software": SOFTWARE}}
    with write_session(engine) as session:
        ensure_partitions(session.connection(), [midnight_ms(day) for day in (PERIOD.start, PERIOD.end)])
    with write_session(engine) as session:
        add_utility_row(session, {"fiscal": fiscal, "documents": False}, RECORDED)
        add_houses(session, houses, contracts, RECORDED)
        tariffs.record(session, UTILITY, TARIFF, MAKER, RECORDED)
        tariffs.assign(session, UTILITY, "BENCH-RATE", date(2024, 1, 1), MAKER, RECORDED)
        said = (int(ReadingStatus.VALID), "", millis(RECORDED))
        rows = [
            (
                UTILITY,
                midnight_ms(day),
                meter,
                int(ReadingKind.RADIO_DUE),
                0,
                1_000 + part * (house * 97 % 90_000),
                *said,
            )
            for part, day in enumerate((PERIOD.start, PERIOD.end))
            for house, meter in enumerate(houses.meters)
        ]
        insert_rows(session, Reading, _READING, rows)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("ANALYZE")


_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass
class _Crew:
    """Makes executors whose workers tell, before they go, the memory and processor time they used."""

    executors: Executors
    asked: int
    peak_kb: int = 0
    cpu_us: dict[str, int] = field(default_factory=dict)
    server_us: dict[str, int] = field(default_factory=dict)
    main_us: dict[str, int] = field(default_factory=dict)

    def of(self, stage: str) -> Executors:
        """Executors for a stage."""
        return lambda: _Watched(self, stage)


class _Watched(Executor):
    """Another executor, whose workers are asked what they used when it is shut down."""

    def __init__(self, crew: _Crew, stage: str) -> None:
        self._crew, self._stage, self._inner = crew, stage, crew.executors()

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """Hand it on."""
        return self._inner.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ask often enough that every worker answers, then let them go."""
        if not cancel_futures:
            said = [self._inner.submit(_used) for _ in range(self._crew.asked)]
            used = {pid: (peak, cpu) for pid, peak, cpu in (future.result() for future in said)}
            self._crew.peak_kb = max(self._crew.peak_kb, *(peak for peak, _ in used.values()))
            before = self._crew.cpu_us.get(self._stage, 0)
            self._crew.cpu_us[self._stage] = before + sum(cpu for _, cpu in used.values())
        self._inner.shutdown(wait, cancel_futures=cancel_futures)


def _used() -> tuple[int, int, int]:
    """This process: its number, its greatest memory in kB, its processor time in microseconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return os.getpid(), usage.ru_maxrss, round((usage.ru_utime + usage.ru_stime) * 1_000_000)


def _run(engine: Engine, contracts: int, workers: int, crew: _Crew) -> dict[str, float]:
    """Seconds of each stage of one run over everybody, without documents."""
    size = min(LARGEST_PARTITION, -(-contracts // (workers * PARTITIONS_A_WORKER)))
    plan = RunPlan("BENCH", PERIOD, "B2026", PERIOD.end, date(2026, 4, 30), {}, size)
    seconds = {}
    started = time.perf_counter()
    with write_session(engine) as session:
        run_id = run.create(session, UTILITY, plan, MAKER, NOW).id
    with _metered(engine, crew, "simulate"):
        run.simulate(engine, UTILITY, run_id, run.Operator(CHECKER, crew.of("simulate"), on_terminal("simulate")), NOW)
    seconds["simulate"] = time.perf_counter() - started
    with write_session(engine) as session:
        run.approve(session, run.run_of(session, UTILITY, run_id), CHECKER, NOW)
    _reviewed(engine)
    started = time.perf_counter()
    with _metered(engine, crew, "issue"):
        run.issue(engine, UTILITY, run_id, run.Operator(CHECKER, crew.of("issue"), on_terminal("issue")), NOW)
    seconds["issue"] = time.perf_counter() - started
    return seconds


def _reviewed(engine: Engine) -> None:
    """Between simulation and issue lies the review, in whose hours a server writes out what was simulated."""
    # Who may not ask for a checkpoint measures the issue with that writing still to be done.
    with suppress(ProgrammingError), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")


@contextmanager
def _metered(engine: Engine, crew: _Crew, stage: str) -> Iterator[None]:
    """Counts the processor time of this process and, where it runs on this machine, of the database's."""
    main, server = time.process_time_ns(), _server_us(engine)
    yield
    crew.main_us[stage] = (time.process_time_ns() - main) // 1000
    if server is not None:
        crew.server_us[stage] = (_server_us(engine) or server) - server


def _server_us(engine: Engine) -> int | None:
    """Microseconds of all processes of the database, those that ended included; None where they are elsewhere."""
    with engine.connect() as connection:
        backend = connection.scalar(text("SELECT pg_backend_pid()"))
    try:
        parent = _stat(backend)[PARENT]
        stats = [_stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()]
    except OSError:
        return None
    own = _stat(parent)
    ended = sum(own[CPU : CPU + 4])
    ticks = ended + sum(sum(one[CPU : CPU + 2]) for one in stats if one[PARENT] == parent)
    return ticks * 1_000_000 // os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[int]:
    """A process's numbers behind its name and state (proc(5)); nothing but zeros where it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1:20]
    except FileNotFoundError:
        return [0] * 19
    return [int(word) for word in words]


def _bound(engine: Engine, contracts: int) -> tuple[float, int]:
    """Bills a second where nothing is done but to COPY all their rows, ready made, into tables without keys; and bytes.

    Of very many bills a part is enough, so that the rows need not lie in memory all at once.
    """
    share = max(1, contracts // MOST_OF_THE_BOUND)
    driver: Any = engine.raw_connection()
    try:
        with driver.cursor() as cursor:
            blocks = {}
            for table in ROWS:
                rows = cursor.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 (our own tables)
                cursor.execute(f"CREATE TABLE bench_{table} (LIKE {table})")
                part = f"SELECT * FROM {table} LIMIT {-(-rows // share)}"  # noqa: S608 (our own tables)
                with cursor.copy(f"COPY ({part}) TO STDOUT (FORMAT binary)") as out:
                    blocks[table] = b"".join(bytes(one) for one in out)
            driver.commit()
            started = time.perf_counter()
            for table, block in blocks.items():
                with cursor.copy(f"COPY bench_{table} FROM STDIN (FORMAT binary)") as copy:
                    stream = io.BytesIO(block)
                    while one := stream.read(1 << 16):
                        copy.write(one)
            driver.commit()
            bills = contracts / share
            seconds = time.perf_counter() - started
            return bills / seconds, round(sum(map(len, blocks.values())) / bills)
    finally:
        driver.close()
