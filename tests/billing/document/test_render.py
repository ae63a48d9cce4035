"""The printed bill: what it says, how it is built, and that it is the same every time."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from billing.document import LANGUAGES, Contact, DocumentError, InvoiceView, render, render_batch, render_many
from billing.document.layout import layout
from billing.document.view import Credit
from billing.document.words import words
from billing.invoice import Invoice, InvoiceType, PaymentMethod, PaymentTerms, Rectification, rectify, sum_vat
from billing.volume import Kind, Method, PastPeriod, Period, Piece
from tests.billing.document import picture
from tests.billing.invoice_samples import B02, TERMS, invoice, line
from tests.billing.view_samples import view, with_blocks

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def text_of(tmp_path: Path) -> Callable[[InvoiceView, str], str]:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (Debian: poppler-utils)")

    def extract(shown: InvoiceView, lang: str = "es") -> str:
        path = tmp_path / "bill.pdf"
        path.write_bytes(render(shown, lang))
        run = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, check=True, text=True)
        lines = [" ".join(line.split()) for line in run.stdout.replace("\u00a0", " ").splitlines()]
        return "\n".join(line for line in lines if line)

    return extract


@pytest.mark.parametrize("lang", LANGUAGES)
def test_golden_text(lang: str, text_of: Callable[[InvoiceView, str], str]) -> None:
    """Renew with ``python -m tests.billing.document.renew`` and read the difference."""
    expected = (GOLDEN / f"b02.{lang}.txt").read_text(encoding="utf-8")
    assert text_of(view(), lang) + "\n" == expected


def test_the_page_is_one_tagged_a4_in_its_language() -> None:
    pdf = render(view(), "ca")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert re.search(rb"/MediaBox\s*\[0 0 595\.\d+ 841\.\d+\]", pdf)
    assert b"/StructTreeRoot" in pdf
    assert b"/Marked true" in pdf
    assert re.search(rb"/Lang\s*\(ca\)", pdf)
    assert b"pdfuaid:part>1<" in pdf
    assert len(re.findall(rb"/Alt\b", pdf)) == 3  # QR code, chart, blocks


def test_only_the_embedded_fonts_are_used() -> None:
    fonts = set(re.findall(rb"/FontName\s*/[A-Z]+\+([A-Za-z]+)-", render(view())))
    assert fonts == {b"LibertinusSerif"}


def test_the_same_view_gives_the_same_bytes() -> None:
    assert render(view()) == render(view())
    other = view(replace(with_blocks(invoice(B02)), number=124))
    assert render_many([view(), other]) == [render(view()), render(other)]


def rows(count: int) -> tuple[object, ...]:
    return tuple(line(f"C{number}", f"Concepto número {number}", "1", "1", "1.00") for number in range(count))


@pytest.mark.parametrize("count", [1, 12, 13, 18, 19, 25, 26, 33])
def test_a_long_bill_stays_on_one_page(count: int) -> None:
    pdf = render(view(invoice(rows(count))))  # type: ignore[arg-type]
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


def test_what_does_not_fit_goes_on_to_a_second_page() -> None:
    pdf = render(view(invoice(rows(60))))  # type: ignore[arg-type]
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2


def data(shown: InvoiceView, lang: str = "es") -> dict[str, object]:
    return layout(shown, words(lang))


def due(bill: Invoice, **contact: str) -> dict[str, str]:
    found = data(view(bill, contact=Contact(**contact)))["due"]  # type: ignore[arg-type]
    assert isinstance(found, dict)
    return found


def paying(method: PaymentMethod) -> Invoice:
    return replace(invoice(), terms=PaymentTerms(method, date(2026, 4, 6)))


@pytest.mark.parametrize(
    ("method", "how"),
    [
        (PaymentMethod.SLIP, "Con el documento de pago, en tu banco"),
        (PaymentMethod.TRANSFER, "Por transferencia a la cuenta ES00, con la referencia AG2026/000123"),
        (PaymentMethod.CARD, "Con tarjeta o Bizum en aguas.example"),
        (PaymentMethod.COUNTER, "En nuestra oficina: Plaza, 1"),
    ],
)
def test_how_to_pay(method: PaymentMethod, how: str) -> None:
    found = due(paying(method), iban="ES00", web="aguas.example", office="Plaza, 1")
    assert (found["when"], found["how"]) == ("Puedes pagar hasta el 6 de abril de 2026", how)


def test_direct_debit_names_the_day_account_and_mandate() -> None:
    assert due(invoice())["when"] == "Lo cargaremos en tu cuenta el 20 de marzo de 2026"
    assert due(invoice())["how"] == "Cuenta ES91 **** **** **** **** 1332 · mandato M-00017"
    bare = replace(invoice(), terms=replace(TERMS, mandate=""))
    assert due(bare)["how"] == "Cuenta ES91 **** **** **** **** 1332"


def test_a_credit_says_it_is_in_your_favour_and_what_it_rectifies() -> None:
    credit = rectify(
        [invoice()],
        (),
        type=InvoiceType.R4,
        method="I",
        reason="Titular erróneo",
        series="RE2026",
        number=1,
        issued=date(2026, 4, 1),
        terms=TERMS,
    )
    found = data(view(credit))
    assert found["heading"] == "Factura rectificativa"
    assert found["notes"] == [
        "Rectifica la factura AG2026/000123 (5 mar 2026): Titular erróneo",
        "Por diferencias: esta factura solo lleva lo que cambia.",
    ]
    assert found["price-lines"] == []
    assert due(credit) == {
        "label": "A tu favor",
        "amount": "35,36\u00a0€",
        "when": "Lo descontaremos de tu próxima factura",
        "how": "Si prefieres que te lo devolvamos, pídenoslo",
    }


FAVOUR = invoice((line("A", "Abono", "1", "-35.36", "-35.36", "NS"),))


@pytest.mark.parametrize(
    ("bill", "credit", "said"),
    [
        (
            FAVOUR,
            Credit(),
            (
                "A tu favor",
                "35,36 €",
                "Lo descontaremos de tu próxima factura",
                "Si prefieres que te lo devolvamos, pídenoslo",
            ),
        ),
        (
            FAVOUR,
            Credit(paid_back=True, iban="ES91 **** 1332"),
            ("A tu favor", "35,36 €", "Te lo devolveremos por transferencia", "En tu cuenta ES91 **** 1332"),
        ),
        (
            FAVOUR,
            Credit(paid_back=True),
            ("A tu favor", "35,36 €", "Te lo devolveremos por transferencia", "Dinos en qué cuenta: 960 000 000"),
        ),
        (
            invoice(),
            Credit(before=1),
            (
                "Total a pagar",
                "35,35 €",
                "Lo cargaremos en tu cuenta el 20 de marzo de 2026",
                "Ya hemos descontado tu saldo a favor de 0,01 €. "
                "Cuenta ES91 **** **** **** **** 1332 · mandato M-00017",
            ),
        ),
        (
            invoice(),
            Credit(before=3535),
            (
                "Total a pagar",
                "0,01 €",
                "Lo cargaremos en tu cuenta el 20 de marzo de 2026",
                "Ya hemos descontado tu saldo a favor de 35,35 €. "
                "Cuenta ES91 **** **** **** **** 1332 · mandato M-00017",
            ),
        ),
        *(
            (
                invoice(),
                Credit(before=cents),
                (
                    "Total a pagar",
                    "0,00 €",
                    "Está pagada con tu saldo a favor",
                    "Ya hemos descontado tu saldo a favor de 35,36 €",
                ),
            )
            for cents in (3536, 9000)
        ),
        (
            invoice((line("A", "Cuota", "0", "1", "0.00"),)),
            Credit(before=100),
            ("Total a pagar", "0,00 €", "No tienes que pagar nada", ""),
        ),
    ],
)
def test_a_credit_is_taken_off_or_paid_back(bill: Invoice, credit: Credit, said: tuple[str, ...]) -> None:
    found = data(view(bill, credit=credit))["due"]
    names = ("label", "amount", "when", "how")
    assert isinstance(found, dict)
    assert {name: text.replace("\u00a0", " ") for name, text in found.items()} == dict(zip(names, said, strict=True))


def test_who_is_paid_back_without_account_or_phone_is_told_no_more() -> None:
    assert data(view(FAVOUR, credit=Credit(paid_back=True), contact=Contact()))["due"]["how"] == ""  # type: ignore[index]


def test_what_no_catalogue_says_of_the_way_to_pay_leaves_the_credit_alone() -> None:
    slip = paying(PaymentMethod.SLIP)
    said = data(view(slip, credit=Credit(before=500)))["due"]
    assert said["how"] == "Ya hemos descontado tu saldo a favor de 5,00\u00a0€. Con el documento de pago, en tu banco"  # type: ignore[index]


@pytest.mark.parametrize("lacking", [{"base": None}, {"vat": None}, {"method": "I"}])
def test_a_rectification_that_states_no_amounts_is_by_differences(lacking: dict[str, object]) -> None:
    note = Rectification("S", (invoice().reference,), "Lectura errónea", Decimal("33.77"), Decimal("1.59"))
    assert _notes(note)[1] == "Por sustitución: reemplaza una base de 33,77 € y un IVA de 1,59 €."
    changed = replace(note, **lacking)  # type: ignore[arg-type]
    assert _notes(changed)[1] == "Por diferencias: esta factura solo lleva lo que cambia."


def test_every_invoice_that_is_rectified_is_named() -> None:
    other = replace(invoice(), number=124).reference
    note = Rectification("I", (invoice().reference, other), "Lectura errónea")
    assert (
        _notes(note)[0]
        == "Rectifica la factura AG2026/000123 (5 mar 2026), AG2026/000124 (5 mar 2026): Lectura errónea"
    )


def _notes(note: Rectification) -> list[str]:
    found = data(view(replace(invoice(), type=InvoiceType.R4, rectification=note)))["notes"]
    assert isinstance(found, list)
    return [text.replace("\u00a0", " ") for text in found]


def test_a_substitution_states_the_amounts_it_replaces() -> None:
    right = rectify(
        [invoice()],
        invoice().lines[:1],
        type=InvoiceType.R1,
        method="S",
        reason="Precio erróneo",
        series="RE2026",
        number=2,
        issued=date(2026, 4, 1),
        terms=TERMS,
    )
    notes = data(view(right))["notes"]
    assert isinstance(notes, list)
    assert (
        notes[1]
        == f"Por sustitución: reemplaza una base de {_euros(invoice().base)} y un IVA de {_euros(invoice().vat_total)}."
    )


def _euros(amount: Decimal) -> str:
    return f"{amount:.2f}\u00a0€".replace(".", ",")


def test_nothing_to_pay() -> None:
    assert due(invoice((line("A", "Cuota", "0", "1", "0.00"),)))["when"] == "No tienes que pagar nada"


def test_without_a_fiscal_record_there_is_no_qr() -> None:
    shown = view(fiscal=None)
    assert data(shown)["qr"] is None
    assert len(re.findall(rb"/Type\s*/Page\b", render(shown))) == 1


def test_the_qr_stands_between_its_words() -> None:
    found = data(view())["qr"]
    assert isinstance(found, dict)
    assert (found["above"], found["phrase"]) == ("QR tributario:", "VERI*FACTU")
    assert found["alt"] == "Código QR para comprobar la factura AG2026/000123 en la Agencia Tributaria"
    assert found["svg"].startswith("<svg")
    record = view().fiscal
    assert record is not None
    silent = data(view(fiscal=replace(record, system="no_verifactu")))["qr"]
    assert silent == found | {"phrase": ""}
    assert data(view(fiscal=replace(record, qr_url="")))["qr"] is None


def test_what_is_not_known_of_the_parties_is_left_out() -> None:
    bill = replace(
        invoice(),
        recipient=replace(invoice().recipient, nif="", address=None),
        issuer=replace(invoice().issuer, address=None),
    )
    found = data(InvoiceView(bill, None))
    assert found["recipient"] == {"name": "Ana García Pérez", "lines": []}
    assert found["issuer"] == {"name": "Aguas Municipales de Prueba, S. A.", "lines": ["NIF A28015865"]}


@pytest.mark.parametrize(
    ("contact", "lines"),
    [
        (Contact(), [["Te contestamos en 15 días hábiles como máximo. Tienes hojas de reclamaciones en la oficina."]]),
        (
            Contact(web="aguas.example", phone="960", answer_days=10),
            [
                ["Con tarjeta o Bizum en aguas.example"],
                [
                    "Teléfono 960",
                    "aguas.example",
                    "Te contestamos en 10 días hábiles como máximo. Tienes hojas de reclamaciones en la oficina.",
                ],
            ],
        ),
    ],
)
def test_only_what_is_known_of_the_utility_is_told(contact: Contact, lines: list[list[str]]) -> None:
    found = data(view(contact=contact))["contact"]
    assert isinstance(found, list)
    assert [column["lines"] for column in found] == lines


def plain(count: int) -> Invoice:
    return invoice(tuple(line(f"C{number}", "D" * 54, "1", "1", "1.00") for number in range(count)))


def first(bill: Invoice, **changes: object) -> Invoice:
    lines = (replace(bill.lines[0], **changes), *bill.lines[1:])  # type: ignore[arg-type]
    return replace(bill, lines=lines, vat=sum_vat(lines))


def pieces(bill: Invoice, *pieces: Piece) -> Invoice:
    return replace(bill, pieces=pieces)


def blocks(bill: Invoice) -> Invoice:
    one, other, *rest = bill.lines
    one = replace(one, code="X", why={"block": 1, "limits_litres": [0, 9]})
    return replace(bill, lines=(one, replace(other, code="X", why={"block": 2, "limits_litres": [9, None]}), *rest))


PIECE = invoice().pieces[0]


@pytest.mark.parametrize(
    ("change", "most"),
    [
        (lambda bill: bill, 12),
        (lambda bill: first(bill, description="D" * 55), 11),
        (lambda bill: first(bill, beneficiary="EPSAR"), 10),
        (lambda bill: first(bill, vat="21"), 11),
        (lambda bill: pieces(bill, PIECE, PIECE), 10),
        (lambda bill: pieces(bill, replace(PIECE, estimated=True)), 10),
        (blocks, 9),
    ],
)
def test_the_more_there_is_to_print_the_smaller_the_type(change: Callable[[Invoice], Invoice], most: int) -> None:
    """``most`` lines are printed in the largest type; 6 and 13 more in the next two."""
    densities = [data(view(change(plain(most + more)), fiscal=None))["density"] for more in (0, 1, 6, 7, 13, 14)]
    assert densities == [0, 1, 1, 2, 2, 3]


def test_an_estimate_is_marked_everywhere() -> None:
    closing = replace(invoice().pieces[0].closing, kind=Kind.ESTIMATED)  # type: ignore[type-var]
    piece = Piece(
        "CT-1", 13, invoice().pieces[0].opening, closing, 24_000, 24_000, Method.ESTIMATED, True, "known_periods"
    )
    found = data(view(replace(invoice(), pieces=(piece,))))
    readings, chart = found["readings"], found["chart"]
    assert readings["rows"][0]["ends"][1]["how"] == "1 mar 2026 · estimada"  # type: ignore[index]
    assert readings["rows"][0]["method"] == "Estimado: media conocida"  # type: ignore[index]
    assert readings["notes"]  # type: ignore[index]
    assert chart["bars"][-1]["estimated"]  # type: ignore[index]
    assert chart["alt"].endswith("ene–feb 2026, 24 (estimado).")  # type: ignore[index]


def test_a_piece_without_readings_says_so() -> None:
    piece = Piece("CT-1", 13, None, None, 5_000, 0, Method.ESTIMATED, True, "nominal_capacity")
    found = data(view(replace(invoice(), pieces=(piece,))))
    assert found["readings"]["rows"][0]["ends"] == [{"value": "Sin lectura", "how": ""}] * 2  # type: ignore[index]


def test_the_comparison_is_by_day_and_the_chart_has_thirteen_bars() -> None:
    bills = tuple(
        PastPeriod(Period(date(2023 + k // 6, k % 6 * 2 + 1, 1), date(2023 + (k + 1) // 6, (k + 1) % 6 * 2 + 1, 1)), m3)
        for k, m3 in enumerate(range(10_000, 28_000, 1_000))
    )
    found = data(view(history=bills))
    assert len(found["chart"]["bars"]) == 13  # type: ignore[index]
    assert found["usage"]["lines"] == [  # type: ignore[index]
        "407 litros al día durante 59 días",
        "Un 8 % menos que en la factura anterior",
        "Un 9 % más que hace un año",
        "Un hogar como el tuyo gasta 22 m³ de media",
    ]
    same = (PastPeriod(Period(date(2025, 11, 3), date(2026, 1, 1)), 24_000),)
    assert "Lo mismo que en la factura anterior" in data(view(history=same))["usage"]["lines"]  # type: ignore[index]


def test_a_first_bill_has_nothing_to_compare_with() -> None:
    found = data(view(history=(), average_litres=None))
    assert found["usage"]["lines"] == ["407 litros al día durante 59 días"]  # type: ignore[index]
    assert render(view(history=()))


def test_blocks_are_drawn_in_proportion() -> None:
    (drawing,) = data(view())["charges"]["blocks"]  # type: ignore[index]
    assert [segment["share"] for segment in drawing["segments"]] == [750, 250]
    assert [segment["legend"] for segment in drawing["segments"]] == [
        "Hasta 18 m³ a 0,4436\u00a0€/m³",
        "Más de 18 m³ a 0,6741\u00a0€/m³",
    ]


def cells(*charge: str, **why: object) -> list[str]:
    found = data(view(invoice((line("X", *charge, **why),))))  # type: ignore[arg-type]
    return [cell.replace("\u00a0", " ") for cell in found["charges"]["groups"][0]["rows"][0]]  # type: ignore[index]


def test_quantities_and_prices_as_people_say_them() -> None:
    bill = line("CANON", "Canon", "0.161644", "44.83", "7.25")
    canon = replace(bill, unit="year", why={"quantity": "59/365"})
    year = data(view(invoice((canon,))))["charges"]["groups"][0]["rows"][0]  # type: ignore[index]
    assert year[1:3] == ("59/365\u00a0años", "44,83\u00a0€/año")
    bonus = replace(line("BONO", "Bonificación", "13.3", "-0.5", "-6.65"), unit="EUR")
    share = data(view(invoice((bonus, *B02))))["charges"]["groups"][0]["rows"][0]  # type: ignore[index]
    assert share[1:4] == ("13,30\u00a0€", "−50 %", "−6,65\u00a0€")
    assert cells("Otro", "1234.5", "2", "2469.00")[1:4] == ["1.234,5 mes", "2,00 €/mes", "2.469,00 €"]


def test_the_price_of_a_litre() -> None:
    found = data(view())["price-lines"]
    text = "Esta factura sale a 1,47\u00a0€ por m³, es decir, 0,00147\u00a0€ por litro, con todo incluido."
    assert found == [text]


def test_bad_input_is_refused_by_name() -> None:
    with pytest.raises(DocumentError, match="lang fr"):
        render(view(), "fr")
    with pytest.raises(DocumentError, match="colour red"):
        render(view(colour="red"))
    with pytest.raises(ValueError, match="issued is missing"):
        render(view(fiscal=None, invoice=replace(invoice(), issued=None)))


def test_text_of_any_kind_is_printed_as_it_is(text_of: Callable[[InvoiceView, str], str]) -> None:
    odd = 'Agua "dulce" \\ #panic() $x$ [a] *b* <c> @d'
    bill = invoice((line("X", odd, "1", "1", "1.00"),))
    assert odd in text_of(view(bill), "es")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_gaps(lang: str) -> None:
    def gaps(of: str) -> dict[tuple[str, str], list[str]]:
        return {
            (section, name): sorted(re.findall(r"\{(\w+)\}", text))
            for section, texts in words(of).texts.items()
            for name, text in texts.items()
        }

    assert gaps(lang) == gaps("es")


@pytest.mark.parametrize(
    ("lang", "money", "number", "day"),
    [
        ("es", "−1.234,50\u00a0€", "1.234,5", "20 de marzo de 2026"),
        ("ca", "−1.234,50\u00a0€", "1.234,5", "20 de març del 2026"),
        ("gl", "−1.234,50\u00a0€", "1.234,5", "20 de marzo de 2026"),
        ("eu", "−1.234,50\u00a0€", "1.234,5", "2026(e)ko martxoaren 20(a)"),
        ("en", "−€1,234.50", "1,234.5", "20 March 2026"),
    ],
)
def test_numbers_and_dates_of_each_language(lang: str, money: str, number: str, day: str) -> None:
    speech = words(lang)
    assert speech.money(Decimal("-1234.5")) == money
    assert speech.exact(Decimal("1234.500")) == number
    assert speech.day(date(2026, 3, 20)) == day


def test_a_batch_holds_the_same_pages_in_order(tmp_path: Path, text_of: Callable[[InvoiceView, str], str]) -> None:
    views = [view(replace(with_blocks(invoice(B02)), number=number)) for number in (124, 125, 126)]
    pdf = render_batch(views)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 3
    assert b"pdfuaid:part>1<" in pdf
    path = tmp_path / "batch.pdf"
    path.write_bytes(pdf)
    for page, shown in enumerate(views, 1):
        command = ["pdftotext", "-raw", "-f", str(page), "-l", str(page), str(path), "-"]
        run = subprocess.run(command, capture_output=True, check=True, text=True)
        lines = [" ".join(line.split()) for line in run.stdout.replace("\u00a0", " ").splitlines()]
        assert "\n".join(line for line in lines if line) == text_of(shown, "es")


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(DocumentError, match="batch: has no invoice"):
        render_batch([])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_golden_picture(lang: str, tmp_path: Path) -> None:
    """Nothing has moved, vanished or changed its weight: small differences of smoothing are let through."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is not installed (Debian: poppler-utils)")
    golden, made = picture.golden(lang), picture.taken(render(view(), lang), tmp_path)
    assert made.shape == golden.shape
    assert picture.unlike(golden, made) < picture.ALLOWED


def test_the_picture_sees_what_moves(tmp_path: Path) -> None:
    """The comparison can fail: a bill with another amount, or in another language, is not the same picture."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is not installed (Debian: poppler-utils)")
    golden = picture.golden("es")
    for other in (render(view(), "ca"), render(view(invoice(rows(3))))):  # type: ignore[arg-type]
        assert picture.unlike(golden, picture.taken(other, tmp_path)) > 3 * picture.ALLOWED
