"""The register's services: what they add, what they refuse, and that history stays readable."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central import journal, register
from central.register import RegisterError
from central.register.contracts import Terms, find_contract
from central.register.meters import find_meter
from central.store import read_session, write_session
from central.store.models import (
    AuditEntry,
    Contract,
    ContractHolder,
    ContractTerms,
    Device,
    Installation,
    MeterKey,
    Reading,
    ReadingKind,
    RouteStop,
    SupplyPoint,
)
from central.times import millis
from tests.central.conftest import BY, Town, point_of

ON = date(2026, 6, 1)
AT = datetime(2026, 6, 1, 10, tzinfo=UTC)


Row = TypeVar("Row", ContractHolder, ContractTerms, Installation)


def current(session: Session, model: type[Row]) -> list[Row]:
    return list(session.scalars(select(model).where(model.retired_at.is_(None)).order_by(model.id)))


def test_an_exchange_closes_one_installation_and_opens_another_with_both_indices(town: Town) -> None:
    with write_session(town.engine) as session:
        new = register.add_meter(
            session, town.utility_id, address="KAM-00000099-1B-16", serial="K99", calibre_mm=15, modulus_litres=10**8,
            radio=True, by=BY,
        )  # fmt: skip
        register.exchange_meter(
            session, point_of(session, town, 1), new, AT, removal_litres=51_234, installation_litres=7, by=BY
        )
    with read_session(town.engine) as session:
        point = point_of(session, town, 1)
        hung = session.execute(
            select(Installation.meter_id, Installation.from_ms, Installation.to_ms)
            .where(Installation.supply_point_id == point.id, Installation.retired_at.is_(None))
            .order_by(Installation.from_ms)
        ).all()
        assert [row.to_ms for row in hung] == [millis(AT), None]
        assert hung[1].from_ms == millis(AT)
        read = session.execute(
            select(Reading.meter_id, Reading.kind, Reading.litres).where(Reading.at_ms == millis(AT))
        ).all()
        assert {tuple(row) for row in read} == {
            (town.meter_ids[0], ReadingKind.REMOVAL, 51_234),
            (hung[1].meter_id, ReadingKind.INSTALLATION, 7),
        }
        # What was believed before is still there, retired.
        assert session.scalars(select(Installation).where(Installation.retired_at.is_not(None))).one().to_ms is None


def test_a_meter_hangs_in_one_place_and_a_place_has_one_meter(town: Town) -> None:
    with write_session(town.engine) as session:
        one, two = point_of(session, town, 1), point_of(session, town, 2)
        meter = find_meter(session, town.utility_id, town.meters[0])
        assert meter is not None
        with pytest.raises(RegisterError, match=r"installation.meter: 'KAM-00000001-1B-16', hangs at another supply"):
            register.install_meter(session, two, meter, AT, None, by=BY)
        register.remove_meter(session, one, AT, None, by=BY)
        with pytest.raises(RegisterError, match=r"installation.supply_point: 'S2', another meter hangs there since 20"):
            register.install_meter(session, two, meter, AT, None, by=BY)
        with pytest.raises(RegisterError, match=r"installation.supply_point: 'S1', no meter hangs there"):
            register.remove_meter(session, one, AT, None, by=BY)


def test_an_index_the_meter_cannot_show_is_refused(town: Town) -> None:
    shown = r"reading\.litres: 100000000, meter \S+ shows 0 to 99999999 litres"
    with write_session(town.engine) as session, pytest.raises(RegisterError, match=shown):
        register.remove_meter(session, point_of(session, town, 1), AT, 10**8, by=BY)


def test_a_change_of_holder_ends_one_and_starts_another_on_the_same_day(town: Town) -> None:
    with write_session(town.engine) as session:
        contract = find_contract(session, town.utility_id, "K-1")
        heir = register.add_customer(session, town.utility_id, "C9", nif="X1234567L", name="Blanca", by=BY)
        assert contract is not None
        register.change_holder(session, contract, heir, ON, by=BY)
    with read_session(town.engine) as session:
        contract = find_contract(session, town.utility_id, "K-1")
        assert contract is not None
        rows = [row for row in current(session, ContractHolder) if row.contract_id == contract.id]
        assert sorted((row.valid_from, row.valid_to) for row in rows) == [(date(2026, 1, 1), ON), (ON, None)]


def test_terms_change_from_a_day_and_a_correction_replaces_them_from_the_start(town: Town) -> None:
    with write_session(town.engine) as session:
        contract = find_contract(session, town.utility_id, "K-1")
        assert contract is not None
        register.change_terms(session, contract, Terms(use="domestic", persons=5), ON, by=BY)
        register.change_terms(session, contract, Terms(use="domestic", persons=6), ON, by=BY)
    with read_session(town.engine) as session:
        rows = [row for row in current(session, ContractTerms) if row.contract_id == contract.id]
        assert sorted((row.valid_from, row.valid_to, row.persons) for row in rows) == [
            (date(2026, 1, 1), ON, 3),
            (ON, None, 6),
        ]


def test_a_cancelled_contract_ends_with_holder_and_terms_and_the_place_is_free_again(town: Town) -> None:
    with write_session(town.engine) as session:
        contract = find_contract(session, town.utility_id, "K-1")
        assert contract is not None
        customer = register.find_customer(session, town.utility_id, "C2")
        assert customer is not None
        point = point_of(session, town, 1)
        with pytest.raises(
            RegisterError, match=r"contract.supply_point: 'S1', has contract K-1 on 2026-06-01 or later"
        ):
            register.sign_contract(session, point, "K-9", customer, Terms(use="domestic"), ON, by=BY)
        register.cancel_contract(session, contract, ON, by=BY)
        register.sign_contract(session, point, "K-9", customer, Terms(use="domestic"), ON, by=BY)
        with pytest.raises(RegisterError, match="ended on 2026-06-01"):
            register.cancel_contract(session, contract, ON, by=BY)
    with read_session(town.engine) as session:
        ranges = session.execute(select(Contract.code, Contract.valid_from, Contract.valid_to)).all()
        assert ("K-1", date(2026, 1, 1), ON) in [tuple(row) for row in ranges]
        assert ("K-9", ON, None) in [tuple(row) for row in ranges]


def test_a_new_account_ends_the_one_before(town: Town) -> None:
    with write_session(town.engine) as session:
        customer = register.find_customer(session, town.utility_id, "C1")
        assert customer is not None
        register.add_bank_account(session, customer, "ES9121000418450200051332", date(2026, 1, 1), by=BY)
        register.add_bank_account(session, customer, "ES7921000813610123456789", ON, by=BY)
        with pytest.raises(RegisterError, match=r"bank_account\.valid_from"):
            register.add_bank_account(session, customer, "ES7921000813610123456789", date(2026, 5, 1), by=BY)


def test_a_meter_has_one_current_key(town: Town) -> None:
    with write_session(town.engine) as session:
        meter = find_meter(session, town.utility_id, town.meters[0])
        assert meter is not None
        register.add_meter_key(session, meter, b"n" * 16, town.ring, by=BY)
    with read_session(town.engine) as session:
        keys = register.meter_keys(session, town.utility_id, town.meters[:2], town.ring)
        assert keys == {town.meters[0]: b"n" * 16, town.meters[1]: bytes([2]) * 16}
        assert len(session.scalars(select(MeterKey).where(MeterKey.meter_id == meter.id)).all()) == 2


def test_a_device_name_is_used_once(town: Town) -> None:
    with write_session(town.engine) as session:
        register.revoke_device(session, town.device, by=BY)
        register.revoke_device(session, town.device, by=BY)
        with pytest.raises(RegisterError, match=r"device.name: 'tpl-1', is revoked already; a name is used once"):
            register.enrol_device(session, town.utility_id, town.device, by=BY)
        with pytest.raises(RegisterError, match=r"device.name: 'TPL 1', must be 1-32"):
            register.enrol_device(session, town.utility_id, "TPL 1", by=BY)
        with pytest.raises(RegisterError, match=r"device.name: 'tpl-9', is not enrolled"):
            register.revoke_device(session, "tpl-9", by=BY)
    with read_session(town.engine) as session:
        assert session.scalars(select(Device)).one().revoked_at == BY.at


def test_a_route_walks_street_by_street_with_numbers_as_numbers(town: Town) -> None:
    with write_session(town.engine) as session:
        for number in ("10", "9", "10B"):
            register.add_supply_point(
                session, town.utility_id, f"A{number}", street="Avinguda", number=number, postal_code="03698",
                ine_code="03002", by=BY,
            )  # fmt: skip
        route = register.build_route(session, town.utility_id, "R2", "All", ON, by=BY)
    with read_session(town.engine) as session:
        codes = session.scalars(
            select(SupplyPoint.code)
            .join(RouteStop, RouteStop.supply_point_id == SupplyPoint.id)
            .where(RouteStop.route_id == route.id)
            .order_by(RouteStop.position)
        ).all()
        assert codes == ["A9", "A10", "A10B", "S1", "S2", "S3"]
    with write_session(town.engine) as session:
        with pytest.raises(RegisterError, match=r"route.stops: 'S9', is not a supply point"):
            register.build_route(session, town.utility_id, "R3", "Bad", ON, supply_codes=["S1", "S9"], by=BY)
        with pytest.raises(RegisterError, match=r"route.stops: 'S1', is named twice"):
            register.build_route(session, town.utility_id, "R3", "Bad", ON, supply_codes=["S1", "S1"], by=BY)


PLACE = {"street": "X", "number": "1", "postal_code": "03698", "ine_code": "03002", "by": BY}
METER = {"calibre_mm": 15, "modulus_litres": 10, "radio": False, "by": BY}
PERSON = {"nif": "12345678Z", "name": "Ana", "by": BY}


@pytest.mark.parametrize(
    ("add", "values", "message"),
    [
        (register.add_supply_point, {"code": "S1", **PLACE}, "supply_point.code: 'S1', exists already"),
        (
            register.add_supply_point,
            {"code": "S8", **PLACE, "lat_e7": 10**9},
            "supply_point.lat_e7: 1000000000, must be",
        ),
        (
            register.add_meter,
            {**METER, "serial": "Z", "address": "KAM-00000001-1B-16"},
            "meter.address: 'KAM-0.* exists",
        ),
        (register.add_meter, {**METER, "serial": "K1"}, "meter.serial: 'K1', exists already"),
        (register.add_meter, {**METER, "serial": "K7", "calibre_mm": 0}, "meter.calibre_mm: 0, must be at least 1"),
        (register.add_customer, {"code": "C1", **PERSON}, "customer.code: 'C1', exists already"),
        (register.add_customer, {"code": "C7", **PERSON, "nif": "1"}, "customer.nif: '1', must be a valid NIF"),
        (
            register.add_customer,
            {"code": "C7", **PERSON, "kind": "robot"},
            "customer.kind: 'robot', must be one of person",
        ),
    ],
)
def test_bad_rows_are_refused_by_name(
    town: Town, add: Callable[..., object], values: dict[str, Any], message: str
) -> None:
    with write_session(town.engine) as session, pytest.raises(RegisterError, match=message):
        add(session, town.utility_id, **values)


def test_every_change_is_in_the_audit_log(town: Town) -> None:
    with read_session(town.engine) as session:
        assert [fault for fault in journal.verify(session, town.utility_id) if fault] == []
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.position)).all()
        assert actions[0] == "add"
        assert actions[-2:] == ["enrol", "build"]
        assert actions.count("sign") == 3
        assert actions.count("install") == 3


@pytest.mark.parametrize("day", [-1, 0])
def test_a_holder_begins_within_the_contract(town: Town, day: int) -> None:
    with write_session(town.engine) as session:
        contract = find_contract(session, town.utility_id, "K-1")
        assert contract is not None
        heir = register.add_customer(session, town.utility_id, "C9", nif="X1234567L", name="Blanca", by=BY)
        before = contract.valid_from + timedelta(days=-1)
        with pytest.raises(RegisterError, match=r"^contract_holder.valid_from: .* must not lie before the contract's"):
            register.change_holder(session, contract, heir, before, by=BY)
        register.cancel_contract(session, contract, contract.valid_from + timedelta(days=30), by=BY)
        after = contract.valid_from + timedelta(days=30 + day + 1)
        with pytest.raises(RegisterError, match=r"^contract_holder.valid_from: .* must lie before the contract's end"):
            register.change_holder(session, contract, heir, after, by=BY)
