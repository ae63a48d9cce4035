"""One correction for every contract over several periods: to the cent, resumable, decided by another person."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from billing.invoice import InvoiceType, Method
from billing.ledger import cents_of
from central.invoicing import rectify, tariffs
from central.invoicing.rectify.sweep import issue_all, sweep
from central.invoicing.states import RunError
from central.store import read_session, write_session
from central.store.models import Contract, Invoice, Rectification
from sgc import build_app
from tests.central.factories import EXAMPLES, NEXT_PERIOD, NOW, TARIFF, Town
from tests.central.invoicing.driving import CHECKER, MAKER, issued
from tests.central.invoicing.test_rectify import bills, breaches, owed

WHY = "Sentencia que anula la subida del bloque 1"
JANUARY, DAY, DUE = date(2026, 1, 1), date(2026, 4, 2), date(2026, 5, 2)


def asked(method: Method = "I") -> rectify.Request:
    return rectify.Request((), "correct", InvoiceType.R1, method, "AR2026", WHY)


def two_months(town: Town) -> None:
    issued(town)
    issued(town, NEXT_PERIOD)


def cheaper(town: Town) -> None:
    """The first block costs 0.10 euros less than was billed."""
    text = (EXAMPLES / f"{TARIFF}.yaml").read_text()
    with write_session(town.engine) as session:
        tariffs.record(session, town.utility_id, text.replace("0.4375", "0.3375"), "clerk", NOW)


@pytest.mark.parametrize("method", ["I", "S"])
def test_a_tariff_annulled_after_the_fact_is_rectified_for_every_contract_and_period(
    town: Town, method: Method
) -> None:
    two_months(town)
    before = {house: owed(town, house) for house in range(len(town.contracts))}
    cheaper(town)
    found = sweep(town.engine, town.utility_id, asked(method), JANUARY, None, MAKER, NOW)
    # Every house uses 5 m3 or more a month: 5 x 0.10 euros and 10 % of VAT, twice.
    assert (len(found.proposed), found.bills, found.right, found.refused) == (7, 14, 0, {})
    assert found.cents == -55 * 14
    made = issue_all(town.engine, town.utility_id, WHY, CHECKER, NOW, issue_date=DAY, due_date=DUE)
    assert (made.invoices, made.refused) == (14, {})
    assert {house: owed(town, house) - cents for house, cents in before.items()} == dict.fromkeys(before, -110)
    assert breaches(town) == []
    again = sweep(town.engine, town.utility_id, asked(method), JANUARY, None, MAKER, NOW)
    assert (again.proposed, again.right) == ([], 7)


def test_only_the_periods_asked_for_and_those_that_their_readings_move(town: Town) -> None:
    two_months(town)
    cheaper(town)
    found = sweep(town.engine, town.utility_id, asked(), NEXT_PERIOD.start, None, MAKER, NOW)
    assert (found.bills, found.cents) == (7, -55 * 7)
    with pytest.raises(RunError, match="since 2027-01-01: no bill's period"):
        sweep(town.engine, town.utility_id, asked(), date(2027, 1, 1), None, MAKER, NOW)


def test_a_tariff_and_a_reading_corrected_together_come_to_the_cent(town: Town) -> None:
    two_months(town)
    cheaper(town)
    # The index of 1 February was typed 2 m3 too high: January comes to 8.1 m3 and February to 12.1 m3.
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    first, second = bills(town, 1)
    sweep(town.engine, town.utility_id, asked("S"), JANUARY, None, MAKER, NOW)
    issue_all(town.engine, town.utility_id, WHY, CHECKER, NOW, issue_date=DAY, due_date=DUE)
    # 11.98 and 18.00 euros less 0.55 each.
    assert owed(town, 1) == 1198 + 1800 - 110
    with read_session(town.engine) as session:
        rows = select(Invoice.total_cents, Invoice.rectifies).where(
            Invoice.contract_id == town.contracts[1], Invoice.kind == "R1"
        )
        made = [(row[0], row[1] or {}) for row in session.execute(rows.order_by(Invoice.period_from))]
    assert [total for total, _ in made] == [1143, 1745]
    replaced = [cents_of(Decimal(note["base"]) + Decimal(note["vat"])) for _, note in made]
    assert replaced == [first.total_cents, second.total_cents]
    assert breaches(town) == []


def test_interrupted_it_goes_on_where_it_was_and_proposes_nothing_twice(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_months(town)
    cheaper(town)
    done = iter(range(3))

    def until_the_power_fails(*arguments: Any) -> Any:
        if next(done, None) is None:
            raise KeyboardInterrupt
        return rectify.propose(*arguments)

    monkeypatch.setattr("central.invoicing.rectify.sweep.propose", until_the_power_fails)
    with pytest.raises(KeyboardInterrupt):
        sweep(town.engine, town.utility_id, asked(), JANUARY, None, MAKER, NOW)
    monkeypatch.undo()
    found = sweep(town.engine, town.utility_id, asked(), JANUARY, None, MAKER, NOW)
    assert (len(found.proposed), found.waiting) == (4, 3)
    with read_session(town.engine) as session:
        contracts = session.scalars(select(Rectification.contract_id)).all()
    assert len(contracts) == len(set(contracts)) == 7


def test_whoever_proposed_issues_none_of_it(town: Town) -> None:
    issued(town)
    cheaper(town)
    found = sweep(town.engine, town.utility_id, asked(), JANUARY, None, MAKER, NOW)
    made = issue_all(town.engine, town.utility_id, WHY, MAKER, NOW, issue_date=DAY, due_date=DUE)
    assert (made.invoices, set(made.refused)) == (0, set(found.proposed))
    with pytest.raises(RunError, match="no open proposal states it"):
        issue_all(town.engine, town.utility_id, "Otra causa", CHECKER, NOW, issue_date=DAY, due_date=DUE)


def test_a_contract_that_cannot_be_rectified_is_named_and_stops_nobody(town: Town) -> None:
    issued(town)
    cheaper(town)
    with write_session(town.engine) as session:
        contract = session.get_one(Contract, (town.utility_id, town.contracts[0]))
        code = contract.code
        contract.valid_to = date(2026, 1, 15)
    found = sweep(town.engine, town.utility_id, asked(), JANUARY, None, MAKER, NOW)
    assert (len(found.proposed), list(found.refused)) == (6, [code])
    assert "not in force in all of its period" in found.refused[code]


def test_on_the_command_line(town: Town) -> None:
    issued(town)
    cheaper(town)
    proposed = ordered(town, "sweep", "--since", "2026-01-01", "--reason", WHY, "--series", "AR2026", "--actor", MAKER)
    assert (len(proposed["proposed"]), proposed["cents"]) == (7, -385)
    issue = ("issue-all", "--reason", WHY, "--due", "2026-05-02", "--date", "2026-04-02", "--actor", CHECKER)
    assert ordered(town, *issue) == {"invoices": 7, "cents": -385, "refused": {}}


def ordered(town: Town, *arguments: str) -> Any:
    url = town.engine.url.render_as_string(hide_password=False)
    done = CliRunner().invoke(build_app(), ["rectify", *arguments, "--db", url, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)
