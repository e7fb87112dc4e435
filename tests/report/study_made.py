"""Believable studies, made without training, for the tests of advice and of the study's page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from goodfit.diagnosis import advice_of
from goodfit.records import Confirmed, Finding, Grouping, Stage, StudyRecord, Trial

LR, BATCH, DROPOUT = "optimizer.lr", "batch_size", "net.dropout"
Params = dict[str, Any]
Draw = Callable[[np.random.Generator], Params]
Quality = Callable[[Params], float]
IMPORTANCES = {LR: 0.78, BATCH: 0.13, DROPOUT: 0.09}
RANGES = {LR: (1e-5, 1.0), DROPOUT: (0.0, 0.6)}
STAGES = (("coarse", 0.5, 3), ("finer", 0.3, 10), ("fine", 0.2, 30))


@dataclass(frozen=True)
class Course:
    """How trials go: ``speed`` as a share of their epochs, ``overfit`` as a rise at the end."""

    speed: float = 0.12
    overfit: float = 0.0
    best_at: float = 0.75


HEALTHY = Course()
SEEDS = range(5)


def draw(rng: np.random.Generator, ranges: Mapping[str, tuple[float, float]] = RANGES) -> Params:
    """Draw a rate on a log scale, a batch size among four, and a dropout rate."""
    low, high = ranges[LR]
    return {
        LR: float(np.exp(rng.uniform(math.log(low), math.log(high)))),
        BATCH: int(rng.choice([16, 32, 64, 128])),
        DROPOUT: float(rng.uniform(*ranges[DROPOUT])),
    }


def quality(params: Params) -> float:
    """The accuracy that a network of these values comes to: the best rate grows with the batch."""
    best = 3e-3 * (params[BATCH] / 32) ** 0.8
    off = math.log10(params[LR] / best)
    return 0.1 + 0.88 * math.exp(-0.5 * (off / 1.1) ** 2) - 0.08 * (params[DROPOUT] - 0.25) ** 2


def explodes(params: Params) -> bool:
    """Whether a rate is too high to train at all."""
    return params[LR] > 0.25


def make_trial(
    number: int,
    params: Params,
    peak: float,
    rng: np.random.Generator,
    *,
    epochs: int = 20,
    course: Course = HEALTHY,
    **fields: Any,
) -> Trial:
    """A trial whose accuracy comes near ``peak`` and whose validation loss follows."""
    epoch = np.arange(1, epochs + 1)
    way = 1.0 - np.exp(-epoch / max(0.4, course.speed * epochs))
    after = np.maximum(0.0, epoch / epochs - course.best_at)
    metric = np.clip(0.1 + (peak - 0.1) * way - 0.02 * after, 0.0, 1.0)
    metric = np.clip(metric + rng.normal(0.0, 0.003, epochs), 0.0, 1.0)
    loss = 2.3 - 2.2 * (metric - 0.1) + course.overfit * after + 0.004 * after
    return Trial(
        **{
            "number": number,
            "params": params,
            "seed": 0,
            "state": "done",
            "epochs": epochs,
            "best_epoch": int(loss.argmin()) + 1,
            "value": float(metric[loss.argmin()]),
            "seconds": float(0.02 * epochs * rng.uniform(0.8, 1.2)),
            "train_loss": tuple((loss * 0.9).tolist()),
            "validation_loss": tuple(loss.tolist()),
            "metric": tuple(metric.tolist()),
            "group": "mlp 64-64",
        }
        | fields
    )


def dropped(number: int, params: Params, **fields: Any) -> Trial:
    """A trial that left in its second epoch."""
    return Trial(
        number=number,
        params=params,
        seed=0,
        state="dropped",
        why="the loss passed 3 times its first",
        epochs=1,
        best_epoch=1,
        value=0.1,
        seconds=0.03,
        train_loss=(9.1,),
        validation_loss=(11.0,),
        metric=(0.1,),
        **fields,
    )


def make_random(
    num: int = 128,
    *,
    draws: Draw = draw,
    peaks: Quality = quality,
    leaves: Callable[[Params], bool] = explodes,
    course: Course = HEALTHY,
    epochs: int = 20,
    noise: float = 0.004,
    seed: int = 0,
    ranges: Mapping[str, tuple[float, float]] = RANGES,
    logs: Iterable[str] = (LR,),
) -> StudyRecord:
    """A random search in one stage."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(num):
        params = draws(rng)
        if leaves(params):
            trials.append(dropped(number, params))
            continue
        peak = peaks(params) + rng.normal(0.0, noise)
        trials.append(make_trial(number, params, peak, rng, epochs=epochs, course=course))
    stage = Stage(0, "random", epochs, num, "independent draws", dict(ranges))
    return StudyRecord(
        name="digits",
        strategy="random",
        metric="accuracy",
        metric_up=True,
        seed=seed,
        trials=tuple(trials),
        stages=(stage,),
        log_params=tuple(logs),
        seconds=0.11 * num,
        preparing_s=1.9,
    )


def make_stages(num: int = 256, seed: int = 0) -> StudyRecord:
    """A search from coarse to fine in three stages, the best three confirmed with three seeds."""
    rng = np.random.default_rng(seed)
    ranges: dict[str, tuple[float, float]] = dict(RANGES)
    trials: list[Trial] = []
    stages = []
    reason = "the whole space, a few epochs"
    for place, (name, share, epochs) in enumerate(STAGES):
        count = num - len(trials) if place == 2 else max(1, round(share * num))
        options = {BATCH: (16, 32, 64, 128)}
        stages.append(Stage(place, name, epochs, count, reason, dict(ranges), options))
        new = [_one(len(trials) + k, draw(rng, ranges), rng, epochs, place) for k in range(count)]
        trials += new
        best = sorted(new, key=lambda t: -t.value if t.state == "done" else 0.0)
        ranges = _spanned([t.params for t in best[: max(3, count // 5)]])
        span = f"{LR} {ranges[LR][0]:.2g} to {ranges[LR][1]:.2g}"
        reason = f"what the best {max(3, count // 5)} of {count} span: {span}"
    study = make_random(1)
    return replace(
        study,
        strategy="coarse-to-fine",
        trials=tuple(trials),
        stages=tuple(stages),
        confirmed=_confirmed(trials, rng),
        groups=_groups(trials),
        notes=("Early stopping ended 31 trials before their last epoch.",),
        seconds=0.09 * num,
    )


def _one(number: int, params: Params, rng: np.random.Generator, epochs: int, stage: int) -> Trial:
    group = f"mlp 64-64, batch {params[BATCH]}"
    if explodes(params):
        return dropped(number, params, stage=stage, group=group)
    short = 0.02 * (2 - stage)
    peak = quality(params) - short + rng.normal(0.0, 0.004)
    return make_trial(number, params, peak, rng, epochs=epochs, stage=stage, group=group)


def _spanned(best: list[Params]) -> dict[str, tuple[float, float]]:
    columns = {name: [params[name] for params in best] for name in (LR, DROPOUT)}
    return {name: (min(column), max(column)) for name, column in columns.items()}


def _confirmed(trials: list[Trial], rng: np.random.Generator) -> tuple[Confirmed, ...]:
    best = sorted((t for t in trials if t.state == "done"), key=lambda t: -t.value)[:3]
    return tuple(
        confirm(trial.number, trial.value - 0.004 + rng.normal(0, 0.003, 3)) for trial in best
    )


def confirm(number: int, values: Iterable[float]) -> Confirmed:
    """A trial trained again with one new seed for each value."""
    known = np.array(list(values))
    return Confirmed(
        number=number,
        seeds=tuple(range(1, len(known) + 1)),
        values=tuple(known.tolist()),
        mean=float(known.mean()),
        spread=float(known.std(ddof=1)),
    )


def _groups(trials: list[Trial]) -> tuple[Grouping, ...]:
    names = sorted({trial.group for trial in trials})
    return tuple(
        Grouping(
            name=name,
            num_trials=sum(trial.group == name for trial in trials),
            num_parameters=8970,
            rows=16,
            workers=2,
            executor="compiled",
            reason="16 rows of 8,970 weights fill 2 MB; stacked is 5.1 times as fast as singly",
        )
        for name in names
    )


def found(
    study: StudyRecord, rule: str, importances: Mapping[str, float] | None = None
) -> list[Finding]:
    """What one rule says."""
    return [finding for finding in advice_of(study, importances) if finding.rule == rule]


def apart(params: Params) -> float:
    """A quality in which no value depends on another, best in the middle of each range."""
    rate = math.log10(params[LR] / 3e-3)
    return 0.97 - 0.08 * rate**2 - 0.4 * (params[DROPOUT] - 0.3) ** 2 - 0.01 * batch_off(params)


def batch_off(params: Params) -> float:
    """How far a batch size is from the middle, in doublings, squared."""
    return abs(math.log2(params[BATCH] / 45)) ** 2
