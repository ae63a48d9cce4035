"""The log of events: official hash vector, the agency's schema, the chain."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from billing.fiscal import FiscalError, Software
from billing.fiscal.events import DETAILS, NS, Event, EventKind, EventLink, Fields, event, hash_again, hash_event
from billing.invoice import Party
from tests.billing.fiscal.written import golden, indented

SOFTWARE = Software("Aguas Municipales de Prueba, S. A.", "A28015865", "SGC", "SG", "0.1.0", "1")
PAYER = Party("Aguas Municipales de Prueba, S. A.", "A28015865")
AT = datetime(2026, 3, 5, 9, 30, 15, tzinfo=UTC)
NAMED: Fields = [
    ("IDEmisorFactura", "A28015865"),
    ("NumSerieFactura", "AG2026/000001"),
    ("FechaExpedicionFactura", "05-03-2026"),
]
HASHED: Fields = [*NAMED, ("Huella", "F" * 64)]
EVENT_NAMED: Fields = [
    ("TipoEvento", "01"),
    ("FechaHoraHusoEvento", "2026-03-05T10:30:15+01:00"),
    ("HuellaEvento", "F" * 64),
]
PERIOD: Fields = [
    ("FechaHoraHusoInicioPeriodoExport", "2026-03-01T00:00:00+01:00"),
    ("FechaHoraHusoFinPeriodoExport", "2026-03-31T23:59:59+02:00"),
]


def launch(of: str, counted: str) -> Fields:
    fields: list[tuple[str, str | Fields]] = []
    steps = ("IntegridadHuellas", "IntegridadFirmas", "TrazabilidadCadena", "TrazabilidadFechas")
    for step in steps:
        fields.append((f"RealizadoProcesoSobre{step}{of}", "S"))
        fields.append((f"NumeroDe{counted}ProcesadosSobre{step}", "7"))
    return fields


def sums(done: str) -> Fields:
    return [
        (f"NumeroDeRegistrosFacturacionAlta{done}", "7"),
        ("SumaCuotaTotalAlta", "12.34"),
        ("SumaImporteTotalAlta", "135.79"),
        (f"NumeroDeRegistrosFacturacionAnulacion{done}", "0"),
    ]


SAMPLES: dict[EventKind, Fields] = {
    EventKind.RECORDS_CHECKED: launch("RegFacturacion", "RegistrosFacturacion"),
    EventKind.RECORD_ANOMALY: [
        ("TipoAnomalia", "01"),
        ("OtrosDatosAnomalia", "huella"),
        ("RegistroFacturacionAnomalo", NAMED),
    ],
    EventKind.EVENTS_CHECKED: launch("RegEvento", "RegistrosEvento"),
    EventKind.EVENT_ANOMALY: [("TipoAnomalia", "11"), ("RegEventoAnomalo", EVENT_NAMED)],
    EventKind.RECORDS_EXPORTED: [
        *PERIOD,
        ("RegistroFacturacionInicialPeriodo", HASHED),
        ("RegistroFacturacionFinalPeriodo", HASHED),
        *sums("Exportados"),
        ("RegistrosFacturacionExportadosDejanDeConservarse", "N"),
    ],
    EventKind.EVENTS_EXPORTED: [
        *PERIOD,
        ("RegistroEventoInicialPeriodo", EVENT_NAMED),
        ("RegistroEventoFinalPeriodo", EVENT_NAMED),
        ("NumeroDeRegEventoExportados", "3"),
        ("RegEventoExportadosDejanDeConservarse", "N"),
    ],
    EventKind.SUMMARY: [
        ("TipoEvento", [("TipoEvento", "01"), ("NumeroDeEventos", "1")]),
        ("TipoEvento", [("TipoEvento", "90"), ("NumeroDeEventos", "2")]),
        ("RegistroFacturacionInicialPeriodo", HASHED),
        ("RegistroFacturacionFinalPeriodo", HASHED),
        *sums("Generados"),
    ],
}


def made(kind: EventKind, previous: EventLink | None = None, at: datetime = AT) -> Event:
    return event(SOFTWARE, PAYER, kind, at, previous, SAMPLES.get(kind, ()), "una nota" if kind == "90" else "")


def test_the_hash_is_that_of_the_specification(shared: Path) -> None:
    vectors = json.loads((shared / "data/billing/vectors.json").read_text())["verifactu_hash"]
    (vector,) = (one for one in vectors if one["case"].startswith("evento"))
    software = Software("X", "89890001K", "X", "01", "1.0.0", "1")
    found = hash_event(software, "A28015865", "01", "", "2024-01-01T00:00:00+01:00")
    assert found == vector["sha256"]


@pytest.mark.parametrize("kind", EventKind)
def test_every_event_is_valid_against_the_agency_schema_but_for_its_signature(shared: Path, kind: EventKind) -> None:
    schema = etree.XMLSchema(etree.parse(shared / "data/billing/xsd/verifactu/EventosSIF.xsd"))
    root = made(kind, made(EventKind.START).link).element
    schema.validate(root)
    # The place of the signature is a mark until it is signed.
    assert {entry.message.split("'")[1] for entry in schema.error_log} <= {  # type: ignore[attr-defined]
        "{http://www.w3.org/2000/09/xmldsig#}Signature",
        "{http://www.w3.org/2000/09/xmldsig#}Signature', attribute 'Id",
    }


def test_what_events_say() -> None:
    first = made(EventKind.START)
    assert (first.previous, first.link.kind, first.link.stamp) == (None, "01", "2026-03-05T10:30:15+01:00")
    assert indented(first.element) == golden("event_first")
    other = made(EventKind.OTHER, first.link)
    assert other.previous == first.link
    assert indented(other.element) == golden("event_other")
    checked = event(
        replace(SOFTWARE, several_payers=True), PAYER, EventKind.RECORD_ANOMALY, AT, None, SAMPLES[EventKind("04")]
    )
    assert indented(checked.element) == golden("event_anomaly")


def test_notes_are_cut_to_what_the_schema_takes() -> None:
    long = event(SOFTWARE, PAYER, EventKind.OTHER, AT, None, note="ñ" * 101)
    assert long.element.findtext(f".//{{{NS}}}OtrosDatosEvento") == "ñ" * 100


def test_each_event_names_the_one_before_and_its_hash_follows_from_what_it_says() -> None:
    links: list[EventLink] = []
    for number, kind in enumerate(EventKind):
        one = made(kind, links[-1] if links else None, AT + timedelta(minutes=number))
        record = etree.tostring(one.element)
        said = one.element.findtext(f".//{{{NS}}}EventoAnterior/{{{NS}}}HuellaEvento")
        assert said == (links[-1].hash if links else None)
        assert hash_again(record) == one.link.hash
        assert hash_again(record.replace(b"0.1.0", b"0.1.1")) != one.link.hash
        links.append(one.link)
    assert len({link.hash for link in links}) == len(EventKind)
    assert hash_again(b"no es XML") == ""


def test_details_belong_to_their_kinds() -> None:
    with pytest.raises(FiscalError, match="event 10: details: are missing"):
        event(SOFTWARE, PAYER, EventKind.SUMMARY, AT, None)
    with pytest.raises(FiscalError, match="event 01: details: it has none"):
        event(SOFTWARE, PAYER, EventKind.START, AT, None, NAMED)
    assert set(DETAILS) == set(SAMPLES)
