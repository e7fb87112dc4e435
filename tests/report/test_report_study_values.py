"""Rules about values: which belong together, which do not matter, which trials tie; axes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from study_made import (
    BATCH,
    DROPOUT,
    IMPORTANCES,
    LR,
    SEEDS,
    Params,
    apart,
    confirm,
    draw,
    found,
    make_random,
    make_stages,
)
from study_samples import SAMPLES

from goodfit.diagnosis.study_range import _tail
from goodfit.diagnosis.study_values import explained
from goodfit.diagnosis.trials import Axis, axes_of, places, ranked


def test_trials_within_the_noise_of_seeds_are_not_told_apart() -> None:
    study = make_random(40)
    one, two = (trial.number for trial in ranked(study)[:2])
    near = (confirm(one, (0.97, 0.98, 0.99)), confirm(two, (0.972, 0.975, 0.979)))
    far = (confirm(one, (0.97, 0.98, 0.99)), confirm(two, (0.94, 0.95, 0.96)))
    (finding,) = found(replace(study, confirmed=near), "not-told-apart")
    error = math.sqrt(sum(np.var(one.values, ddof=1) / 3 for one in near))
    assert finding.evidence["standard_error"] == pytest.approx(error)
    assert not found(replace(study, confirmed=far), "not-told-apart")
    assert not found(replace(study, confirmed=near[:1]), "not-told-apart")


@pytest.mark.parametrize("second", [(0.95, 0.95, 0.95), (0.94, 0.95, 0.96)])
def test_equal_means_are_not_told_apart(second: tuple[float, ...]) -> None:
    study = make_random(40)
    one, two = (trial.number for trial in ranked(study)[:2])
    pair = (confirm(one, (0.95, 0.95, 0.95)), confirm(two, second))
    (finding,) = found(replace(study, confirmed=pair), "not-told-apart")
    assert f"Trials {one} and {two} have the same mean" in finding.meaning
    for seconds, choice in ((1.0, "Take either"), (0.5, f"Take trial {two}, which")):
        timed = [replace(t, seconds=seconds if t.number == two else 1.0) for t in study.trials]
        (finding,) = found(replace(study, trials=tuple(timed), confirmed=pair), "not-told-apart")
        assert finding.remedy.startswith(choice)
    apart = (pair[0], confirm(two, (0.93, 0.93, 0.93)))
    assert not found(replace(study, confirmed=apart), "not-told-apart")


def test_a_value_that_some_trials_have_is_judged_among_these() -> None:
    """Without the others, which are better, it decides; among few it is not judged."""

    def draws(rng: np.random.Generator) -> Params:
        own = {"net.drop": float(rng.uniform(0, 1))} if rng.random() < 0.5 else {}
        return {**draw(rng), **own}

    def peaks(params: Params) -> float:
        return by_rate(params) - (0.3 * params["net.drop"] if "net.drop" in params else 0.0)

    shares = {**SHARES, "net.drop": 0.01}
    for peak, told in ((peaks, False), (by_rate, True)):
        study = make_random(160, draws=draws, peaks=peak, leaves=lambda p: False)
        names = {f.where for f in found(study, "value-does-not-matter", shares)}
        assert ("net.drop" in names) is told
    few = make_random(40, draws=draws, peaks=by_rate, leaves=lambda p: False)
    assert "net.drop" not in {f.where for f in found(few, "value-does-not-matter", shares)}


def test_the_number_of_seeds_is_that_of_two_standard_errors() -> None:
    study = make_random(40)
    one, two = (trial.number for trial in ranked(study)[:2])
    values = np.array([-0.01, 0.0, 0.01])
    pair = (confirm(one, 0.98 + values), confirm(two, 0.976 + values))
    (finding,) = found(replace(study, confirmed=pair), "not-told-apart")
    needed = next(n for n in range(2, 999) if 2 * 0.01 * math.sqrt(2 / n) <= 0.004)
    assert f"about {needed} seeds" in finding.remedy


@pytest.mark.parametrize("seed", SEEDS)
def test_a_best_rate_that_rises_with_the_batch_is_seen(seed: int) -> None:
    (finding,) = found(make_random(160, seed=seed), "values-move-together")
    assert finding.where == f"{BATCH}, {LR}" and "rises with" in finding.meaning
    # planted: the best rate goes with the batch size to the power of 0.8
    assert float(finding.evidence["factor_when_doubled"]) == pytest.approx(2**0.8, rel=0.25)


def test_independent_values_seldom_seem_to_move_together() -> None:
    studies = (make_random(100, peaks=apart, seed=seed) for seed in range(60))
    assert sum(bool(found(study, "values-move-together")) for study in studies) <= 3


def test_the_narrowing_of_stages_is_no_interaction() -> None:
    study = make_stages()
    swapped = [
        replace(t, params={**t.params, DROPOUT: t.params[DROPOUT] + 0.1 * t.stage})
        for t in study.trials
    ]
    names = {f.where for f in found(replace(study, trials=tuple(swapped)), "values-move-together")}
    assert names <= {f"{BATCH}, {LR}"}


SHARES = {LR: 0.97, DROPOUT: 0.02, BATCH: 0.01}


def by_rate(params: Params) -> float:
    return 0.97 - 0.08 * math.log10(params[LR] / 3e-3) ** 2


def test_values_without_effect_are_to_be_fixed() -> None:
    studies = [make_random(120, peaks=by_rate, seed=seed) for seed in SEEDS]
    names = [f.where for study in studies for f in found(study, "value-does-not-matter", SHARES)]
    assert {*names} == {DROPOUT, BATCH}
    assert len(names) >= 8  # of 10: one in 30 seems to matter by chance
    assert not found(studies[0], "value-does-not-matter", IMPORTANCES)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_value_that_decides_among_good_trials_matters(seed: int) -> None:
    """Its importance is small only because of the disasters of the rate."""
    study = make_random(120, peaks=lambda p: by_rate(p) - 0.3 * p[DROPOUT], seed=seed)
    assert DROPOUT not in {f.where for f in found(study, "value-does-not-matter", SHARES)}


@given(st.integers(0, 12), st.integers(1, 12), st.floats(0.01, 0.99))
def test_the_tail_is_that_of_the_binomial(num: int, of: int, share: float) -> None:
    assert _tail(num, of, share) == pytest.approx(stats.binom.sf(num - 1, of, share), abs=1e-12)


@given(st.floats(1e-8, 1e3), st.floats(1.5, 1e6), st.floats(0, 1), st.booleans())
def test_places_and_numbers_are_inverse(low: float, ratio: float, at: float, log: bool) -> None:
    axis = Axis("value", low=low, high=low * ratio, log=log)
    assert axis.place(axis.at(at)) == pytest.approx(at, abs=1e-6)


def test_explained_is_omega_squared() -> None:
    study = make_random(80, leaves=lambda p: False)
    axis = axes_of(study)[BATCH]
    groups = [[t.value for t in study.trials if t.params[BATCH] == b] for b in (16, 32, 64, 128)]
    f = stats.f_oneway(*groups).statistic
    assert explained(axis, study.trials) == pytest.approx(3 * (f - 1) / (3 * (f - 1) + 80))


def test_axes_are_on_the_scale_of_their_values() -> None:
    axes = axes_of(make_random(60))
    assert axes[LR].log and axes[BATCH].log and not axes[DROPOUT].log
    assert axes[BATCH].points == (16.0, 32.0, 64.0, 128.0)
    assert (axes[LR].low, axes[LR].high) == (1e-5, 1.0)


def test_conditional_values_have_gaps_and_levels_are_in_natural_order() -> None:
    study = SAMPLES["loss"]()
    axes = axes_of(study)
    at = places(axes["optimizer.momentum"], study.trials)
    kinds = [trial.params["optimizer.kind"] for trial in study.trials]
    assert [bool(np.isnan(one)) for one in at] == [kind == "adamw" for kind in kinds]
    assert axes["net.hidden"].levels == ("[64, 64]", "[64]", "[128, 128, 128]")
