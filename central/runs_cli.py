"""``sgc central bill``: a billing run from its creation to its delivered documents, stage by stage.

``simulate``, ``issue`` and ``deliver`` go on where they were interrupted when they are called again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from central.cli import (
    ActorOption,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    mount,
    now,
    settings_and_engine,
    show,
    show_rows,
    somebody,
)
from central.typed import day, day_or_none, period

if TYPE_CHECKING:
    from collections.abc import Callable

    from central.store.models import BillingRun

bill = typer.Typer(no_args_is_help=True, help="Remesas de facturación / Billing runs")
RunOption = Annotated[str, typer.Option("--run", help="Código de la remesa / The run's code")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Motivo / Reason")]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=0, help="Procesos; 0: los núcleos / Processes; 0: the cores")
]


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount(bill, "bill")


@bill.command("create", help="Crea una remesa / Make a run")
def create(
    run: RunOption,
    on: Annotated[
        str, typer.Option("--on", help="Periodo DESDE/HASTA, sin incluir HASTA / Period FROM/TO, TO excluded")
    ],
    series: Annotated[str, typer.Option(help="Serie / Series")],
    issue_date: Annotated[str, typer.Option(help="Fecha de expedición / Date of issue (2026-04-03)")],
    due_date: Annotated[str, typer.Option(help="Vencimiento / Due date")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Make a run and its partitions."""
    from central.invoicing import run as runs
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("bill create", config, db) as (_, engine):
        plan = runs.RunPlan(
            run, period("--on", on), series, day("--issue-date", issue_date), day("--due-date", due_date), {}
        )
        with write_session(engine) as session:
            made = runs.create(session, utility_named(session, utility).id, plan, actor, now())
            result = _shown(made)
    show(result, _line(result), as_json)


@bill.command(
    "closing",
    help="Crea una remesa de cierre: contratos que acaban o cambian de titular, hasta su fin / Make a run of closings",
)
def closing(
    contracts: Annotated[list[str], typer.Argument(help="Códigos de contrato / Codes of contracts")],
    run: RunOption,
    series: Annotated[str, typer.Option(help="Serie; la de la última remesa / Series; that of the last run")] = "",
    issue_date: Annotated[str | None, typer.Option(help="Fecha de expedición; hoy / Date of issue; today")] = None,
    due_date: Annotated[str | None, typer.Option(help="Vencimiento; a 30 días / Due date; in 30 days")] = None,
    since: Annotated[
        str | None, typer.Option(help="Primer día; donde se facturó cada uno / First day; where each was billed until")
    ] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Make a run that bills contracts from where each was billed until its end; the periodic run bills the rest."""
    from central.invoicing.closing import ClosingPlan, Ended, create_closing
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("bill closing", config, db) as (_, engine), write_session(engine) as session:
        issued, due = day_or_none("--issue-date", issue_date), day_or_none("--due-date", due_date)
        plan = ClosingPlan(run, series, issued, due, day_or_none("--since", since))
        ended = [Ended(code) for code in contracts]
        made = create_closing(session, utility_named(session, utility).id, ended, plan, actor, now())
        result = _shown(made)
    show(result, _line(result), as_json)


@bill.command("list", help="Las remesas, la última primero / The runs, the newest first")
def listing(
    utility: UtilityOption = None, config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """List a utility's runs."""
    from central.invoicing.queries import runs
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("bill list", config, db) as (_, engine), read_session(engine) as session:
        found = runs(session, utility_named(session, utility).id)
        rows = [
            {
                "run": one.code,
                "status": one.status,
                "from": one.period_from.isoformat(),
                "to": one.period_to.isoformat(),
            }
            for one in found
        ]
    show_rows(rows, as_json)


@bill.command(
    "simulate", help="Calcula los borradores; no escribe nada legal / Make the drafts; nothing legal is written"
)
def simulate(
    run: RunOption,
    workers: WorkersOption = 0,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Make or remake every draft."""
    _stage("simulate", run, workers, utility, config, db, actor, as_json)


@bill.command("exceptions", help="Lo que hay que revisar, por código / What must be reviewed, by code")
def exceptions(
    run: RunOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count the open exceptions."""
    from central.invoicing.queries import exception_counts
    from central.store import read_session

    with settings_and_engine("bill exceptions", config, db) as (_, engine), read_session(engine) as session:
        found = _find(session, utility, run)
        counts = exception_counts(session, found.utility_id, found.id)
    show_rows([{"code": code, "open": count} for code, count in counts.items()], as_json)


@bill.command("waive", help="Da por revisadas excepciones / Let exceptions pass")
def waive(
    run: RunOption,
    code: Annotated[list[str], typer.Option("--code", help="Código; se puede repetir / Code; may be repeated")],
    reason: ReasonOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Waive every open exception with one of the codes."""
    from central.invoicing import desk
    from central.store import write_session

    with settings_and_engine("bill waive", config, db) as (_, engine), write_session(engine) as session:
        count = desk.waive_all(session, _find(session, utility, run), code, actor, now(), reason)
    show({"run": run, "waived": count}, f"{count}", as_json)


@bill.command(
    "regularise",
    help="Propone repartir lo leído entre lo estimado / Propose to spread what was read over estimated bills",
)
def regularise(
    run: RunOption,
    series: Annotated[str, typer.Option(help="Serie de rectificativas / Series of rectifying invoices")],
    which: Annotated[
        str, typer.Option("--which", help="all; negative: solo las que se estimaron de más / only those beyond")
    ] = "all",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Propose rectifications of the estimates before each draft; another person issues them with ``sgc rectify``."""
    from central.invoicing.regularise import regularise as propose
    from central.store import write_session

    with settings_and_engine("bill regularise", config, db) as (_, engine), write_session(engine) as session:
        found = propose(session, _find(session, utility, run), series, actor, now(), which=which)
    rows = [
        {"contract": one.contract, "rectification": one.rectification_id, "cents": one.cents, "why": one.why}
        for one in found
    ]
    show_rows(rows, as_json)


@bill.command(
    "approve", help="Aprueba la remesa: otra persona que quien la creó / Approve it: another person than its maker"
)
def approve(
    run: RunOption,
    actor: Annotated[str, typer.Option("--actor", callback=somebody, help="Quién aprueba / Who approves")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a reviewed run."""
    from central.invoicing import run as runs
    from central.store import write_session

    with settings_and_engine("bill approve", config, db) as (_, engine), write_session(engine) as session:
        found = _find(session, utility, run)
        runs.approve(session, found, actor, now())
        result = _shown(found)
    show(result, _line(result), as_json)


@bill.command("cancel", help="Abandona una remesa sin numerar / Give up a run that is not numbered")
def cancel(
    run: RunOption,
    reason: ReasonOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Cancel a run."""
    from central.invoicing import run as runs
    from central.store import write_session

    with settings_and_engine("bill cancel", config, db) as (_, engine), write_session(engine) as session:
        found = _find(session, utility, run)
        runs.cancel(session, found, actor, now(), reason)
        result = _shown(found)
    show(result, _line(result), as_json)


@bill.command("issue", help="Numera, encadena y contabiliza lo aprobado / Number, chain and post what is approved")
def issue(
    run: RunOption,
    workers: WorkersOption = 0,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Issue an approved run; after an interruption the rest of it."""
    _stage("issue", run, workers, utility, config, db, actor, as_json)


@bill.command("deliver", help="Hace los documentos / Make the documents")
def deliver(
    run: RunOption,
    workers: WorkersOption = 0,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Make the documents of an issued run; after an interruption the rest of them."""
    _stage("deliver", run, workers, utility, config, db, actor, as_json)


def _stage(
    stage: str,
    code: str,
    workers: int,
    utility: str | None,
    config: Path | None,
    db: str | None,
    actor: str,
    as_json: bool,
) -> None:
    """Drive a stage with as many processes as asked for, showing how far it is."""
    from central.invoicing import run as runs
    from central.invoicing.drive import Serial, processes
    from central.ops.progress import on_terminal
    from central.store import read_session

    work: Callable[..., None] = {"simulate": runs.simulate, "issue": runs.issue, "deliver": runs.deliver}[stage]
    with settings_and_engine(f"bill {stage}", config, db) as (settings, engine):
        with read_session(engine) as session:
            found = _find(session, utility, code)
            utility_id, run_id = found.utility_id, found.id
        keys = Path(settings.keys.file) if settings.keys else None
        executors = Serial if workers == 1 else processes(workers or None)
        work(engine, utility_id, run_id, runs.Operator(actor, executors, on_terminal(stage), keys), now())
        with read_session(engine) as session:
            result = _shown(runs.run_of(session, utility_id, run_id))
    show(result, _line(result), as_json)


def _find(session: Any, utility: str | None, code: str) -> BillingRun:
    from central.invoicing.run import run_named
    from central.register.utilities import utility_named

    return run_named(session, utility_named(session, utility).id, code)


def _shown(run: BillingRun) -> dict[str, Any]:
    return {
        "run": run.code,
        "status": str(run.status),
        "from": run.period_from.isoformat(),
        "to": run.period_to.isoformat(),
        "summary": run.summary,
    }


def _line(result: dict[str, Any]) -> str:
    told = "  ".join(f"{name} {value}" for name, value in result["summary"].items() if value)
    return f"{result['run']}  {result['status']}  {told}".strip()
