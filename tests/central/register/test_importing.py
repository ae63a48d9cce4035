"""The register from a file: a plan with every row's fate, then exactly that; the same file again changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from central import register
from central.register import Change, ImportPlan, KeyRing, RegisterError
from central.store import read_session, write_session
from central.store.models import (
    AuditEntry,
    BankAccount,
    Base,
    Contract,
    ContractHolder,
    ContractTerms,
    Customer,
    Installation,
    Meter,
    Reading,
    ReadingKind,
    Route,
    RouteStop,
    SupplyPoint,
    Utility,
)
from tests.central.conftest import BY

Document = dict[str, Any]


def document() -> Document:
    """A small town with an exchanged meter, a change of holder and a mechanical meter."""
    return {
        "schema": 1,
        "utility": {"code": "agost", "name": "Aguas de Agost", "nif": "P0300200C", "ine_code": "03002"},
        "supply_points": [
            {"code": f"S{n}", "street": "Carrer Major", "number": str(n), "postal_code": "03698", "ine_code": "03002"}
            for n in (1, 2)
        ],
        "meters": [
            {**METER, "serial": "K1", "address": "KAM-00000001-1B-16", "key": "00" * 16},
            {**METER, "serial": "K2", "address": "KAM-00000002-1B-16", "key": "11" * 16},
            {**METER, "serial": "M3", "radio": False},
        ],
        "installations": [
            {
                "meter": "KAM-00000001-1B-16", "supply_point": "S1", "start": "2026-01-01", "end": "2026-05-01",
                "installation_litres": 5, "removal_litres": 900,
            },
            {"meter": "KAM-00000002-1B-16", "supply_point": "S1", "start": "2026-05-01", "installation_litres": 0},
            {"meter": "MECH-M3", "supply_point": "S2", "start": "2026-01-01T09:00:00+01:00"},
        ],
        "customers": [
            {
                "code": "C1", "nif": "12345678Z", "name": "Ana",
                "bank": {"iban": "ES91 2100 0418 4502 0005 1332", "valid_from": "2026-01-01"},
            },
            {"code": "C2", "nif": "X1234567L", "name": "Blai"},
        ],
        "contracts": [
            {
                "code": "K-1", "supply_point": "S1", "start": "2026-01-01",
                "holders": [{"customer": "C1", "end": "2026-03-01"}, {"customer": "C2", "start": "2026-03-01"}],
                "terms": [{"use": "domestic", "persons": 3, "groups": ["large_family"]}],
            },
        ],
        "devices": [{"name": "tpl-1"}],
        "routes": [{"code": "R1", "name": "Tot", "planned_on": "2026-11-24", "device": "tpl-1"}],
    }  # fmt: skip


METER = {"calibre_mm": 15, "modulus_litres": 100_000_000, "radio": True, "q3_litres_hour": 2500}
COUNTED: tuple[type[Base], ...] = (
    Utility, SupplyPoint, Meter, Installation, Reading, Customer, BankAccount, Contract, ContractHolder,
    ContractTerms, Route, RouteStop,
)  # fmt: skip


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "import.keys")


def load(engine: Engine, data: Document, ring: KeyRing | None, by: Change = BY, dry: bool = False) -> ImportPlan:
    file = register.parse_register_file(json.dumps(data).encode(), "town.json")
    with write_session(engine) as session:
        plan = register.plan_import(session, file, ring, by)
        if not dry:
            register.apply_import(session, plan, by, without_refused=True)
    return plan


def count(session: Session) -> list[int]:
    return [session.scalar(select(func.count()).select_from(model)) or 0 for model in COUNTED]


def fates(plan: ImportPlan) -> set[str]:
    return {fate.fate for fate in plan.fates}


def test_a_dry_run_says_what_would_happen_and_writes_nothing(engine: Engine, ring: KeyRing) -> None:
    plan = load(engine, document(), ring, dry=True)
    assert plan.counts()["meters"] == {"added": 3}
    assert plan.refused() == []
    with read_session(engine) as session:
        assert count(session) == [0] * len(COUNTED)


def test_an_import_adds_every_row_with_its_history_keys_and_readings(engine: Engine, ring: KeyRing) -> None:
    load(engine, document(), ring)
    with read_session(engine) as session:
        assert count(session) == [1, 2, 3, 3, 3, 2, 1, 1, 2, 1, 1, 2]
        utility_id = session.scalars(select(Utility.id)).one()
        keys = register.meter_keys(session, utility_id, ["KAM-00000001-1B-16", "KAM-00000002-1B-16"], ring)
        assert keys == {"KAM-00000001-1B-16": bytes(16), "KAM-00000002-1B-16": b"\x11" * 16}
        read = session.execute(select(Reading.kind, Reading.litres).order_by(Reading.at_ms, Reading.litres)).all()
        assert [tuple(row) for row in read] == [
            (ReadingKind.INSTALLATION, 5),
            (ReadingKind.INSTALLATION, 0),
            (ReadingKind.REMOVAL, 900),
        ]
        assert session.scalars(select(BankAccount.iban)).one() == "ES9121000418450200051332"
        assert session.scalars(select(ContractTerms)).one().groups == ["large_family"]


def test_the_same_file_again_changes_nothing(engine: Engine, ring: KeyRing) -> None:
    load(engine, document(), ring)
    with read_session(engine) as session:
        before = count(session), session.scalar(select(func.count()).select_from(AuditEntry))
    assert fates(load(engine, document(), ring)) == {"unchanged"}
    with read_session(engine) as session:
        assert (count(session), session.scalar(select(func.count()).select_from(AuditEntry))) == before


def test_what_may_change_changes_and_the_rest_is_refused(engine: Engine, ring: KeyRing) -> None:
    load(engine, document(), ring)
    data = document()
    data["supply_points"][0]["detail"] = "Baixos"
    data["meters"][0]["key"] = "22" * 16
    data["customers"][0]["bank"] = {"iban": "ES7921000813610123456789", "valid_from": "2026-06-01"}
    data["installations"][2] |= {"end": "2026-07-01", "removal_litres": 12}
    data["contracts"][0]["terms"][0]["persons"] = 4
    plan = load(engine, data, ring)
    changed = {(fate.section, fate.row) for fate in plan.fates if fate.fate == "changed"}
    assert changed == {("supply_points", 1), ("meters", 1), ("customers", 1), ("installations", 3)}
    assert [fate.reason for fate in plan.refused()] == [
        "contract.code: 'K-1', is registered with another history; use the services to change it"
    ]
    with read_session(engine) as session:
        utility_id = session.scalars(select(Utility.id)).one()
        keys = register.meter_keys(session, utility_id, ["KAM-00000001-1B-16"], ring)
        assert keys["KAM-00000001-1B-16"] == b"\x22" * 16
        point = register.find_supply_point(session, utility_id, "S1")
        assert point is not None
        assert point.detail == "Baixos"


def test_a_file_with_a_refused_row_changes_nothing_unless_such_rows_are_left_out(engine: Engine, ring: KeyRing) -> None:
    data = given(document(), "customers", 1, nif="12345678A")
    file = register.parse_register_file(json.dumps(data).encode(), "town.json")
    rule = "2 rows are refused, so nothing is changed; the first: customers 2, customer.nif: '12345678A'"
    with pytest.raises(RegisterError, match=rule), write_session(engine) as session:
        register.apply_import(session, register.plan_import(session, file, ring, BY), BY)
    with read_session(engine) as session:
        assert count(session) == [0] * len(COUNTED)
    load(engine, data, ring)
    with read_session(engine) as session:
        assert session.scalars(select(Customer.code)).all() == ["C1"]


def test_accounts_over_time_a_missing_nif_and_an_end_are_kept(engine: Engine, ring: KeyRing) -> None:
    data = document()
    data["customers"][0] |= {"nif": "", "ended_on": "2026-02-03", "ended_source": "certificado de defunción"}
    first = {"iban": "ES7921000813610123456789", "valid_from": "2025-01-01", "valid_to": "2026-01-01"}
    data["customers"][0]["accounts"] = [first, data["customers"][0].pop("bank")]
    plan = load(engine, data, ring)
    assert [fate.warning for fate in plan.fates if fate.warning] == [
        "customer.nif: '', nobody knows it; bills name the customer by code"
    ]
    with read_session(engine) as session:
        rows = session.execute(select(BankAccount.valid_from, BankAccount.valid_to).order_by(BankAccount.valid_from))
        assert [tuple(map(str, row)) for row in rows] == [("2025-01-01", "2026-01-01"), ("2026-01-01", "None")]
        assert str(session.scalars(select(Customer).where(Customer.code == "C1")).one().ended_on) == "2026-02-03"
    assert fates(load(engine, data, ring)) == {"unchanged"}
    changed = given(data, "customers", 0, ended_source="esquela")
    (fate,) = [fate for fate in load(engine, changed, ring, dry=True).fates if fate.fate == "changed"]
    assert fate.changes == {"ended_source": ("certificado de defunción", "esquela")}
    earlier = given(data, "customers", 0, accounts=[first | {"valid_from": "2024-01-01"}])
    assert "is not how the account is registered" in load(engine, earlier, ring, dry=True).refused()[0].reason
    end = given(document(), "customers", 0, ended_on="2026-02-03")
    assert load(engine, end, ring, dry=True).refused()[0].field == "customer.ended_source"


def without(data: Document, section: str, row: int, field: str) -> Document:
    del data[section][row][field]
    return data


def given(data: Document, section: str, row: int, **values: Any) -> Document:
    data[section][row] |= values
    return data


def twice(data: Document, section: str, **values: Any) -> Document:
    data[section].append(data[section][0] | values)
    return data


@pytest.mark.parametrize(
    ("spoil", "where", "reason"),
    [
        (lambda d: without(d, "meters", 0, "serial"), ("meters", 1), "missing required field `serial`"),
        (lambda d: given(d, "meters", 0, colour="blue"), ("meters", 1), "unknown field `colour`"),
        (lambda d: given(d, "meters", 0, calibre_mm="15"), ("meters", 1), "Expected `int`, got `str`"),
        (lambda d: given(d, "meters", 0, key="00"), ("meters", 1), "meter.key: '…', must be 32 hexadecimal digits"),
        (lambda d: given(d, "meters", 0, address=None), ("meters", 1), "meter.address: None, a radio meter must"),
        (lambda d: given(d, "meters", 1, serial="K1"), ("meters", 2), "'K1', is the serial of meter KAM-00000001"),
        (lambda d: twice(d, "meters", calibre_mm=20), ("meters", 4), "is in the file twice with different values"),
        (lambda d: given(d, "supply_points", 0, ine_code="030021"), ("supply_points", 1), "check digit must be"),
        (lambda d: given(d, "customers", 0, nif="12345678A"), ("customers", 1), "customer.nif: '12345678A'"),
        (
            lambda d: given(d, "customers", 0, bank={"iban": "ES00", "valid_from": "2026-01-01"}),
            ("customers", 1),
            "IBAN",
        ),
        (lambda d: given(d, "installations", 0, meter="KAM-1"), ("installations", 1), "'KAM-1', is neither registered"),
        (lambda d: given(d, "installations", 0, start="1.1.26"), ("installations", 1), "must be YYYY-MM-DD or"),
        (lambda d: given(d, "installations", 0, start="2026-01-01T00:00:00"), ("installations", 1), "time zone"),
        (lambda d: given(d, "installations", 0, removal_litres=10**9), ("installations", 1), "shows 0 to 99999999"),
        (lambda d: given(d, "installations", 0, end="2025-01-01"), ("installations", 1), "must not lie before"),
        (lambda d: given(d, "installations", 1, start="2026-04-30"), ("installations", 2), "has another meter within"),
        (lambda d: given(d, "contracts", 0, supply_point="S9"), ("contracts", 1), "'S9', is neither registered"),
        (lambda d: given(d, "contracts", 0, holders=[]), ("contracts", 1), "a holder and terms"),
        (lambda d: given(d, "contracts", 0, holders=[{"customer": "C1"}] * 2), ("contracts", 1), "overlaps another"),
        (lambda d: given(d, "contracts", 0, start="2026-02-01", end="2026-02-20"), ("contracts", 1), "must lie within"),
        (lambda d: twice(d, "contracts", code="K-2"), ("contracts", 2), "has another contract within that time"),
        (lambda d: given(d, "devices", 0, name="TPL"), ("devices", 1), "must be 1-32 of a-z"),
        (lambda d: given(d, "routes", 0, stops=["S1", "S1"]), ("routes", 1), "names a supply point twice"),
        (lambda d: given(d, "routes", 0, device="tpl-9"), ("routes", 1), "is neither registered"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_bad_row_is_refused_alone_with_its_reason(
    engine: Engine, ring: KeyRing, spoil: Callable[[Document], Document], where: tuple[str, int], reason: str
) -> None:
    plan = load(engine, spoil(document()), ring)
    refused = {(fate.section, fate.row): fate.reason for fate in plan.refused()}
    assert reason in refused[where]
    # Whatever else is refused only refers to it.
    assert all("neither registered nor added" in text for place, text in refused.items() if place != where)


def test_a_key_without_a_key_file_is_refused(engine: Engine) -> None:
    plan = load(engine, document(), None)
    assert {fate.reason for fate in plan.refused() if fate.section == "meters"} == {
        "meter.key: '…', needs the key file it will be sealed under"
    }


def test_a_postal_code_of_another_province_is_only_a_warning(engine: Engine, ring: KeyRing) -> None:
    plan = load(engine, given(document(), "supply_points", 0, postal_code="46001"), ring)
    assert plan.refused() == []
    assert [fate.warning for fate in plan.fates if fate.warning] == [
        "supply_point.postal_code: '46001' is of province 46, the municipality 03002 of 03"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "file: 'town.json', Input data was truncated"),
        ('{"schema": 2, "utility": {}}', "file.schema: 2, this program knows 1"),
        ('{"schema": 1, "utility": {}, "people": []}', "unknown field `people`"),
        ('{"schema": 1}', "missing required field `utility`"),
    ],
)
def test_a_file_of_another_shape_is_refused_whole(text: str, message: str) -> None:
    with pytest.raises(RegisterError, match=message):
        register.parse_register_file(text.encode(), "town.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match=r"file: '.*/none.json', cannot be read \(No such file"):
        register.read_register_file(tmp_path / "none.json")
