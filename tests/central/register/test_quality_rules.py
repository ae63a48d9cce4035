"""Each rule of the board finds its planted fault, keeps silent on a clean town, and takes the utility's numbers."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from central import register
from central.register import quality
from central.register.contracts import Terms, find_contract
from central.register.quality.rule import Asked, Hit
from central.store import new_id, write_session
from central.store.models import (
    BankAccount,
    Contract,
    ContractHolder,
    ContractTerms,
    Customer,
    Meter,
    QualityIssue,
    SupplyPoint,
    Utility,
)
from tests.central.conftest import BY, Town, point_of

TODAY = date(2026, 11, 24)
GOOD = "ES9121000418450200051332"
GONE = "ES0700120345030000067890"  # of an entity that the Banco de España's register no longer lists


def hits(session: Session, town: Town, code: str, **settings: Any) -> list[Hit]:
    utility = session.get_one(Utility, town.utility_id)
    utility.settings = {"quality": {code: settings}} if settings else {}
    session.flush()
    rule = quality.rules_of(utility)[code]
    return list(rule.find(rule.asked(Asked(session, utility, TODAY))))


def subjects(session: Session, town: Town, code: str, **settings: Any) -> list[str]:
    return [hit.subject for hit in hits(session, town, code, **settings)]


def customer(session: Session, town: Town, code: str) -> Customer:
    found = register.find_customer(session, town.utility_id, code)
    assert found is not None
    return found


def contract(session: Session, town: Town, code: str) -> Contract:
    found = find_contract(session, town.utility_id, code)
    assert found is not None
    return found


def point(session: Session, town: Town, code: str, **values: Any) -> SupplyPoint:
    usual = {"street": "Carrer Nou", "number": "1", "postal_code": "03698", "ine_code": "03002"}
    return register.add_supply_point(session, town.utility_id, code, **(usual | values), by=BY)


def meter(session: Session, town: Town, serial: str, **values: Any) -> Meter:
    usual = {"calibre_mm": 15, "modulus_litres": 10**8, "radio": False}
    return register.add_meter(session, town.utility_id, serial=serial, **(usual | values), by=BY)


def test_a_clean_town_is_silent(town: Town) -> None:
    with write_session(town.engine) as session:
        for number, nif in ((1, "12345678Z"), (2, "X1234567L"), (3, "00000000T")):
            customer(session, town, f"C{number}").nif = nif
            one = point_of(session, town, number)
            one.lat_e7, one.lon_e7, one.detail = 384_387_000 + number, -6_380_000, f"{number}º"
            register.add_bank_account(
                session, customer(session, town, f"C{number}"), GOOD, date(2026, 1, 1),
                mandate_ref=f"M{number}", mandate_signed_on=date(2026, 1, 1), by=BY,
            )  # fmt: skip
        session.flush()
        assert {code: subjects(session, town, code) for code in quality.all_rules()} == {
            code: [] for code in quality.all_rules()
        }


def test_a_dead_holder_names_day_and_source(town: Town) -> None:
    with write_session(town.engine) as session:
        register.end_customer(session, customer(session, town, "C2"), date(2026, 2, 3), "certificado", by=BY)
        (hit,) = hits(session, town, "dead_holder")
        assert hit == Hit("K-2", "el titular C2 consta fallecido el 03/02/2026 (fuente: certificado)")
        other = register.add_customer(session, town.utility_id, "C9", nif="A28015865", name="SA", kind="company", by=BY)
        register.end_customer(session, other, date(2026, 2, 3), "BORME", by=BY)
        register.change_holder(session, contract(session, town, "K-2"), other, date(2026, 3, 1), by=BY)
        assert "disuelto o extinguido" in hits(session, town, "dead_holder")[0].text


def test_two_contracts_at_one_door_or_of_one_holder_at_one_address(town: Town) -> None:
    with write_session(town.engine) as session:
        for code, number, detail, who in (("X1", "9", "2º B", "C1"), ("X2", "9", "2º b", "C2"), ("X3", "1", "", "C1")):
            place = point(session, town, code, street="Carrer Major", number=number, detail=detail)
            holder = customer(session, town, who)
            register.sign_contract(session, place, f"K{code}", holder, Terms("domestic"), date(2026, 1, 1), by=BY)
        found = {hit.subject: hit.text for hit in hits(session, town, "duplicate_contract")}
        assert set(found) == {"KX1", "K-1"}
        assert "misma puerta" in found["KX1"]
        assert "mismo titular" in found["K-1"]


def test_days_without_meter_between_two(town: Town) -> None:
    with write_session(town.engine) as session:
        place = point_of(session, town, 1)
        register.remove_meter(session, place, datetime(2026, 5, 1, tzinfo=UTC), None, by=BY)
        register.install_meter(session, place, meter(session, town, "N1"), datetime(2026, 5, 4, tzinfo=UTC), 0, by=BY)
        (hit,) = hits(session, town, "gap_without_meter")
        assert hit == Hit("S1", "sin contador del 01/05/2026 al 04/05/2026, con contrato en vigor")
        assert subjects(session, town, "gap_without_meter", days=4) == []


@pytest.mark.parametrize(("model", "code"), [(ContractHolder, "gap_in_holders"), (ContractTerms, "gap_in_terms")])
def test_past_days_that_nothing_is_stated_of(town: Town, model: Any, code: str) -> None:
    with write_session(town.engine) as session:
        for number, (since, until) in enumerate(
            ((date(2026, 1, 1), date(2026, 3, 1)), (date(2026, 2, 1), None), (date(2026, 1, 1), date(2026, 4, 1))), 1
        ):
            of = contract(session, town, f"K-{number}")
            old = session.query(model).filter_by(contract_id=of.id).one()
            old.retired_at = BY.at
            session.flush()
            names = [c.key for c in model.__table__.columns]
            values = {name: getattr(old, name) for name in names} | {"retired_at": None}
            session.add(model(**(values | {"id": new_id(), "valid_from": since, "valid_to": until})))
            if number == 1:
                session.add(model(**(values | {"id": new_id(), "valid_from": date(2026, 3, 5), "valid_to": None})))
        contract(session, town, "K-3").valid_to = date(2026, 6, 1)
        session.flush()
        assert hits(session, town, code) == [
            Hit("K-1", "nada consta del 01/03/2026 al 05/03/2026"),
            Hit("K-2", "nada consta del 01/01/2026 al 01/02/2026"),
            Hit("K-3", "nada consta del 01/04/2026 al 01/06/2026"),
        ]


def test_accounts_of_banks_that_are_no_more_and_accounts_of_many(town: Town) -> None:
    with write_session(town.engine) as session:
        nifs = ("12345678Z", "X1234567L", "00000000T")
        for number, nif in enumerate(nifs, 1):
            customer(session, town, f"C{number}").nif = nif
            register.add_bank_account(session, customer(session, town, f"C{number}"), GOOD, date(2026, 1, 1), by=BY)
        assert subjects(session, town, "unknown_bank") == []
        assert subjects(session, town, "account_shared") == []
        (shared,) = hits(session, town, "account_shared", holders=2)
        assert shared == Hit("C1", "cuenta …1332: de 3 titulares distintos, de C1 a C3")
        session.add(
            BankAccount(
                utility_id=town.utility_id, id=new_id(), iban=GONE, valid_from=date(2025, 1, 1),
                valid_to=date(2027, 1, 1), recorded_at=BY.at, recorded_by="x",
                customer_id=register.add_customer(session, town.utility_id, "C9", nif="", name="Pau", by=BY).id,
            )
        )  # fmt: skip
        session.flush()
        (gone,) = hits(session, town, "unknown_bank")
        assert gone == Hit("C9", "cuenta …7890 de la entidad 0012, que no consta en el Banco de España")


def test_people_without_nif_or_with_anothers(town: Town) -> None:
    with write_session(town.engine) as session:
        customer(session, town, "C1").nif = ""
        customer(session, town, "C2").nif = "A28015865"
        customer(session, town, "C3").kind = "company"
        session.flush()
        assert hits(session, town, "missing_nif") == [Hit("C1", "Ana, titular de 1 contrato, sin NIF")]
        assert {hit.subject: hit.text for hit in hits(session, town, "nif_against_kind")} == {
            "C2": "figura como persona física y su NIF A28015865 es de una entidad",
            "C3": "figura como entidad (company) y su NIF 12345678Z es de una persona",
        }


def test_a_cadastral_reference_at_too_many_supplies(town: Town) -> None:
    with write_session(town.engine) as session:
        for number in range(4):
            point(session, town, f"X{number}", number=str(number + 1), cadastral_ref="9872023VH5797S0001WX")
        assert hits(session, town, "cadastral_shared") == [Hit("9872023VH5797S0001WX", "en 4 suministros, de X0 a X3")]
        assert subjects(session, town, "cadastral_shared", supplies=4) == []


def test_meters_that_are_not_made_so(town: Town) -> None:
    with write_session(town.engine) as session:
        for number, values in enumerate(({"q3_litres_hour": 6300}, {"made_year": 2026}, {"made_year": 2031}), 1):
            place = point(session, town, f"X{number}", number=str(number))
            made = meter(session, town, f"N{number}", **values)
            register.install_meter(session, place, made, datetime(2025, 6, 1, tzinfo=UTC), 0, by=BY)
        assert hits(session, town, "flow_against_calibre") == [
            Hit("MECH-N1", "15 mm con Q3 de 6300 l/h; lo usual son 2500")
        ]
        assert subjects(session, town, "flow_against_calibre", times=3) == []
        assert {hit.subject: hit.text for hit in hits(session, town, "installed_before_made")} == {
            "MECH-N2": "fabricado en 2026 e instalado el 01/06/2025",
            "MECH-N3": "fabricado en 2031",
        }


def test_coordinates_outside_the_declared_ground_or_far_from_the_others(town: Town) -> None:
    with write_session(town.engine) as session:
        for number in range(6):
            point(session, town, f"X{number}", lat_e7=384_387_000 + number, lon_e7=-6_380_000, number=str(number + 1))
        point(session, town, "FAR", lat_e7=-6_380_000, lon_e7=384_387_000)
        point(session, town, "NEAR", lat_e7=385_500_000, lon_e7=-6_380_000)
        code = "coordinates_outside"
        assert hits(session, town, code) == [Hit("FAR", "-0,638, 38,4387: fuera a más de 30 km de la mediana")]
        assert sorted(subjects(session, town, code, km=10)) == ["FAR", "NEAR"]
        box = [38.4, -0.7, 38.5, -0.6]
        assert sorted(subjects(session, town, code, box=box)) == ["FAR", "NEAR"]
        triangle = [["38.3", "-0.8"], ["38.7", "-0.638"], ["38.3", "-0.5"]]
        assert subjects(session, town, code, polygon=triangle) == ["FAR"]
        for wrong in ({"box": [1, 2]}, {"polygon": [[1, 2]]}, {"polygon": [[1, "x"], [1, 2], [3, 4]]}):
            with pytest.raises(register.RegisterError, match=r"settings.quality.coordinates_outside.\w+: "):
                hits(session, town, code, **wrong)


def test_a_utility_sets_numbers_severity_and_owner_or_puts_a_rule_off(town: Town) -> None:
    with write_session(town.engine) as session:
        utility = session.get_one(Utility, town.utility_id)
        utility.settings = {"quality": {"same_nif": {"severity": "info", "owner": "supervisor"}}}
        quality.refresh(session, utility, BY.at)
        line = next(line for line in quality.board(session, utility, BY.at) if line.rule == "same_nif")
        assert (line.severity, line.owner, line.open) == ("info", "supervisor", 1)
        utility.settings = {"quality": {"same_nif": {"off": True}}}
        quality.refresh(session, utility, BY.at)
        assert "same_nif" not in {line.rule for line in quality.board(session, utility, BY.at)}
        assert session.query(QualityIssue).filter(QualityIssue.cleared_at.is_(None)).count() == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gatos": {}}, r"settings.quality: 'gatos', must be one of account_shared"),
        ({"same_nif": {"days": 3}}, r"settings.quality.same_nif: 'days', must be one of severity, owner, off"),
        ({"meter_over_life": {"years": "doce"}}, r"settings.quality.meter_over_life.years: 'doce', must be a whole"),
        ({"same_nif": {"owner": "cat"}}, r"settings.quality.same_nif.owner: 'cat', must be one of clerk"),
        ({"same_nif": 3}, r"settings.quality: .* must be an object"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_wrong_setting_is_refused(town: Town, settings: dict[str, Any], said: str) -> None:
    with write_session(town.engine) as session:
        utility = session.get_one(Utility, town.utility_id)
        utility.settings = {"quality": settings}
        with pytest.raises(register.RegisterError, match=said):
            quality.refresh(session, utility, BY.at)


def test_a_dismissal_lasts_until_its_day_and_the_trend_is_kept(town: Town) -> None:
    with write_session(town.engine) as session:
        utility = session.get_one(Utility, town.utility_id)
        quality.refresh(session, utility, BY.at)
        issue = quality.find_issue(session, town.utility_id, "same_nif", "12345678Z")
        by = register.Change("ana", BY.at, "se comprueba en enero")
        with pytest.raises(register.RegisterError, match="must lie in the future"):
            quality.dismiss(session, issue, by=by, until=TODAY)
        quality.dismiss(session, issue, by=by, until=date(2027, 1, 10))

        def line(at: datetime) -> quality.Line:
            return next(one for one in quality.board(session, utility, at) if one.rule == "same_nif")

        later = BY.at + timedelta(days=20)
        quality.refresh(session, utility, later)
        assert (line(later).open, line(later).dismissed) == (0, 1)
        after = datetime(2027, 1, 10, 12, tzinfo=UTC)
        assert quality.state_of(issue, date(2027, 1, 10)) == "open"
        assert (line(after).open, line(after).dismissed) == (1, 0)
        assert [number for _, number in line(after).trend] == [1, 0]
        quality.reopen(session, issue, by=by)
        assert quality.state_of(issue, TODAY) == "open"
        with pytest.raises(register.RegisterError, match="is not dismissed"):
            quality.reopen(session, issue, by=by)


def test_issues_are_paged_and_narrowed(town: Town) -> None:
    with write_session(town.engine) as session:
        utility = session.get_one(Utility, town.utility_id)
        for number in (1, 2, 3):
            register.end_customer(session, customer(session, town, f"C{number}"), date(2026, 2, 3), "x", by=BY)
        quality.refresh(session, utility, BY.at)

        def found(after: Any = 0, **filters: Any) -> list[QualityIssue]:
            return quality.find_issues(session, utility, quality.Filters(**filters), TODAY, after=after, limit=2)

        first = found(rule="dead_holder")
        assert [issue.subject for issue in first] == ["K-1", "K-2"]
        assert [issue.subject for issue in found(after=first[-1].id, rule="dead_holder")] == ["K-3"]
        quality.assign(session, first[0], "ana", by=BY)
        assert [issue.subject for issue in found(assigned_to="ana")] == ["K-1"]
        assert [issue.subject for issue in found(assigned_to="-", severity="error")] == ["K-2", "K-3"]
        assert found(state="cleared") == []
        for wrong in ("rule", "severity", "state"):
            with pytest.raises(register.RegisterError, match="'gato', must be one of"):
                found(**{wrong: "gato"})


def test_the_manual_tells_of_every_rule_and_its_numbers() -> None:
    manual = (Path(__file__).parents[3] / "docs/calidad.md").read_text()
    for rule in quality.all_rules().values():
        line = next(line for line in manual.splitlines() if line.startswith(f"| `{rule.code}` | {rule.title} |"))
        assert rule.advice in line
        assert all(f"`{name}` {value}" in line for name, value in rule.numbers.items())
