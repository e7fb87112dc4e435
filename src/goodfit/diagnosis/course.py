"""The loss of a run as rules look at it: arrays, smoothed, measured against chance and floor.

Made once for a history and held while that history lives, so that thirty rules do not each turn
a hundred thousand numbers into an array.
"""

from __future__ import annotations

import weakref
from functools import cached_property

import numpy as np

from ..records import History, Setting, StepColumns
from .numbers import NAN, Array, array, blocks, finite, median

# Points in a smoothed curve: enough to see a turn in the first hundredth of a run.
MAX_POINTS = 200
# Losses of these kinds cannot fall below 0.
BOUNDED = ("cross-entropy", "binary-cross-entropy", "nll", "mse", "l1", "huber")


class Course:
    """The losses of one history; everything is computed when it is first asked for."""

    def __init__(self, steps: StepColumns, setting: Setting) -> None:
        self.steps, self.setting = steps, setting

    @cached_property
    def loss(self) -> Array:
        """The loss of every recorded step."""
        return array(self.steps.loss)

    @cached_property
    def num(self) -> int:
        """How many steps were recorded."""
        return len(self.steps.loss)

    @cached_property
    def last_step(self) -> int:
        """The number of the last step; 0 before the first."""
        return self.steps.step[-1] if self.steps.step else 0

    @cached_property
    def curve(self) -> tuple[Array, Array]:
        """Places and losses, averaged over blocks of equal length (at most 200)."""
        return blocks(self.loss, MAX_POINTS)

    @cached_property
    def calm(self) -> Array:
        """The finite losses as medians of three neighbours: one odd batch leaves no trace."""
        loss = finite(self.loss)
        if len(loss) < 3:
            return loss
        a, b, c = loss[:-2], loss[1:-1], loss[2:]
        return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))

    @cached_property
    def first(self) -> float:
        """The loss at the start: of the first step; NaN where there is none."""
        return float(self.loss[0]) if self.num else NAN

    @cached_property
    def floor(self) -> float:
        """The loss of a perfect answer: 0 unless the setting says more.

        The lowest so far of a loss that goes below 0, as that of a density or a rate of events.
        """
        if self.bounded or self.setting.floor_loss is not None:
            return self.setting.floor_loss or 0.0
        return min(0.0, float(self.calm.min(initial=0.0)))

    @cached_property
    def chance(self) -> float:
        """The loss of an answer that knows nothing; the first loss where that is not known.

        A chance at the floor (all targets seen so far are the same) says nothing either.
        """
        chance = self.setting.chance_loss
        if chance is None or not chance > self.floor + 1e-3 * min(abs(self.first), 1.0):
            return self.first
        return chance

    @cached_property
    def way(self) -> float:
        """From chance down to the floor: the unit in which losses are compared."""
        return self.chance - self.floor if self.chance > self.floor else NAN

    @cached_property
    def start(self) -> float:
        """The larger of first loss and chance."""
        return max(self.first, self.chance)

    @cached_property
    def peak(self) -> float:
        """The highest level after the first step, in units of the start."""
        after = self.calm[1:]
        return float(after.max()) / self.start if len(after) and self.start > 0 else NAN

    @cached_property
    def window(self) -> int:
        """How many of the last steps say where the loss stands now."""
        return int(min(max(5, 0.05 * self.num), 500))

    @cached_property
    def now(self) -> float:
        """Where the loss stands: the median of the last steps."""
        return median(self.loss[-self.window :]) if self.num else NAN

    @cached_property
    def progress(self) -> float:
        """How much of the way from chance to floor is done: 0 at chance, 1 at the floor.

        Before the start 0, and minus infinity where the loss is no longer finite.
        """
        if self.num and not np.isfinite(self.loss[-1]):
            return -np.inf
        return self.done(self.now)

    def done(self, loss: float) -> float:
        """Return the share of the way from chance to floor at which a loss stands."""
        return (self.chance - loss) / self.way

    def between(self, start: float, end: float) -> float:
        """Return the mean loss of a part of the run, given in shares of it."""
        part = finite(self.loss[int(start * self.num) : max(1, round(end * self.num))])
        return float(part.mean()) if len(part) else NAN

    @cached_property
    def bounded(self) -> bool:
        """Whether the loss is known not to fall below 0."""
        return self.setting.loss_kind in BOUNDED

    @cached_property
    def noise(self) -> float:
        """The spread of a single step's loss around its neighbours."""
        steps = np.diff(finite(self.loss[-10 * self.window :]))
        return float(np.std(steps) / np.sqrt(2)) if len(steps) > 4 else NAN


_HELD: dict[int, tuple[weakref.ref[History], Course]] = {}


def course_of(history: History) -> Course:
    """Return the course of a history, made once for each history."""
    held = _HELD.get(id(history))
    if held is not None and held[0]() is history:
        return held[1]
    key = id(history)
    course = Course(history.steps, history.setting)
    _HELD[key] = (weakref.ref(history, lambda _: _HELD.pop(key, None)), course)
    return course
