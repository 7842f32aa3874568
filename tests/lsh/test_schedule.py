"""The rebuild schedule."""

import math

import pytest

from slidelearn.lsh import RebuildSchedule


def test_waits_grow_exponentially() -> None:
    schedule = RebuildSchedule(every=50, decay=0.1)
    total = 0.0
    for i in range(30):
        total += 50 * math.exp(0.1 * i)
        assert schedule.due_at(i) == math.ceil(total)


def test_without_decay_the_waits_are_equal() -> None:
    assert [RebuildSchedule(every=7, decay=0).due_at(i) for i in range(3)] == [7, 14, 21]


def test_due_from_its_step_on() -> None:
    schedule = RebuildSchedule(every=10, decay=0.5)
    assert [schedule.due(step, n_rebuilds=0) for step in (9, 10, 11)] == [False, True, True]
    assert not schedule.due(26, n_rebuilds=1)
    assert schedule.due(27, n_rebuilds=1)


def test_a_wait_beyond_all_numbers_never_ends() -> None:
    assert not RebuildSchedule(every=1, decay=1000.0).due(2**62, n_rebuilds=1)


@pytest.mark.parametrize(("redraw_every", "expected"), [(None, []), (1, [1, 2, 3, 4, 5, 6]), (3, [3, 6])])
def test_redraws(redraw_every: int | None, expected: list[int]) -> None:
    schedule = RebuildSchedule(every=1, decay=0, redraw_every=redraw_every)
    assert [n for n in range(1, 7) if schedule.redraws(n)] == expected
