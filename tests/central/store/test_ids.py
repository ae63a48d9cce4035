"""Identifiers: fresh in every process, one behind the other within a call."""

from multiprocessing import get_context

import pytest

from central.store.ids import MOST_IN_A_BLOCK, new_block, new_id, new_ids


def test_they_follow_one_another_and_are_never_given_twice() -> None:
    ids = [new_id(), *new_ids(3), *range(first := new_block(1000), first + 1000), *new_ids(MOST_IN_A_BLOCK + 10)]
    assert ids == sorted(set(ids))
    assert max(ids) < 1 << 63
    with pytest.raises(ValueError, match="count"):
        new_block(MOST_IN_A_BLOCK + 1)


def test_processes_forked_from_one_do_not_make_the_same() -> None:
    context = get_context("fork")
    with context.Pool(4) as pool:
        made = [one % MOST_IN_A_BLOCK for one in pool.map(_first, range(4), chunksize=1)]
    assert len(set(made)) > 1


def _first(_: int) -> int:
    import time

    time.sleep(0.2)  # so that each process of the pool makes one
    return new_id()
