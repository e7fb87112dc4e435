"""Importances: values that only some trials have are weighed among these, or named."""

from __future__ import annotations

import math

import numpy as np
from studies_helpers import SMALL

import goodfit as gf
from goodfit.diagnosis.trials import not_judged
from goodfit.recipe import Space
from goodfit.records import StudyRecord, Trial
from goodfit.studies.importance import importances
from goodfit.studies.sampling import random_asker

RATE, OTHER = "optimizer.adamw.lr", "optimizer.momentum.lr"
SPACE = SMALL.vary(
    optimizer=gf.choice(
        {"kind": "adamw", "lr": gf.loguniform(1e-4, 1e-1)},
        {"kind": "momentum", "lr": gf.loguniform(1e-3, 1.0)},
    ),
    dropout=gf.uniform(0.0, 0.5),
)


def made(space: Space, num: int, seed: int = 0) -> StudyRecord:
    """Return a study in which the rate of AdamW decides, and nothing else does."""
    asker, rng = random_asker(seed), np.random.default_rng(seed)
    trials = []
    for number in range(num):
        params = asker.ask(space)
        off = math.log10(params[RATE] / 3e-3) if RATE in params else 0.0
        value = 0.9 - 0.2 * off**2 + rng.normal(0.0, 0.002)
        trials.append(Trial(number, params, 0, "done", epochs=1, best_epoch=1, value=value))
    return StudyRecord("", "random", "accuracy", True, seed=seed, trials=tuple(trials))


def test_a_rate_of_one_optimiser_is_weighed_among_its_trials() -> None:
    study = made(SPACE, 60)
    found = importances(study, SPACE)
    assert found[RATE] > 0.8 and next(iter(found)) == RATE
    assert not_judged(study, found) == []
    mine = [trial for trial in study.trials if RATE in trial.params]
    only = importances(StudyRecord("", "", "accuracy", True, 0, tuple(mine)), SPACE)
    assert found[RATE] == only[RATE]


def test_what_too_few_trials_have_is_left_out_and_named() -> None:
    study = made(SPACE, 18)
    having = [sum(name in trial.params for trial in study.trials) for name in (RATE, OTHER)]
    assert min(having) < 10
    found = importances(study, SPACE)
    few = [name for name, num in zip((RATE, OTHER), having, strict=True) if num < 10]
    assert "optimizer" in found and not set(few) & set(found)
    assert set(not_judged(study, found)) == set(few)


def test_without_any_importance_nothing_is_said_to_be_left_out() -> None:
    study = made(SPACE, 6)
    assert importances(study, SPACE) == {} and not_judged(study, {}) == []


def test_options_inside_of_options_have_conditions_of_their_own() -> None:
    space = SMALL.vary(
        schedule=gf.choice("constant", {"kind": "cosine", "warmup": gf.uniform(0.0, 0.3)}),
        optimizer=gf.choice(
            {"kind": "adamw", "lr": gf.loguniform(1e-4, 1e-1)},
            {"kind": "sgd", "lr": gf.loguniform(1e-3, 1.0)},
        ),
    )
    found = importances(made(space, 80), space)
    assert set(found) == set(space.parameters)
    assert found[RATE] > 0.8
