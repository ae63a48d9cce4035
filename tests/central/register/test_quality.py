"""The register's quality board, on a small town that is broken on purpose, on both databases."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from central import register
from central.register import quality
from central.register.contracts import Terms, change_terms, find_contract
from central.register.quality.rule import Asked
from central.store import new_id, write_session
from central.store.models import AuditEntry, Contract, SupplyPoint, Utility
from sgc import build_app
from tests.central.conftest import BY, Town, point_of

LATER = BY.at + timedelta(days=40)


def subjects(session: Session, town: Town, rule: str) -> list[str]:
    return [issue.subject for issue in quality.issues(session, town.utility_id, rule)]


def refreshed(session: Session, town: Town, at: datetime = BY.at) -> None:
    quality.refresh(session, session.get_one(Utility, town.utility_id), at)


def board(session: Session, town: Town, at: datetime) -> list[quality.Line]:
    return quality.board(session, session.get_one(Utility, town.utility_id), at)


def contract(session: Session, town: Town, code: str) -> Contract:
    found = find_contract(session, town.utility_id, code)
    assert found is not None
    return found


def test_an_orderly_town_has_only_its_one_nif_on_the_board(town: Town) -> None:
    with write_session(town.engine) as session:
        refreshed(session, town)
        lines = board(session, town, BY.at)
        assert {line.rule: line.open for line in lines if line.open} == {"same_nif": 1}
        assert len(lines) == len(quality.all_rules()) == 27
        assert subjects(session, town, "same_nif") == ["12345678Z"]


def test_each_rule_about_supply_finds_its_fault(town: Town) -> None:
    at = datetime(2027, 1, 5, tzinfo=UTC)
    with write_session(town.engine) as session:
        one, two = point_of(session, town, 1), point_of(session, town, 2)
        register.cancel_contract(session, contract(session, town, "K-1"), date(2026, 6, 1), by=BY)
        register.remove_meter(session, two, datetime(2026, 6, 1, tzinfo=UTC), None, by=BY)
        big = register.add_meter(
            session, town.utility_id, address="KAM-00000099-1B-16", serial="Z9", calibre_mm=40, modulus_litres=10**8,
            radio=True, made_year=2012, by=BY,
        )  # fmt: skip
        three = point_of(session, town, 3)
        register.exchange_meter(
            session, three, big, datetime(2026, 5, 1, tzinfo=UTC), removal_litres=9, installation_litres=0, by=BY
        )
        refreshed(session, town, at)
        assert subjects(session, town, "meter_without_contract") == [town.meters[0]]
        assert one.code in quality.issues(session, town.utility_id, "meter_without_contract")[0].text
        assert subjects(session, town, "contract_without_meter") == ["K-2"]
        # K-3's meter was read when it was hung, less than 12 months ago; nobody ever read K-2's.
        assert subjects(session, town, "contract_without_reading") == ["K-2"]
        assert subjects(session, town, "calibre_against_use") == [big.address]
        assert subjects(session, town, "meter_over_life") == [big.address]
        assert subjects(session, town, "serial_alike") == []


def test_serials_that_differ_in_form_only_are_one(town: Town) -> None:
    with write_session(town.engine) as session:
        register.add_meter(
            session, town.utility_id, address="KAM-00000098-1B-16", serial="0k-1", calibre_mm=15, modulus_litres=10**8,
            radio=True, by=BY,
        )  # fmt: skip
        refreshed(session, town)
        (issue,) = quality.issues(session, town.utility_id, "serial_alike")
        assert issue.text == "números de serie casi iguales: 0k-1, K1"


def test_each_rule_about_places_finds_its_fault(town: Town) -> None:
    with write_session(town.engine) as session:
        for code, street, number, postal, ine in (
            ("OTHER", "Calle Sol", "4", "30001", "03014"),
            ("NOWHERE", "Calle Sol", "0", "03698", "03002"),
            ("WITHOUT", "Calle Luna", "S/N", "03698", "03002"),
        ):
            session.add(
                SupplyPoint(
                    utility_id=town.utility_id, id=new_id(), code=code, street=street, number=number, detail="",
                    postal_code=postal, ine_code=ine, cadastral_ref="9872023VH5797S0001WX", created_at=BY.at,
                )
            )  # fmt: skip
        session.flush()
        refreshed(session, town)
        assert subjects(session, town, "postal_against_municipality") == ["OTHER"]
        assert subjects(session, town, "other_municipality") == ["OTHER"]
        assert subjects(session, town, "impossible_address") == ["NOWHERE"]
        assert subjects(session, town, "cadastral_against_address") == ["9872023VH5797S0001WX"]


def test_each_rule_about_people_finds_its_fault(town: Town) -> None:
    on = date(2027, 3, 1)
    with write_session(town.engine) as session:
        customer = register.find_customer(session, town.utility_id, "C1")
        assert customer is not None
        register.add_bank_account(session, customer, "ES9121000418450200051332", date(2026, 2, 1), by=BY)
        refreshed(session, town)
        assert subjects(session, town, "missing_mandate") == ["C1"]
        asked = Asked(session, session.get_one(Utility, town.utility_id), on)
        # A statement that begins later leaves the days before it without one, as an import with a gap does.
        holder = register.change_holder(session, contract(session, town, "K-2"), customer, on, by=BY)
        terms = change_terms(session, contract(session, town, "K-3"), Terms(use="domestic"), on, by=BY)
        holder.retired_at = terms.retired_at = BY.at
        session.flush()
        rules = quality.all_rules()
        assert [hit.subject for hit in rules["contract_without_holder"].find(asked)] == ["K-2"]
        assert [hit.subject for hit in rules["contract_without_terms"].find(asked)] == ["K-3"]


def test_an_issue_ages_clears_and_opens_again(town: Town) -> None:
    with write_session(town.engine) as session:
        place, meter_gone = point_of(session, town, 2), datetime(2026, 6, 1, tzinfo=UTC)
        _, meter = register.remove_meter(session, place, meter_gone, None, by=BY)
        refreshed(session, town)
        line = {line.rule: line for line in board(session, town, LATER)}["contract_without_meter"]
        assert (line.open, line.since, line.days) == (1, BY.at, 40)
        hung = BY.at - timedelta(days=30)
        register.install_meter(session, place, meter, hung, 5, by=BY)
        refreshed(session, town, LATER)
        assert subjects(session, town, "contract_without_meter") == []
        again = LATER + timedelta(days=10)
        register.remove_meter(session, place, LATER, 9, by=BY)
        refreshed(session, town, again)
        (issue,) = quality.issues(session, town.utility_id, "contract_without_meter")
        assert (issue.first_seen_at, issue.cleared_at) == (again, None)


def test_an_issue_is_given_to_somebody_and_dismissed_only_with_a_reason(town: Town) -> None:
    with write_session(town.engine) as session:
        refreshed(session, town)
        issue = quality.find_issue(session, town.utility_id, "same_nif", "12345678Z")
        quality.assign(session, issue, "ana", by=BY)
        with pytest.raises(register.RegisterError, match=r"quality.reason: '', must have 1 to 200 characters"):
            quality.dismiss(session, issue, by=BY)
        quality.dismiss(session, issue, by=register.Change("ana", BY.at, "tres viviendas de una persona"))
        refreshed(session, town, LATER)
        assert subjects(session, town, "same_nif") == []
        line = {line.rule: line for line in board(session, town, LATER)}["same_nif"]
        assert (line.open, line.dismissed, issue.assigned_to) == (0, 1, "ana")
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject == "quality_issue")).all()
        assert [entry.action for entry in entries] == ["assign", "dismiss"]
        with pytest.raises(register.RegisterError, match=r"quality.rule: 'nothing', must be one of"):
            quality.issues(session, town.utility_id, "nothing")


def test_the_command_shows_the_board_and_takes_decisions(town: Town, database: str) -> None:
    def sgc(*words: str) -> str:
        result = CliRunner().invoke(build_app(), ["central", "quality", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    found = {line["rule"]: line for line in json.loads(sgc("--db", database, "--json"))}
    assert (found["same_nif"]["open"], found["same_nif"]["owner"]) == (1, "clerk")
    sgc("assign", "same_nif", "12345678Z", "ana", "--db", database)
    (issue,) = json.loads(sgc("list", "same_nif", "--db", database, "--json"))
    assert (issue["subject"], issue["assigned_to"]) == ("12345678Z", "ana")
    sgc("dismiss", "same_nif", "12345678Z", "--reason", "es una sola persona", "--db", database)
    assert json.loads(sgc("list", "same_nif", "--db", database, "--json")) == []
    refused = CliRunner().invoke(build_app(), ["central", "quality", "list", "nothing", "--db", database])
    assert refused.exit_code == 2
    assert "quality.rule: 'nothing', must be one of" in refused.stderr
