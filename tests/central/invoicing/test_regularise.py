"""Estimates regularised in a run: by the difference, or spread and rated again, whichever way they were wrong."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from billing.volume import Period
from central import explain_cli
from central.invoicing import rectify
from central.ops.audit import audit
from central.store import read_session, write_session
from central.store.models import DraftBill, Invoice, Rectification
from sgc import build_app
from tests.central.factories import BILLING, NEXT_PERIOD, PERIOD, UTILITY, Town, found
from tests.central.invoicing.driving import CHECKER, issued, simulated

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
DECEMBER = Period(date(2025, 12, 1), JANUARY)


def regularised(town: Town, run: str = "R-2026-02", which: str = "all", refused: str = "") -> Any:
    db = town.engine.url.render_as_string(hide_password=False)
    few = ["--series", "AR2026", "--which", which, "--actor", "ana", "--db", db, "--json"]
    result = CliRunner().invoke(build_app(), ["central", "bill", "regularise", "--run", run, *few])
    assert result.exit_code == (2 if refused else 0), result.output
    if refused:
        assert refused in result.stderr
        return None
    return json.loads(result.stdout)


def estimated(engine: Engine, settings: dict[str, Any], metered: int) -> Town:
    """A house read at the start of December and January and at the end of February; January was estimated at 31 m³."""
    town = found(engine, 1, {**BILLING, **settings})
    town.read(0, DECEMBER.start, 1_000)
    town.read(0, JANUARY, 32_000)
    issued(town, DECEMBER, code="R-2025-12")
    issued(town)
    town.read(0, MARCH, 32_000 + metered)
    return town


def draft(town: Town, run_id: int) -> tuple[str, int]:
    with read_session(town.engine) as session:
        row = session.scalars(select(DraftBill).where(DraftBill.run_id == run_id)).one()
        return row.status, row.litres


def bills(town: Town) -> list[Invoice]:
    with read_session(town.engine) as session:
        return list(session.scalars(select(Invoice).order_by(Invoice.period_from, Invoice.generation)))


def decided(town: Town, rectification: int) -> None:
    with write_session(town.engine) as session:
        row = session.get_one(Rectification, (UTILITY, rectification))
        day = date(2026, 3, 2)
        rectify.issue(session, row, CHECKER, datetime.now(UTC), issue_date=day, due_date=day)


def clean(town: Town) -> bool:
    assert [verdict.breaches for verdict in audit(town.engine) if verdict.breaches] == []
    for one in bills(town):
        assert explain_cli.told(town.engine, None, one.number_text)["recomputed"]["same"]
    return True


def test_what_was_estimated_short_is_spread_and_rated_again(engine: Engine) -> None:
    town = estimated(engine, {}, metered=118_000)
    run_id = simulated(town, NEXT_PERIOD, datetime.now(UTC))
    assert draft(town, run_id) == ("ready", 87_000)  # the difference method bills it all now
    (told,) = regularised(town)
    assert told["cents"] > 0
    (again,) = regularised(town)
    assert (again["rectification"], again["why"]) == (told["rectification"], "ya está propuesta")
    decided(town, told["rectification"])
    (_, january, rectifying) = bills(town)
    assert (january.litres, rectifying.litres, rectifying.kind) == (31_000, 62_000, "R4")  # 31 of 59 days
    issued(town, NEXT_PERIOD, datetime.now(UTC), code="R-2026-02-B")
    assert bills(town)[-1].litres == 56_000
    assert clean(town)


@pytest.mark.parametrize("policy", ["credit", "carry"])
def test_what_was_estimated_beyond_is_given_back_by_a_rectification(engine: Engine, policy: str) -> None:
    town = estimated(engine, {"volume": {"negative": policy}}, metered=11_800)
    run_id = simulated(town, NEXT_PERIOD, datetime.now(UTC))
    assert draft(town, run_id) == (("parked", -19_200) if policy == "credit" else ("ready", 0))
    if policy == "carry":
        assert regularised(town, which="negative") == []
        return
    (told,) = regularised(town, which="negative")
    assert told["cents"] < 0
    decided(town, told["rectification"])
    issued(town, NEXT_PERIOD, datetime.now(UTC), code="R-2026-02-B")
    assert [(one.kind, one.litres) for one in bills(town)][1:] == [("F1", 31_000), ("R4", 6_200), ("F1", 5_600)]
    assert clean(town)


def test_a_run_without_estimates_has_nothing_to_regularise(town: Town) -> None:
    issued(town)
    simulated(town, NEXT_PERIOD, datetime.now(UTC))
    assert regularised(town) == []


def test_only_a_run_in_review_is_regularised(town: Town) -> None:
    issued(town, PERIOD)
    regularised(town, run="R-2026-01", refused="estimates are regularised while it is in review")
