"""When an early word is judged for: two are paid in advance, all others by what was earned."""

from __future__ import annotations

import pytest

from goodfit.adapters.schedule import Schedule
from goodfit.adapters.words import Words
from goodfit.records import Finding


def judged_at(steps: list[int], *, broke_from: int = 10**9, earns: bool = False) -> list[int]:
    """Return the steps at which rules were asked."""
    schedule, judged = Schedule(0.02, 0.0), list[int]()
    schedule.other_s = -1e9 if earns else 1e9

    def findings(step: int) -> tuple[Finding, ...]:
        judged.append(step)
        return ()

    words = Words(lambda text: None, schedule, findings)
    for step in steps:
        words.after_look(step, broke=step >= broke_from)
    return judged


@pytest.mark.parametrize(
    ("broke_from", "wanted"), [(10**9, [20]), (3, [3, 20]), (40, [20, 40]), (20, [20])]
)
def test_two_words_are_paid_in_advance_and_no_other(broke_from: int, wanted: list[int]) -> None:
    assert judged_at([1, 3, 4, 20, 21, 40, 41, 90], broke_from=broke_from) == wanted


def test_what_was_earned_pays_for_words_that_come_ever_more_seldom() -> None:
    assert judged_at(list(range(1, 100)), earns=True) == [20, 31, 47, 71]
