"""Rules about how the trials of a study went: too short, too long, dropped."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..records import Finding, Trial
from .numbers import NAN, array, finite, median
from .trials import Axis, Reading, failed_again, has_left, label, places, planned_epochs

LONGER = "notes n4, coarse to fine: second stage, longer running time"
PATIENCE = "notes n0, Early Stopping with Patience: stop when the validation error increases"
EXPLODE = "notes n4, Hyperparameter Optimization: a cost over 3 times the first, break out early"
BEST_FEW = 5
# How well a value separates, what to do, which value, with what numbers.
Split = tuple[float, str, str, dict[str, float | int | str]]
NO_SPLIT: Split = (0.0, "", "", {})


def fails_with_new_seeds(reading: Reading) -> tuple[Finding, ...]:
    """Fires when one of the best trials failed as it was trained again with new seeds.

    Its good value was luck: another start, and the loss is not finite or leaves. Abstains where
    none was trained again. Notes n4: break out where the cost explodes.
    """
    failed = failed_again(reading.study)
    if not failed:
        return ()
    first, of = failed[0], len(failed[0].values)
    times = sum(1 for value in first.values if not math.isfinite(value))
    others = f", and {len(failed) - 1} more of the best" if len(failed) > 1 else ""
    return (
        Finding(
            rule="fails-with-new-seeds",
            severity="warning",
            meaning=f"Trial {first.number}{others} failed with new seeds ({times} of {of}): its "
            "value was luck.",
            remedy="Search below the rates at which trials fail, or clip gradients or warm up.",
            source=EXPLODE,
            evidence={"trial": first.number, "failed": times, "seeds": of},
        ),
    )


def best_is_late(reading: Reading) -> tuple[Finding, ...]:
    """Fires when the best trials were at their best at the very end, and still getting better.

    Of the best 5 finished trials of the longest stage: the best epoch lies in the last tenth, and
    the validation loss fell by 5 % or more over the last quarter (medians). Abstains where trials
    have fewer than 3 epochs. Notes n4: second stage, longer running time, finer search.
    """
    best = _longest(reading)
    late, fell = median([_late(t) for t in best]), median([_fell(t) for t in best])
    epochs = max((trial.epochs for trial in best), default=0)
    if epochs < 3 or not (late >= 0.9 and fell >= 0.05):
        return ()
    return (
        Finding(
            rule="best-is-late",
            severity="warning",
            meaning="The best trials were still getting better when their epochs ended: another "
            "may win with more of them.",
            remedy=f"Train longer: {2 * epochs} epochs instead of {epochs}, for the best few at "
            "least.",
            source=LONGER,
            evidence={
                "best_epoch": median([trial.best_epoch for trial in best]),
                "epochs": epochs,
                "fall_in_last_quarter": fell,
            },
        ),
    )


def best_is_early(reading: Reading) -> tuple[Finding, ...]:
    """Fires when the best trials were at their best long before the end, and then got worse.

    Of the best 5 finished trials of the longest stage: the best epoch lies in the first third of
    the planned ones, and the validation loss ended 10 % or more over its lowest (medians). They
    overfit, and a schedule that spans all epochs never came to its low rates. Abstains where
    fewer than 6 epochs were planned. Notes n0, Early Stopping with Patience.
    """
    best = _longest(reading)
    planned = max((planned_epochs(reading.study, trial) for trial in best), default=0)
    early = median([trial.best_epoch / planned for trial in best]) if planned else NAN
    rose = median([_rose(trial) for trial in best])
    if planned < 6 or not (early <= 1 / 3 and rose >= 0.1):
        return ()
    middle = median([trial.best_epoch for trial in best])
    return (
        Finding(
            rule="best-is-early",
            severity="info",
            meaning="The best trials were at their best early and then learned the training rows "
            f"by heart; {_what_was_lost(best, planned)}.",
            remedy=f"Plan about {max(2, round(1.5 * middle))} epochs, so that the schedule ends "
            "there, and search more regularisation (weight decay, dropout, augmentation).",
            source=PATIENCE,
            evidence={"best_epoch": middle, "epochs": planned, "loss_rose_by": rose},
        ),
    )


def _what_was_lost(best: Sequence[Trial], planned: int) -> str:
    """Say what came of it: epochs for nothing, unless early stopping ended the trials."""
    if median([trial.epochs / planned for trial in best]) < 1.0:
        return "they were stopped before a schedule over all epochs came to its low rates"
    return "the rest of their epochs was spent for nothing"


def many_trials_failed(reading: Reading) -> tuple[Finding, ...]:
    """Fires when over a third of the trials were dropped or failed.

    Says which value separates them best, where one does: the split whose share of failures on one
    side exceeds that of survivors there by a half or more. Abstains with fewer than 6 trials.
    Notes n4: break out early when the cost passes 3 times the first.
    """
    trials = reading.study.trials
    left = np.array([has_left(trial) for trial in trials], dtype=bool)
    if len(left) < 6 or not left.mean() > 1 / 3:
        return ()
    remedy, where, evidence = _separated(reading, left)
    return (
        Finding(
            rule="many-trials-failed",
            severity="warning",
            meaning=f"{left.sum():,} of {len(left):,} trials were dropped or failed: their "
            "time went into a part of the space that cannot train.",
            remedy=remedy,
            source=EXPLODE,
            where=where,
            evidence={"share": float(left.mean()), **evidence},
        ),
    )


def _longest(reading: Reading) -> list[Trial]:
    """Return the best few finished trials of those that were planned longest."""
    done = [trial for trial in reading.ranked if trial.state == "done" and trial.best_epoch]
    lengths = [planned_epochs(reading.study, trial) for trial in done]
    most = max(lengths, default=0)
    return [trial for trial, num in zip(done, lengths, strict=True) if num == most][:BEST_FEW]


def _late(trial: Trial) -> float:
    """Return 1 where the best epoch is the last, as it always is with few epochs to choose from."""
    return 1.0 if trial.best_epoch >= trial.epochs else trial.best_epoch / trial.epochs


def _fell(trial: Trial) -> float:
    """Return by what share the validation loss fell over the last quarter of the epochs."""
    losses = finite(trial.validation_loss)
    if len(losses) < 3 or losses[-1] <= 0:
        return NAN
    before = losses[min(len(losses) - 2, round(0.75 * len(losses)) - 1)]
    return float(1.0 - losses[-1] / before)


def _rose(trial: Trial) -> float:
    """Return by what share of its lowest the validation loss (the better of the last 2) rose."""
    losses = finite(trial.validation_loss)
    if len(losses) < 3 or losses.min() <= 0:
        return NAN
    return float(losses[-2:].min() / losses.min() - 1.0)


def _separated(reading: Reading, left: np.ndarray) -> tuple[str, str, dict[str, float | int | str]]:
    splits = [_split(reading, axis, left) for axis in reading.axes.values()]
    best = max(splits, default=NO_SPLIT, key=lambda split: split[0])
    if left.all():
        remedy = (
            "Train one of them alone to see why (goodfit train), then search around what works."
        )
        return remedy, "", {}
    if best[0] < 0.5 or len(left) < 12:
        remedy = "Narrow the space around the trials that finished; no single value separates them."
        return remedy, "", {}
    return best[1], best[2], best[3]


def _split(reading: Reading, axis: Axis, left: np.ndarray) -> Split:
    """Return how well a value separates what left from what stayed, and what to do about it."""
    if not axis.is_number:
        return _split_levels(reading, axis, left)
    at = places(axis, reading.study.trials)
    known = np.isfinite(at)
    order = np.argsort(at[known], kind="stable")
    x, y = at[known][order], left[known][order]
    if not (y.any() and (~y).any()):
        return NO_SPLIT
    behind = np.cumsum(y) / y.sum() - np.cumsum(~y) / (~y).sum()
    behind[:-1][x[:-1] == x[1:]] = 0.0  # equal values stay together
    place = int(np.abs(behind[:-1]).argmax()) if len(x) > 1 else 0
    above, bound = bool(behind[place] < 0), axis.at(float(x[place : place + 2].mean()))
    inside = (x > x[place]) == above
    word = "below" if above else "above"
    remedy = f"Narrow the range: keep {axis.name} {word} about {bound:.2g}."
    evidence = {"keep": word, **_shares(y, inside, bound)}
    return float(abs(behind[place])), remedy, axis.name, evidence


def _shares(y: np.ndarray, inside: np.ndarray, bound: float) -> dict[str, float | int | str]:
    return {
        "bound": bound,
        "share_on_that_side": float(y[inside].mean()),
        "share_on_the_other": float(y[~inside].mean()) if (~inside).any() else 0.0,
    }


def _split_levels(reading: Reading, axis: Axis, left: np.ndarray) -> Split:
    trials = reading.study.trials
    words = np.array([label(trial.params.get(axis.name, "")) for trial in trials])
    stayed = ~left
    if not (left.any() and stayed.any()):
        return NO_SPLIT
    shares = array([(words == w)[left].mean() - (words == w)[stayed].mean() for w in axis.levels])
    worst = axis.levels[int(shares.argmax())]
    evidence: dict[str, float | int | str] = {
        "value": worst,
        "share_with_it": float(left[words == worst].mean()),
        "share_with_others": float(left[words != worst].mean()),
    }
    return float(shares.max()), f"Leave out {axis.name} = {worst}.", axis.name, evidence
