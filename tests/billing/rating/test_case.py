"""Cases: what is rated, read once, and every mistake named."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from billing.rating import Case, CaseError

GOOD: dict[str, Any] = {"tariffs": ["XX"], "supply": {"use": "domestic"}, "period": {"months": 2}, "litres": 18_000}


def test_a_case() -> None:
    supply = {
        "calibre_mm": 13,
        "persons": "3",
        "q3_m3h": Decimal("2.5"),
        "sewer": False,
        "groups": ["b", "a"],
        "zone": None,
    }
    case = Case.parse({**GOOD, "ref": 7, "supply": supply, "leak": True, "reference_litres": 9})
    assert case.supply == {
        "calibre_mm": Fraction(13),
        "persons": Fraction(3),
        "q3_m3h": Fraction(5, 2),
        "sewer": False,
        "groups": frozenset({"a", "b"}),
    }
    assert (case.ref, case.litres, case.reference_litres, case.leak) == (7, 18_000, 9, True)


def test_readings_give_the_litres() -> None:
    runs = [{"meter": "a", "from_litres": 5, "to_litres": 8}, {"meter": "b", "from_litres": 0, "to_litres": 4}]
    raw = {key: value for key, value in GOOD.items() if key != "litres"}
    assert Case.parse({**raw, "readings": runs}).litres == 7


def test_a_meters_run() -> None:
    run = {"meter": "A-1", "calibre_mm": 20, "from_litres": 5, "to_litres": 8, "from": "2026-01-01", "to": "2026-02-01"}
    found = Case.parse({**GOOD, "litres": 3, "readings": [run]}).readings[0]
    assert (found.meter, found.calibre_mm, found.start, found.end, found.litres) == (
        "A-1",
        20,
        date(2026, 1, 1),
        date(2026, 2, 1),
        3,
    )
    assert Case.parse({**GOOD, "litres": 3, "readings": [{"from_litres": 5, "to_litres": 8}]}).readings[0].meter == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tariffs": []}, "tariffs: must name at least one tariff"),
        ({"tariffs": ["A", "A"]}, "tariffs: A, A: each tariff once"),
        ({"tariffs": "A"}, "tariffs: 'A' must be a list"),
        ({"tariffs": [{}]}, "tariffs: {} must be a word"),
        ({"leek": True}, "leek: not known; known: ref, tariffs"),
        ({"leak": "yes"}, "leak: 'yes' must be true or false"),
        ({"supply": []}, r"supply: \[\] must be an object"),
        ({"supply": {"callibre": 13}}, r"supply\.callibre: not known; known: use, calibre_mm"),
        ({"supply": {"calibre_mm": "wide"}}, r"supply\.calibre_mm: 'wide' must be a number"),
        ({"supply": {"calibre_mm": -1}}, r"supply\.calibre_mm: -1 must be a number, not negative"),
        ({"supply": {"calibre_mm": True}}, r"supply\.calibre_mm: True must be a number"),
        ({"supply": {"persons": "2.5"}}, r"supply\.persons: 2\.5 must be a whole number, not negative"),
        ({"supply": {"groups": "a"}}, r"supply\.groups: 'a' must be a list of words"),
        ({"supply": {"groups": [1.5]}}, r"supply\.groups: 1\.5 must be a word"),
        ({"supply": {"use": " "}}, r"supply\.use: ' ' must be a word"),
        ({"supply": {"sewer": "no"}}, r"supply\.sewer: 'no' must be true or false"),
        ({"supply": {"population": "NaN"}}, r"supply\.population: 'NaN' must be a number"),
        ({"supply": {"population": "1e99"}}, r"supply\.population: '1e99' must be a number"),
        ({"period": None}, "period: missing"),
        ({"period": {}}, "period: has nothing; must be from and to, or months, or days"),
        ({"period": {"months": 2, "days": 60}}, "period: has days, months; must be from and to"),
        ({"period": {"from": "2026-01-01"}}, "period: has from; must be"),
        ({"period": {"weeks": 2}}, r"period\.weeks: not known; known: from, to, months, days"),
        ({"period": {"months": "x"}}, r"period\.months: 'x' must be a number"),
        ({"changes": [{"from": "x"}]}, r"changes\[0\]\.from: 'x' must be a date like"),
        ({"period": {"months": 0}}, r"period\.months: 0 must be positive"),
        ({"period": {"days": "1.5"}}, r"period\.days: 1\.5 must be a whole number"),
        ({"period": {"from": "2026-01-01", "to": "2026-01-01"}}, r"period\.to: 2026-01-01 must be after period\.from"),
        ({"period": {"from": "01/02/2026", "to": "2026-01-01"}}, r"period\.from: '01/02/2026' must be a date like"),
        ({"period": {"from": 5, "to": "2026-01-01"}}, r"period\.from: 5 must be a date like"),
        ({"litres": None}, "litres: missing; give litres or readings"),
        ({"litres": -1}, "litres: -1 must be from 0 to 10000000000 litres"),
        ({"litres": 10**10 + 1}, "litres: 10000000001 must be from 0"),
        ({"litres": "18.5"}, r"litres: 18\.5 must be a whole number"),
        ({"reference_litres": -5}, "reference_litres: -5 must be from 0"),
        (
            {"readings": [{"from_litres": 5, "to_litres": 4}]},
            r"readings\[0\]\.to_litres: 4 must not be below from_litres 5",
        ),
        ({"readings": [{"from_litres": 5}]}, r"readings\[0\]\.to_litres: missing"),
        (
            {"readings": [{"from_litres": 0, "to_litres": 9}]},
            r"litres: 18000 must be what the readings add up to \(9\)",
        ),
        ({"readings": [{"to_litres": 5}]}, r"readings\[0\]\.from_litres: missing"),
        ({"readings": [{"from_litres": 0, "to_litres": 0, "from": "x"}]}, r"readings\[0\]\.from: 'x' must be a date"),
        ({"readings": [{"from_litres": 0, "to_litres": 0, "to": "x"}]}, r"readings\[0\]\.to: 'x' must be a date"),
        ({"readings": [{"from_litres": 0, "to_litres": 0, "calibre_mm": "x"}]}, r"readings\[0\]\.calibre_mm: 'x' must"),
        ({"readings": [{"pulse": 1}]}, r"readings\[0\]\.pulse: not known"),
        ({"bonuses": [{"pct": 0}]}, r"bonuses\[0\]\.pct: 0 must be above 0 and at most 100"),
        ({"bonuses": [{"pct": "101"}]}, r"bonuses\[0\]\.pct: 101 must be above 0"),
        ({"bonuses": [{}]}, r"bonuses\[0\]\.pct: missing"),
        ({"bonuses": [{"pct": 5, "components": "A"}]}, r"bonuses\[0\]\.components: 'A' must be a list"),
        ({"parameters": [1]}, r"parameters: \[1\] must be an object"),
        ({"parameters": {"p": []}}, r"parameters\.p: \[\] must be a word"),
    ],
)
def test_mistakes(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CaseError, match=f"^{message}"):
        Case.parse({**GOOD, **change})


@pytest.mark.parametrize("raw", [None, [], 5, "x"])
def test_what_is_no_case(raw: object) -> None:
    with pytest.raises(CaseError, match=r"^case: "):
        Case.parse(raw)


def test_floats_never_enter() -> None:
    with pytest.raises(CaseError, match=r"litres: 18000\.0 must be a number"):
        Case.parse(json.loads(json.dumps(GOOD | {"litres": 18000.0})))
