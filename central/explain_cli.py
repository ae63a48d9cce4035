"""``sgc explain``: the whole story of an issued invoice, computed again from what is stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from central.cli import ConfigOption, DbOption, JsonOption, UtilityOption, settings_and_engine

if TYPE_CHECKING:
    from central.invoicing.queries import Bill

HELP = """La historia de una factura, y si vuelve a salir igual de lo guardado / An invoice's story, recomputed.

Termina con 1 si no sale igual / Exits with 1 where it does not come out the same."""


def register(app: typer.Typer) -> None:
    """Mount the command on the root application."""
    app.command("explain", help=HELP)(explain)


def explain(
    invoice: Annotated[str, typer.Argument(help="Número de la factura / The invoice's number (AG2026/000123)")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell an invoice's story and compute it again."""
    with settings_and_engine("explain", config, db) as (_, engine):
        story = told(engine, utility, invoice)
    typer.echo(json.dumps(story, ensure_ascii=False) if as_json else "\n".join(in_words(story)))
    if not story["recomputed"]["same"]:
        raise typer.Exit(1)


def told(engine: Any, utility: str | None, number: str) -> dict[str, Any]:
    """The story as plain values."""
    from central.invoicing.queries import bill
    from central.invoicing.rectify import recompute
    from central.invoicing.rectify.queries import links_of
    from central.invoicing.rectify.standing import invoice_named
    from central.register.utilities import utility_named
    from central.store import read_session

    with read_session(engine) as session:
        row = invoice_named(session, utility_named(session, utility).id, number)
        again = recompute(session, row)
        found = bill(session, row.utility_id, row.id, customer_id=None)
        links = links_of(session, row.utility_id, row.id)
    if found is None or links is None:
        raise ValueError(f"invoice {number}: does not exist")
    named = {"number": number, "kind": found.summary.kind, "issued": found.summary.issued.isoformat()}
    return {
        **named,
        "contract": found.summary.contract,
        "recipient": found.invoice.recipient.name,
        "period": [found.summary.period_from.isoformat(), found.summary.period_to.isoformat()],
        "litres": found.summary.litres,
        "total": str(found.invoice.total),
        "vat": [{"rate": one.code, "base": str(one.base), "vat": str(one.vat)} for one in found.invoice.vat],
        "rectifies": _rectifies(found),
        "original": links.original.number if links.original else None,
        "rectified_by": [
            {
                "number": one.number,
                "kind": one.kind,
                "method": one.method,
                "reason": one.reason,
                "total": str(one.total),
            }
            for one in links.later
        ],
        "stands": str(links.stands),
        "lines": [_line(line) for line in found.lines],
        "readings": [_reading(one) for one in found.readings],
        "fiscal": {"hash": found.fiscal.hash, "qr": found.fiscal.qr_url} if found.fiscal else None,
        "derived": found.basis.case.get("derived", []),
        "program": found.basis.program,
        "inputs": found.basis.inputs,
        "recomputed": {"same": again.same, "total": str(again.total), "fault": again.fault},
    }


def _rectifies(found: Bill) -> dict[str, Any] | None:
    note = found.invoice.rectification
    if note is None:
        return None
    return {"invoices": [one.number for one in note.originals], "method": note.method, "reason": note.reason}


def _line(line: Any) -> dict[str, Any]:
    tariff = line.tariff
    return {
        "description": line.description,
        "quantity": str(line.quantity),
        "unit": line.unit,
        "unit_price": str(line.unit_price),
        "amount": str(line.amount),
        "vat": line.vat,
        "why": dict(line.why),
        "tariff": tariff
        and {"id": tariff.tariff, "version": tariff.version, "source": tariff.source, "sha256": tariff.sha256},
    }


def _reading(one: Any) -> dict[str, Any]:
    heard = one.telegram
    return {
        "role": one.role,
        "meter": one.meter,
        "at": one.at.isoformat(),
        "litres": one.litres,
        "kind": one.kind.name.lower(),
        "note": one.reason,
        "telegram": heard and {"received": heard.received_at.isoformat(), "device": heard.device, "hex": heard.hex},
    }


def _derived(step: dict[str, Any]) -> str:
    """How litres follow from other supplies', in words."""
    if step["kind"] == "share":
        what = "la factura" if step["by"] == "amount" else "el agua"
        return f"{step['part']} de {what} de {step['supply']}: {step['litres']} de {step['whole_litres']} litros"
    under = sum(step["submeters"].values())
    told = f"contador general de {step['supply']}: {step['general_litres']} litros, {under} en {len(step['submeters'])}"
    part = f", de ellos {step['part']}" if "part" in step else ""
    return f"{told} divisionarios, diferencia de {step['difference_litres']}{part}: se facturan {step['litres']}"


def in_words(story: dict[str, Any]) -> list[str]:
    """The story for a person."""
    period, note = story["period"], story["rectifies"]
    lines = [
        f"Factura {story['number']} ({story['kind']}) del {story['issued']}: {story['total']} €",
        f"{story['recipient']}, contrato {story['contract']}, [{period[0]}, {period[1]}), {story['litres']} litros",
    ]
    if note:
        how = "por sustitución" if note["method"] == "S" else "por diferencias"
        lines.append(f"Rectifica {', '.join(note['invoices'])} {how}: {note['reason']}")
    lines += [
        f"Rectificada por {one['number']} ({one['kind']}, {one['method']}): {one['reason']}; {one['total']} €"
        for one in story["rectified_by"]
    ]
    if note or story["rectified_by"]:
        lines.append(f"Con sus rectificaciones, la factura queda en {story['stands']} €")
    for line in story["lines"]:
        lines.append(
            f"  {line['description']}: {line['quantity']} {line['unit']} × {line['unit_price']} = {line['amount']} €"
        )
        if line["tariff"]:
            tariff = line["tariff"]
            clause = line["why"].get("clause", "")
            lines.append(f"      {tariff['id']} (texto {tariff['version']}) {clause} · {tariff['source']}".rstrip())
    lines += [f"  IVA {one['rate']}: {one['vat']} sobre {one['base']}" for one in story["vat"]]
    lines += [f"  {_derived(step)}" for step in story["derived"]]
    for one in story["readings"]:
        lines.append(
            f"  {one['role']} {one['meter']} {one['at']}: {one['litres']} l ({one['kind']}) {one['note']}".rstrip()
        )
        if one["telegram"]:
            lines.append(f"      {one['telegram']['hex']}")
    again = story["recomputed"]
    same = f"Calculada otra vez de lo guardado: sale igual, {again['total']} €"
    lines.append(same if again["same"] else f"Calculada otra vez de lo guardado NO sale igual: {again['fault']}")
    return lines
