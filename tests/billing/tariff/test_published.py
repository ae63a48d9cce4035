"""A tariff as the table that is published."""

import pytest

from billing.tariff import Book
from billing.tariff.published import Row, published
from tests.billing.rating.samples import shipped, tariff


def test_the_table_of_agost() -> None:
    table = published(shipped().get("ES-AGOST-2023"))
    assert (table.id, table.since, table.until) == ("ES-AGOST-2023", "30/11/2023", "")
    assert table.certainty == "todas las cifras leídas en la publicación"
    blocks = table.sections[-1]
    assert (blocks.code, blocks.vat, blocks.nature) == (
        "AGUA_CONS",
        "10",
        "prestación patrimonial de carácter público no tributaria",
    )
    assert blocks.rows == (
        Row("bloque 1: de 0 a 5 m³/mes", "0.4375", "€/m³"),
        Row("bloque 2: de 5 a 13 m³/mes", "1.3673", "€/m³"),
        Row("bloque 3: más de 13 m³/mes", "2.3699", "€/m³"),
    )
    fees = next(section for section in table.sections if section.code == "AGUA_SERV" and not section.applies)
    assert Row("calibre del contador (mm) 65", "134.00", "€/mes") in fees.rows


@pytest.mark.parametrize(
    ("name", "code", "row"),
    [
        ("ES-ACA-CANON", "CANON_ACA", Row("bloque 1: de 0 a 3 * n m³/mes", "0.4936", "€/m³")),
        ("ES-ACA-CANON", "CANON_ACA", Row("mínimo facturable", "6", "m³/mes")),
        ("ES-ACA-CANON", "CANON_ACA", Row("bloque 4: más de 6 * n m³/mes", "no consta", "€/m³")),
        ("ES-CIEZA", "ALCANT", Row("sobre AGUA_*", "sewer_pct", "%")),
        (
            "ES-MARBELLA-MANCHONES-2004",
            "ACOMETIDA",
            Row("A = 14.91, B = 16.26", "A * connection_mm + B * connection_l_s", "€"),
        ),
        ("ES-AND-CANON", "CANON_AND_FIJO", Row("", "1.00", "€/mes y viviendas")),
        ("ES-BOJA151-2002", "AGUA_CONS", Row("bonificación por bajo consumo", "-0.0905", "€/m³")),
        ("ES-BOJA151-2002", "AGUA_CONS", Row("bloque 1: de 0 a 40 m³/bimestre y viviendas", "0.6030", "€/m³")),
        ("ES-ELVENDRELL-2017Q", "CANON_ACA_IND", Row("todo el consumo gravamen general", "0.1654", "€/m³")),
        ("ES-GVA-CANON", "CANON_GVA_CONS", Row("exento: cuota aplazada por el Decreto-ley 6/2022", "0", "€")),
        ("ES-RUS-2024", "AGUA_CONS", Row("bloques de consumo", "no consta", "€/m³")),
        ("ES-AMAEM-2022", "AGUA_SERV", Row("cuota de servicio", "no consta", "€")),
    ],
)
def test_rows_of_every_kind(name: str, code: str, row: Row) -> None:
    rows = [r for section in published(shipped().get(name)).sections if section.code == code for r in section.rows]
    assert row in rows


def test_how_far_the_source_was_read() -> None:
    assert published(shipped().get("ES-RUS-2024")).certainty == "publicación leída en parte: hasta la cuota fija"


def test_conditions_dates_and_seasons_in_words() -> None:
    sections = published(shipped().get("ES-EMASESA-NODOM-2024")).sections
    assert (sections[0].applies, sections[0].since, sections[0].until) == (
        "uso: non_domestic | industrial | commercial",
        "01/01/2024",
        "01/01/2025",
    )
    assert "del 01/06 al 01/10 (excluido)" in published(shipped().get("ES-CYII-2024")).sections[1].applies


@pytest.mark.parametrize("name", shipped().ids())
def test_every_shipped_tariff_has_a_table_for_the_terminal(name: str) -> None:
    text = "\n".join(published(shipped().get(name)).text())
    assert shipped().get(name).place in text
    assert "€" in text or "%" in text


def test_percentages_in_words() -> None:
    book = Book.of(
        {
            "XX-MADE": tariff(
                "XX-MADE",
                """
  - {code: AGUA, name: Agua, fee: {per: month, amount: 1, times: [dwellings, premises]}}
  - {code: P1, name: Porcentaje, percent: {of: [AGUA, A*], percent: 12.50}}
  - {code: P2, name: Porcentaje, percent: {of: AGUA, percent: missing}}
  - {code: B1, name: Bono, bonus: {of: AGUA, blocks: [2, 1], percent: 50}}
""",
            )
        }
    )
    assert [section.rows[0] for section in published(book.get("XX-MADE")).sections] == [
        Row("", "1", "€/mes y viviendas y locales"),
        Row("sobre AGUA, A*", "12.50", "%"),
        Row("sobre AGUA", "no consta", "%"),
        Row("sobre AGUA, bloques 1, 2", "-50", "%"),
    ]
