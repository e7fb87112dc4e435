"""Strategies: generators that ask for waves of trials and are sent what each wave gave.

A strategy is a pure function of its plan and of what it was sent, so a study that was interrupted
goes on by sending the stored results again.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from ..errors import SearchError, nearest
from ..recipe import LARGEST_GRID, Recipe, Space
from ..records import Stage
from ..seeds import mix
from .narrowing import Area, narrowed
from .sampling import Asker, random_asker, tpe_asker
from .wave import Asked, Progress, Wave

Waves = Generator[Wave, Sequence[Progress], None]
ETA = 3
STAGES = ((0.5, 9), (0.3, 3), (0.2, 1))
KEPT = 0.2
# After so many draws of values that were there already, a space counts as used up.
IN_VAIN = 200


@dataclass(frozen=True)
class Plan:
    """What a strategy works with; ``at_once`` trials are trained side by side.

    ``resolve`` fills in what a recipe leaves open; ``stages`` collects what is decided and why.
    """

    space: Space
    trials: int
    epochs: int
    seed: int
    at_once: int
    resolve: Callable[[Recipe], Recipe]
    stages: list[Stage]

    def asked(
        self, number: int, params: dict[str, Any], space: Space, epochs: int, stage: int = 0
    ) -> Asked:
        """Return a trial of ``epochs`` epochs with these values."""
        recipe = space.recipe(params).model_copy(update={"epochs": epochs})
        return Asked(number, params, self.resolve(recipe), stage)

    def note(self, name: str, epochs: int, num: int, reason: str, area: Area | None = None) -> int:
        """Put a stage on record, of the whole space or an area of it; returns its number."""
        number, area = len(self.stages), area or Area(self.space)
        self.stages.append(
            Stage(number, name, epochs, num, reason, area.ranges, options=area.options)
        )
        return number


def random(plan: Plan) -> Waves:
    """Independent draws, all trained in full. Notes n4: random beats grid.

    Source: Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 2012.
    """
    drawn = distinct(random_asker(plan.seed), Area(plan.space), plan.trials)
    reason = "independent draws" + _few(len(drawn), plan.trials)
    stage = plan.note("random", plan.epochs, len(drawn), reason)
    yield Wave(
        tuple(plan.asked(n, p, plan.space, plan.epochs, stage) for n, p in enumerate(drawn)),
        plan.epochs,
    )


def distinct(asker: Asker, area: Area, num: int) -> list[dict[str, Any]]:
    """Draw values, no two alike: with the seed that all trials share they would train alike.

    Where 200 draws on end bring nothing new, fewer than ``num`` come.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    in_vain = 0
    while len(found) < num and in_vain < IN_VAIN:
        params = asker.ask(area.space, area.left_out)
        before = len(found)
        found.setdefault(tuple(sorted(params.items())), params)
        in_vain = 0 if len(found) > before else in_vain + 1
    return list(found.values())


def _few(num: int, wanted: int) -> str:
    """Say that a stage has fewer trials than were asked for."""
    return f"; {IN_VAIN} more draws gave no other values than these {num}" if num < wanted else ""


def grid(plan: Plan) -> Waves:
    """All combinations of evenly spaced values (evenly in the logarithm on log scales)."""
    points = points_for(plan.space, plan.trials)
    values = list(plan.space.grid(points))
    most = f", since a grid has at most {LARGEST_GRID:,}" if plan.trials > LARGEST_GRID else ""
    reason = f"{points} points along each range{most}"
    stage = plan.note("grid", plan.epochs, len(values), reason)
    yield Wave(
        tuple(plan.asked(n, p, plan.space, plan.epochs, stage) for n, p in enumerate(values)),
        plan.epochs,
    )


def points_for(space: Space, trials: int) -> int:
    """Return the most points along each range that keep a grid within ``trials`` and 10,000.

    Raises:
        SearchError: two points along each range are more already.
    """
    most = min(trials, LARGEST_GRID)
    if space.grid_size(2) > most:
        raise _too_large(space.grid_size(2), trials)
    fitting = range(2, 2 + bisect_right(range(2, most + 1), most, key=space.grid_size))
    # Of whole numbers in a short range, more points are the same ones.
    size = space.grid_size(fitting[-1])
    return fitting[bisect_left(fitting, size, key=space.grid_size)]


def _too_large(size: int, trials: int) -> SearchError:
    """Say how large a grid of two points along each range is, and only ways out that work."""
    instead = "or take --strategy random, which needs no grid."
    allowed = f"; at most {LARGEST_GRID:,} are tried" if size > LARGEST_GRID else ""
    more = "" if size > LARGEST_GRID else f", give --trials {size}"
    return SearchError(
        f"A grid of 2 points along each range and all options has {size:,} trials{allowed}.",
        given=f"--trials {trials:,}",
        do=f"Search fewer values{more}, {instead}",
    )


def tpe(plan: Plan) -> Waves:
    """Optuna's tree-structured Parzen estimator, asked for as many trials as train at once."""
    asker, number = tpe_asker(plan.seed), 0
    reason = f"asked for {min(plan.at_once, plan.trials)} at a time"
    stage = plan.note("tpe", plan.epochs, plan.trials, reason)
    while number < plan.trials:
        drawn = [asker.ask(plan.space) for _ in range(min(plan.at_once, plan.trials - number))]
        asked = tuple(
            plan.asked(number + i, p, plan.space, plan.epochs, stage) for i, p in enumerate(drawn)
        )
        number += len(asked)
        later = (plan.trials - number) * plan.epochs
        _tell(asker, (yield Wave(asked, plan.epochs, later=later)))


def _tell(asker: Asker, results: Sequence[Progress]) -> None:
    for progress in results:
        value = rank(progress)
        asker.tell(progress.asked.number, None if value == -math.inf else value)


def rank(progress: Progress) -> float:
    """Return how good a trial is, more is better; one that left counts as the worst."""
    left = progress.condition in ("dropped", "failed")
    return -math.inf if left or progress.value != progress.value else progress.value


def best_first(results: Sequence[Progress]) -> list[Progress]:
    """Return trials by value, then by validation loss, then by number."""
    return sorted(results, key=lambda p: (-rank(p), p.best_loss, p.asked.number))


def rungs(epochs: int) -> list[int]:
    """Return the epochs at which trials are compared: a third, a ninth, ... of all.

    Example:
        >>> rungs(27), rungs(5), rungs(1)
        ([1, 3, 9, 27], [1, 2, 5], [1])
    """
    found = [epochs]
    while found[0] > 1 and len(found) < 4:
        found.insert(0, max(1, round(found[0] / ETA)))
    return found


def halving(plan: Plan) -> Waves:
    """Successive halving: all begin, at each rung the best third goes on from where it stands.

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification", AISTATS 2016.
    """
    reached = rungs(plan.epochs)
    drawn = distinct(random_asker(plan.seed), Area(plan.space), plan.trials)
    kept = [plan.asked(n, params, plan.space, plan.epochs) for n, params in enumerate(drawn)]
    for place, until in enumerate(reached):
        reason = (
            "all that were drawn" + _few(len(drawn), plan.trials)
            if not place
            else f"the best third after {reached[place - 1]}"
        )
        stage = plan.note(f"until epoch {until}", until, len(kept), reason)
        kept = [replace(asked, stage=stage) for asked in kept]
        later = _later_rungs(len(kept), reached[place:])
        results = yield Wave(tuple(kept), until, f"until epoch {until}", later)
        going = [p for p in best_first(results) if p.condition == "paused"]
        kept = [p.asked for p in going[: _going_on(len(kept))]]
        if not kept:
            return


def _going_on(num: int) -> int:
    """Return how many of a rung's trials go on."""
    return max(1, math.ceil(num / ETA))


def _later_rungs(num: int, reached: Sequence[int]) -> int:
    """Return the epochs that are trained after the first of these rungs, which ``num`` reach."""
    epochs = 0
    for before, until in pairwise(reached):
        num = _going_on(num)
        epochs += num * (until - before)
    return epochs


def coarse_to_fine(plan: Plan) -> Waves:
    """Stages: many trials of few epochs, then fewer, longer, over narrower ranges.

    After each stage the best fifth is kept, and ranges shrink to what it spans; where the best
    value lies at a border, and half of the fifth near it, the range is widened there first; options
    that are clearly worse are left out. Notes n3 and n4: coarse to fine, a
    few epochs first, then longer; "have you explored the whole range?".
    """
    area, number, reason = Area(plan.space), 0, "the whole space, a few epochs"
    sizes = _sizes(plan)
    for place, (name, num, epochs) in enumerate(sizes):
        drawn = distinct(random_asker(mix(plan.seed, place) if place else plan.seed), area, num)
        reason += _few(len(drawn), num)
        stage = plan.note(name, epochs, len(drawn), reason, area)
        asked = tuple(
            plan.asked(number + i, params, area.space, epochs, stage)
            for i, params in enumerate(drawn)
        )
        later = sum(more * longer for _, more, longer in sizes[place + 1 :])
        results = yield Wave(asked, epochs, name, later)
        number += len(drawn)
        if number >= plan.trials:
            return
        ranked = best_first(results)
        num_best = min(_kept(len(drawn)), sum(rank(p) > -math.inf for p in ranked))
        area, reason = narrowed(area, [p.asked.params for p in ranked], num_best)


def _sizes(plan: Plan) -> list[tuple[str, int, int]]:
    """Return each stage's name, trials and epochs; the last stage takes what is left."""
    nums, left = [], plan.trials
    for share, _ in STAGES[:-1]:
        nums.append(min(left, max(1, round(share * plan.trials))))
        left -= nums[-1]
    nums.append(left)
    lengths = [max(min(2, plan.epochs), round(plan.epochs / shorter)) for _, shorter in STAGES]
    return list(zip(("coarse", "finer", "fine"), nums, lengths, strict=True))


def _kept(num: int) -> int:
    return max(3, round(KEPT * num))


STRATEGIES: dict[str, Callable[[Plan], Waves]] = {
    "random": random,
    "grid": grid,
    "coarse-to-fine": coarse_to_fine,
    "halving": halving,
    "tpe": tpe,
}


def strategy_of(name: str) -> Callable[[Plan], Waves]:
    """Return a strategy by name.

    Raises:
        SearchError: there is none of that name.
    """
    if name not in STRATEGIES:
        raise SearchError(
            "There is no such strategy.", given=name, do=nearest(name, sorted(STRATEGIES))
        )
    return STRATEGIES[name]
