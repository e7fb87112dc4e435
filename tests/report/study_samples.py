"""The family of studies that the page and the terminal must show: usual ones and odd ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from study_made import LR, Params, draw, make_random, make_stages

from goodfit.records import StudyRecord

NAN = float("nan")
HOSTILE = "</script><script>document.title='hacked'</script><img src=x onerror=alert(1)>\x1b[2J"


def make_one_trial() -> StudyRecord:
    """A study that ended after one trial."""
    return make_random(1, leaves=lambda params: False)


def make_all_failed() -> StudyRecord:
    """A study in which no trial gave a value."""
    study = make_random(12, leaves=lambda params: True)
    trials = [
        replace(t, value=NAN, best_epoch=0, epochs=0, metric=(), validation_loss=(), train_loss=())
        for t in study.trials
    ]
    trials[:3] = [replace(t, state="failed", why="hidden[0]: 0 units") for t in trials[:3]]
    return replace(study, trials=tuple(trials))


def make_one_choice() -> StudyRecord:
    """A study of one value that is not a number."""
    names = ("relu", "tanh", "gelu")
    gains = dict(zip(names, (0.97, 0.93, 0.975), strict=True))
    return make_random(
        9,
        draws=lambda rng: {"net.activation": str(rng.choice(names))},
        peaks=lambda params: gains[params["net.activation"]],
        leaves=lambda params: False,
        ranges={},
        logs=(),
    )


def make_many() -> StudyRecord:
    """A study of 4,096 trials in three stages."""
    return make_stages(4096)


def make_loss() -> StudyRecord:
    """A study whose metric is better when it is less, and of nine values, some conditional."""
    rng = np.random.default_rng(3)

    def draws(_: np.random.Generator) -> Params:
        kind = str(rng.choice(["sgd", "adamw"]))
        own = {"optimizer.momentum": float(rng.uniform(0, 0.99))} if kind == "sgd" else {}
        return {
            **draw(rng),
            "optimizer.kind": kind,
            **own,
            "optimizer.weight_decay": float(10 ** rng.uniform(-6, -1)),
            "net.hidden": [[64], [64, 64], [128, 128, 128]][int(rng.integers(3))],
            "net.batch_norm": bool(rng.integers(2)),
            "net.activation": str(rng.choice(["relu", "gelu", "tanh", "a-name-that-is-very-long"])),
        }

    study = make_random(
        60,
        draws=draws,
        leaves=lambda p: p[LR] > 0.25,
        logs=(LR, "optimizer.weight_decay"),
    )
    halved = [
        replace(
            t,
            state="halved",
            why="others were better after 3 epochs",
            epochs=3,
            best_epoch=3,
            value=t.metric[2],
            metric=t.metric[:3],
            validation_loss=t.validation_loss[:3],
        )
        if t.state == "done" and t.number % 3
        else t
        for t in study.trials
    ]
    turned = [
        replace(t, value=(1 - t.value) * 400, metric=tuple((1 - m) * 400 for m in t.metric))
        for t in halved
    ]
    return replace(
        study,
        name="houses",
        metric="rmse",
        metric_up=False,
        strategy="halving",
        trials=tuple(turned),
    )


def make_hostile() -> StudyRecord:
    """A study whose every word tries to break out of the page."""
    study = make_stages(40)
    trials = [
        replace(
            t,
            params={HOSTILE: HOSTILE if t.number % 2 else "calm", LR: t.params[LR]},
            why=HOSTILE,
            group=HOSTILE,
        )
        for t in study.trials
    ]
    stages = [
        replace(s, name=HOSTILE, reason=HOSTILE, ranges={HOSTILE + "2": (0.0, 1.0)})
        for s in study.stages
    ]
    groups = [replace(g, name=HOSTILE, reason=HOSTILE, executor=HOSTILE) for g in study.groups]
    return replace(
        study,
        name=HOSTILE,
        strategy=HOSTILE,
        metric=HOSTILE,
        trials=tuple(trials),
        stages=tuple(stages),
        groups=tuple(groups),
        notes=(HOSTILE,),
    )


SAMPLES: dict[str, Callable[[], StudyRecord]] = {
    "stages": make_stages,
    "random": make_random,
    "one-trial": make_one_trial,
    "all-failed": make_all_failed,
    "one-choice": make_one_choice,
    "many": make_many,
    "loss": make_loss,
    "hostile": make_hostile,
}
