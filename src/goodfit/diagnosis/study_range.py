"""Rules about what a study searched: whether the range was wide enough, and the trials enough."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..records import Finding, Trial
from .trials import Axis, Reading, has_left, is_partial, not_judged, places

EXPLORED = "notes n4, Hyperparameter Optimization: make sure you have fully explored your range"
AT_A_TIME = "notes n2: not over four hyperparameters at a time, possibilities grow exponentially"
MATTERS = 0.05
BORDER, OUTER, BY_CHANCE = 0.1, 1 / 3, 0.05
MANY_VALUES, TRIALS_A_PAIR = 4, 10
# Names whose values are shares: nothing lies beyond 1.
SHARES = ("dropout", "momentum", "beta", "beta1", "beta2", "betas", "smoothing", "rho")


def best_at_border(reading: Reading) -> tuple[Finding, ...]:
    """Fires when the best value lies within a tenth of an end of all that was searched.

    On the value's own scale. Chance puts one best trial there too, so the best tenth of the trials
    (5 to 20, 3 of fewer than 10) must lean to the same end: more of them in the outer third than
    chance gives in one of 20 studies. Silent where nothing lies beyond (a dropout rate of 0, one
    layer), where most trials further out were dropped or failed, and where the value matters
    little (importance under 0.05). Abstains with fewer than 6 trials. Notes n4: make sure that
    you have fully explored your range.
    """
    best = reading.ranked
    if len(best) < 6:
        return ()
    top = best[: min(20, max(5 if len(best) >= 10 else 3, len(best) // 10))]
    found = [_border(reading, axis, top) for axis in reading.axes.values() if axis.is_number]
    return tuple(finding for finding in found if finding is not None)


def too_many_values(reading: Reading) -> tuple[Finding, ...]:
    """Fires when more than four values are searched with fewer than 10 trials for each pair.

    ``num_trials < 10 * num_values ** 2``: best values depend on one another, d values have about
    d^2 / 2 pairs, and two effects are seen apart only with several trials at either end of both.
    Abstains with up to four values. Notes n2: not over four at a time at the most.
    """
    trials = len(reading.study.trials)
    num = len({name for trial in reading.study.trials for name in trial.params})
    enough = trials_for(num)
    if num <= MANY_VALUES or trials >= enough:
        return ()
    return (
        Finding(
            rule="too-many-values",
            severity="warning",
            meaning=f"{num} values are searched with {trials:,} trials: too few to see which "
            "values belong together, so a good trial may be luck.",
            remedy=f"Search at most {MANY_VALUES} at a time and fix the others, or run "
            f"{enough:,} trials.{_what_matters(reading)}",
            source=AT_A_TIME,
            evidence={"num_values": num, "num_trials": trials, "enough": enough},
        ),
    )


def _what_matters(reading: Reading) -> str:
    """Name the values to keep; where not all could be judged, say so and which."""
    known = [name for name in reading.axes if name in reading.importances]
    if not known:
        return ""
    known.sort(key=lambda name: -reading.importances[name])
    first, left = known[:MANY_VALUES], not_judged(reading.study, reading.importances)
    partial = [name for name in first if is_partial(reading.study, name)]
    among = f" ({', '.join(partial)} among the trials that have it)" if partial else ""
    if not left:
        return f" Of these, {', '.join(first)} matter most{among}."
    return (
        f" Of those that could be judged, {', '.join(first)} explain most{among}. Not judged, and "
        f"perhaps more important: {', '.join(left)} (in too few trials)."
    )


def trials_for(num_values: int) -> int:
    """Return how many trials carry a search over so many values: 10 for each pair, both ways.

    Example:
        >>> trials_for(5)
        250
    """
    return TRIALS_A_PAIR * num_values**2


def _border(reading: Reading, axis: Axis, top: Sequence[Trial]) -> Finding | None:
    at = places(axis, top)
    upper = bool(at[0] > 0.5)
    inward = 1.0 - at if upper else at
    beyond = _wider(axis, upper=upper)
    if not inward[0] <= BORDER or beyond is None or not _matters(reading, axis.name):
        return None
    leaning, known = int((inward <= OUTER).sum()), int((inward == inward).sum())
    by_chance = _tail(leaning, known, _share_by_chance(axis, upper=upper))
    if by_chance > BY_CHANCE or _leave_beyond(reading, axis, float(inward[0]), upper=upper):
        return None
    value, end = float(top[0].params[axis.name]), axis.high if upper else axis.low
    side = "upper" if upper else "lower"
    return Finding(
        rule="best-at-border",
        severity="warning",
        meaning=f"The best value lies at the {side} end of what was searched, so a better one may "
        "lie beyond.",
        remedy=_how_to_widen(axis, beyond, upper=upper),
        source=EXPLORED,
        where=axis.name,
        evidence={
            "best": value,
            f"{side}_end": end,
            "of_the_best_near_it": f"{leaning} of {known}",
        },
    )


def _how_to_widen(axis: Axis, beyond: float, *, upper: bool) -> str:
    if axis.points:
        word = "above" if upper else "below"
        end = axis.points[-1] if upper else axis.points[0]
        return f"Add choices {word} {end:g}: {beyond:g}, say."
    low, high = (axis.low, beyond) if upper else (beyond, axis.high)
    return f"Widen the range: search {low:g} to {high:g}, and look again."


def _wider(axis: Axis, *, upper: bool) -> float | None:
    """Return a new end: ten times further for rates, twice for log integers, else by half."""
    step = 2.0 if axis.whole else 10.0
    if axis.log:
        end = axis.high * step if upper else axis.low / step
    else:
        far = 0.5 * (axis.high - axis.low)
        end = axis.high + far if upper else axis.low - far
    end = float(round(end)) if axis.whole else float(f"{end:.3g}")
    return _inside(axis, end, upper=upper)


def _inside(axis: Axis, end: float, *, upper: bool) -> float | None:
    """Return an end that can be, or None where nothing lies beyond the old one."""
    is_share = axis.name.rsplit(".", 1)[-1] in SHARES and axis.high < 1.0
    if upper:
        return min(end, (1.0 + axis.high) / 2) if is_share and not axis.log else end
    if axis.name == "batch_size":
        end = max(end, 2.0)  # one row has no statistics, and its step is all noise
    if not axis.log and axis.low >= 0.0:
        end = max(end, 1.0 if axis.whole and axis.low >= 1.0 else 0.0)
    elif axis.whole:
        end = max(end, 1.0)
    return end if end < axis.low else None


def _matters(reading: Reading, name: str) -> bool:
    return reading.importances.get(name, 1.0) >= MATTERS


def _share_by_chance(axis: Axis, *, upper: bool) -> float:
    """Return the share of independent draws that lie in the outer third."""
    if not axis.points:
        return OUTER
    at = [axis.place(point) for point in axis.points]
    return sum((1.0 - p if upper else p) <= OUTER for p in at) / len(at)


def _tail(num: int, of: int, share: float) -> float:
    """Return the probability of ``num`` or more of ``of`` draws, each with this probability.

    Example:
        >>> round(_tail(4, 5, 0.5), 4)
        0.1875
    """
    each = (math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(num, of + 1))
    return sum(each)


def _leave_beyond(reading: Reading, axis: Axis, inward: float, *, upper: bool) -> bool:
    """Return whether most trials further out than the best were dropped or failed."""
    trials = reading.study.trials
    at = places(axis, trials)
    depth = 1.0 - at if upper else at
    further = [has_left(t) for t, one in zip(trials, depth, strict=True) if one < inward]
    return len(further) >= 3 and sum(further) > 0.5 * len(further)
