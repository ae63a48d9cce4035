"""Books of tariffs: by id, by series, by date, from a folder or from texts at hand."""

from datetime import date
from pathlib import Path

import pytest

from billing.tariff import Book, RatingError, TariffBook, TariffError, load
from tests.billing.rating.samples import tariff
from tests.billing.tariff.samples import GOOD

FEE = "  - {{code: CUOTA, name: Cuota, fee: {{per: month, amount: {}}}}}\n"


def series() -> Book:
    first = tariff("XX-1", FEE.format(1), start="2024-01-01", series="XX")
    second = tariff("XX-2", FEE.format(2) + FEE.format(5).replace("CUOTA", "OTRA"), start="2025-01-01", series="XX")
    return Book.of({"XX-2": second, "XX-1": first})


def test_by_id_or_by_series() -> None:
    book = series()
    assert book.get("XX-1").id == "XX-1"
    both = book.get("XX")
    assert (both.id, both.start, both.end) == ("XX", date(2024, 1, 1), None)
    rates = both.components[0].rates
    assert [(rate.start, rate.end, rate.version) for rate in rates] == [
        (date(2024, 1, 1), date(2025, 1, 1), "XX-1"),
        (date(2025, 1, 1), None, "XX-2"),
    ]
    assert (both.components[1].code, both.components[1].start, both.components[1].end) == (
        "OTRA",
        date(2025, 1, 1),
        None,
    )
    assert [rate.source for rate in rates] == ["Ordenanza de ejemplo"] * 2
    assert both.digest == "+".join(book.get(name).digest for name in ("XX-1", "XX-2"))


@pytest.mark.parametrize(("day", "name"), [("2024-01-01", "XX-1"), ("2024-12-31", "XX-1"), ("2025-01-01", "XX-2")])
def test_the_version_in_force_on_a_day(day: str, name: str) -> None:
    assert series().on("XX", date.fromisoformat(day)).id == name


def test_before_the_first_version_there_is_none() -> None:
    with pytest.raises(RatingError, match="no version of XX is in force on 2023-12-31"):
        series().on("XX", date(2023, 12, 31))


def test_an_unknown_id() -> None:
    with pytest.raises(RatingError, match="tariffs: XX-9 is not in the book"):
        series().get("XX-9")


def test_the_next_version_ends_the_one_before() -> None:
    first = tariff("XX-1", FEE.format(1), start="2024-01-01, to: 2030-01-01", series="XX")
    second = tariff("XX-2", FEE.format(2), start="2025-01-01, to: 2026-01-01", series="XX")
    both = Book.of({"XX-1": first, "XX-2": second})
    assert [rate.end for rate in both.get("XX").components[0].rates] == [date(2025, 1, 1), date(2026, 1, 1)]
    with pytest.raises(RatingError, match="no version of XX is in force on 2026-01-01"):
        both.on("XX", date(2026, 1, 1))


@pytest.mark.parametrize("change", ["assume: {persons: 3}\n", "rounding: {vat: line}\n"])
def test_versions_must_assume_and_round_alike(change: str) -> None:
    first = change + tariff("XX-1", FEE.format(1), start="2024-01-01", series="XX").lstrip()
    second = tariff("XX-2", FEE.format(2), start="2025-01-01", series="XX")
    with pytest.raises(RatingError, match="XX-1 and XX-2 of XX assume or round differently"):
        Book.of({"XX-1": first, "XX-2": second}).get("XX")


def test_a_concept_that_ends_with_its_version() -> None:
    first = "parameters: {p: {text: Uno}}\n" + tariff(
        "XX-1", FEE.format(5).replace("CUOTA", "VIEJA") + FEE.format(1), "2024-01-01", "XX"
    ).lstrip().replace("name: Cuota", "name: Cuota, clause: artículo 1")
    second = "parameters: {q: {text: Dos}}\n" + tariff("XX-2", FEE.format(2), "2025-01-01", "XX").lstrip()
    third = tariff("XX-3", FEE.format(3), "2026-01-01", "XX")
    both = Book.of({"XX-1": first, "XX-2": second, "XX-3": third}).get("XX")
    assert [(part.code, part.start, part.end) for part in both.components] == [
        ("VIEJA", date(2024, 1, 1), date(2025, 1, 1)),
        ("CUOTA", date(2024, 1, 1), None),
    ]
    assert [rate.end for rate in both.components[1].rates] == [date(2025, 1, 1), date(2026, 1, 1), None]
    assert [rate.clause for rate in both.components[1].rates] == ["artículo 1", "", ""]
    assert set(both.parameters) == {"p", "q"}


def test_a_broken_file_stops_its_own_series_only() -> None:
    texts = {
        "XX-1": tariff("XX-1", FEE.format(1), series="XX"),
        "YY-1": tariff("YY-1", FEE.format("caro"), series="YY"),
    }
    book = Book.of(texts)
    assert book.get("XX").id == "XX-1"
    with pytest.raises(TariffError, match=r"YY-1\.yaml:\d+: components\[0\]\.fee\.amount 'caro'"):
        book.get("YY")


def test_a_series_of_one_is_its_version() -> None:
    assert Book.of({"XX-GOOD": GOOD}).get("XX-GOOD").id == "XX-GOOD"


def test_a_series_may_not_change_a_components_condition() -> None:
    first = tariff("XX-1", FEE.format(1), start="2024-01-01", series="XX")
    other = FEE.format(2).replace("name: Cuota", "name: Cuota, when: {sewer: yes}")
    second = tariff("XX-2", other, start="2025-01-01", series="XX")
    with pytest.raises(RatingError, match="CUOTA of XX-2 has another condition"):
        Book.of({"XX-1": first, "XX-2": second}).get("XX")


def test_a_file_must_be_called_as_its_tariff() -> None:
    with pytest.raises(RatingError, match=r"tariffs: OTHER\.yaml says it is XX-GOOD"):
        Book.of({"OTHER": GOOD}).get("OTHER")


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "XX-GOOD.yaml").write_text(GOOD)
    book = TariffBook(tmp_path)
    assert book.ids() == ["XX-GOOD"]
    assert book.get("XX-GOOD") is book.get("XX-GOOD")
    assert load(tmp_path / "XX-GOOD.yaml") == book.get("XX-GOOD")


def test_only_ids_name_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "XX-GOOD.yaml").write_text(GOOD)
    (tmp_path / "notes.yaml").write_text(GOOD)
    assert TariffBook(tmp_path).ids() == ["XX-GOOD"]
    with pytest.raises(RatingError, match=r"\.\./XX-GOOD is not in the book"):
        TariffBook(tmp_path / "sub").get("../XX-GOOD")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TariffError, match=r"none\.yaml:1: file '.*none\.yaml': No such file or directory"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("tariff: ñ".encode("latin-1"))
    with pytest.raises(TariffError, match=r"latin\.yaml:1: file byte 8: must be UTF-8 text"):
        load(tmp_path / "latin.yaml")


def test_versions_follow_one_another_by_their_dates_whatever_their_names() -> None:
    texts = {
        "XX-C": tariff("XX-C", FEE.format(1), "2024-01-01", "XX"),
        "XX-B": tariff("XX-B", FEE.format(2), "2025-01-01", "XX"),
        "XX-A": tariff("XX-A", FEE.format(3), "2026-01-01", "XX").replace("place: ", "place: Nuevo "),
    }
    book = Book.of(texts)
    whole = book.get("XX")
    assert [rate.version for rate in whole.components[0].rates] == ["XX-C", "XX-B", "XX-A"]
    assert (whole.id, whole.start, whole.end) == ("XX", date(2024, 1, 1), None)
    assert whole.place.startswith("Nuevo ")
    days = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 12, 31), date(2026, 1, 1)]
    assert [book.on("XX", day).id for day in days] == ["XX-C", "XX-B", "XX-B", "XX-A"]
    with pytest.raises(RatingError, match=r"^tariffs: no version of XX is in force on 2023-12-31$"):
        book.on("XX", date(2023, 12, 31))
    assert book.text("XX-B") == texts["XX-B"]
    assert book.text("XX") is None


def test_one_version_rules_on_its_own_days() -> None:
    book = Book.of({"XX-GOOD": GOOD.replace("from: 2024-01-01", "from: 2024-01-01, to: 2025-01-01")})
    assert book.on("XX-GOOD", date(2024, 1, 1)).id == "XX-GOOD"
    assert book.on("XX-GOOD", date(2024, 12, 31)).id == "XX-GOOD"
    for day in (date(2023, 12, 31), date(2025, 1, 1)):
        with pytest.raises(RatingError, match=f"no version of XX-GOOD is in force on {day}"):
            book.on("XX-GOOD", day)


def test_the_text_names_the_first_problem_and_counts_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "XX-GOOD.yaml"
    path.write_text(GOOD.replace("0.4375", "caro"))
    with pytest.raises(TariffError, match=r"^XX-GOOD\.yaml:21: .* must be a number like 12 or 0\.4375$"):
        load(path)
    path.write_text(GOOD.replace("0.4375", "caro").replace("4.46", "caro"))
    with pytest.raises(TariffError, match=r"^XX-GOOD\.yaml:14: .* must be a number like 12 or 0\.4375 \(and 1 more\)$"):
        load(path)


def test_a_concept_of_a_version_without_a_beginning_has_none() -> None:
    undated = tariff("XX-1", FEE.format(1), "2024-01-01", "XX").replace("valid: {from: 2024-01-01}\n", "")
    book = Book.of({"XX-1": undated, "XX-2": tariff("XX-2", FEE.format(2), "2025-01-01", "XX")})
    (part,) = book.get("XX").components
    assert (part.start, part.end) == (None, None)
    assert [(rate.start, rate.end) for rate in part.rates] == [(None, date(2025, 1, 1)), (date(2025, 1, 1), None)]
    assert book.on("XX", date(1990, 1, 1)).id == "XX-1"
