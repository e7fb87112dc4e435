"""Advice on a study: each rule finds what was planted, and is silent on the healthy twin."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from study_made import (
    BATCH,
    DROPOUT,
    IMPORTANCES,
    LR,
    SEEDS,
    Course,
    Params,
    apart,
    confirm,
    draw,
    found,
    make_random,
)
from study_samples import SAMPLES

from goodfit.diagnosis import STUDY_RULES, advice_of, explain
from goodfit.diagnosis.study_range import best_at_border, trials_for
from goodfit.diagnosis.trials import best_of, chosen_first, ranked, read
from goodfit.records import StudyRecord


def rising(params: Params) -> float:
    """A quality whose best rate lies beyond the range."""
    return 0.95 + 0.06 * math.log10(params[LR])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_healthy_study_gets_no_advice(seed: int) -> None:
    study = make_random(128, peaks=apart, seed=seed)
    assert advice_of(study, IMPORTANCES) == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_at_the_upper_end_says_how_far_to_widen(seed: int) -> None:
    study = make_random(60, peaks=rising, leaves=lambda p: False, seed=seed)
    (finding,) = found(study, "best-at-border", IMPORTANCES)
    assert (finding.where, finding.severity) == (LR, "warning")
    assert "search 1e-05 to 10" in finding.remedy
    assert "fully explored" in finding.source
    assert finding.evidence["upper_end"] == 1.0


def test_the_best_at_the_lower_end_says_how_far_to_widen() -> None:
    study = make_random(60, peaks=lambda p: 0.5 - 0.08 * math.log10(p[LR]))
    (finding,) = found(study, "best-at-border")
    assert "search 1e-06 to 1" in finding.remedy


def test_choices_at_their_end_ask_for_more_choices() -> None:
    study = make_random(60, peaks=lambda p: 0.5 + p[BATCH] / 300)
    told = {f.where: f.remedy for f in found(study, "best-at-border")}
    assert told[BATCH] == "Add choices above 128: 256, say."


def test_nothing_lies_beyond_no_dropout() -> None:
    study = make_random(60, peaks=lambda p: 0.9 - p[DROPOUT])
    assert not found(study, "best-at-border")


def test_values_without_effect_seldom_seem_to_lie_at_a_border() -> None:
    told = [
        finding.where
        for seed in range(60)
        for finding in found(
            make_random(20, peaks=lambda p: 0.9, leaves=lambda p: False, epochs=4, seed=seed),
            "best-at-border",
        )
    ]
    assert len(told) <= 12  # of 180: measured 2 % of ranges and 3 % of four choices


def test_a_loss_at_a_border_is_judged_by_its_own_direction() -> None:
    study = make_random(60, peaks=rising, leaves=lambda p: False)
    turned = [replace(trial, value=1.0 - trial.value) for trial in study.trials]
    down = replace(study, metric="rmse", metric_up=False, trials=tuple(turned))
    assert [f.where for f in found(down, "best-at-border")] == [LR]
    assert not found(replace(down, metric_up=True), "best-at-border")[1:]


def test_a_border_beyond_which_trials_explode_is_explored() -> None:
    planted = make_random(80, peaks=rising, leaves=lambda p: p[LR] > 0.4)
    assert not found(planted, "best-at-border", IMPORTANCES)


def test_a_border_of_a_value_that_does_not_matter_is_no_border() -> None:
    study = make_random(60, peaks=rising, leaves=lambda p: False)
    assert not found(study, "best-at-border", {LR: 0.01, DROPOUT: 0.99})


@pytest.mark.parametrize("seed", SEEDS)
def test_trials_that_end_while_they_get_better_are_to_train_longer(seed: int) -> None:
    short, long = Course(speed=1.2, best_at=1.0), Course(speed=0.12)
    (finding,) = found(make_random(40, peaks=apart, course=short, seed=seed), "best-is-late")
    assert "40 epochs instead of 20" in finding.remedy
    assert not found(make_random(40, peaks=apart, course=long, seed=seed), "best-is-late")


@pytest.mark.parametrize("seed", SEEDS)
def test_trials_that_overfit_early_are_to_be_shorter(seed: int) -> None:
    overfit = Course(speed=0.05, overfit=2.0, best_at=0.25)
    (finding,) = found(make_random(40, peaks=apart, course=overfit, seed=seed), "best-is-early")
    assert finding.severity == "info" and finding.evidence["epochs"] == 20
    assert "spent for nothing" in finding.meaning
    stopped = make_random(40, peaks=apart, course=overfit, seed=seed)
    cut = tuple(
        replace(t, epochs=15, metric=t.metric[:15], validation_loss=t.validation_loss[:15])
        for t in stopped.trials
    )
    (finding,) = found(replace(stopped, trials=cut), "best-is-early")
    assert "stopped before a schedule" in finding.meaning
    later = replace(overfit, best_at=0.7)
    assert not found(make_random(40, peaks=apart, course=later, seed=seed), "best-is-early")


@pytest.mark.parametrize("seed", SEEDS)
def test_many_lost_trials_name_the_value_and_the_bound(seed: int) -> None:
    def leaves(params: Params) -> bool:
        return params[LR] > 1e-3

    study = make_random(80, leaves=leaves, seed=seed)
    (finding,) = found(study, "many-trials-failed")
    assert finding.where == LR and f"keep {LR} below about" in finding.remedy
    assert 5e-4 < float(finding.evidence["bound"]) < 2e-3
    assert finding.evidence["share_on_that_side"] == 1.0
    assert not found(make_random(80, seed=seed), "many-trials-failed")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_range_is_not_to_be_narrowed_and_widened_at_one_end(seed: int) -> None:
    """Above a rate many fail, but beyond the best ones as many live as fail."""

    def leaves(params: Params) -> bool:
        return params[LR] > 1e-3 and params[DROPOUT] > 0.02 + 1.5 * (params[LR] > 0.2)

    study = make_random(80, peaks=rising, leaves=leaves, seed=seed)
    assert [f.where for f in best_at_border(read(study, IMPORTANCES))] == [LR]
    (failed,) = found(study, "many-trials-failed", IMPORTANCES)
    assert failed.where == LR and "below" in failed.remedy
    assert not found(study, "best-at-border", IMPORTANCES)


def test_no_batch_of_one_row_is_advised() -> None:
    study = make_random(
        60,
        draws=lambda rng: {**draw(rng), BATCH: int(rng.choice([2, 4, 8]))},
        peaks=lambda p: 0.9 - p[BATCH] / 50,
    )
    assert BATCH not in [finding.where for finding in found(study, "best-at-border")]


def test_many_lost_trials_name_the_choice() -> None:
    def draws(rng: np.random.Generator) -> Params:
        return {**draw(rng), "net.norm": str(rng.choice(["none", "batch"]))}

    study = make_random(60, draws=draws, leaves=lambda p: p["net.norm"] == "batch")
    (finding,) = found(study, "many-trials-failed")
    assert finding.remedy == "Leave out net.norm = batch."


def test_trials_lost_at_random_are_blamed_on_no_value() -> None:
    rng = np.random.default_rng(0)
    study = make_random(80, leaves=lambda p: bool(rng.random() < 0.5))
    (finding,) = found(study, "many-trials-failed")
    assert finding.where == "" and "no single value" in finding.remedy


def six(rng: np.random.Generator) -> Params:
    return {**draw(rng), **{f"value{k}": float(rng.uniform()) for k in range(3)}}


@pytest.mark.parametrize(("num", "said"), [(359, True), (360, False)])
def test_six_values_need_360_trials(num: int, said: bool) -> None:
    study = make_random(num, draws=six, peaks=apart)
    assert bool(found(study, "too-many-values")) is said


NAMES = (LR, BATCH, DROPOUT, "value")


def partial(rng: np.random.Generator) -> Params:
    own = {"rate": float(rng.uniform())} if rng.random() < 0.5 else {"other": float(rng.uniform())}
    return {**draw(rng), "value": float(rng.uniform()), **own}


def test_advice_on_a_part_of_the_values_says_so() -> None:
    study = make_random(60, draws=partial)
    (whole,) = found(
        study, "too-many-values", {**dict.fromkeys(NAMES, 0.1), "other": 0.5, "rate": 0.4}
    )
    assert "matter most (other, rate among the trials that have it)" in whole.remedy
    (part,) = found(study, "too-many-values", dict.fromkeys(NAMES, 0.1))
    assert "matter most" not in part.remedy
    assert "Not judged, and perhaps more important: rate, other" in part.remedy.replace(
        "other, rate", "rate, other"
    )


def test_four_values_are_never_too_many() -> None:
    def draws(rng: np.random.Generator) -> Params:
        return {**draw(rng), "value": float(rng.uniform())}

    assert not found(make_random(10, draws=draws), "too-many-values")
    assert trials_for(4) == 160


def test_warnings_come_before_advice() -> None:
    study = make_random(300, draws=six, leaves=lambda p: p[LR] > 1e-3)
    levels = [finding.severity for finding in advice_of(study, IMPORTANCES)]
    assert levels == sorted(levels, reverse=True) and "warning" in levels


@pytest.mark.parametrize("name", SAMPLES)
def test_every_study_is_judged_without_a_word_from_numpy(name: str) -> None:
    study = SAMPLES[name]()
    assert advice_of(study) == advice_of(StudyRecord.from_json(study.to_json()))


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e308, math.nan, 0.0])
def test_values_of_any_size_are_judged(value: float) -> None:
    study = make_random(40)
    trials = [replace(t, value=value, validation_loss=(value,) * 20) for t in study.trials]
    mixed = (*trials[:20], *study.trials[20:])
    for made in (trials, mixed):
        advice_of(replace(study, trials=tuple(made)), IMPORTANCES)


@pytest.mark.parametrize("rule", STUDY_RULES, ids=lambda rule: rule.__name__)
def test_a_docstring_tells_when_and_when_not_and_where_from(rule: object) -> None:
    text = " ".join((rule.__doc__ or "").split())
    assert text.startswith(("Fires ", "States "))
    assert "Abstains" in text
    assert "otes" in text


def test_explain_knows_the_rules_about_a_study() -> None:
    assert explain("best-at-border").startswith("best-at-border (about a study)\n\nFires when")


def test_advice_needs_neither_torch_nor_optuna() -> None:
    program = (
        "import sys, goodfit.diagnosis, goodfit.report; "
        "print({'torch', 'optuna'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_a_best_trial_that_fails_with_new_seeds_is_told_and_not_named() -> None:
    study = make_random(40, peaks=apart)
    first, second, third = (trial.number for trial in ranked(study)[:3])
    again = (confirm(first, [0.9, math.nan, 0.9]), confirm(second, [0.9, 0.91, 0.92]))
    one = replace(study, confirmed=again)
    (finding,) = found(one, "fails-with-new-seeds")
    assert finding.severity == "warning" and f"Trial {first} failed" in finding.meaning
    best = best_of(one)
    assert best is not None and best.number == second
    alone = best_of(replace(study, confirmed=again[:1]))
    assert alone is not None and alone.number == second
    assert [trial.number for trial in chosen_first(one)][:2] == [second, third]
    assert not found(replace(study, confirmed=again[1:]), "fails-with-new-seeds")


def test_a_trial_that_was_halved_is_not_the_best_while_others_ended() -> None:
    study = make_random(40, peaks=apart)
    first, second = ranked(study)[:2]
    trials = tuple(replace(t, state="halved") if t is first else t for t in study.trials)
    best = best_of(replace(study, trials=trials))
    assert best is not None and best.number == second.number


def test_means_that_differ_in_the_eighth_digit_are_the_same() -> None:
    study = make_random(40, peaks=apart)
    first, second = (trial.number for trial in ranked(study)[:2])
    again = (confirm(first, [0.9, 0.92]), confirm(second, [0.9 + 4e-8, 0.92]))
    (finding,) = found(replace(study, confirmed=again), "not-told-apart")
    assert "the same mean" in finding.meaning and finding.evidence["gap"] == 0.0


def test_values_that_happened_to_be_equal_are_searched_all_the_same() -> None:
    def draws(rng: np.random.Generator) -> Params:
        return {**six(rng), "never": 0.5}

    (finding,) = found(make_random(20, draws=draws), "too-many-values")
    assert finding.evidence["num_values"] == 7
