"""``sgc central webhook``: the addresses that are told what happens here."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from central.cli import (
    MOST,
    ActorOption,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    change,
    key_ring,
    mount,
    now,
    settings_and_engine,
    show,
    show_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from central.config import Config
    from central.register import KeyRing
    from central.store import Session
    from central.store.models import WebhookEndpoint

webhook = typer.Typer(no_args_is_help=True, help="Avisos firmados a otros programas / Signed webhooks")
NumberArgument = Annotated[int, typer.Argument(min=1, max=MOST, help="Identificador / Its id")]


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount(webhook, "webhook")


@webhook.command("add", help="Añade uno; su secreto se enseña una sola vez / Add one; its secret is shown only once")
def add(
    url: Annotated[str, typer.Argument(help="Dirección https / An https address")],
    event: Annotated[
        list[str] | None,
        typer.Option(help="Solo este tipo o familia (invoice.*); se puede repetir / Only this; may be repeated"),
    ] = None,
    description: Annotated[str, typer.Option(help="Para qué es / What it is for")] = "",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Add an endpoint and print its secret."""
    from central.register.utilities import utility_named
    from central.store import write_session
    from central.webhooks import endpoints
    from central.webhooks.address import Guard

    with settings_and_engine("webhook add", config, db) as (settings, engine), write_session(engine) as session:
        place = utility_named(session, utility)
        guard, ring = Guard.of(settings.webhooks), _ring(settings)
        made, secret = endpoints.add(
            session, place.id, url, ring, events=event or [], description=description, guard=guard, by=change(actor)
        )
        result = {"id": str(made.id), "url": url, "events": made.events}
    show({**result, "secret": secret}, f"{result['id']}\n{secret}", as_json)


@webhook.command("list", help="Los que hay y lo que se les debe / Those there are and what they are owed")
def listing(
    utility: UtilityOption = None, config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """List the endpoints, without their secrets."""
    from central.register.utilities import utility_named
    from central.store import read_session
    from central.webhooks import queries

    with settings_and_engine("webhook list", config, db) as (_, engine), read_session(engine) as session:
        place = utility_named(session, utility)
        waiting = queries.waiting(session, place.id)
        rows = [
            {
                "id": str(row.id),
                "url": row.url,
                "events": ", ".join(row.events) or "*",
                "state": row.state,
                "waiting": waiting.get(row.id, 0),
                "failing_since": row.failing_since.isoformat() if row.failing_since else None,
                "notice": row.notice,
            }
            for row in queries.endpoints(session, place.id)
        ]
    show_rows(rows, as_json)


@webhook.command("log", help="Sus últimas entregas, con lo que contestó / Its last deliveries and their answers")
def log(
    number: NumberArgument,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Cuántas / How many")] = 20,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest deliveries of an endpoint."""
    from central.webhooks import queries

    with _endpoint("webhook log", number, utility, config, db) as (session, row, _):
        rows = [
            {
                "id": str(told.delivery.id),
                "event": f"evt_{told.event.id}",
                "type": told.event.type,
                "at": told.event.at.isoformat(),
                "state": told.delivery.state,
                "tries": told.delivery.tries,
                "status": told.tries[-1].status if told.tries else None,
                "error": told.tries[-1].error if told.tries else "",
            }
            for told in queries.deliveries(session, row.utility_id, row.id, limit=limit)
        ]
    show_rows(rows, as_json)


@webhook.command("rotate", help="Le da otro secreto; el anterior vale unos días más / Give it another secret")
def rotate(
    number: NumberArgument,
    overlap_days: Annotated[
        int, typer.Option(min=0, max=30, help="Días que aún firma el anterior / Days the earlier one goes on signing")
    ] = 1,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Give an endpoint a new secret and print it."""
    from central.webhooks import endpoints

    with _endpoint("webhook rotate", number, utility, config, db) as (session, row, settings):
        secret = endpoints.rotate(session, row, _ring(settings), timedelta(days=overlap_days), by=change(actor))
    show({"id": str(number), "secret": secret}, secret, as_json)


@webhook.command("pause", help="No le envía nada; lo que pase se le guarda / Send nothing; what happens is kept for it")
def pause(
    number: NumberArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Pause an endpoint."""
    from central.webhooks import endpoints

    with _endpoint("webhook pause", number, utility, config, db) as (session, row, _):
        endpoints.pause(session, row, by=change(actor))
    show({"id": str(number), "state": "paused"}, f"{number} en pausa / paused", as_json)


@webhook.command("resume", help="Le vuelve a enviar, desde donde se quedó / Send again from where it stopped")
def resume(
    number: NumberArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Resume an endpoint that was paused or disabled."""
    from central.webhooks import endpoints

    with _endpoint("webhook resume", number, utility, config, db) as (session, row, _):
        endpoints.resume(session, row, by=change(actor))
    show({"id": str(number), "state": "active"}, f"{number} activo / active", as_json)


@webhook.command("test", help="Le envía un mensaje de prueba / Send it a test message")
def try_out(
    number: NumberArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Owe an endpoint a test message."""
    from central.webhooks import endpoints

    with _endpoint("webhook test", number, utility, config, db) as (session, row, _):
        endpoints.ping(session, row, by=change(actor))
    show({"id": str(number)}, "en cola; «webhook log» dirá qué contestó / queued; see «webhook log»", as_json)


@webhook.command("replay", help="Le repite un tiempo o una entrega / Tell it a time or one delivery again")
def replay(
    number: NumberArgument,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"], help="Desde, UTC / From, UTC")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"], help="Hasta, UTC / Until, UTC")
    ] = None,
    delivery: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Solo esta entrega / This delivery only")
    ] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Tell an endpoint again what happened in a time, or one delivery."""
    from central.store.models import WebhookDelivery
    from central.webhooks import endpoints

    with _endpoint("webhook replay", number, utility, config, db) as (session, row, _):
        if delivery is not None:
            told = session.get(WebhookDelivery, (row.utility_id, delivery))
            if told is None or told.endpoint_id != row.id:
                raise ValueError(f"--delivery {delivery}: is none of this endpoint's")
            endpoints.replay_one(session, told, by=change(actor))
            count = 1
        elif since is None:
            raise ValueError("--since: is missing, it says from when on (or --delivery, which one)")
        else:
            end = until.replace(tzinfo=UTC) if until else now()
            count = endpoints.replay(session, row, since.replace(tzinfo=UTC), end, by=change(actor))
    show({"id": str(number), "events": count}, f"{count} en cola / queued", as_json)


@webhook.command("remove", help="No le avisa nunca más / Never tell it anything again")
def remove(
    number: NumberArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Remove an endpoint."""
    from central.webhooks import endpoints

    with _endpoint("webhook remove", number, utility, config, db) as (session, row, _):
        endpoints.remove(session, row, by=change(actor))
    show({"id": str(number), "state": "removed"}, f"{number} retirado / removed", as_json)


@webhook.command("events", help="Los tipos de aviso / The types of event")
def types(as_json: JsonOption = False) -> None:
    """List every type of event."""
    from central.events.kinds import KINDS

    rows: list[dict[str, Any]] = [
        {"type": kind.name, "version": kind.version, "meaning": kind.spanish} for kind in KINDS.values()
    ]
    show_rows(rows, as_json)


@contextmanager
def _endpoint(
    command: str, number: int, utility: str | None, config: Path | None, db: str | None
) -> Iterator[tuple[Session, WebhookEndpoint, Config]]:
    """An endpoint of the utility in a transaction that commits at the end."""
    from central.register.utilities import utility_named
    from central.store import write_session
    from central.webhooks import queries

    with settings_and_engine(command, config, db) as (settings, engine), write_session(engine) as session:
        row = queries.endpoint(session, utility_named(session, utility).id, number)
        if row is None:
            raise ValueError(f"webhook: {number} does not exist")
        yield session, row, settings


def _ring(settings: Config) -> KeyRing:
    ring = key_ring(settings)
    if ring is None:
        raise ValueError("configuration: [keys] is missing, its file seals the secrets of webhooks")
    return ring
