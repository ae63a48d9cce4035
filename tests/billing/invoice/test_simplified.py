"""Simplified invoices are rectified by R5 alone, whole ones by R1 to R4 alone, by either method."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from billing.invoice import Invoice, InvoiceType, Method, check, rectify
from tests.billing.invoice_samples import B02, TERMS, invoice

SIMPLIFIED = replace(invoice(), type=InvoiceType.F2)


def rectified(against: list[Invoice], kind: InvoiceType, method: Method, number: int = 1) -> Invoice:
    return rectify(
        against,
        B02[:2],
        type=kind,
        method=method,
        reason="Lectura errónea",
        series="RE2026",
        number=number,
        issued=date(2026, 4, 7),
        terms=TERMS,
    )


@pytest.mark.parametrize("method", ["S", "I"])
def test_r5_rectifies_a_simplified_invoice_and_another_r5(method: Method) -> None:
    first = rectified([SIMPLIFIED], InvoiceType.R5, method)
    assert check(first) == ()
    stands = [first] if method == "S" else [SIMPLIFIED, first]
    again = rectify(
        stands,
        B02,
        type=InvoiceType.R5,
        method="I",
        reason="Otra lectura",
        series="RE2026",
        number=2,
        issued=date(2026, 4, 8),
        terms=TERMS,
    )
    assert check(again) == ()
    assert sum((one.total for one in (*stands, again)), Decimal(0)) == invoice().total


@pytest.mark.parametrize("kind", list(InvoiceType))
def test_each_type_rectifies_its_own_kind_only(kind: InvoiceType) -> None:
    for original, fits in ((invoice(), kind.name in ("R1", "R2", "R3", "R4")), (SIMPLIFIED, kind is InvoiceType.R5)):
        if fits:
            assert rectified([original], kind, "S").type is kind
        else:
            with pytest.raises(ValueError, match=f"type {kind.value} for {original.type.value}"):
                rectified([original], kind, "S")
