"""What cases mean for bills and ledger: each holder his days, a last bill, deposits there and back, whose debts."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.ledger import Account, post_payment
from billing.volume import Period
from central.collection.posting import Postings, balance, balances
from central.invoicing import tariffs
from central.invoicing.archive import rebuild
from central.lifecycle import Asked, Details, Person, complete, standing, withdraw
from central.lifecycle.queries import view
from central.register import Change, RegisterError
from central.store import read_session, write_session
from central.store.models import Contract, Customer, Invoice, WorkOrder
from tests.central.factories import EXAMPLES, NEXT_PERIOD, TARIFF, Town
from tests.central.invoicing.driving import approved, issued
from tests.central.lifecycle.conftest import EMPTY
from tests.central.lifecycle.support import (
    CLERK,
    JOAN,
    MARTA,
    MID,
    case_of,
    done,
    holder_change,
    leaving,
    opened,
    real,
    signing,
)

MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))
LATER = datetime(2026, 4, 3, 9, tzinfo=UTC)
Bills = list[tuple[date, date, str, int]]


def bills(town: Town, contract: str) -> Bills:
    """The bills of a contract: from, to, the NIF they are made out to, litres."""
    rows = (
        select(Invoice.period_from, Invoice.period_to, Customer.nif, Invoice.litres)
        .join(Customer, Customer.id == Invoice.customer_id)
        .join(Contract, Contract.id == Invoice.contract_id)
        .where(Contract.code == contract)
        .order_by(Invoice.period_from)
    )
    with read_session(town.engine) as session:
        return [(start, end, nif, litres) for start, end, nif, litres in session.execute(rows)]


def contract_of(session: Session, code: str) -> Contract:
    return session.scalars(select(Contract).where(Contract.code == code)).one()


def owed(town: Town, code: str) -> dict[str, int]:
    """Cents by NIF of a contract."""
    with read_session(town.engine) as session:
        found = standing.debts(session, contract_of(session, code))
        return {session.get_one(Customer, (town.utility_id, who)).nif: cents for who, cents in found.items()}


def old_nif(town: Town, house: int = 0) -> str:
    with read_session(town.engine) as session:
        return session.get_one(Customer, (town.utility_id, town.customers[house])).nif


def total(town: Town, contract: str, nif: str) -> int:
    """The cents of all bills of a contract made out to somebody."""
    rows = (
        select(Invoice.total_cents)
        .join(Customer, Customer.id == Invoice.customer_id)
        .join(Contract, Contract.id == Invoice.contract_id)
        .where(Contract.code == contract, Customer.nif == nif)
    )
    with read_session(town.engine) as session:
        return sum(session.scalars(rows))


def test_a_change_in_the_middle_of_a_period_bills_both_for_exactly_their_days(town: Town) -> None:
    issued(town)
    done(town, holder_change())
    issued(town, NEXT_PERIOD)
    old = old_nif(town)
    assert bills(town, "K-0000001") == [
        (date(2026, 1, 1), date(2026, 2, 1), old, 10_000),
        (date(2026, 2, 1), MID, old, 3_000),
        (MID, date(2026, 3, 1), JOAN.nif, 7_000),
    ]
    assert [len(bills(town, code)) for code in ("K-0000002", "K-0000003")] == [2, 2]


def test_after_a_cancellation_the_last_bill_ends_that_day_and_none_comes_after(town: Town) -> None:
    issued(town)
    result = done(town, leaving())
    issued(town, NEXT_PERIOD)
    town.read_all((date(2026, 4, 1),))
    issued(town, MARCH, LATER)
    assert bills(town, "K-0000001")[1:] == [(date(2026, 2, 1), MID, old_nif(town), 3_000)]
    assert len(bills(town, "K-0000002")) == 3
    with read_session(town.engine) as session:
        order = session.scalars(select(WorkOrder)).one()
        assert (order.code, order.kind, order.cause) == (result["order"], "remove", "contract")


def test_a_deposit_is_charged_kept_and_given_back_against_what_is_owed(town: Town) -> None:
    done(town, leaving(on=date(2026, 2, 5), closing=real(12_000)))
    code = done(town, signing("PS-0000001", date(2026, 2, 6), deposit_cents=6_000, closing=real(12_000)))["contract"]
    account = f"deposit/{code}/C-{JOAN.nif}"
    with read_session(town.engine) as session:
        assert balances(session, town.utility_id)[account] == -6_000
    assert owed(town, code) == {JOAN.nif: 6_000}
    last = Asked("cancellation", date(2026, 2, 16), Details(closing=real(15_000)), contract=code)
    result = done(town, last)
    assert result["deposit_returned_cents"] == 6_000
    issued(town, Period(date(2026, 2, 1), date(2026, 3, 1)))
    assert bills(town, "K-0000001") == [(date(2026, 2, 1), date(2026, 2, 5), old_nif(town), 1_000)]
    assert bills(town, code) == [(date(2026, 2, 6), date(2026, 2, 16), JOAN.nif, 3_000)]
    with read_session(town.engine) as session:
        assert balances(session, town.utility_id)[account] == 0
        assert balance(session, town.utility_id, contract_of(session, code).id) == total(town, code, JOAN.nif)


def test_a_new_holder_never_inherits_what_the_old_one_owes(town: Town) -> None:
    issued(town)
    done(town, holder_change())
    issued(town, NEXT_PERIOD)
    old = old_nif(town)
    assert owed(town, "K-0000001") == {
        old: total(town, "K-0000001", old),
        JOAN.nif: total(town, "K-0000001", JOAN.nif),
    }


@pytest.mark.parametrize("assumes", [False, True])
def test_a_subrogation_takes_over_debt_only_where_it_says_so(town: Town, assumes: bool) -> None:
    issued(town)
    owes, old = total(town, "K-0000001", old_nif(town)), old_nif(town)
    done(town, holder_change(procedure="subrogation", holder=MARTA, assume_debt=assumes))
    assert owed(town, "K-0000001") == ({MARTA.nif: owes} if assumes else {old: owes})
    with read_session(town.engine) as session:
        assert balance(session, town.utility_id, town.contracts[0]) == owes


def test_who_owes_at_the_supply_point_pays_before_signing_there_again(town: Town) -> None:
    issued(town)
    done(town, leaving())
    old, owes = old_nif(town), total(town, "K-0000001", old_nif(town))
    again = signing("PS-0000001", date(2026, 2, 15), holder=Person(nif=old, name="Vecina 1"))
    number = opened(town, again)
    text = f"holder.nif: '{old}', owes {owes // 100}.{owes % 100:02d} EUR of contract K-0000001 at this supply point"
    with pytest.raises(RegisterError) as refused, write_session(town.engine) as session:
        complete(session, case_of(session, town, number), by=CLERK)
    assert str(refused.value) == text
    postings = Postings(town.utility_id, CLERK.at)
    payment = post_payment("1", date(2026, 2, 16), "K-0000001", owes, Account("bank", "main"))
    postings.add(payment, "payment", contract_id=town.contracts[0])
    with write_session(town.engine) as session:
        postings.write(session)
        complete(session, case_of(session, town, number), by=CLERK)


EARLY = date(2026, 1, 15)


@pytest.mark.parametrize(
    "asked", [holder_change(on=EARLY, closing=real(5_000)), leaving(on=EARLY, closing=real(5_000))]
)
def test_billed_days_are_passed_on_only_by_rectification(town: Town, asked: object) -> None:
    issued(town)
    number = opened(town, asked)  # type: ignore[arg-type]
    with pytest.raises(RegisterError) as refused, write_session(town.engine) as session:
        complete(session, case_of(session, town, number), by=CLERK)
    assert str(refused.value) == (
        "case.effective_on: '2026-01-15', contract K-0000001 is billed up to 2026-02-01; take that day or a later one, "
        "or cancel the later bills first by rectification (cause cancel, R4)"
    )


def test_an_approved_run_is_waited_for(town: Town) -> None:
    issued(town)
    approved(town, NEXT_PERIOD)
    number = opened(town, holder_change())
    with pytest.raises(RegisterError) as refused, write_session(town.engine) as session:
        complete(session, case_of(session, town, number), by=CLERK)
    assert "run R-2026-02 is approved and bills later days to the present holder" in str(refused.value)


FEES = """
  - code: CONTRATACION
    name: Cuota de contratación
    vat: 21
    fee: {per: once, by: calibre_mm, amounts: {13: 40.62, 15: 47.83}}
  - code: ACOMETIDA
    name: Derechos de acometida
    vat: 21
    fee: {per: once, amount: A * connection_mm, with: {A: 20.49}}
  - code: FIANZA
    name: Fianza
    nature: deposit
    vat: NS
    fee: {per: once, amount: 60.10}

notes:"""


def with_fees(town: Town) -> None:
    """The town's tariff with a deposit and two fees, known when the cases are."""
    text = (EXAMPLES / f"{TARIFF}.yaml").read_text().replace("\nnotes:", FEES)
    with write_session(town.engine) as session:
        tariffs.record(session, town.utility_id, text, "clerk", CLERK.at)
        tariffs.assign(session, town.utility_id, TARIFF, date(2024, 1, 1), "clerk", CLERK.at)


def test_the_tariffs_deposit_goes_to_the_ledger_and_its_fees_to_the_next_bill(town: Town) -> None:
    with_fees(town)
    done(town, leaving(on=date(2026, 2, 5), closing=real(12_000)))
    number = opened(town, signing("PS-0000001", date(2026, 2, 6), closing=real(12_000)))
    with write_session(town.engine) as session:
        case = case_of(session, town, number)
        shown = view(session, town.utility_id, case.id, CLERK.at)
        assert shown is not None
        assert shown.deposit_cents == 6_010
        assert [(fee.code, fee.cents) for fee in shown.fees] == [("CONTRATACION", 4_062)]
        result = complete(session, case, by=CLERK).result or {}
    assert (result["deposit_cents"], result["charges"]) == (6_010, ["CONTRATACION"])
    issued(town, Period(date(2026, 2, 1), date(2026, 3, 1)))
    with read_session(town.engine) as session:
        fees = [
            (line.code, line.amount, line.vat, archived.invoice.supply.contract)
            for archived in rebuild(session, session.scalars(select(Invoice).order_by(Invoice.number)).all())
            for line in archived.invoice.lines
            if f"code: {line.code}\n" in FEES
        ]
    assert fees == [("CONTRATACION", Decimal("40.62"), "21", result["contract"])]


def test_a_charge_that_the_tariff_cannot_price_is_refused_by_name(town: Town) -> None:
    with_fees(town)
    for codes, told in ((("ACOMETIDA",), "connection_mm"), (("NADA",), "is not a one-off charge of the tariff")):
        number = opened(town, signing(EMPTY, charges=codes))
        with pytest.raises(RegisterError) as refused, write_session(town.engine) as session:
            complete(session, case_of(session, town, number), by=CLERK)
        assert str(refused.value).startswith(f"charges: '{codes[0]}', ")
        assert told in str(refused.value)
        with write_session(town.engine) as session:
            withdraw(session, case_of(session, town, number), by=Change("clerk", CLERK.at, "otra vez"))


def test_a_supply_point_without_meter_gets_an_order_to_hang_one(town: Town) -> None:
    result = done(town, signing(EMPTY))
    with read_session(town.engine) as session:
        order = session.scalars(select(WorkOrder)).one()
        assert (order.code, order.kind) == (result["order"], "install")
