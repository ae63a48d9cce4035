"""Rows in bulk: the same values and the same errors on both databases."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.exc import IntegrityError

from central.store import open_engine, read_session, write_session
from central.store.bulk import MANY, add_missing_rows, changed, chunks, insert_rows
from central.store.models import Series, Utility

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
UTILITY = ("id", "code", "name", "nif", "ine_code", "address", "contact", "settings", "created_at")
SERIES = ("utility_id", "code", "next_number", "last_date")


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_engine(database)
    yield engine
    engine.dispose()


def test_values_come_back_as_they_went_in(engine: Engine) -> None:
    settings = {"á": ["tab\there", "line\nbreak", 'quote"', "back\\slash", None, 1.5], "empty": {}}
    with write_session(engine) as session:
        row: tuple[Any, ...] = (1, "a", "Aguas; 'ñ'", "", "03002", {"street": "C/ Mayor, 1"}, {}, settings, AT)
        assert insert_rows(session, Utility, UTILITY, [row]) == 1
        assert insert_rows(session, Utility, UTILITY, []) == 0
        insert_rows(session, Series, SERIES, [(1, "A", 7, date(2026, 2, 28)), (1, "B", 1, None)])
    with read_session(engine) as session:
        utility = session.scalars(select(Utility)).one()
        series = session.scalars(select(Series).order_by(Series.code)).all()
    assert (utility.name, utility.nif, utility.settings, utility.created_at) == ("Aguas; 'ñ'", "", settings, AT)
    assert [(one.next_number, one.last_date) for one in series] == [(7, date(2026, 2, 28)), (1, None)]


def test_a_row_that_breaks_a_constraint_fails_them_all(engine: Engine) -> None:
    rows = [(1, "A", 1, None), (1, "A", 2, None)]
    with pytest.raises(IntegrityError), write_session(engine) as session:
        insert_rows(session, Series, SERIES, rows)
    with read_session(engine) as session:
        assert session.scalars(select(Series)).all() == []


def test_only_missing_rows_are_added_and_the_others_stay(engine: Engine) -> None:
    with write_session(engine) as session:
        insert_rows(session, Series, SERIES, [(1, "A", 7, None)])
        add_missing_rows(session, Series, SERIES, [(1, "A", 1, None), (1, "B", 1, None)])
        add_missing_rows(session, Series, SERIES, [])
    with read_session(engine) as session:
        found = session.execute(select(Series.code, Series.next_number).order_by(Series.code)).all()
    assert [tuple(row) for row in found] == [("A", 7), ("B", 1)]


def test_changed_counts_the_rows_it_met(engine: Engine) -> None:
    columns = (*UTILITY,)
    with write_session(engine) as session:
        rows: list[tuple[Any, ...]] = [(number, str(number), "n", "", "", {}, {}, {}, AT) for number in range(1, 4)]
        insert_rows(session, Utility, columns, rows)
        assert changed(session, delete(Utility).where(Utility.id > 1)) == 2
        assert session.scalar(select(func.count()).select_from(Utility)) == 1


@pytest.mark.postgres
def test_postgresql_gets_statistics_of_a_table_as_soon_as_it_is_filled(postgres_database: str) -> None:
    engine = open_engine(postgres_database)
    known = text("SELECT reltuples FROM pg_class WHERE relname = 'series'")
    with write_session(engine) as session:
        insert_rows(session, Series, SERIES, [(1, f"S{number}", 1, None) for number in range(MANY)])
        assert session.scalar(known) == MANY
    engine.dispose()


def test_chunks_cover_everything_once() -> None:
    assert [list(part) for part in chunks(range(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(chunks([], 3)) == []
