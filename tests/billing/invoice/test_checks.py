"""Every rule an invoice must satisfy, word for word: who is refused learns field, value and rule."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing.invoice import Address, Invoice, InvoiceType, Party, Rectification, VatSum
from billing.invoice.build import lines_of
from billing.invoice.checks import InvoiceError, check, ensure
from tests.billing.invoice_samples import B02, HOLDER, ISSUER, invoice, line

ASCII = "at most 60 printable ASCII characters (AEAT, QR of the invoice)"
NOT_A_NIF = "is not a valid NIF (check letter)"
REFERENCES = (invoice().reference,)


def said(bill: Invoice) -> list[str]:
    found = check(bill)
    assert all(isinstance(problem.value, str) for problem in found)
    return [str(problem) for problem in found]


def party(known: Party, **changes: Any) -> Party:
    return replace(known, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"number": None}, ["number: (empty): RD 1619/2012 art. 6.1.a: number and series"]),
        ({"number": 0}, ["number: 0: must be positive"]),
        ({"number": -1}, ["number: -1: must be positive"]),
        ({"series": "Ñ"}, [f"number: Ñ/000123: {ASCII}"]),
        ({"series": "S" * 54}, [f"number: {'S' * 54}/000123: {ASCII}"]),
        ({"series": "A\x7f"}, [f"number: A\x7f/000123: {ASCII}"]),
        ({"issued": None}, ["issued: (empty): RD 1619/2012 art. 6.1.b: date of issue"]),
        (
            {"operation_date": date(2026, 3, 6)},
            ["operation_date: 2026-03-06: must not follow the issue 2026-03-05"],
        ),
        (
            {"issuer": party(ISSUER, name="  ")},
            ["issuer.name:   : RD 1619/2012 art. 6.1.c: full name of both parties"],
        ),
        ({"recipient": party(HOLDER, nif="12345678A")}, [f"recipient.nif: 12345678A: {NOT_A_NIF}"]),
        (
            {"issuer": party(ISSUER, address=Address("Calle del Agua, 1", "", "Paterna"))},
            ["issuer.address: Calle del Agua, 1, Paterna: RD 1619/2012 art. 6.1.e: address of both parties"],
        ),
        (
            {"issuer": party(ISSUER, address=None)},
            ["issuer.address: (empty): RD 1619/2012 art. 6.1.e: address of both parties"],
        ),
        ({"issuer": party(ISSUER, nif="")}, ["issuer.nif: (empty): RD 1619/2012 art. 6.1.d: tax number"]),
        (
            {"recipient": party(HOLDER, nif="", business=True)},
            ["recipient.nif: (empty): RD 1619/2012 art. 6.1.d: tax number"],
        ),
        (
            {"total": Decimal("40.00")},
            ["total: 40.00: must equal 33.77 + 1.59"],
        ),
        ({"type": InvoiceType.R1}, ["rectification: R1: R1 to R5 name what they rectify, F1 does not (art. 15)"]),
    ],
)
def test_each_fault_is_told(changes: dict[str, Any], expected: list[str]) -> None:
    assert said(invoice(**changes)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 1},
        {"series": "S" * 53},
        {"series": "A B~"},
        {"operation_date": date(2026, 3, 5)},
        {"recipient": party(HOLDER, nif="", address=None)},
    ],
)
def test_what_is_just_allowed_passes(changes: dict[str, Any]) -> None:
    assert said(invoice(**changes)) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (line("AGUA_SERV", " ", "2", "1.96", "3.92"), "lines[0].description:  : RD 1619/2012 art. 6.1.f: description"),
        (line("AGUA_SERV", "Cuota", "2", "1.96", "3.921"), "lines[0].amount: 3.921: whole cents"),
        (
            line("AGUA_SERV", "Cuota", "2", "1.96", "3.92", "diez"),
            "lines[0].vat: diez: RD 1619/2012 art. 6.1.g: a rate in percent, NS or EX",
        ),
        (
            line("AGUA_SERV", "Cuota", "2", "1.96", "3.92", "-1"),
            "lines[0].vat: -1: RD 1619/2012 art. 6.1.g: a rate in percent, NS or EX",
        ),
        (
            line("AGUA_SERV", "Cuota", "2", "1.96", "3.92", "101"),
            "lines[0].vat: 101: RD 1619/2012 art. 6.1.g: a rate in percent, NS or EX",
        ),
    ],
)
def test_each_fault_of_a_line_is_told(changed: Any, expected: str) -> None:
    assert expected in said(replace(invoice(), lines=(changed, *B02[1:])))


@pytest.mark.parametrize("rate", ["0", "0.5", "100", "NS", "EX"])
def test_rates_up_to_their_ends_are_rates(rate: str) -> None:
    faults = said(replace(invoice(), lines=(line("AGUA_SERV", "Cuota", "2", "1.96", "3.92", rate), *B02[1:])))
    assert not [fault for fault in faults if "lines[0]" in fault]


def test_sums_must_be_those_of_the_lines() -> None:
    bill = invoice()
    ten, free = bill.vat
    wrong = replace(bill, vat=(replace(ten, base=ten.base + 1, vat=ten.vat), free), total=bill.total + 1)
    assert said(wrong) == [f"vat[10].base: {ten.base + 1}: must equal its lines, {ten.base}"]
    missing = replace(bill, vat=(ten,), total=ten.base + ten.vat)
    assert said(missing) == [f"vat[NS].base: None: must equal its lines, {free.base}"]
    too_many = replace(bill, vat=(*bill.vat, VatSum("21", Decimal("0.00"), Decimal("0.00"))))
    assert said(too_many) == []
    twice = replace(bill, vat=(ten, free, free), total=bill.total + free.base)
    assert said(twice) == ["vat: 10,NS,NS: each rate once"]


def test_vat_may_be_off_by_a_cent_a_line_and_no_more() -> None:
    bill = invoice()
    ten, free = bill.vat
    for cents, allowed in ((3, True), (4, False), (-3, True), (-4, False)):
        moved = replace(ten, vat=ten.vat + Decimal(cents).scaleb(-2))
        faults = said(replace(bill, vat=(moved, free), total=bill.total + Decimal(cents).scaleb(-2)))
        expected = [] if allowed else [f"vat[10].vat: {moved.vat}: RD 1619/2012 art. 6.1.h: 10 of {ten.base}"]
        assert faults == expected
    unearned = VatSum("21", Decimal("0.00"), Decimal("0.01"))
    added = replace(bill, vat=(*bill.vat, unearned), total=bill.total + unearned.vat)
    assert said(added) == ["vat[21].vat: 0.01: RD 1619/2012 art. 6.1.h: 21 of 0.00"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"originals": ()}, ["rectification.originals: (empty): RD 1619/2012 art. 15: the invoices rectified"]),
        ({"reason": " "}, ["rectification.reason:  : RD 1619/2012 art. 15: the cause"]),
        ({"base": None}, ["rectification.base: None: by substitution the amounts replaced are stated"]),
        ({"vat": None}, ["rectification.base: 1.00: by substitution the amounts replaced are stated"]),
        ({"method": "I", "base": None, "vat": None}, []),
    ],
)
def test_what_a_rectification_states(changes: dict[str, Any], expected: list[str]) -> None:
    note = Rectification("S", REFERENCES, "Lectura errónea", Decimal("1.00"), Decimal("0.10"))
    assert said(invoice(type=InvoiceType.R4, rectification=replace(note, **changes))) == expected


def test_an_ordinary_invoice_rectifies_nothing() -> None:
    note = Rectification("I", REFERENCES, "Lectura errónea")
    assert said(invoice(rectification=note)) == [
        "rectification: F1: R1 to R5 name what they rectify, F1 does not (art. 15)"
    ]


def test_nothing_without_lines() -> None:
    assert said(invoice(())) == ["lines: (empty): RD 1619/2012 art. 6.1.f: description of the operations"]


def test_a_refusal_names_the_invoice_and_every_fault() -> None:
    with pytest.raises(InvoiceError) as refused:
        ensure(invoice(issued=None, operation_date=None, number=0))
    assert str(refused.value) == (
        "invoice AG2026/000000: number: 0: must be positive; issued: (empty): RD 1619/2012 art. 6.1.b: date of issue"
    )
    assert [problem.field for problem in refused.value.problems] == ["number", "issued"]
    with pytest.raises(InvoiceError, match=r"^invoice of contract C-1001: number: "):
        ensure(invoice(number=None))
    assert ensure(invoice()) == invoice()


def test_rated_lines_become_invoice_lines_whole() -> None:
    why = {"nature": "levy", "beneficiary": "EPSAR", "clause": "art. 1"}
    levy = replace(line("CANON_GVA_CONS", "Canon", "24", "0.441", "10.58", "NS"), why=why)
    own = replace(levy, code="AGUA", why={"nature": "ppnt", "beneficiary": "Aguas"})
    plain = replace(levy, code="OTRO", why={})
    unnamed = replace(levy, code="TASA", why={"nature": "levy"})
    made = lines_of((levy, own, plain, unnamed))
    assert made == (
        replace(levy, beneficiary="EPSAR", nature="levy"),
        replace(own, beneficiary="", nature="ppnt"),
        replace(plain, beneficiary="", nature="price"),
        replace(unnamed, beneficiary="", nature="levy"),
    )
    assert made[0].why == why


def test_simplified_invoices_are_small_and_not_for_businesses() -> None:
    simplified = invoice(type=InvoiceType.F2)
    assert said(simplified) == []
    assert said(replace(simplified, recipient=replace(HOLDER, name="", nif="", address=None))) == []
    dear = (line("X", "Concepto", "1", "363.64", "363.64"),)
    assert said(invoice(dear, type=InvoiceType.F2)) == []
    dearer = (line("X", "Concepto", "1", "363.65", "363.65"),)
    assert said(invoice(dearer, type=InvoiceType.F2)) == [
        "total: 400.02: RD 1619/2012 art. 4.1.a: simplified only up to 400"
    ]
    assert said(replace(simplified, recipient=replace(HOLDER, business=True))) == [
        "type: F2: RD 1619/2012 art. 7.2: who acts as a business is due a whole invoice"
    ]
