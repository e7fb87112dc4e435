"""Rules about values: which belong together, which do not matter, which trials tie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist, stdev
from typing import NamedTuple

import numpy as np

from ..records import Confirmed, Finding, Trial
from .numbers import Array, array
from .study_range import MATTERS
from .trials import Axis, Reading, best_of, confirmed_first, label, places

TOGETHER = "notes n3, Inter-dependence of Hyperparameters: they depend on one another"
RATE_AND_BATCH = "notes n0, Learning Rate: large batch, larger learning rates; notes n3, the same"
MATTER = "notes n3, Hyper-Parameter Tuning: rate and decay are crucial, others more stable"
SEEDS = "Bouthillier et al. 2021, Accounting for variance in machine learning benchmarks"
BY_CHANCE, CLEAR, HIDDEN = 0.01, 0.4, 0.1
FEWEST_IN_STAGE, FEWEST_TOGETHER, FEWEST_TO_MATTER = 8, 12, 30
RATES = ("lr", "learning_rate")
MOST_SEEDS = 50
# One trial trains faster than another from this share of its time on; timings vary by less.
FASTER = 0.7


class Pair(NamedTuple):
    """Two values among the best trials: correlation, its z score, the slope of y over x."""

    x: Axis
    y: Axis
    num: int
    correlation: float
    z: float
    slope: float


def values_move_together(reading: Reading) -> tuple[Finding, ...]:
    """Fires when among the best quarter of each stage two values rise and fall together.

    Trials draw their values independently, so a correlation among the best is not the search's but
    the network's: the best of one value depends on the other. ``|r| >= 0.4``, and by chance in
    fewer than one of 100 studies (Fisher's z, all pairs counted). For the learning rate with the
    batch size it says how the best rate moves. Abstains with fewer than 12 trials in the best
    quarters. Notes n0 and n3: large batches want large rates; batch norm with dropout.
    """
    pairs = [pair for pair in _pairs(reading) if pair.num >= FEWEST_TOGETHER]
    if not pairs:
        return ()
    best = max(pairs, key=lambda pair: abs(pair.z))
    bound = NormalDist().inv_cdf(1.0 - BY_CHANCE / 2 / len(pairs))
    clear = [p for p in pairs if abs(p.z) >= bound and abs(p.correlation) >= CLEAR]
    special = [pair for pair in clear if _is_rate_and_batch(pair)]
    return tuple(_together(pair) for pair in (special or [best] * (best in clear)))


def value_does_not_matter(reading: Reading) -> tuple[Finding, ...]:
    """States which values explain next to nothing of what trials gave.

    An importance under 0.05, and within the better half of the trials too (where a bad rate hides
    nothing) under 10 % of the spread of values between the value's quarters or levels (omega
    squared, which is over that by chance for one value of 30 with 120 trials). Of the trials that
    have the value. Abstains with one searched value, and where fewer than 30 trials have it.
    Notes n3: rate and decay are crucial, others more stable.
    """
    known = [name for name in reading.axes if name in reading.importances]
    if len(known) < 2:
        return ()
    return tuple(_idle(reading, name) for name in known if _is_idle(reading, name))


def _is_idle(reading: Reading, name: str) -> bool:
    having = [trial for trial in reading.ranked if name in trial.params]
    if len(having) < FEWEST_TO_MATTER or reading.importances[name] >= MATTERS:
        return False
    return explained(reading.axes[name], having[: len(having) // 2]) < HIDDEN


def not_told_apart(reading: Reading) -> tuple[Finding, ...]:
    """States that the best and the runner-up differ by less than seeds do.

    The gap between their means is 0, or under two standard errors of the difference,
    ``sqrt(s_1^2 / n_1 + s_2^2 / n_2)`` for spreads s (standard deviations) over n seeds; they fit
    in the gap from ``n = 4 (s_1^2 + s_2^2) / gap^2`` seeds each on. Abstains unless two trials
    were trained with two seeds or more. Not in the notes; Bouthillier et al. 2021, Accounting for
    variance in machine learning benchmarks.
    """
    best = [one for one in confirmed_first(reading.study) if len(one.values) >= 2][:2]
    if len(best) < 2:
        return ()
    gap = abs(best[0].mean - best[1].mean)
    # Values are in single precision.
    gap = gap if gap > 1e-6 else 0.0
    error = math.sqrt(sum(stdev(one.values) ** 2 / len(one.values) for one in best))
    if not (math.isfinite(error) and (gap == 0.0 or 2 * error > gap)):
        return ()
    return (
        Finding(
            rule="not-told-apart",
            severity="info",
            meaning=f"Trials {best[0].number} and {best[1].number} {_tie(gap)}: neither is the "
            "better one.",
            remedy=_more_seeds(best, gap, _choice(reading, [one.number for one in best])),
            source=SEEDS,
            evidence={"gap": gap, "standard_error": error, "seeds": len(best[0].values)},
        ),
    )


def _tie(gap: float) -> str:
    if gap == 0.0:
        return "have the same mean over seeds"
    return "differ by less than their means do from seeds to seeds"


def explained(axis: Axis, trials: Sequence[Trial]) -> float:
    """Return the share of the spread of trials' values between quarters or levels of a value.

    Omega squared: ``(S_between - (g - 1) s^2) / (S_total + s^2)`` for g groups and a variance of
    s^2 within; about 0 where the value has no effect. Source: Hays, Statistics, 1963.
    """
    at, values = places(axis, trials), array([trial.value for trial in trials])
    group = _groups(at)
    groups = [values[group == one] for one in np.unique(group)]
    groups = [one for one in groups if len(one)]
    total = float(((values - values.mean()) ** 2).sum())
    within = float(sum(((one - one.mean()) ** 2).sum() for one in groups))
    if len(groups) < 2 or len(values) <= len(groups) or total == 0.0:
        return 0.0
    noise = within / (len(values) - len(groups))
    return (total - within - (len(groups) - 1) * noise) / (total + noise)


def _groups(at: Array) -> Array:
    """Return a group for each place: its level where there are few, else its quarter."""
    if len(np.unique(at[np.isfinite(at)])) <= 5:
        return np.where(np.isfinite(at), at, -1.0)
    return np.searchsorted(np.nanquantile(at, (0.25, 0.5, 0.75)), at).astype(np.float64)


def _pairs(reading: Reading) -> list[Pair]:
    numeric = [axis for axis in reading.axes.values() if axis.is_number]
    stages = {trial.stage for trial in reading.ranked}
    inside = [[t for t in reading.ranked if t.stage == stage] for stage in sorted(stages)]
    best = [trials[: len(trials) // 4] for trials in inside if len(trials) >= FEWEST_IN_STAGE]
    return [_pair(*_in_order(x, y), best) for x, y in combinations(numeric, 2)]


def _in_order(x: Axis, y: Axis) -> tuple[Axis, Axis]:
    """Put a rate second, so that the slope says how it moves with the other."""
    return (y, x) if _last(x) in RATES else (x, y)


def _pair(x: Axis, y: Axis, best: Sequence[Sequence[Trial]]) -> Pair:
    parts = [np.stack([places(x, trials), places(y, trials)]) for trials in best]
    parts = [part[:, np.isfinite(part).all(axis=0)] for part in parts]
    parts = [part - part.mean(axis=1, keepdims=True) for part in parts if part.shape[1] > 1]
    both = np.concatenate(parts, axis=1) if parts else np.zeros((2, 0))
    num, spread = both.shape[1], (both**2).sum(axis=1)
    if num <= 3 or not spread.all():
        return Pair(x, y, 0, 0.0, 0.0, 0.0)
    cross = float((both[0] * both[1]).sum())
    r = max(-0.999, min(0.999, cross / math.sqrt(float(spread.prod()))))
    return Pair(x, y, num, r, math.atanh(r) * math.sqrt(num - 3), cross / float(spread[0]))


def _last(axis: Axis) -> str:
    return axis.name.rsplit(".", 1)[-1]


def _is_rate_and_batch(pair: Pair) -> bool:
    return _last(pair.y) in RATES and _last(pair.x) == "batch_size"


def _together(pair: Pair) -> Finding:
    rising = pair.correlation > 0
    meaning = (
        f"Among the best trials {pair.y.name} {'rises' if rising else 'falls'} with "
        f"{pair.x.name}: the best value of one depends on the other."
    )
    evidence = {"correlation": pair.correlation, "num_trials": pair.num, **_doubling(pair)}
    is_rate = _is_rate_and_batch(pair)
    return Finding(
        rule="values-move-together",
        severity="info",
        meaning=meaning,
        remedy="When the batch size changes, move the rate with it; do not tune one with the "
        "other fixed."
        if is_rate
        else "Search both together, and do not fix one at a value that was found for another.",
        source=RATE_AND_BATCH if is_rate else TOGETHER,
        where=f"{pair.x.name}, {pair.y.name}",
        evidence=evidence,
    )


def _doubling(pair: Pair) -> dict[str, float]:
    """Return by what factor the best y changes when x doubles, where both are ratios."""
    if not (pair.x.log and pair.y.log):
        return {}
    wide = [math.log(axis.high / axis.low) for axis in (pair.x, pair.y)]
    return {"factor_when_doubled": 2.0 ** (pair.slope * wide[1] / wide[0])}


def _idle(reading: Reading, name: str) -> Finding:
    best = best_of(reading.study)
    at = f" at {label(best.params[name])}" if best and name in best.params else ""
    num = sum(name in trial.params for trial in reading.ranked)
    return Finding(
        rule="value-does-not-matter",
        severity="info",
        meaning="This value explains next to nothing of what trials gave.",
        remedy=f"Fix it{at}, and spend the trials on values that matter.",
        source=MATTER,
        where=name,
        evidence={"importance": reading.importances[name], "num_trials": num},
    )


def _choice(reading: Reading, numbers: Sequence[int]) -> str:
    """Say which of two equal trials to take: the one that trains clearly faster, if one does."""
    trials = [trial for trial in reading.study.trials if trial.number in numbers]
    times = sorted((t.seconds / t.epochs, t.number) for t in trials if t.epochs)
    if len(times) < 2 or times[0][0] >= FASTER * times[1][0]:
        return "Take either"
    return f"Take trial {times[0][1]}, which trains faster"


def _more_seeds(best: Sequence[Confirmed], gap: float, choice: str) -> str:
    spreads = [stdev(one.values) for one in best]
    needed = 4 * (spreads[0] ** 2 + spreads[1] ** 2) / gap**2 if gap else math.inf
    if needed > MOST_SEEDS:
        return f"{choice}: over {MOST_SEEDS} seeds each would be needed to tell."
    return f"{choice}, or train each with about {math.ceil(needed)} seeds to tell."
