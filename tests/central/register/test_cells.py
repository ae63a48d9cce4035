"""What cells mean, and that no exported cell begins a formula and every one comes back."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.register.importing.cells import KINDS, CellError, Written, guarded, unguarded

SPANISH, ENGLISH, EITHER = Written(","), Written("."), Written()


@pytest.mark.parametrize(
    ("kind", "text", "written", "value"),
    [
        ("text", "00123", EITHER, "00123"),
        ("text", " ES91 2100 0418 4502 0005 1332 ", EITHER, "ES91 2100 0418 4502 0005 1332"),
        ("whole", "1.234", SPANISH, 1234),
        ("whole", "1,234", ENGLISH, 1234),
        ("whole", "100000000", EITHER, 100_000_000),
        ("litres", "1.234,567", SPANISH, 1_234_567),
        ("litres", "1,234.567", ENGLISH, 1_234_567),
        ("litres", "12,5", EITHER, 12_500),
        ("litres", "12.5", SPANISH, 12_500),
        ("degrees", "38,4387", SPANISH, 384_387_000),
        ("degrees", "-0.638", EITHER, -6_380_000),
        ("modulus", "5", EITHER, 100_000_000),
        ("yes", "Sí", EITHER, True),
        ("yes", "no", EITHER, False),
        ("day", "24/11/2026", EITHER, "2026-11-24"),
        ("day", "2026-11-24", EITHER, "2026-11-24"),
        ("day", "2026-11-24T00:00:00", EITHER, "2026-11-24"),
        ("day", "24/11/26", Written(day_format="%d/%m/%y"), "2026-11-24"),
        ("moment", "1/7/2026", EITHER, "2026-07-01"),
        ("moment", "1/7/2026 9:30", EITHER, "2026-07-01T09:30:00+02:00"),
        ("moment", "2026-01-01T08:00:00+00:00", EITHER, "2026-01-01T08:00:00+00:00"),
        ("json", '{"a": [1]}', EITHER, {"a": [1]}),
        ("list", "large_family|pensioner", EITHER, ["large_family", "pensioner"]),
    ],
)
def test_a_cell_is_read(kind: str, text: str, written: Written, value: Any) -> None:
    assert KINDS[kind](text, written) == value


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("text", "9,87E+15", "a spreadsheet shortened"),
        ("text", "a\x00b", "control character"),
        ("text", "x" * 10_001, "has 10001 characters"),
        ("whole", "12,5", "must be a whole number"),
        ("whole", "doce", "must be a number"),
        ("whole", "1.23.456,7", "must be a number"),
        ("litres", "0,0001", "at most three decimals"),
        ("modulus", "13", "3 to 12 digits"),
        ("yes", "quizá", "must be sí or no"),
        ("day", "46350", "is a number; a date must be"),
        ("day", "31/02/2026", "must be a date"),
        ("day", "24/11/26", "must be a date"),
        ("moment", "29/03/2026 02:30", "the clocks skipped"),
        ("moment", "1/7/2026 25:00", "must have a time"),
        ("json", "3", "must be JSON"),
    ],
)
def test_a_cell_that_breaks_a_rule_says_which(kind: str, text: str, rule: str) -> None:
    with pytest.raises(CellError, match=rule):
        KINDS[kind](text, EITHER)


@given(st.text())
def test_no_exported_cell_begins_a_formula_and_each_comes_back(text: str) -> None:
    cell = guarded(text)
    assert not re.match(r"[=+@\t\r]", cell)
    assert not cell.startswith("-") or re.fullmatch(r"-?\d+([.,]\d+)?", cell)
    assert unguarded(cell) == text


@pytest.mark.parametrize("text", ["=1+1", "@SUM(1)", '=HYPERLINK("http://x")'])
def test_a_formula_is_refused_and_not_stored(text: str) -> None:
    with pytest.raises(CellError, match="begins like a formula"):
        unguarded(text)
