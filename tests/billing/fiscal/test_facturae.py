"""Facturae: valid against the official schema, its totals the invoice's own."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from billing.fiscal import FiscalError
from billing.fiscal.facturae import Offices, facturae
from billing.invoice import Address, Invoice, InvoiceType, Party
from tests.billing.invoice_samples import B02, HOLDER, invoice, line
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
        (bill(type=InvoiceType.R4), OFFICES, "type R4"),
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


def test_the_sample_and_a_broken_one(shared: Path, schema: etree.XMLSchema) -> None:
    sample = etree.parse(shared / "data/billing/samples/facturae322_unsigned.xml")
    assert schema.validate(sample)
    broken = sample.find(".//InvoiceTotals/InvoiceTotal")
    assert broken is not None
    broken.text = "treinta"
    assert not schema.validate(sample)
