"""The SII's entries and messages: built as the agency's schemas say, amounts the invoice's own, lawful deadlines."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from billing.fiscal import AgencyFaultError, Environment, FiscalError, Sii, SiiConfig, SupplyDeadline, registry
from billing.fiscal.sii_messages import Entry, read_sii_answer, sii_endpoint, sii_message, uniform
from billing.invoice import ForeignId, Invoice, InvoiceType, Party, rectify
from tests.billing.invoice_samples import B02, HOLDER, ISSUER, TERMS, invoice, line
from tests.fixtures.agency import CLIENT_FAULT, SOAP
from tests.fixtures.sii import LR, SII, SiiService, faults

AT = datetime(2026, 3, 5, 9, 30, 15, tzinfo=UTC)
ABROAD = Party("Jean Martin", foreign_id=ForeignId("02", "FR12345678901", "FR"))
UNKNOWN = Party("John Smith", foreign_id=ForeignId("07", "X99", "ES"))


def entry(bill: Invoice, config: SiiConfig | None = None) -> bytes:
    made = registry("sii", sii=config).record_for(bill, None, AT)
    assert made is not None
    assert (made.system, made.hash, made.qr_url, made.previous) == ("sii", "", "", None)
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


def test_what_an_entry_says() -> None:
    xml = entry(invoice())
    assert etree.fromstring(xml).tag == f"{LR}RegistroLRFacturasEmitidas"
    assert (text(xml, "Ejercicio"), text(xml, "Periodo")) == ("2026", "02")
    assert text(xml, "IDEmisorFactura", "NIF") == ISSUER.nif
    assert text(xml, "FechaExpedicionFacturaEmisor") == "05-03-2026"
    assert (text(xml, "TipoFactura"), text(xml, "ClaveRegimenEspecialOTrascendencia")) == ("F1", "01")
    assert (text(xml, "Contraparte", "NombreRazon"), text(xml, "Contraparte", "NIF")) == (HOLDER.name, HOLDER.nif)
    assert (text(xml, "TipoImpositivo"), text(xml, "BaseImponible"), text(xml, "CuotaRepercutida")) == (
        "10.00",
        "15.94",
        "1.59",
    )
    assert text(xml, "NoSujeta", "ImportePorArticulos7_14_Otros") == "17.83"
    assert text(xml, "ImporteTotal") == "35.36"


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
    message = content(sii_message(ISSUER, [Entry("baja", made.xml)]))
    assert message.tag == f"{LR}BajaLRFacturasEmitidas"
    assert list(faults(message)) == []
    assert message.findtext(f".//{SII}Periodo") == "02"
    assert message.find(f".//{SII}TipoComunicacion") is None


def test_a_message_is_of_one_communication_and_one_period() -> None:
    february, april = entry(invoice()), entry(rectifying("S"))
    entries = [Entry("A0", february), Entry("A0", february), Entry("A1", february), Entry("A1", april)]
    assert [uniform(entries[at:]) for at in range(5)] == [2, 1, 1, 1, 0]
    assert content(sii_message(ISSUER, entries[2:3])).findtext(f"{SII}Cabecera/{SII}TipoComunicacion") == "A1"
    with pytest.raises(FiscalError, match="one communication and one period"):
        sii_message(ISSUER, entries)
    with pytest.raises(FiscalError, match="1 to 10000"):
        sii_message(ISSUER, [])


def test_what_an_entry_lacks_is_named() -> None:
    with pytest.raises(FiscalError, match=r"recipient\.nif"):
        entry(replace(invoice(), recipient=Party("Sin NIF")))
    with pytest.raises(FiscalError, match=r"issuer\.nif"):
        entry(replace(invoice(), issuer=Party("Sin NIF")))
    rates = tuple(line("X", "Concepto", "1", "1", "1.00", str(rate)) for rate in range(1, 8))
    with pytest.raises(FiscalError, match="at most 6 rates"):
        entry(invoice(rates))


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


def test_the_addresses_are_those_of_the_wsdl() -> None:
    assert sii_endpoint(Environment.TEST) == "https://prewww1.aeat.es/wlpl/SSII-FACT/ws/fe/SiiFactFEV1SOAP"
    assert sii_endpoint(Environment.PRODUCTION, seal=True).startswith("https://www10.agenciatributaria.gob.es/wlpl")


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
