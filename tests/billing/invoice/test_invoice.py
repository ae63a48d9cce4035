"""An invoice says what the law asks, adds up, and is rectified exactly."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoice import (
    Address,
    Invoice,
    InvoiceError,
    InvoiceLine,
    InvoiceType,
    Method,
    Party,
    Rectification,
    Reference,
    VatSum,
    check,
    ensure,
    lines_of,
    rectify,
    sum_vat,
)
from billing.invoice.build import cents, vat_on
from tests.billing.invoice_samples import B02, HOLDER, TERMS, invoice, line


def test_worked_bill_b02_adds_up() -> None:
    bill = ensure(invoice())
    assert (bill.base, bill.vat_total, bill.total) == (Decimal("33.77"), Decimal("1.59"), Decimal("35.36"))
    assert bill.full_number == "AG2026/000123"


def test_half_up_never_to_even() -> None:
    """B18 of the worked bills: 25 x 0.2002, and 10 % of 0.25."""
    assert cents(Decimal(25) * Decimal("0.2002")) == Decimal("5.01")
    assert vat_on(Decimal("0.25"), "10") == Decimal("0.03")


def test_lines_of_take_beneficiary_and_nature_from_the_tariff() -> None:
    rated = replace(B02[3], why={"beneficiary": "EPSAR", "nature": "levy"}, beneficiary="", nature="price")
    (made,) = lines_of([rated])
    assert (made.beneficiary, made.nature) == ("EPSAR", "levy")
    (own,) = lines_of([replace(B02[0], why={})])
    assert (own.beneficiary, own.nature) == ("", "price")


BUSINESS = replace(HOLDER, business=True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": None}, "number"),
        ({"number": 0}, "number"),
        ({"series": "AÑO"}, "number"),
        ({"series": "S" * 60}, "number"),
        ({"issued": None}, "issued"),
        ({"operation_date": date(2026, 3, 6)}, "operation_date"),
        ({"issuer": Party(" ", "A28015865", Address("Calle 1", "46980", "Paterna"))}, "issuer.name"),
        ({"issuer": Party("Aguas", "", Address("Calle 1", "46980", "Paterna"))}, "issuer.nif"),
        ({"issuer": Party("Aguas", "A28015865")}, "issuer.address"),
        ({"recipient": replace(HOLDER, nif="12345678A")}, "recipient.nif"),
        ({"recipient": replace(BUSINESS, nif="")}, "recipient.nif"),
        ({"recipient": replace(BUSINESS, address=Address("", "46980", "Paterna"))}, "recipient.address"),
        ({"lines": (), "vat": (), "total": Decimal(0)}, "lines"),
        ({"lines": (replace(B02[0], description=""), *B02[1:])}, "lines[0].description"),
        ({"total": Decimal("35.37")}, "total"),
        ({"lines": B02[1:]}, "vat[10].base"),
        ({"type": InvoiceType.R4}, "rectification"),
        ({"rectification": Rectification("I", (Reference("A/1", date(2026, 1, 1)),), "x")}, "rectification"),
    ],
)
def test_each_missing_or_wrong_field_is_named(changes: dict[str, object], field: str) -> None:
    bill = replace(invoice(), **changes)  # type: ignore[arg-type]
    assert field in [problem.field for problem in check(bill)]
    with pytest.raises(InvoiceError, match=field.replace("[", r"\[").replace("]", r"\]")):
        ensure(bill)


def test_a_natural_person_needs_neither_nif_nor_address() -> None:
    assert not check(invoice(recipient=Party("Ana García Pérez")))


def test_amounts_below_the_cent_and_unknown_rates_are_faults() -> None:
    lines = (line("AGUA_SERV", "Cuota", "1", "1.005", "1.005"), line("X", "Otro", "1", "1", "1.00", "IGIC"))
    bill = replace(invoice(), lines=lines, vat=(VatSum("10", Decimal("1.005"), Decimal("0.10")),))
    fields = [problem.field for problem in check(bill)]
    assert {"lines[0].amount", "lines[1].vat", "vat[IGIC].base"} <= set(fields)
    with pytest.raises(ValueError, match="'IGIC': must be a rate"):
        sum_vat(lines)


def test_a_wrong_vat_amount_is_a_fault_and_a_cent_by_line_is_not() -> None:
    bill = invoice()
    off = tuple(replace(item, vat=item.vat + Decimal("0.03")) if item.code == "10" else item for item in bill.vat)
    assert not check(replace(bill, vat=off, total=bill.total + Decimal("0.03")))
    far = tuple(replace(item, vat=item.vat + Decimal("0.04")) if item.code == "10" else item for item in bill.vat)
    faults = check(replace(bill, vat=far, total=bill.total + Decimal("0.04")))
    assert [problem.field for problem in faults] == ["vat[10].vat"]


def correct(
    against: list[Invoice], lines: tuple[InvoiceLine, ...], method: str, number: int = 1, series: str = "RE2026"
) -> Invoice:
    return rectify(
        against,
        lines,
        type=InvoiceType.R4,
        method=method,  # type: ignore[arg-type]
        reason="Lectura de cierre errónea",
        series=series,
        number=number,
        issued=date(2026, 4, 1),
        terms=TERMS,
    )


CORRECTED = (*B02[:1], line("AGUA_CONS", "Consumo, bloque 1", "14", "0.4436", "6.21"), *B02[3:])


def test_by_differences_shows_only_what_changed() -> None:
    credit = ensure(correct([invoice()], CORRECTED, "I"))
    assert [(item.quantity, item.amount) for item in credit.lines] == [
        (Decimal(-18), Decimal("-7.98")),
        (Decimal(-6), Decimal("-4.04")),
        (Decimal(14), Decimal("6.21")),
    ]
    assert credit.rectification is not None
    assert credit.rectification.originals == (Reference("AG2026/000123", date(2026, 3, 5)),)
    assert invoice().total + credit.total == invoice(CORRECTED).total


def test_by_substitution_states_what_it_replaces() -> None:
    new = ensure(correct([invoice()], CORRECTED, "S"))
    assert new.rectification is not None
    assert (new.rectification.base, new.rectification.vat) == (Decimal("33.77"), Decimal("1.59"))
    assert new.total == invoice(CORRECTED).total


@pytest.mark.parametrize("method", ["S", "I"])
def test_a_correction_bears_its_own_number_day_terms_and_cause_and_keeps_the_rest(method: Method) -> None:
    bill = invoice()
    terms = replace(TERMS, due=date(2026, 4, 20))
    made = rectify(
        [bill],
        CORRECTED,
        type=InvoiceType.R1,
        method=method,
        reason="Precio erróneo",
        series="RE2026",
        number=7,
        issued=date(2026, 4, 1),
        terms=terms,
    )
    assert (made.full_number, made.issued, made.type, made.terms) == (
        "RE2026/000007",
        date(2026, 4, 1),
        InvoiceType.R1,
        terms,
    )
    replaced = (bill.base, bill.vat_total) if method == "S" else (None, None)
    assert made.rectification == Rectification(method, (bill.reference,), "Precio erróneo", *replaced)
    assert (made.litres, made.pieces, made.period, made.supply) == (bill.litres, bill.pieces, bill.period, bill.supply)
    measured = rectify(
        [bill],
        CORRECTED,
        type=InvoiceType.R1,
        method=method,
        reason="Lectura errónea",
        series="RE2026",
        number=None,
        issued=None,
        terms=terms,
        litres=0,
        pieces=(),
    )
    assert (measured.litres, measured.pieces, measured.number, measured.issued) == (0, (), None, None)


@pytest.mark.parametrize("method", ["S", "I"])
def test_vat_that_a_tariff_rounds_by_line_is_taken_as_it_is(method: Method) -> None:
    bill = invoice()
    ten, free = sum_vat(CORRECTED)
    by_line = replace(ten, vat=ten.vat + Decimal("0.01"))
    made = rectify(
        [bill],
        CORRECTED,
        type=InvoiceType.R4,
        method=method,
        reason="Lectura errónea",
        series="RE2026",
        number=1,
        issued=date(2026, 4, 1),
        terms=TERMS,
        vat=[by_line, free],
    )
    assert made.vat_total + (bill.vat_total if method == "I" else 0) == by_line.vat


def test_a_rate_whose_vat_alone_changed_is_stated() -> None:
    bill = invoice()
    ten, free = bill.vat
    made = rectify(
        [bill],
        B02,
        type=InvoiceType.R4,
        method="I",
        reason="Cuota errónea",
        series="RE2026",
        number=1,
        issued=date(2026, 4, 1),
        terms=TERMS,
        vat=[replace(ten, vat=ten.vat + Decimal("0.01")), free],
    )
    assert (made.lines, made.vat) == ((), (VatSum("10", Decimal("0.00"), Decimal("0.01")),))


def test_cancelling_leaves_nothing() -> None:
    credit = ensure(correct([invoice()], (), "I"))
    assert credit.total == -invoice().total


def test_rectifying_needs_an_original_a_reason_and_its_own_series() -> None:
    with pytest.raises(ValueError, match=r"^against: \(empty\): a rectifying invoice names at least one original$"):
        correct([], B02, "I")
    credit = correct([invoice()], (), "I")
    own = r"^series AG2026: rectifying invoices have a series of their own \(RD 1619/2012 art\. 6\.1\.a\)$"
    with pytest.raises(ValueError, match=own):
        correct([invoice(series="AG2026")], (), "I", series="AG2026")
    blank = replace(credit, rectification=Rectification("S", (), " "))
    assert [item.field for item in check(blank)] == [
        "rectification.originals",
        "rectification.reason",
        "rectification.base",
    ]
    with pytest.raises(ValueError, match="issued is missing"):
        correct([invoice(issued=None)], (), "I")


money = st.integers(-20_000, 50_000).map(lambda value: Decimal(value) / 100)
charges = st.lists(
    st.tuples(st.sampled_from(["A", "B"]), money, st.sampled_from(["10", "21", "NS"])), min_size=1, max_size=6
)


def charged(items: list[tuple[str, Decimal, str]]) -> tuple[InvoiceLine, ...]:
    return tuple(line(code, code, "1", str(amount), f"{amount:.2f}", vat) for code, amount, vat in items)


@given(charges, charges, charges)
def test_two_corrections_in_a_row_leave_exactly_the_last_bill(
    first: list[tuple[str, Decimal, str]],
    second: list[tuple[str, Decimal, str]],
    third: list[tuple[str, Decimal, str]],
) -> None:
    bill = invoice(charged(first))
    one = correct([bill], charged(second), "I", 1)
    two = correct([bill, one], charged(third), "I", 2)
    wanted = invoice(charged(third))
    assert bill.total + one.total + two.total == wanted.total
    assert bill.vat_total + one.vat_total + two.vat_total == wanted.vat_total
    for credit in (one, two):
        assert {item.field for item in check(credit)} <= {"lines"}


@given(charges)
def test_vat_is_on_the_sum_of_rounded_lines(items: list[tuple[str, Decimal, str]]) -> None:
    lines = charged(items)
    for item in sum_vat(lines):
        assert item.base == sum(entry.amount for entry in lines if entry.vat == item.code)
        assert item.vat == vat_on(item.base, item.code)


def jabalquinto(*consumption: tuple[str, str, str]) -> tuple[InvoiceLine, ...]:
    """A quarter's water bill: the fee and (quantity, price, amount) of each block."""
    blocks = [line("AGUA_CONS", f"Consumo a {item[1]}", *item) for item in consumption]
    return line("AGUA_SERV", "Cuota fija", "1", "8.46", "8.46"), *blocks


def test_worked_bill_b14b_redistribution_after_an_estimate() -> None:
    """B14b: 30 m3 estimated, 40 m3 over both quarters: 20 and 20, the first one rectified by differences (R4)."""
    estimated = invoice(jabalquinto(("18", "0.42", "7.56"), ("12", "0.84", "10.08")))
    real = jabalquinto(("18", "0.42", "7.56"), ("2", "0.84", "1.68"))
    credit = ensure(correct([estimated], real, "I"))
    assert invoice(real).total + credit.total == Decimal("10.23")
    assert [item.quantity for item in credit.lines] == [Decimal(-12), Decimal(2)]


def test_a_bill_is_numbered_once_and_otherwise_unchanged() -> None:
    bill = invoice(number=None, issued=None)
    assert bill.full_number == ""
    numbered = bill.numbered(7, date(2026, 3, 6))
    assert (numbered.full_number, numbered.issued) == ("AG2026/000007", date(2026, 3, 6))
    assert replace(numbered, number=None, issued=None) == bill
