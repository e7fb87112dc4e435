"""Saves come as often as their share of the time allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.runs import Cadence


class Clock:
    """A clock that moves when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def wait_until_due(cadence: Cadence, clock: Clock, tick: float = 0.01) -> float:
    started = clock.now
    while not cadence.due():
        clock.now += tick
    return clock.now - started


def test_the_first_save_comes_after_a_second() -> None:
    clock = Clock()
    assert wait_until_due(Cadence(clock=clock), clock) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("share", "cost", "pause"), [(0.01, 0.003, 0.3), (0.01, 0.05, 5.0), (0.1, 0.5, 5.0)]
)
def test_the_pause_after_a_save_pays_for_it(share: float, cost: float, pause: float) -> None:
    clock = Clock()
    cadence = Cadence(share, clock=clock)
    cadence.saved(cost)
    assert wait_until_due(cadence, clock) == pytest.approx(pause, abs=0.02)


def test_the_pause_depends_on_the_last_save_alone() -> None:
    clock = Clock()
    cadence = Cadence(clock=clock)
    cadence.saved(100.0)
    cadence.saved(0.01)
    assert wait_until_due(cadence, clock) == pytest.approx(1.0, abs=0.02)


def test_ten_minutes_is_the_longest_pause() -> None:
    clock = Clock()
    cadence = Cadence(clock=clock)
    cadence.saved(60.0)
    assert wait_until_due(cadence, clock, tick=1.0) == 600.0


@given(st.lists(st.floats(min_value=1e-4, max_value=5.0), min_size=2, max_size=30))
def test_all_saves_but_the_last_cost_at_most_their_share(costs: list[float]) -> None:
    clock = Clock()
    cadence = Cadence(0.01, first_s=0.0, clock=clock)
    for cost in costs:
        wait_until_due(cadence, clock, tick=0.5)
        clock.now += cost
        cadence.saved(cost)
    assert sum(costs[:-1]) <= 0.01 * clock.now * (1 + 1e-9)
