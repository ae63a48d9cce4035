"""A case from its opening to its end: states, checklist, what completing it does and what is refused."""

from datetime import date

import pytest
from sqlalchemy import select

from central import journal
from central.lifecycle import (
    Closing,
    Details,
    Person,
    amend,
    complete,
    open_case,
    receive,
    refuse_document,
    reject,
    waive,
    withdraw,
)
from central.lifecycle.cases import checklist_of
from central.register import Change, RegisterError
from central.store import read_session, write_session
from central.store.models import (
    AuditEntry,
    BankAccount,
    Contract,
    ContractCase,
    ContractCaseDocument,
    ContractHolder,
    ContractTerms,
    Customer,
    Reading,
    ReadingKind,
)
from central.times import midnight_ms
from tests.central.factories import Town
from tests.central.lifecycle.conftest import EMPTY
from tests.central.lifecycle.support import (
    BOSS,
    CLERK,
    IBAN,
    JOAN,
    MARTA,
    MID,
    NOW,
    PDF,
    REMOTE,
    case_of,
    done,
    holder_change,
    leaving,
    opened,
    papered,
    real,
    signing,
)


def timeline(town: Town, contract: str) -> list[tuple[str, date, date | None]]:
    """Who holds a contract, from when to when."""
    with read_session(town.engine) as session:
        rows = session.execute(
            select(Customer.nif, ContractHolder.valid_from, ContractHolder.valid_to)
            .join(ContractHolder, ContractHolder.customer_id == Customer.id)
            .join(Contract, Contract.id == ContractHolder.contract_id)
            .where(Contract.code == contract, ContractHolder.retired_at.is_(None))
            .order_by(ContractHolder.valid_from)
        )
        return [(nif, since, until) for nif, since, until in rows]


def test_a_sign_up_asks_for_the_papers_of_a_first_supply_and_makes_the_contract(town: Town) -> None:
    with write_session(town.engine) as session:
        case = open_case(session, town.utility_id, signing(EMPTY), by=CLERK)
        assert case.state == "waiting"
        codes = [item.code for item in checklist_of(session, case)]
        assert codes == ["identity", "title", "first_occupation", "installation_certificate", "mandate"]
        papered(session, case)
        assert case.state == "ready"
        complete(session, case, by=CLERK)
        assert case.state == "done"
        assert case.contract_id is not None
        contract = session.get_one(Contract, (town.utility_id, case.contract_id))
        assert (contract.valid_from, contract.valid_to) == (MID, None)
        terms = session.scalars(select(ContractTerms).where(ContractTerms.contract_id == contract.id)).one()
        assert (terms.use, terms.persons, terms.habitual_home) == ("domestic", 2, True)
        account = session.scalars(select(BankAccount)).one()
        assert (account.iban, account.mandate_ref, account.valid_from) == (IBAN, "AGOST-000001", MID)
        code = contract.code
    assert timeline(town, code) == [(JOAN.nif, MID, None)]


def test_a_change_of_holder_closes_the_days_of_the_old_one_with_a_reading(town: Town) -> None:
    result = done(town, holder_change())
    old = timeline(town, "K-0000001")[0][0]
    assert timeline(town, "K-0000001") == [(old, date(2024, 1, 1), MID), (JOAN.nif, MID, None)]
    with read_session(town.engine) as session:
        reading = session.scalars(select(Reading).where(Reading.kind == ReadingKind.FINAL)).one()
        assert (reading.litres, reading.at_ms) == (14_000, midnight_ms(MID))
        terms = session.scalars(
            select(ContractTerms)
            .where(ContractTerms.contract_id == town.contracts[0], ContractTerms.retired_at.is_(None))
            .order_by(ContractTerms.valid_from)
        ).all()
    assert [(row.persons, row.valid_from) for row in terms] == [(3, date(2024, 1, 1)), (None, MID)]
    assert result["reading"]["source"] == "real"


def test_an_agreed_index_is_marked_and_a_telegram_is_taken_as_it_is(town: Town) -> None:
    done(town, holder_change(1, closing=Closing("agreed", 14_500)))
    result = done(town, holder_change(2, date(2026, 2, 2), closing=REMOTE))
    with read_session(town.engine) as session:
        assert session.scalars(select(Reading.litres).where(Reading.kind == ReadingKind.AGREED)).all() == [14_500]
    assert result["reading"] == {
        "meter": town.addresses[1],
        "source": "remote",
        "litres": 11_100,
        "at_ms": midnight_ms(date(2026, 2, 1)),
        "kind": int(ReadingKind.RADIO_DUE),
        "revision": 0,
    }


def test_a_cancellation_ends_contract_holder_and_terms_and_a_new_contract_may_follow(town: Town) -> None:
    done(town, leaving())
    with write_session(town.engine) as session:
        contract = session.get_one(Contract, (town.utility_id, town.contracts[0]))
        assert contract.valid_to == MID
    result = done(town, signing("PS-0000001", date(2026, 2, 15)))
    assert timeline(town, result["contract"]) == [(JOAN.nif, date(2026, 2, 15), None)]


def test_a_subrogation_keeps_the_terms_and_asks_for_its_own_papers(town: Town) -> None:
    with write_session(town.engine) as session:
        case = open_case(session, town.utility_id, holder_change(procedure="subrogation", holder=MARTA), by=CLERK)
        codes = {item.code for item in checklist_of(session, case) if item.required}
        assert codes == {"identity", "death_certificate", "heirship"}
        complete(session, papered(session, case), by=CLERK)
        rows = select(ContractTerms).where(ContractTerms.contract_id == town.contracts[0])
        assert session.scalars(rows).one().persons == 3
    assert timeline(town, "K-0000001")[1] == (MARTA.nif, MID, None)


def test_data_come_before_documents_and_each_answer_moves_the_case(town: Town) -> None:
    asked = holder_change(closing=None)
    with write_session(town.engine) as session:
        case = open_case(session, town.utility_id, asked, by=CLERK)
        assert case.state == "open"
        with pytest.raises(RegisterError, match=r"case.state: 'open', still to be said: closing"):
            complete(session, case, by=CLERK)
        amend(session, case, Details(holder=JOAN, closing=Closing("self", 14_000)), MID, by=CLERK)
        assert case.state == "waiting"
        with pytest.raises(RegisterError, match="documents are missing: identity, title, meter_photo"):
            complete(session, case, by=CLERK)
        papered(session, case)
        assert case.state == "ready"
        refuse_document(session, case, "identity", by=Change("clerk", NOW, "caducado"))
        assert case.state == "waiting"
        receive(session, case, "identity", PDF, by=CLERK)
        assert case.state == "ready"


def test_who_waives_a_document_does_not_complete_the_case(town: Town) -> None:
    with write_session(town.engine) as session:
        case = papered(session, open_case(session, town.utility_id, holder_change(), by=CLERK), but=["title"])
        with pytest.raises(RegisterError, match=r"document.title: 'waived', needs a reason"):
            waive(session, case, "title", by=CLERK)
        waive(session, case, "title", by=Change("clerk", NOW, "consta en el expediente 12"))
        with pytest.raises(RegisterError, match="'clerk', waived title; another person must complete the case"):
            complete(session, case, by=CLERK)
        complete(session, case, by=BOSS)
        assert case.closed_by == "jefa"


def test_a_documents_bytes_say_what_it_is_not_its_name(town: Town) -> None:
    with write_session(town.engine) as session:
        case = open_case(session, town.utility_id, holder_change(), by=CLERK)
        with pytest.raises(RegisterError, match="must be a PDF, JPEG, PNG or TIFF file"):
            receive(session, case, "identity", b"<script>", "dni.pdf", by=CLERK)
        row = receive(session, case, "identity", b"\xff\xd8\xff\xe0 jpeg", "../../dni.pdf\n", by=CLERK)
        assert (row.media_type, row.name, row.size) == ("image/jpeg", "../../dni.pdf", 9)
        with pytest.raises(RegisterError, match="is not on the checklist: identity, title, previous_bill"):
            receive(session, case, "heirship", PDF, by=CLERK)
        with pytest.raises(RegisterError, match="must have at most 10485760 bytes"):
            receive(session, case, "title", b"%PDF-" + bytes(10 * 1024 * 1024), by=CLERK)


def test_a_case_is_rejected_or_withdrawn_with_a_reason_and_then_closed_for_ever(town: Town) -> None:
    for number, close in ((1, reject), (2, withdraw)):
        with write_session(town.engine) as session:
            case = open_case(session, town.utility_id, leaving(number), by=CLERK)
            with pytest.raises(RegisterError, match="say why case"):
                close(session, case, by=CLERK)
            close(session, case, by=Change("clerk", NOW, "ya no hace falta"))
            with pytest.raises(RegisterError, match="is closed"):
                complete(session, case, by=CLERK)
            with pytest.raises(RegisterError, match="is closed"):
                receive(session, case, "identity", PDF, by=CLERK)
    assert timeline(town, "K-0000001")[0][2] is None


def test_two_cases_for_the_same_are_not_open_at_once(town: Town) -> None:
    opened(town, leaving())
    with pytest.raises(RegisterError, match="case 1 asks for the same and is not closed"):
        opened(town, leaving())
    assert opened(town, leaving(2)) == 2


REFUSALS = [
    (signing("PS-0000001"), "case.supply: 'PS-0000001', contract K-0000001 holds from 2024-01-01 and has no end"),
    (signing(EMPTY, date(2026, 6, 1)), "case.effective_on: '2026-06-01', must not lie after 2026-04-21"),
    (leaving(on=date(2026, 3, 1)), "must not lie after 2026-02-21: the closing reading is not known before"),
    (leaving(on=date(2024, 1, 1)), "must lie after the start of contract K-0000001, 2024-01-01"),
    (leaving(closing=real(10_000)), "closing.litres: 10000, lies below the 11000 litres read on 2026-02-01"),
    (leaving(closing=real(30_000)), "closing.litres: 30000, lies above the 21000 litres read on 2026-03-01"),
    (leaving(closing=real(10**8)), "shows at most 99999999"),
    (leaving(closing=REMOTE), "sent none within 3 days of 2026-02-11; read it or agree on an index"),
    (holder_change(assume_debt=True), "only a subrogation may take over the old holder's debt"),
]


@pytest.mark.parametrize(("asked", "text"), REFUSALS, ids=[text[:40] for _, text in REFUSALS])
def test_what_cannot_be_completed_says_field_value_and_rule_and_changes_nothing(
    town: Town, asked: object, text: str
) -> None:
    number = opened(town, asked)  # type: ignore[arg-type]
    with pytest.raises(RegisterError) as refused, write_session(town.engine) as session:
        complete(session, case_of(session, town, number), by=CLERK)
    assert text in str(refused.value)
    with read_session(town.engine) as session:
        assert session.scalars(select(ContractCase)).one().state == "ready"
        assert session.query(Contract).count() == 3
        assert session.query(Reading).filter(Reading.kind != int(ReadingKind.RADIO_DUE)).count() == 0


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (holder_change(holder=None), ""),
        (signing("PS-NONE"), "case.supply: 'PS-NONE', is not registered"),
        (holder_change(99), "case.contract: 'K-0000099', is not registered"),
        (holder_change(cause="whim"), "case.cause: 'whim', must be one of sale, lease, other"),
        (holder_change(closing=Closing("real")), "closing.litres: '', real needs the index, in litres"),
        (holder_change(closing=Closing("remote", 1)), "a remote closing takes the index of the telegram"),
        (signing(EMPTY, holder=Person(nif="12345678A", name="X")), "holder.nif: '12345678A', must be a valid"),
    ],
)
def test_a_request_is_checked_when_it_comes_in(town: Town, asked: object, text: str) -> None:
    if not text:
        with write_session(town.engine) as session:
            assert open_case(session, town.utility_id, asked, by=CLERK).state == "open"  # type: ignore[arg-type]
        return
    with pytest.raises(RegisterError) as refused:
        opened(town, asked)  # type: ignore[arg-type]
    assert text in str(refused.value)


def test_everything_is_in_the_audit_and_an_account_only_by_its_end(town: Town) -> None:
    done(town, signing(EMPTY))
    with read_session(town.engine) as session:
        entries = [
            (row.action, row.after)
            for row in session.scalars(select(AuditEntry).where(AuditEntry.subject == "contract_case"))
        ]
        assert [action for action, _ in entries] == ["open", *["document.received"] * 5, "complete"]
        assert IBAN not in str(entries)
        assert "…1332" in str(entries)
        assert not any(journal.verify(session, town.utility_id))
        assert session.query(ContractCaseDocument).count() == 5
