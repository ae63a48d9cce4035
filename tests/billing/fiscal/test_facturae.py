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
from billing.invoice import Address, Invoice, InvoiceType, Method, Party, PaymentMethod, rectify
from tests.billing.fiscal.written import golden, indented
from tests.billing.invoice_samples import B02, HOLDER, TERMS, invoice, line
from tests.fixtures.shared import shared_folder

TOWN_HALL = Party("Ayuntamiento de Prueba", "P2807900B", Address("Plaza Mayor, 1", "28012", "Madrid", "Madrid"), True)
OFFICES = Offices("L01280796", "L01280797", "LA0000001")


def bill(**changes: object) -> Invoice:
    return replace(invoice(), **{"recipient": TOWN_HALL, **changes})  # type: ignore[arg-type]


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
    assert indented(facturae(bill(), OFFICES)) == golden("facturae")


def test_what_a_rectifying_one_says() -> None:
    assert indented(facturae(rectifying("S"), OFFICES)) == golden("facturae_rectifying")


def test_lines_say_their_unit_their_tax_and_why_they_bear_none() -> None:
    lines = (
        line("X", "Exenta", "1", "5", "5.00", "EX"),
        replace(line("ALQ", "Alquiler", "1", "0.05", "0.05", "10"), unit="ud"),
        replace(
            line("Y", "D" * 2501, "-1", "0.15", "-0.15", "10"), quantity=Decimal("-1E+1"), unit_price=Decimal("1E-7")
        ),
    )
    made = facturae(replace(invoice(lines), recipient=TOWN_HALL), OFFICES)
    exempt, hire, long = made.iter("InvoiceLine")
    assert (exempt.findtext(".//TaxRate"), exempt.findtext(".//SpecialTaxableEventCode")) == ("0.00", "01")
    assert exempt.findtext(".//SpecialTaxableEventReason") == "Operación exenta de IVA"
    assert hire.findtext("UnitOfMeasure") == "01"
    # Half a cent is rounded away from zero.
    assert (hire.findtext(".//TaxAmount/TotalAmount"), long.findtext(".//TaxAmount/TotalAmount")) == ("0.01", "-0.02")
    assert long.findtext("ItemDescription") == "D" * 2500
    assert (long.findtext("Quantity"), long.findtext("UnitPriceWithoutTax")) == ("-10", "0.0000001")


@pytest.mark.parametrize("method", PaymentMethod)
def test_how_it_is_paid(method: PaymentMethod) -> None:
    means = {PaymentMethod.DIRECT_DEBIT: "02", PaymentMethod.TRANSFER: "04"}.get(method, "01")
    assert facturae(bill(terms=replace(TERMS, method=method)), OFFICES).findtext(".//PaymentMeans") == means


@pytest.mark.parametrize("same", [None, date(2026, 3, 5)])
def test_the_day_of_supply_is_left_out_where_it_is_that_of_issue(same: date | None) -> None:
    assert facturae(bill(operation_date=same), OFFICES).find(".//OperationDate") is None


def test_texts_are_cut_to_what_the_schema_takes(schema: etree.XMLSchema) -> None:
    address = Address("S" * 81, "28012", "T" * 51)
    long = replace(
        bill(), recipient=Party("N" * 81, "P2807900B", address), supply=replace(bill().supply, contract="C" * 21)
    )
    made = facturae(long, OFFICES)
    schema.assertValid(made)
    buyer = made.find(".//BuyerParty/LegalEntity")
    assert buyer is not None
    assert [item.text for item in buyer.iter() if item.text] == ["N" * 80, "S" * 80, "28012", "T" * 50, "T" * 20, "ESP"]
    assert {item.text for item in made.iter("IssuerContractReference")} == {"C" * 20}


def test_the_reason_may_be_another_and_an_original_without_operation_counts_when_issued() -> None:
    made = facturae(replace(rectifying("I"), operation_date=None), OFFICES, reason="01")
    block = made.find(".//Corrective")
    assert block is not None
    assert (block.findtext("ReasonCode"), block.findtext("ReasonDescription")) == ("01", "Número de la factura")
    assert (block.findtext("TaxPeriod/StartDate"), block.findtext("TaxPeriod/EndDate")) == ("2026-03-01", "2026-03-31")
    assert block.findtext("CorrectionMethodDescription") == "Rectificación por diferencias"


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
        (
            bill(type=InvoiceType.R4),
            OFFICES,
            "rectification of AG2026/000123: (missing): must name what it rectifies",
        ),
        (bill(type=InvoiceType.F2), OFFICES, "type F2 of AG2026/000123: public bodies are due whole invoices"),
        (bill(number=None), OFFICES, "number: (missing): only issued invoices are written as Facturae"),
        (
            replace(invoice(), recipient=HOLDER),
            OFFICES,
            "recipient.nif 12345678Z: of a natural person; FACe is for public bodies",
        ),
        *(
            (
                bill(recipient=replace(TOWN_HALL, nif=f"{letter}1234567L")),
                OFFICES,
                f"recipient.nif {letter}1234567L: of a natural person; FACe is for public bodies",
            )
            for letter in "KLMXYZ"
        ),
        (
            bill(issuer=replace(TOWN_HALL, nif="")),
            OFFICES,
            "issuer.nif: (empty): Facturae names both parties by NIF",
        ),
        (
            bill(issuer=replace(TOWN_HALL, address=None)),
            OFFICES,
            "issuer.address: (incomplete): Facturae needs street, postal code and town",
        ),
        (
            bill(recipient=replace(TOWN_HALL, address=Address("Plaza Mayor, 1", "", "Madrid"))),
            OFFICES,
            "recipient.address: (incomplete): Facturae needs street, postal code and town",
        ),
        (
            bill(recipient=replace(TOWN_HALL, address=Address("Praça, 1", "12345", "Elvas", country="PT"))),
            OFFICES,
            "address.country PT: must be ES for an invoice through FACe",
        ),
        *(
            (
                bill(),
                replace(OFFICES, **{field: "madrid"}),
                f"offices.{field} 'madrid': must be a DIR3 code such as L01280796",
            )
            for field in ("accounting", "managing", "processing")
        ),
    ],
)
def test_what_cannot_be_written_is_named(issued: Invoice, offices: Offices, text: str) -> None:
    with pytest.raises(FiscalError) as refused:
        facturae(issued, offices)
    assert str(refused.value) == text


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


def test_a_further_rectification_names_those_before_too(schema: etree.XMLSchema) -> None:
    first = rectifying("I")
    second = replace(first, number=8, issued=date(2026, 4, 8))
    made = facturae(rectifying("I", against=(bill(series="AG/2026"), first, second), lines=3), OFFICES)
    schema.assertValid(made)
    assert made.findtext(".//Corrective/InvoiceSeriesCode") == "AG/2026"
    assert made.findtext(".//Corrective/InvoiceNumber") == "000123"
    said = "Lectura errónea. Rectifica también RE2026/000007 de 07-04-2026, RE2026/000008 de 08-04-2026"
    assert made.findtext(".//AdditionalReasonDescription") == said


def test_reasons_that_are_none_are_refused() -> None:
    with pytest.raises(FiscalError, match=f"^reason 17: must be one of {', '.join(REASONS)}$"):
        facturae(rectifying("S"), OFFICES, reason="17")
    with pytest.raises(FiscalError, match=r"^reason 16: AG2026/000123 rectifies nothing$"):
        facturae(bill(), OFFICES, reason="16")


def test_the_sample_and_a_broken_one(shared: Path, schema: etree.XMLSchema) -> None:
    sample = etree.parse(shared / "data/billing/samples/facturae322_unsigned.xml")
    assert schema.validate(sample)
    broken = sample.find(".//InvoiceTotals/InvoiceTotal")
    assert broken is not None
    broken.text = "treinta"
    assert not schema.validate(sample)
