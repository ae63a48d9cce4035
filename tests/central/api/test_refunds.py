"""Credits paid back by programs: asked by one, approved by another, sent, paid and returned; what each refusal says."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import lxml.etree as xml
import pytest
from sqlalchemy import func, select

from billing.ledger import Account, post_payment
from central.api.queries import sealed
from central.collection.posting import Postings, balances
from central.ops.audit import audit
from central.register import Change
from central.register import contracts as deeds
from central.store import new_id, read_session, write_session
from central.store.models import (
    AuditEntry,
    BankAccount,
    Contract,
    ContractHolder,
    Customer,
    Invoice,
    LedgerTransaction,
    Refund,
)
from tests.central.api.conftest import Served

As = Callable[[str], httpx.Client]
Post = Callable[..., Any]
PAYER, IBAN = "ES9121000418450200051332", "ES7921000813610123456789"
CLERK, CHIEF, AUDITOR = "clerk", "supervisor", "auditor"


@pytest.fixture
def post(as_role: As) -> Post:
    """Post as a role, under ``key`` or one of its own; returns the answer, which must have the status."""

    def send(role: str, path: str, body: Any = None, status: int = 200, key: str = "") -> Any:
        answer = as_role(role).post(path, json=body, headers={"Idempotency-Key": key or str(uuid.uuid4())})
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


@pytest.fixture
def credit(served: Served, post: Post) -> int:
    """The contract of a bill that was paid and then cancelled."""
    with write_session(served.town.engine) as session:
        bill = session.get_one(Invoice, (served.town.utility_id, served.invoice_id))
        code = session.get_one(Contract, (bill.utility_id, bill.contract_id)).code
        postings = Postings(bill.utility_id, datetime.now(UTC))
        memo = post_payment(bill.number_text, bill.issue_date, code, bill.total_cents, Account("bank", "slips"))
        postings.add(memo, "payment", contract_id=bill.contract_id)
        postings.write(session)
        contract = bill.contract_id
    asked = {"invoice_ids": [served.invoice_id], "cause": "cancel", "series": "R2026", "reason": "wrong"}
    made = post(CLERK, "/rectifications", asked, 201)
    post(CHIEF, f"/rectifications/{made['id']}/issue", {"issue_date": "2026-04-03", "due_date": "2026-06-30"})
    return contract


def clean(served: Served) -> bool:
    return [verdict.breaches for verdict in audit(served.town.engine) if verdict.breaches] == []


def leaves(served: Served, contract_id: int) -> None:
    """The holder ends the contract, and has an account."""
    utility_id = served.town.utility_id
    with write_session(served.town.engine) as session:
        contract = session.get_one(Contract, (utility_id, contract_id))
        holder = session.scalars(
            select(ContractHolder.customer_id).where(ContractHolder.contract_id == contract_id)
        ).one()
        own = {"utility_id": utility_id, "id": new_id(), "customer_id": holder, "iban": IBAN}
        since = {"valid_from": date(2024, 1, 1), "recorded_at": datetime.now(UTC), "recorded_by": "clerk"}
        session.add(BankAccount(**own, **since))
        deeds.cancel_contract(session, contract, date(2026, 5, 1), by=Change("clerk", datetime.now(UTC)))


def test_a_credit_goes_from_who_asks_to_another_who_approves_to_the_bank(
    served: Served, as_role: As, post: Post, credit: int
) -> None:
    clerk, chief = as_role(CLERK), as_role(CHIEF)
    (owed,) = clerk.get("/credits").json()["items"]
    assert (owed["contract_id"], owed["fate"], owed["asked"]) == (credit, "net", "0.00")
    body = {"contract_id": credit, "iban": "ES79 2100 0813 6101 2345 6789", "reason": "lo pide"}
    made = post(CLERK, "/refunds", body, 201, "k1")
    assert (made["state"], made["amount"], made["asked_by"]) == ("asked", owed["amount"], CLERK)
    assert made["iban"] == f"ES79{'*' * 16}6789"
    assert post(CLERK, "/refunds", body, 201, "k1") == made
    assert clerk.get("/credits").json()["items"][0]["asked"] == owed["amount"]
    path = f"/refunds/{made['id']}"
    done = post(CHIEF, f"{path}/approval", None, 200, "a1")
    assert (done["state"], done["decided_by"]) == ("approved", CHIEF)
    assert post(CHIEF, f"{path}/approval", None, 200, "a1") == done
    assert clerk.get("/credits").json()["items"] == []
    order = post(CHIEF, "/refund-orders", {"iban": PAYER, "execute_on": "2026-12-04"}, 201, "o1")
    assert (order["transfers"], order["total"]) == (1, owed["amount"])
    assert post(CHIEF, "/refund-orders", {"iban": PAYER, "execute_on": "2026-12-04"}, 201, "o1") == order
    assert clerk.get(f"/refund-orders/{order['id']}/file").status_code == 403
    file = chief.get(f"/refund-orders/{order['id']}/file")
    assert file.headers["content-type"] == "application/xml"
    assert [one.text for one in xml.fromstring(file.content).findall(".//{*}CdtrAcct//{*}IBAN")] == [IBAN]
    assert post(CLERK, f"/refund-orders/{order['id']}/payment", {"on": "2026-12-05"}, 200, "p1")["paid"] == 1
    assert post(CLERK, f"/refund-orders/{order['id']}/payment", {"on": "2026-12-05"}, 200, "p1")["paid"] == 1
    told = as_role(AUDITOR).get(path).json()
    assert (told["state"], told["paid_on"], told["order_id"]) == ("paid", "2026-12-05", order["id"])
    back = post(CLERK, f"{path}/return", {"on": "2026-12-08", "reason": "AC04"})
    assert (back["state"], back["returned_why"]) == ("returned", "AC04")
    assert clerk.get("/credits").json()["items"][0]["amount"] == owed["amount"]
    assert clean(served)


def test_nobody_approves_what_they_asked_for(served: Served, post: Post, credit: int) -> None:
    made = post(CHIEF, "/refunds", {"contract_id": credit, "iban": IBAN, "reason": "lo pide"}, 201)
    post(CLERK, f"/refunds/{made['id']}/approval", None, 403)
    refused = post(CHIEF, f"/refunds/{made['id']}/approval", None, 409)
    assert "another person must decide" in refused["detail"]
    with read_session(served.town.engine) as session:
        assert session.scalar(select(func.count()).where(LedgerTransaction.kind == "refund_due")) == 0
        assert not any(name.startswith("refund/") for name in balances(session, served.town.utility_id))
    rejected = post(CHIEF, f"/refunds/{made['id']}/rejection", {"reason": "no"})
    assert (rejected["state"], rejected["decided_why"]) == ("rejected", "no")
    assert "decided already" in post(CHIEF, f"/refunds/{made['id']}/rejection", {"reason": "no"}, 409)["detail"]


def test_the_credits_of_who_left_are_asked_for_together(served: Served, as_role: As, post: Post, credit: int) -> None:
    leaves(served, credit)
    (owed,) = as_role(CLERK).get("/credits", params={"contract_id": credit}).json()["items"]
    assert (owed["fate"], owed["iban"]) == ("refund", f"ES79{'*' * 16}6789")
    above = int(Decimal(owed["amount"]) * 100) + 1
    assert post(CLERK, "/refund-rounds", {"reason": "baja", "least_cents": above}, 201)["items"] == []
    (made,) = post(CLERK, "/refund-rounds", {"reason": "baja"}, 201, "r1")["items"]
    assert (made["contract_id"], made["amount"]) == (credit, owed["amount"])
    assert post(CLERK, "/refund-rounds", {"reason": "baja"}, 201, "r1")["items"] == [made]
    assert post(CLERK, "/refund-rounds", {"reason": "baja"}, 201)["items"] == []
    with read_session(served.town.engine) as session:
        told = select(AuditEntry).where(AuditEntry.subject_id == made["id"])
        entry = session.scalars(told).one()
    assert (entry.actor, entry.action, entry.reason) == (CLERK, "refund.asked", "baja")
    assert IBAN not in str(entry.after)


def test_what_is_wrong_is_named(served: Served, as_role: As, post: Post, credit: int) -> None:
    good = {"contract_id": credit, "iban": IBAN, "reason": "lo pide"}
    for field, wrong in {
        "iban": "ES7921000813610123456788",
        "cents": "100",
        "reason": "  ",
        "contract_id": str(credit),
    }.items():
        problem = post(CLERK, "/refunds", good | {field: wrong}, 422)
        assert [(one["field"], one["value"]) for one in problem["errors"]] == [(f"body.{field}", wrong)]
    assert post(CLERK, "/refunds", good | {"cents": True}, 422)["errors"][0]["field"] == "body.cents"
    over = post(CLERK, "/refunds", good | {"cents": 10**9}, 409)["errors"]
    assert [(one["field"], one["value"]) for one in over] == [("body.cents", "1000000000")]
    assert "the credit of K-" in over[0]["rule"]
    unknown = post(CLERK, "/refunds", {"contract_id": credit, "reason": "lo pide"}, 409)["errors"][0]
    assert (unknown["field"], unknown["value"]) == ("body.iban", "(none)")
    with read_session(served.town.engine) as session:
        mine = session.scalars(select(Invoice.customer_id).where(Invoice.contract_id == credit)).first()
        other = session.scalars(select(Customer.id).where(Customer.utility_id == served.town.utility_id)).all()
    stranger = next(one for one in other if one != mine)
    assert "must be who has a credit of K-" in post(CLERK, "/refunds", good | {"customer_id": stranger}, 409)["detail"]
    none = next(one for one in served.town.contracts if one != credit)
    assert "has no credit" in post(CLERK, "/refunds", good | {"contract_id": none}, 409)["detail"]
    assert post(CLERK, "/refunds", good | {"contract_id": served.others["contracts"]}, 404)["status"] == 404
    post(CHIEF, "/refund-orders", {"iban": PAYER, "execute_on": "04/12/2026"}, 422)
    nothing = post(CHIEF, "/refund-orders", {"iban": PAYER, "execute_on": "2026-12-04"}, 409)
    assert "nothing is approved" in nothing["detail"]
    again = post(CLERK, "/refunds", good, 201, "k1")
    assert post(CLERK, "/refunds", good | {"cents": 1}, 422, "k1")["type"] == "urn:sgc:problem:idempotency"
    assert (
        "was not sent"
        in post(CLERK, f"/refunds/{again['id']}/return", {"on": "2026-12-08", "reason": "x"}, 409)["detail"]
    )
    assert as_role(CLERK).get("/refunds", params={"state": "lost"}).status_code == 422


def test_refunds_are_listed_page_by_page_and_by_state(served: Served, as_role: As, post: Post, credit: int) -> None:
    body = {"contract_id": credit, "cents": 1, "iban": IBAN, "reason": "parte"}
    made = [post(CLERK, "/refunds", body, 201)["id"] for _ in range(5)]
    post(CHIEF, f"/refunds/{made[0]}/approval")
    post(CHIEF, f"/refunds/{made[1]}/rejection", {"reason": "no"})
    clerk, found, after = as_role(CLERK), [], ""
    while True:
        page = clerk.get("/refunds", params={"contract_id": credit, "limit": 2, "after": after}).json()
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    with read_session(served.town.engine) as session:
        mine = select(Refund.id).where(Refund.contract_id == credit).order_by(Refund.id)
        assert found == session.scalars(mine).all()
    for state, ids in {"asked": made[2:], "approved": made[:1], "rejected": made[1:2], "sent": [], "paid": []}.items():
        rows = clerk.get("/refunds", params={"contract_id": credit, "state": state}).json()["items"]
        assert [one["id"] for one in rows if one["id"] in made] == ids, state
        assert {one["state"] for one in rows} <= {state}
    assert clerk.get("/credits", params={"limit": 1, "after": sealed([credit, 2**62])}).json()["items"] == []
