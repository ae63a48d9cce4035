"""``sgc central quality``: the register's quality board."""

from __future__ import annotations

from typing import Annotated

import typer

from central.cli import (
    ActorOption,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    change,
    mount,
    now,
    settings_and_engine,
    show,
    show_rows,
)
from central.typed import day_or_none

quality = typer.Typer(
    invoke_without_command=True, help="Calidad del padrón: la calcula y la enseña / Quality of the register"
)
RuleArgument = Annotated[str, typer.Argument(help="Regla / Rule")]
SubjectArgument = Annotated[str, typer.Argument(help="De qué trata, como sale en «list» / What it is about")]


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount(quality, "quality")


@quality.callback()
def refresh(
    context: typer.Context,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every rule, then show the board: open, dismissed and age in days of each rule."""
    from central.register.quality import board
    from central.register.quality import refresh as ask
    from central.register.utilities import utility_named
    from central.store import write_session

    if context.invoked_subcommand is not None:
        return
    with settings_and_engine("quality", config, db) as (_, engine), write_session(engine) as session:
        found, at = utility_named(session, utility), now()
        ask(session, found, at)
        rows = [
            {
                "rule": line.rule,
                "severity": line.severity,
                "owner": line.owner,
                "open": line.open,
                "dismissed": line.dismissed,
                "assigned": line.assigned,
                "since": line.since.isoformat() if line.since else None,
                "days": line.days,
                "title": line.title,
            }
            for line in board(session, found, at)
        ]
    show_rows(rows, as_json)


@quality.command("list", help="Lo que una regla encuentra / What a rule finds")
def list_issues(
    rule: RuleArgument,
    dismissed: Annotated[bool, typer.Option("--dismissed", help="Lo descartado / What was dismissed")] = False,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the issues of a rule, the oldest first."""
    from central.register.quality import issues
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("quality list", config, db) as (_, engine), read_session(engine) as session:
        found = issues(session, utility_named(session, utility).id, rule, dismissed=dismissed)
        rows = [
            {
                "subject": issue.subject,
                "since": issue.first_seen_at.isoformat(),
                "assigned_to": issue.assigned_to,
                "text": issue.text,
                "reason": issue.dismissed_reason,
            }
            for issue in found
        ]
    show_rows(rows, as_json)


@quality.command("assign", help="Encarga una incidencia a alguien / Give an issue to somebody")
def assign_issue(
    rule: RuleArgument,
    subject: SubjectArgument,
    to: Annotated[str, typer.Argument(help="A quién / To whom")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Assign an issue."""
    from central.register.quality import assign, find_issue
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("quality assign", config, db) as (_, engine), write_session(engine) as session:
        issue = find_issue(session, utility_named(session, utility).id, rule, subject)
        assign(session, issue, to, by=change(actor))
    show({"rule": rule, "subject": subject, "assigned_to": to}, f"{rule} {subject} → {to}", as_json)


@quality.command("dismiss", help="Acepta una incidencia, con su motivo / Accept an issue, with the reason")
def dismiss_issue(
    rule: RuleArgument,
    subject: SubjectArgument,
    reason: Annotated[str, typer.Option(help="Por qué / Why")],
    until: Annotated[str | None, typer.Option(help="Hasta qué día, AAAA-MM-DD / Until which day")] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Dismiss an issue."""
    from central.register.quality import dismiss, find_issue
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("quality dismiss", config, db) as (_, engine), write_session(engine) as session:
        issue = find_issue(session, utility_named(session, utility).id, rule, subject)
        dismiss(session, issue, by=change(actor, reason), until=day_or_none("--until", until))
    told = {"rule": rule, "subject": subject, "reason": reason, "until": until}
    show(told, f"{rule} {subject}: {reason}", as_json)


@quality.command("reopen", help="Retira un descarte / Take a dismissal back")
def reopen_issue(
    rule: RuleArgument,
    subject: SubjectArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Open a dismissed issue again."""
    from central.register.quality import find_issue, reopen
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("quality reopen", config, db) as (_, engine), write_session(engine) as session:
        reopen(session, find_issue(session, utility_named(session, utility).id, rule, subject), by=change(actor))
    show({"rule": rule, "subject": subject, "open": True}, f"{rule} {subject}", as_json)
