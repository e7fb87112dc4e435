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


def begun(num: int, *, epochs: int = 0, until: int = 1) -> list[Progress]:
    found = [trained(number, epochs, until=until) for number in range(num)]
    for progress in found:
        progress.condition = "running"
    return found


def wave_of(found: list[Progress], until: int) -> Wave:
    return Wave(tuple(progress.asked for progress in found), until)


def test_trials_that_go_on_are_not_counted_twice() -> None:
    bar, found = Bar(), begun(3)
    bar.on_wave(wave_of(found, 2), found)
    for number in range(3):
        for epoch in (1, 2):
            bar.on_epoch(trained(number, epoch, until=2))
    found = begun(3, epochs=2)[2:]
    bar.on_wave(wave_of(found, 4), found)
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (6, 8)
    assert bar.best == 0.7


def test_what_left_is_told_with_its_reason() -> None:
    bar, found = Bar(), begun(1)
    bar.on_wave(wave_of(found, 4), found)
    progress = Progress(Asked(0, {}, SMALL))
    progress.add_epoch([float("nan")], 1.0, 0.5, until=4)
    bar.on_epoch(progress)
    assert bar.left == {"the loss is not finite": 1}
    task = bar._progress.tasks[0]
    assert task.completed == task.total == 1


def test_a_trial_that_leaves_at_a_rung_takes_only_the_rung_away() -> None:
    bar, found = Bar(), begun(2)
    bar.on_wave(wave_of(found, 2), found)
    bar.on_epoch(trained(1, 1, until=2))
    lost = Progress(Asked(0, {}, SMALL))
    lost.add_epoch([float("inf")], 1.0, 0.5, until=2)
    bar.on_epoch(lost)
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (2, 3)


def test_what_an_earlier_session_trained_is_no_work() -> None:
    bar = Bar()
    found = [trained(0, 4, until=4), *begun(2)[1:]]
    lost = Progress(Asked(2, {}, SMALL), condition="failed", why="too small")
    bar.on_wave(wave_of([*found, lost], 4), [*found, lost])
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (0, 4)
    assert bar.best == 0.5 and bar.left == {"too small": 1}
    for epoch in range(1, 5):
        bar.on_epoch(trained(1, epoch, until=4))
    assert (task.completed, task.total) == (4, 4)


def test_epochs_that_a_dead_worker_lost_are_work_again() -> None:
    bar, found = Bar(), begun(1)
    bar.on_wave(wave_of(found, 4), found)
    for epoch in (1, 2, 1, 2, 3, 4):
        bar.on_epoch(trained(0, epoch, until=4))
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (4, 4)
