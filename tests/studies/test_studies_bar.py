"""The progress bar of a search counts epochs once, and says what left and why."""

from __future__ import annotations

from studies_helpers import SMALL

from goodfit.studies.bar import Bar
from goodfit.studies.wave import Asked, Progress, Wave


def trained(number: int, epochs: int, *, until: int) -> Progress:
    progress = Progress(Asked(number, {}, SMALL))
    for _ in range(epochs):
        progress.add_epoch([1.0], 1.0, 0.5 + number / 10, until=until)
    return progress


def test_trials_that_go_on_are_not_counted_twice() -> None:
    bar, asked = Bar(), tuple(Asked(number, {}, SMALL) for number in range(3))
    bar.on_wave(Wave(asked, 2), {})
    for number in range(3):
        for epoch in (1, 2):
            bar.on_epoch(trained(number, epoch, until=2))
    bar.on_wave(Wave(asked[2:], 4), {})
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (6, 8)
    assert bar.best == 0.7


def test_what_left_is_told_with_its_reason() -> None:
    bar = Bar()
    bar.on_wave(Wave((Asked(0, {}, SMALL),), 4), {})
    progress = Progress(Asked(0, {}, SMALL))
    progress.add_epoch([float("nan")], 1.0, 0.5, until=4)
    bar.on_epoch(progress)
    assert bar.left == {"the loss is not finite": 1}
    task = bar._progress.tasks[0]
    assert task.completed == task.total == 1
