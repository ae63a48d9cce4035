"""The figures of a printed bill at their edges: comparisons, bars, drawings of blocks, what fits in a cell."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.document.charges import ROOM, charges, drawings, rate_name, unit_price
from billing.document.usage import chart, readings, usage
from billing.document.view import InvoiceView
from billing.document.words import words
from billing.invoice import Invoice, InvoiceLine
from billing.volume import PastPeriod, Period, Piece
from tests.billing.invoice_samples import B02, invoice, line

ES = words("es")
BILL = invoice()
PIECE = BILL.pieces[0]


def past(start: str, end: str, litres: int, estimated: bool = False) -> PastPeriod:
    return PastPeriod(Period(date.fromisoformat(start), date.fromisoformat(end)), litres, estimated)


def compared(*history: PastPeriod, litres: int = 24_000) -> list[str]:
    shown = InvoiceView(replace(BILL, litres=litres), None, history)
    lines = usage(shown, ES)["lines"]
    assert isinstance(lines, list)
    return lines[1:]


@pytest.mark.parametrize(
    ("litres", "change"),
    [
        (24_000, "Lo mismo"),
        (24_119, "Lo mismo"),
        (24_121, "Un 1 % menos"),
        (23_882, "Lo mismo"),
        (23_880, "Un 1 % más"),
        (48_000, "Un 50 % menos"),
        (12_000, "Un 100 % más"),
    ],
)
def test_a_change_is_in_whole_percent_of_what_was_before(litres: int, change: str) -> None:
    assert compared(past("2025-11-03", "2026-01-01", litres)) == [f"{change} que en la factura anterior"]


def test_nothing_is_compared_with_a_bill_of_no_water_or_one_that_does_not_touch() -> None:
    assert compared(past("2025-11-03", "2026-01-01", 0)) == []
    assert compared(past("2025-11-03", "2025-12-31", 24_000)) == []


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2025-01-01", "2025-03-01", True),
        ("2025-01-01", "2025-01-30", False),  # 29 of the season's 59 days
        ("2025-01-01", "2025-01-31", True),  # 30 of them
        ("2024-11-01", "2025-03-01", False),  # 59 of the bill's own 120 days
        ("2024-11-03", "2025-03-01", False),  # 59 of 118: just half
        ("2024-11-04", "2025-03-01", True),  # 59 of 117
    ],
)
def test_a_year_ago_is_a_bill_of_most_of_the_same_season(start: str, end: str, told: bool) -> None:
    assert any("hace un año" in text for text in compared(past(start, end, 5_000))) is told


def bars(*history: PastPeriod, bill: Invoice = BILL) -> list[dict[str, Any]]:
    found = chart(InvoiceView(bill, None, history), ES)["bars"]
    assert isinstance(found, list)
    return found


def test_bars_are_in_order_as_high_as_their_water_and_say_each_year_once() -> None:
    history = (
        past("2025-12-01", "2026-01-01", 12_499),
        past("2025-11-01", "2025-12-01", 12_500, estimated=True),
        past("2024-11-01", "2024-12-01", -500),
        past("2026-03-01", "2026-04-01", 99_000),  # after this bill
    )
    assert bars(*history) == [
        bar("nov", "2024", "0", 0, estimated=False) | {"value": "-1"},
        bar("nov", "2025", "13", 521, estimated=True),
        bar("dic", "", "12", 521, estimated=False),
        bar("ene–feb", "2026", "24", 1000, estimated=False, current=True),
    ]


def bar(label: str, year: str, value: str, height: int, *, estimated: bool, current: bool = False) -> dict[str, Any]:
    whole = {"label": label, "year": year, "value": value, "height": height}
    return {**whole, "estimated": estimated, "current": current}


def test_no_more_than_thirteen_bars_and_none_higher_than_the_highest() -> None:
    start = date(2024, 1, 1)
    weeks = [PastPeriod(Period(start + timedelta(7 * at), start + timedelta(7 * at + 7)), at) for at in range(20)]
    found = bars(*weeks, bill=replace(BILL, litres=0))
    assert len(found) == 13
    assert [item["height"] for item in found[-3:]] == [947, 1000, 0]
    assert [item["height"] for item in bars(bill=replace(BILL, litres=0))] == [0]


def test_the_chart_says_the_same_in_words() -> None:
    found = chart(InvoiceView(BILL, None, (past("2025-12-01", "2026-01-01", 500, estimated=True),)), ES)
    assert found["alt"] == "Gráfico de barras del consumo en m³: dic 2025, 0,5 (estimado); ene–feb 2026, 24."
    assert found["note"] == "rayado: estimado"
    assert chart(InvoiceView(BILL, None), ES)["note"] == ""


@pytest.mark.parametrize(
    ("piece", "fits"),
    [
        (PIECE, True),
        (replace(PIECE, meter="M" * 20), True),
        (replace(PIECE, meter="M" * 21), False),
        (replace(PIECE, litres=99_999_500), True),  # 99.999,5 m³
        (replace(PIECE, litres=1_234_567_000), False),  # 1.234.567 m³
    ],
)
def test_cells_of_readings_that_fit(piece: Piece, fits: bool) -> None:
    other = replace(BILL, pieces=(PIECE, piece))
    assert readings(other, ES)["fits"] is fits
    assert readings(other, ES)["notes"] == []


# ---- charges ---------------------------------------------------------------------------------------------------------


def block(number: int, quantity: str, amount: str, limits: object = (0, 9_000), **why: object) -> InvoiceLine:
    made = line("AGUA_CONS", f"Consumo, bloque {number}", quantity, "0.5", amount)
    return replace(made, why={"block": number, "limits_litres": limits, **why})


def drawn(*lines: InvoiceLine) -> list[dict[str, Any]]:
    return drawings(invoice(lines), ES)


def test_blocks_are_drawn_by_their_share_and_told_in_words() -> None:
    (found,) = drawn(block(1, "9", "4.50", [0, 9_000]), block(2, "0.001", "0.01", [9_000, None]))
    assert found == {
        "name": "Consumo",
        "alt": "Consumo: 9 m³ a 0,50\u00a0€/m³; 0,001 m³ a 0,50\u00a0€/m³.",
        "segments": [
            {"share": 1000, "text": "9 m³", "legend": "Hasta 9 m³ a 0,50\u00a0€/m³"},
            {"share": 1, "text": "0,001 m³", "legend": "Más de 9 m³ a 0,50\u00a0€/m³"},
        ],
    }


@pytest.mark.parametrize(
    "lines",
    [
        (block(1, "9", "4.50"),),
        (block(1, "9", "4.50"), block(1, "9", "4.50")),
        (block(1, "9", "4.50"), block(2, "0", "0.00")),
        (block(1, "9", "4.50"), block(2, "1", "0.50", rebate="bono")),
        (block(1, "9", "4.50"), block(2, "1", "0.50", limits=None)),
        (block(1, "-9", "-4.50"), block(2, "-1", "-0.50")),
        (block(1, "9", "0.00"), block(2, "1", "0.00")),
    ],
)
def test_what_is_not_charged_in_two_blocks_is_not_drawn(lines: tuple[InvoiceLine, ...]) -> None:
    assert drawn(*lines) == []


def test_no_more_than_two_components_are_drawn() -> None:
    pairs = [
        replace(one, code=code, description=f"{code}, bloque")
        for code in ("A", "B", "C")
        for one in (block(1, "9", "4.50"), block(2, "1", "0.50"))
    ]
    assert [item["name"] for item in drawn(*pairs)] == ["A", "B"]


def test_rates_have_their_names() -> None:
    assert [rate_name(code, ES) for code in ("10", "NS", "EX")] == ["10 %", "No sujeto", "Exento"]


@pytest.mark.parametrize(
    ("litres", "total", "text"),
    [
        (
            1,
            "0.01",
            ["Esta factura sale a 10,00\u00a0€ por m³, es decir, 0,01000\u00a0€ por litro, con todo incluido."],
        ),
        (0, "5.00", []),
        (5_000, "0.00", []),
    ],
)
def test_the_price_of_a_litre_needs_water_and_an_amount(litres: int, total: str, text: list[str]) -> None:
    assert unit_price(replace(BILL, litres=litres, total=Decimal(total)), ES) == text


@pytest.mark.parametrize("density", range(4))
def test_a_description_fits_up_to_the_room_of_its_size_of_type(density: int) -> None:
    for more, fits in ((0, True), (1, False)):
        lines = (replace(B02[0], description="D" * (ROOM[density][0] + more)), *B02[1:])
        assert charges(invoice(lines), [], density, ES)["fits"] is fits


def test_charges_are_by_who_receives_them_the_issuer_first() -> None:
    found = charges(invoice((*B02[3:], *B02[:1])), [], 0, ES)
    assert [(group["name"], group["note"], len(group["rows"])) for group in found["groups"]] == [
        ("Para Aguas Municipales de Prueba, S. A.", "", 1),
        ("Para EPSAR", "lo recaudamos por su cuenta", 2),
    ]
    assert found["header"] == ["Concepto", "Cantidad", "Precio", "Importe", "IVA"]


def test_one_is_told_as_one_and_more_as_many() -> None:
    for quantity, text in (
        ("1", "1\u00a0mes"),
        ("-1", "-1\u00a0mes"),
        ("2", "2\u00a0meses"),
        ("0.5", "0,5\u00a0meses"),
    ):
        lines = (replace(B02[0], quantity=Decimal(quantity), unit="month"),)
        (row,) = charges(invoice(lines), [], 0, ES)["groups"][0]["rows"]
        assert row[1:3] == (text, "1,96\u00a0€/mes")
