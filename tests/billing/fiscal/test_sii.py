"""The SII's entries and messages: built as the agency's schemas say, amounts the invoice's own, lawful deadlines."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from billing.fiscal import AgencyFaultError, Environment, FiscalError, Sii, SiiConfig, SupplyDeadline, registry
from billing.fiscal.answers import Answer, Line
from billing.fiscal.sii_messages import MAX_ENTRIES, NS_R, Entry, read_sii_answer, sii_endpoint, sii_message, uniform
from billing.invoice import ForeignId, Invoice, InvoiceLine, InvoiceType, Party, rectify
from tests.billing.fiscal.written import golden, indented
from tests.billing.invoice_samples import B02, ISSUER, TERMS, invoice, line
from tests.fixtures.agency import CLIENT_FAULT, SOAP
from tests.fixtures.sii import SII, SiiService, faults

AT = datetime(2026, 3, 5, 9, 30, 15, tzinfo=UTC)
ABROAD = Party("Jean Martin", foreign_id=ForeignId("02", "FR12345678901", "FR"))
UNKNOWN = Party("John Smith", foreign_id=ForeignId("07", "X99", "ES"))


def entry(bill: Invoice, config: SiiConfig | None = None) -> bytes:
    made = registry("sii", sii=config).record_for(bill, None, AT)
    assert made is not None
    assert (made.system, made.hash, made.qr_url, made.previous) == ("sii", "", "", None)
    assert (made.kind, made.nif) == ("issue", bill.issuer.nif)
    return made.xml


def rectifying(method: str, kind: InvoiceType = InvoiceType.R4, original: Invoice | None = None) -> Invoice:
    return rectify(
        [original or invoice()],
        B02[:2],
        type=kind,
        method=method,  # type: ignore[arg-type]
        reason="Lectura errónea",
        series="RE2026",
        number=1,
        issued=date(2026, 4, 7),
        terms=TERMS,
    )


SIMPLIFIED = replace(invoice(), type=InvoiceType.F2)
BILLS = (
    invoice(),
    replace(invoice(), recipient=UNKNOWN),
    replace(invoice(), recipient=ABROAD),
    replace(invoice((*B02, line("ALQ", "Alquiler del contador", "2", "0.85", "1.70", "21")))),
    invoice((line("X", "Exenta", "1", "5", "5.00", "EX"), line("Y", "A cero", "1", "2", "2.00", "0"))),
    invoice((line("C", "Canon", "1", "5", "5.00", "NS", "EPSAR", "levy"),)),
    SIMPLIFIED,
    *(rectifying("S", kind) for kind in (InvoiceType.R1, InvoiceType.R2, InvoiceType.R3, InvoiceType.R4)),
    rectifying("I"),
    rectifying("S", InvoiceType.R5, SIMPLIFIED),
    rectifying("I", InvoiceType.R5, SIMPLIFIED),
)


@pytest.mark.parametrize("bill", BILLS)
def test_every_kind_of_invoice_is_built_as_the_schema_says(bill: Invoice) -> None:
    assert list(faults(content(sii_message(ISSUER, [Entry("A0", entry(bill))])))) == []


def content(message: bytes) -> etree._Element:
    body = etree.fromstring(message).find(f"{{{SOAP}}}Body")
    assert body is not None
    return body[0]


def text(xml: bytes, *path: str) -> str | None:
    return etree.fromstring(xml).findtext(f".//{'/'.join(SII + step for step in path)}")


def test_what_a_message_says() -> None:
    message = sii_message(ISSUER, [Entry("A0", entry(invoice())), Entry("A0", entry(SIMPLIFIED))])
    assert message.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n<soapenv:Envelope")
    assert indented(message) == golden("sii")
    assert entry(invoice()).decode().count("García") == 1  # UTF-8, not references to characters


def test_what_an_entry_says_of_people_abroad_and_of_several_rates() -> None:
    lines = (*B02, line("ALQ", "Alquiler", "2", "0.85", "1.70", "21"), line("X", "Exenta", "1", "5", "5.00", "EX"))
    bill = replace(invoice(lines), recipient=ABROAD)
    assert indented(entry(bill)) == golden("sii_abroad")


def test_what_a_rectifying_entry_says() -> None:
    assert indented(entry(rectifying("S"))) == golden("sii_rectifying")


def test_a_long_identity_is_cut_to_what_the_schema_takes() -> None:
    party = Party("Jean Martin", foreign_id=ForeignId("02", "FR" + "1" * 19, "FR"))
    assert text(entry(replace(invoice(), recipient=party)), "IDOtro", "ID") == "FR" + "1" * 18


def test_a_nif_comes_before_any_other_identity() -> None:
    both = replace(invoice(), recipient=replace(invoice().recipient, foreign_id=ABROAD.foreign_id))
    assert entry(both) == entry(invoice())


def test_without_a_day_of_supply_that_of_issue_counts() -> None:
    assert text(entry(replace(invoice(), operation_date=None)), "Periodo") == "03"
    for day in (None, date(2026, 3, 5)):
        assert text(entry(replace(invoice(), operation_date=day)), "FechaOperacion") is None


def test_what_is_supplied_again_is_the_whole_entry() -> None:
    sii = Sii(SiiConfig())
    for unknown in (True, False):
        again = sii.correction_for(invoice(), None, AT, unknown=unknown)
        assert again == sii.record_for(invoice(), None, AT)
        assert again.xml == entry(invoice())


def test_amounts_collected_for_others_have_their_regime_only_where_nothing_else_is_billed() -> None:
    config = SiiConfig(levy_regime="10")
    only = invoice((line("C", "Canon", "1", "5", "5.00", "NS", "EPSAR", "levy"),))
    assert text(entry(only, config), "ClaveRegimenEspecialOTrascendencia") == "10"
    assert text(entry(invoice(), config), "ClaveRegimenEspecialOTrascendencia") == "01"
    assert text(entry(only), "ClaveRegimenEspecialOTrascendencia") == "01"


def test_who_lives_abroad_gets_a_supply_of_goods_and_who_is_not_in_the_census_does_not() -> None:
    assert text(entry(replace(invoice(), recipient=ABROAD)), "DesgloseTipoOperacion", "Entrega", "Sujeta") is not None
    assert text(entry(replace(invoice(), recipient=UNKNOWN)), "DesgloseFactura", "Sujeta") is not None
    assert text(entry(replace(invoice(), recipient=UNKNOWN)), "IDOtro", "IDType") == "07"


def test_simplified_invoices_name_nobody() -> None:
    assert text(entry(SIMPLIFIED), "Contraparte", "NombreRazon") is None
    assert text(entry(rectifying("S", InvoiceType.R5, SIMPLIFIED)), "Contraparte", "NombreRazon") is None


def test_a_rectifying_entry_names_the_original_and_counts_in_the_month_of_its_issue() -> None:
    xml = entry(rectifying("S"))
    assert (text(xml, "Ejercicio"), text(xml, "Periodo")) == ("2026", "04")
    assert text(xml, "TipoRectificativa") == "S"
    assert text(xml, "IDFacturaRectificada", "NumSerieFacturaEmisor") == invoice().full_number
    assert (text(xml, "BaseRectificada"), text(xml, "CuotaRectificada")) == ("33.77", "1.59")
    differences = entry(rectifying("I"))
    assert text(differences, "ImporteRectificacion", "BaseRectificada") is None
    assert Decimal(text(differences, "ImporteTotal") or "") == rectifying("I").total < 0


@given(st.lists(st.tuples(st.integers(-(10**7), 10**7), st.sampled_from(["4", "10", "21", "NS", "EX"])), min_size=1))
def test_the_breakdown_adds_up_to_the_total(amounts: list[tuple[int, str]]) -> None:
    lines = tuple(line("X", "Concepto", "1", "1", f"{Decimal(cents) / 100:.2f}", vat) for cents, vat in amounts)
    root = etree.fromstring(entry(invoice(lines)))
    assert list(faults(root)) == []
    parts = ("BaseImponible", "CuotaRepercutida", "ImportePorArticulos7_14_Otros")
    stated = sum((Decimal(item.text or "") for part in parts for item in root.iter(SII + part)), Decimal(0))
    assert stated == Decimal(root.findtext(f".//{SII}ImporteTotal") or "") == invoice(lines).total


def test_taking_back_names_the_invoice_and_its_period() -> None:
    made = Sii(SiiConfig()).cancellation_for(ISSUER, invoice().reference, None, AT, accrued=date(2026, 2, 28))
    assert (made.system, made.kind, made.nif, made.number) == ("sii", "cancellation", "A28015865", "AG2026/000123")
    assert (made.issued, made.stamp) == (date(2026, 3, 5), "2026-03-05T10:30:15+01:00")
    message = sii_message(ISSUER, [Entry("baja", made.xml)])
    assert list(faults(content(message))) == []
    assert indented(message) == golden("sii_withdrawal")
    unsaid = Sii(SiiConfig()).cancellation_for(ISSUER, replace(invoice().reference, number="Ñ/1"), None, AT)
    assert text(unsaid.xml, "Periodo") == "03"
    assert "Ñ/1" in unsaid.xml.decode()


def test_a_message_is_of_one_communication_and_one_period() -> None:
    february, april = entry(invoice()), entry(rectifying("S"))
    entries = [Entry("A0", february), Entry("A0", february), Entry("A1", february), Entry("A1", april)]
    assert [uniform(entries[at:]) for at in range(5)] == [2, 1, 1, 1, 0]
    assert content(sii_message(ISSUER, entries[2:3])).findtext(f"{SII}Cabecera/{SII}TipoComunicacion") == "A1"
    with pytest.raises(FiscalError, match=r"^records: a message carries entries of one communication and one period$"):
        sii_message(ISSUER, entries)
    for number in (0, MAX_ENTRIES + 1):
        with pytest.raises(FiscalError, match=f"^records: {number}: a message carries 1 to 10000$"):
            sii_message(ISSUER, [Entry("A0", b"")] * number)
    with pytest.raises(FiscalError, match=r"^record: names no period$"):
        sii_message(ISSUER, [Entry("A0", b"<a/>")] * MAX_ENTRIES)


def test_what_an_entry_lacks_is_named() -> None:
    for bill, words in (
        (replace(invoice(), recipient=Party("Sin NIF")), "recipient.nif: (empty): needs a NIF, or another identity"),
        (replace(invoice(), issuer=Party("Sin NIF")), "issuer.nif: (empty): a record names its issuer by NIF"),
        (
            replace(invoice(), supply=replace(invoice().supply, contract="C\x1b")),
            "supply.contract 'C\\x1b': must not hold the character U+001B, which XML excludes",
        ),
        (invoice(rates(7)), "vat 1, 2, 3, 4, 5, 6, 7: at most 6 rates"),
    ):
        with pytest.raises(FiscalError) as refused:
            entry(bill)
        assert str(refused.value).startswith(words)
    untaxed = (line("X", "Exenta", "1", "1", "1.00", "EX"), line("Y", "Canon", "1", "1", "1.00", "NS"))
    assert entry(invoice((*rates(6), *untaxed)))


def rates(number: int) -> tuple[InvoiceLine, ...]:
    return tuple(line("X", "Concepto", "1", "1", "1.00", str(rate)) for rate in range(1, number + 1))


def test_answers_are_read_record_by_record() -> None:
    service = SiiService()
    service.rejects["AG2026/000124"] = (1117, "El NIF no está identificado")
    service.doubts["AG2026/000125"] = (2011, "El número de serie no es válido")
    bills = [replace(invoice(), number=number) for number in (123, 124, 125)]
    message = sii_message(ISSUER, [Entry("A0", entry(bill)) for bill in bills])
    first = read_sii_answer(service.answer(message)[1])  # type: ignore[index]
    assert (first.verdict, first.wait_s, first.csv) == ("ParcialmenteCorrecto", 0, "SII0001")
    assert [one.verdict for one in first.lines] == ["accepted", "rejected", "accepted_with_errors"]
    assert (first.lines[1].code, first.lines[1].text) == (1117, "El NIF no está identificado")
    again = read_sii_answer(service.answer(message)[1])  # type: ignore[index]
    assert [one.code for one in again.lines] == [3000, 1117, 3000]
    assert again.lines[0].settled(sent_before=False).verdict == "rejected"
    settled = [one.settled(sent_before=True).verdict for one in again.lines]
    assert settled == ["accepted", "rejected", "accepted_with_errors"]
    service.mishaps = [CLIENT_FAULT]
    with pytest.raises(AgencyFaultError, match="4104"):
        read_sii_answer(service.answer(message)[1])  # type: ignore[index]


def answered(name: str, state: str, *fields: str) -> bytes:
    ns = f'xmlns="{NS_R}" xmlns:s="{SII[1:-1]}" xmlns:e="{SOAP}"'
    return (
        f"<e:Envelope {ns}><e:Body><{name}><EstadoEnvio>Incorrecto</EstadoEnvio><RespuestaLinea>"
        f"<IDFactura><s:NumSerieFacturaEmisor>AG26/1</s:NumSerieFacturaEmisor></IDFactura>"
        f"<EstadoRegistro>{state}</EstadoRegistro>{''.join(fields)}</RespuestaLinea></{name}></e:Body></e:Envelope>"
    ).encode()


ISSUED, TAKEN_BACK = "RespuestaLRFacturasEmitidas", "RespuestaLRBajaFacturasEmitidas"
STORED = (
    "<RegistroDuplicado><s:EstadoRegistro>AceptadaConErrores</s:EstadoRegistro>"
    "<s:CodigoErrorRegistro>2011</s:CodigoErrorRegistro>"
    "<s:DescripcionErrorRegistro>Aviso</s:DescripcionErrorRegistro></RegistroDuplicado>"
)


def refused_for(code: int) -> str:
    return f"<CodigoErrorRegistro>{code}</CodigoErrorRegistro><DescripcionErrorRegistro>No</DescripcionErrorRegistro>"


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (answered(ISSUED, "Correcto"), Line("AG26/1", "Alta", "accepted")),
        (answered(TAKEN_BACK, "Correcto"), Line("AG26/1", "Anulacion", "accepted")),
        (
            answered(ISSUED, "Incorrecto", refused_for(3000), STORED),
            Line(
                "AG26/1",
                "Alta",
                "rejected",
                3000,
                "No",
                Line("AG26/1", "Alta", "accepted_with_errors", 2011, "Aviso"),
            ),
        ),
        (answered(ISSUED, "Incorrecto", refused_for(3000)), Line("AG26/1", "Alta", "rejected", 3000, "No")),
        (answered(ISSUED, "Incorrecto", refused_for(1117), STORED), Line("AG26/1", "Alta", "rejected", 1117, "No")),
        (
            answered(TAKEN_BACK, "Incorrecto", refused_for(3001)),
            Line("AG26/1", "Anulacion", "rejected", 3001, "No", Line("AG26/1", "Anulacion", "accepted")),
        ),
        (answered(TAKEN_BACK, "Incorrecto", refused_for(3002)), Line("AG26/1", "Anulacion", "rejected", 3002, "No")),
    ],
)
def test_each_line_of_an_answer_tells_what_the_agency_has(xml: bytes, expected: Line) -> None:
    assert read_sii_answer(xml) == Answer("Incorrecto", 0, None, (expected,))


def test_what_is_no_answer_of_this_book_is_refused() -> None:
    with pytest.raises(FiscalError) as refused:
        read_sii_answer(answered("Otra", "Correcto"))
    names = "RespuestaLRFacturasEmitidas or RespuestaLRBajaFacturasEmitidas"
    assert str(refused.value) == f"answer {{{NS_R}}}Otra: must be {names}"


def test_the_addresses_are_those_of_the_wsdl() -> None:
    hosts = {
        (Environment.TEST, False): "https://prewww1.aeat.es",
        (Environment.TEST, True): "https://prewww10.aeat.es",
        (Environment.PRODUCTION, False): "https://www1.agenciatributaria.gob.es",
        (Environment.PRODUCTION, True): "https://www10.agenciatributaria.gob.es",
    }
    for (environment, seal), host in hosts.items():
        assert sii_endpoint(environment, seal=seal) == f"{host}/wlpl/SSII-FACT/ws/fe/SiiFactFEV1SOAP"
    assert sii_endpoint(Environment.TEST) == sii_endpoint(Environment.TEST, seal=False)


@pytest.mark.parametrize(
    ("issued", "accrued", "last"),
    [
        (date(2026, 3, 2), date(2026, 3, 1), date(2026, 3, 6)),  # Monday to Friday
        (date(2026, 3, 5), date(2026, 3, 1), date(2026, 3, 11)),  # over a weekend
        (date(2026, 3, 31), date(2026, 3, 31), date(2026, 4, 7)),  # Good Friday, 3 April
        (date(2026, 10, 9), date(2026, 10, 9), date(2026, 10, 16)),  # 12 October
        (date(2026, 12, 30), date(2026, 12, 30), date(2027, 1, 7)),  # 1 and 6 January
        (date(2026, 3, 12), date(2026, 2, 28), date(2026, 3, 15)),  # not after the 15th of the month after the accrual
    ],
)
def test_the_deadline_is_four_days_without_weekends_and_national_holidays(
    issued: date, accrued: date, last: date
) -> None:
    assert SupplyDeadline().of(issued, accrued) == last


def test_the_rule_of_the_deadline_is_configuration() -> None:
    monday = date(2026, 3, 2)
    assert SupplyDeadline(days=8).of(monday, monday) == date(2026, 3, 12)
    assert SupplyDeadline(also=(date(2026, 3, 4),)).of(monday, monday) == date(2026, 3, 9)
    assert SupplyDeadline(month_day=4).of(date(2026, 4, 1), date(2026, 3, 1)) == date(2026, 4, 4)
    assert Sii(SiiConfig()).due_on(invoice()) == date(2026, 3, 11)
