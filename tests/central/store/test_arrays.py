"""Arrays into tables: the same rows on both databases, and nothing of them where a row breaks a constraint."""

import numpy as np
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from central.store import open_engine
from central.store.arrays import insert_arrays
from central.store.bulk import table_of
from central.store.models import Customer, ReadingDay
from central.store.partitions import ensure_partitions

START = 1_764_000_000_000


@pytest.fixture
def engine(database: str) -> Engine:
    return open_engine(database)


def columns(count: int) -> dict[str, object]:
    deltas = np.arange(count * 24, dtype="<i4").reshape(count, 24)
    return {
        "utility_id": 1,
        "start_ms": START,
        "meter_id": np.arange(count, dtype=np.int64) - 2,
        "litres": np.full(count, 2**40, np.int64),
        "deltas": deltas.view(np.uint8),
        "batch_id": None,
        "recorded_ms": START,
    }


def test_rows_come_back_as_they_went_in(engine: Engine) -> None:
    with engine.begin() as connection:
        ensure_partitions(connection, [START])
        insert_arrays(connection, table_of(ReadingDay), columns(5), 5)  # type: ignore[arg-type]
        insert_arrays(connection, table_of(ReadingDay), columns(0), 0)  # type: ignore[arg-type]
        rows = connection.execute(select(ReadingDay.__table__).order_by(ReadingDay.meter_id)).all()
    assert [(row.meter_id, row.litres, row.batch_id) for row in rows] == [(n - 2, 2**40, None) for n in range(5)]
    assert [np.frombuffer(row.deltas, "<i4").tolist() for row in rows] == [
        list(range(n * 24, n * 24 + 24)) for n in range(5)
    ]
    engine.dispose()


def test_a_row_that_is_there_fails_them_all(engine: Engine) -> None:
    with engine.begin() as connection:
        ensure_partitions(connection, [START])
        insert_arrays(connection, table_of(ReadingDay), columns(3), 3)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError), engine.begin() as connection:
        insert_arrays(connection, table_of(ReadingDay), columns(5), 5)  # type: ignore[arg-type]
    with engine.connect() as connection:
        assert len(connection.execute(select(ReadingDay.meter_id)).all()) == 3
    engine.dispose()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_column_of_texts_is_refused(engine: Engine) -> None:
    with pytest.raises(TypeError, match=r"customer\.name"), engine.begin() as connection:
        insert_arrays(connection, table_of(Customer), {"name": np.array([1, 2])}, 2)
    engine.dispose()
