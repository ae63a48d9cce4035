"""The audit log is a chain: nothing can be changed, removed or slipped in without being named."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from central import journal
from central.store import open_engine, read_session, write_session
from central.store.models import AuditEntry
from tests.central.factories import NOW, UTILITY, found


@pytest.fixture
def utility(database: str) -> Iterator[Engine]:
    engine = open_engine(database)
    found(engine, 1)
    yield engine
    engine.dispose()


def write(engine: Engine, number: int) -> None:
    with write_session(engine) as session:
        journal.record(
            session,
            UTILITY,
            "ana",
            "test",
            "thing",
            number,
            at=NOW,
            before={"b": [1, None]},
            after={"á": "ñ", "n": number},
        )


def test_entries_follow_one_another_whoever_writes_at_once(utility: Engine) -> None:
    with read_session(utility) as session:
        before = session.scalar(select(func.max(AuditEntry.position))) or 0
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: write(utility, number), range(12)))
    with read_session(utility) as session:
        positions = session.scalars(select(AuditEntry.position).order_by(AuditEntry.position)).all()
        assert list(journal.verify(session, UTILITY)) == [None] * (before + 12)
    assert positions == list(range(1, before + 13))


def test_a_float_is_refused_because_its_spelling_is_not_certain(utility: Engine) -> None:
    with write_session(utility) as session, pytest.raises(TypeError, match=r"audit value 0\.1: must be a whole number"):
        journal.record(session, UTILITY, "ana", "test", "thing", 1, at=NOW, after={"deep": [{"x": 0.1}]})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.data())
def test_the_hash_covers_every_word(after: dict[str, Any], data: st.DataObject) -> None:
    entry = AuditEntry(
        utility_id=1,
        position=1,
        at=NOW,
        actor="ana",
        action="a",
        subject="s",
        subject_id=None,
        before=None,
        after=after,
        reason="",
        previous_hash=journal.FIRST_HASH,
    )
    digest = journal.digest(entry)
    field = data.draw(st.sampled_from(["actor", "action", "subject", "reason", "previous_hash"]))
    setattr(entry, field, getattr(entry, field) + "x")
    assert journal.digest(entry) != digest
