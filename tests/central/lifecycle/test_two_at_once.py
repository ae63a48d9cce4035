"""Two people at one case: who comes second sees what the first did, whatever of it was on the screen before."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TypeAlias

import pytest
from sqlalchemy.orm import Session

from central.lifecycle import Details, amend, complete, receive, reject, waive, withdraw
from central.register import Change, RegisterError
from central.store import read_session, write_session
from central.store.models import ContractCase
from tests.central.factories import Town
from tests.central.lifecycle.support import BOSS, CLERK, MID, PDF, case_of, holder_change, opened
from tests.central.locks import locking

Step: TypeAlias = Callable[[Session, ContractCase], object]
WHY = replace(BOSS, reason="no lo quiere")
FIRST: dict[str, Step] = {
    "done": lambda session, case: complete(session, case, by=CLERK),
    "rejected": lambda session, case: reject(session, case, by=replace(CLERK, reason="duplicado")),
}
SECOND: dict[str, Step] = {
    "complete": lambda session, case: complete(session, case, by=BOSS),
    "reject": lambda session, case: reject(session, case, by=WHY),
    "withdraw": lambda session, case: withdraw(session, case, by=WHY),
    "amend": lambda session, case: amend(session, case, Details(), MID, by=BOSS),
    "receive": lambda session, case: receive(session, case, "identity", PDF, by=BOSS),
    "waive": lambda session, case: waive(session, case, "identity", by=WHY),
}


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("first", FIRST)
def test_who_saw_the_case_before_it_ended_changes_nothing(town: Town, first: str, second: str) -> None:
    number = opened(town, holder_change())
    with read_session(town.engine) as session:
        seen = case_of(session, town, number)
    with write_session(town.engine) as session:
        FIRST[first](session, case_of(session, town, number))
    with write_session(town.engine) as session:
        session.add(seen)
        with pytest.raises(RegisterError, match=f"case.state: '{first}', case {number} is closed"):
            SECOND[second](session, seen)
    with read_session(town.engine) as session:
        case = case_of(session, town, number)
        assert (case.state, case.closed_by) == (first, "clerk")


def test_of_two_who_complete_a_case_at_the_same_time_one_does(town: Town) -> None:
    number, ready = opened(town, holder_change()), Barrier(2)

    def work(by: Change) -> str:
        ready.wait()
        try:
            with write_session(town.engine) as session:
                complete(session, case_of(session, town, number), by=by)
        except RegisterError as refused:
            return str(refused)
        return by.actor

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(work, (CLERK, BOSS)), key=len)
    assert said[0] in ("jefa", "clerk")
    assert said[1] == f"case.state: 'done', case {number} is closed"
    with read_session(town.engine) as session:
        assert case_of(session, town, number).closed_by == said[0]


@pytest.mark.parametrize("database", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
@pytest.mark.parametrize("step", SECOND)
def test_a_case_is_locked_before_its_contract_and_both_before_the_log(town: Town, step: str) -> None:
    number = opened(town, holder_change())
    with write_session(town.engine) as session, locking(town.engine) as locked:
        SECOND[step](session, case_of(session, town, number))
    usual = ["contract_case", "contract", "utility"] if step == "complete" else ["contract_case", "utility"]
    assert locked[: len(usual)] == usual
