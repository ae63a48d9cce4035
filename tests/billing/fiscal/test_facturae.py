"""Facturae: valid against the official schema, its totals the invoice's own."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from billing.fiscal import FiscalError
from billing.fiscal.corrective import REASONS, USUAL
from billing.fiscal.facturae import Offices, facturae
from billing.invoice import Address, Invoice, InvoiceType, Method, Party, rectify
from tests.billing.invoice_samples import B02, HOLDER, TERMS, invoice, line
from tests.fixtures.shared import shared_folder

TOWN_HALL = Party("Ayuntamiento de Prueba", "P2807900B", Address("Plaza Mayor, 1", "28012", "Madrid", "Madrid"), True)
OFFICES = Offices("L01280796", "L01280797", "LA0000001")


def bill(**changes: object) -> Invoice:
    return replace(invoice(), recipient=TOWN_HALL, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def schema(shared: Path) -> etree.XMLSchema:
    return facturae_schema(shared)


def facturae_schema(shared: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(shared / "data/billing/xsd/facturae/Facturaev3_2_2.xsd"))


BILLS = (
    bill(),
    bill(operation_date=None),
    replace(invoice((*B02, line("X", "Exenta", "1", "5", "5.00", "EX"))), recipient=TOWN_HALL),
    replace(invoice((line("ALQ", "Alquiler del contador", "2", "0.85", "1.70", "21"),)), recipient=TOWN_HALL),
)


@pytest.mark.parametrize("issued", BILLS)
def test_it_is_valid_against_the_official_schema(schema: etree.XMLSchema, issued: Invoice) -> None:
    schema.assertValid(facturae(issued, OFFICES))


def test_what_it_says() -> None:
    made = facturae(bill(), OFFICES)
    centres = [
        (centre.findtext("RoleTypeCode"), centre.findtext("CentreCode")) for centre in made.iter("AdministrativeCentre")
    ]
    assert centres == [("01", "L01280796"), ("02", "L01280797"), ("03", "LA0000001")]
    assert made.findtext(".//InvoiceTotals/InvoiceTotal") == "35.36"
    assert made.findtext(".//InvoiceTotals/TotalTaxOutputs") == "1.59"
    assert [event.text for event in made.iter("SpecialTaxableEventCode")] == ["02", "02"]
    assert {unit.text for unit in made.iter("UnitOfMeasure")} == {"33", "05"}
    assert made.findtext(".//InvoicingPeriod/EndDate") == "2026-02-28"


@given(st.lists(st.tuples(st.integers(0, 10**7), st.sampled_from(["10", "21", "NS", "EX"])), min_size=1, max_size=6))
def test_totals_are_those_of_the_invoice_and_of_its_lines(amounts: list[tuple[int, str]]) -> None:
    folder = shared_folder()
    if folder is None:
        pytest.skip("no shared folder; set SGC_SHARED to it")
    lines = tuple(
        line(
            "X", "Concepto", "1", str(Decimal(cents) / 100), str((Decimal(cents) / 100).quantize(Decimal("0.01"))), vat
        )
        for cents, vat in amounts
    )
    issued = replace(invoice(lines), recipient=TOWN_HALL)
    made = facturae(issued, OFFICES)
    gross = sum((Decimal(item.text or "") for item in made.iter("GrossAmount")), Decimal(0))
    assert gross == issued.base == Decimal(made.findtext(".//TotalGrossAmount") or "")
    assert Decimal(made.findtext(".//InvoiceTotal") or "") == issued.total == issued.base + issued.vat_total
    assert facturae_schema(folder).validate(made)


@pytest.mark.parametrize(
    ("issued", "offices", "text"),
    [
        (bill(type=InvoiceType.R4), OFFICES, "rectification"),
        (bill(type=InvoiceType.F2), OFFICES, "type F2"),
        (bill(number=None), OFFICES, "number"),
        (replace(invoice(), recipient=HOLDER), OFFICES, "natural person"),
        (bill(issuer=replace(TOWN_HALL, nif="")), OFFICES, "issuer.nif"),
        (bill(issuer=replace(TOWN_HALL, address=None)), OFFICES, "issuer.address"),
        (bill(), replace(OFFICES, managing="madrid"), "offices.managing 'madrid'"),
    ],
)
def test_what_cannot_be_written_is_named(issued: Invoice, offices: Offices, text: str) -> None:
    with pytest.raises(FiscalError, match=text):
        facturae(issued, offices)


def rectifying(
    method: Method, kind: InvoiceType = InvoiceType.R4, against: tuple[Invoice, ...] = (), lines: int = 2
) -> Invoice:
    return rectify(
        against or (bill(),),
        B02[:lines],
        type=kind,
        method=method,
        reason="Lectura errónea",
        series="RE2026",
        number=7,
        issued=date(2026, 4, 7),
        terms=TERMS,
    )


@pytest.mark.parametrize("method", ["S", "I"])
@pytest.mark.parametrize("kind", [InvoiceType.R1, InvoiceType.R2, InvoiceType.R3, InvoiceType.R4])
def test_rectifying_invoices_are_valid_and_say_what_they_rectify(
    schema: etree.XMLSchema, kind: InvoiceType, method: Method
) -> None:
    made = facturae(rectifying(method, kind), OFFICES)
    schema.assertValid(made)
    block = made.find(".//Corrective")
    assert block is not None
    said = {child.tag: child.text for child in block}
    assert made.findtext(".//InvoiceClass") == "OR"
    assert (said["InvoiceSeriesCode"], said["InvoiceNumber"]) == ("AG2026", "000123")
    assert (said["ReasonCode"], said["ReasonDescription"]) == (USUAL[kind], REASONS[USUAL[kind]])
    assert said["CorrectionMethod"] == ("01" if method == "S" else "02")
    assert (said["AdditionalReasonDescription"], said["InvoiceIssueDate"]) == ("Lectura errónea", "2026-03-05")
    assert (block.findtext("TaxPeriod/StartDate"), block.findtext("TaxPeriod/EndDate")) == ("2026-02-01", "2026-02-28")
    assert made.findtext(".//InvoiceTotals/InvoiceTotal") == f"{rectifying(method, kind).total:.2f}"


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_one_of_the_schema(schema: etree.XMLSchema, code: str) -> None:
    schema.assertValid(facturae(rectifying("S"), OFFICES, reason=code))


def test_a_second_rectification_names_the_first_one_too(schema: etree.XMLSchema) -> None:
    first = rectifying("I")
    made = facturae(rectifying("I", against=(bill(), first), lines=3), OFFICES)
    schema.assertValid(made)
    assert made.findtext(".//Corrective/InvoiceNumber") == "000123"
    said = "Lectura errónea. Rectifica también RE2026/000007 de 07-04-2026"
    assert made.findtext(".//AdditionalReasonDescription") == said


def test_reasons_that_are_none_are_refused() -> None:
    with pytest.raises(FiscalError, match="reason 17: must be one of 01"):
        facturae(rectifying("S"), OFFICES, reason="17")
    with pytest.raises(FiscalError, match="rectifies nothing"):
        facturae(bill(), OFFICES, reason="16")


def test_the_sample_and_a_broken_one(shared: Path, schema: etree.XMLSchema) -> None:
    sample = etree.parse(shared / "data/billing/samples/facturae322_unsigned.xml")
    assert schema.validate(sample)
    broken = sample.find(".//InvoiceTotals/InvoiceTotal")
    assert broken is not None
    broken.text = "treinta"
    assert not schema.validate(sample)
