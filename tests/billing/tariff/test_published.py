"""A tariff as the table that is published."""

import pytest

from billing.tariff import Book, parse
from billing.tariff.published import Row, published
from tests.billing.rating.samples import shipped, tariff
from tests.billing.tariff.samples import GOOD, broken


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


SUMMER = """
  - code: VERANO
    name: Recargo de verano
    clause: artículo 3
    when: {zone: costa, use: domestic}
    rates:
      - to: 2025-01-01
        season: {from: 06-01, to: 10-01}
        consumption:
          per: month
          limits_times: [dwellings, premises]
          minimum: 3
          blocks: [{to: 5, price: 0.10}, {price: 0.20}]
      - {from: 2025-01-01, when: {persons: ">4"}, vat: 21, clause: artículo 4, exempt: familias}
"""
DATED = broken("{from: 2024-01-01}", "{from: 2024-01-01, to: 2026-01-01}\nnotes: [Primera nota, Segunda nota]")


def test_the_whole_table_for_the_terminal() -> None:
    table = published(parse(DATED + SUMMER, "x.yaml"))
    assert (table.url, table.utility) == ("https://example.org/o", "Ejemplo")
    assert [(section.beneficiary, section.clause) for section in table.sections] == [
        ("Ejemplo", "artículo 1"),
        ("Ejemplo", "artículo 2"),
        ("Ejemplo", "artículo 3"),
        ("Ejemplo", "artículo 4"),
    ]
    assert list(table.text()) == [
        "XX-GOOD  Ejemplo",
        "Ejemplo. Ordenanza de ejemplo (todas las cifras leídas en la publicación)",
        "Vigencia: desde el 01/01/2024, hasta el 01/01/2026 (excluido)",
        "",
        "AGUA_SERV  Cuota de servicio. IVA 10",
        "  calibre del contador (mm) 13          4.46 €/mes",
        "  calibre del contador (mm) 15          8.94 €/mes",
        "",
        "AGUA_CONS  Cuota de consumo. IVA 10",
        "  bloque 1: de 0 a 5 m³/mes        0.4375 €/m³",
        "  bloque 2: más de 5 m³/mes        1.3673 €/m³",
        "",
        "VERANO  Recargo de verano (zona: costa, uso: domestic, del 01/06 al 01/10 (excluido)) "
        "sin fecha de inicio publicada, hasta el 01/01/2025 (excluido). IVA 10",
        "  bloque 1: de 0 a 5 m³/mes y viviendas y locales          0.10 €/m³",
        "  bloque 2: más de 5 m³/mes y viviendas y locales          0.20 €/m³",
        "  mínimo facturable                                           3 m³/mes",
        "",
        "VERANO  Recargo de verano (zona: costa, uso: domestic, personas: >4) desde el 01/01/2025. IVA 21",
        "  exento: familias             0 €",
        "",
        "Nota: Primera nota",
        "Nota: Segunda nota",
    ]


def test_a_tariff_without_dates_and_notes_says_so() -> None:
    undated = GOOD.replace("valid: {from: 2024-01-01}\n", "").replace("certainty: read}", "certainty: partial}")
    assert list(published(parse(undated, "x.yaml")).text())[:4] == [
        "XX-GOOD  Ejemplo",
        "Ejemplo. Ordenanza de ejemplo (publicación leída en parte)",
        "Vigencia: sin fecha de inicio publicada",
        "",
    ]
    assert list(published(parse(undated, "x.yaml")).text())[-1] == "  bloque 2: más de 5 m³/mes        1.3673 €/m³"
