"""The page of a study: its facts, whole and safe, for one trial and for thousands."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_html import Page
from study_made import (
    BATCH,
    DROPOUT,
    IMPORTANCES,
    LR,
    confirm,
    make_random,
    make_stages,
)
from study_samples import HOSTILE, SAMPLES

from goodfit.diagnosis.trials import Axis, axes_of, counts, places, ranked, read
from goodfit.records import Finding, StudyRecord
from goodfit.report import study_html
from goodfit.report.study_axes import heights, ticks_of
from goodfit.report.study_charts import MOST_POINTS, drawn_trials
from goodfit.report.study_tables import fence, heats, trial_rows
from goodfit.report.study_words import reasons, study_headline

every_sample = pytest.mark.parametrize("name", SAMPLES)


@cache
def page_of(name: str) -> str:
    return study_html(SAMPLES[name](), IMPORTANCES if name in ("stages", "many", "loss") else {})


def test_the_page_tells_what_was_learned() -> None:
    study, text = make_stages(), Page(page_of("stages")).text
    best = study.confirmed[0]
    for fact in (
        f"over 3 seeds: trial {best.number}, the best of 256.",
        f"{100 * best.mean:.2f} % ± {100 * best.spread:.2f} %",
        "coarse-to-fine in 3 stages",
        "what the best 25 of 128 span",
        "batch_size 16, 32, 64, 128",
        "optimizer.lr 1e-5 to 1",
        "optimizer.lr 78 %",
        "fine: squares",
        "dropped: the loss passed 3 times its first 16 trials",
        "6.2 % of the trials were dropped or failed",
        "150 of 235 other trials are drawn",
        "16 rows of 8,970 weights fill 2 MB",
        "Early stopping ended 31 trials",
        "of it tracing and compiling 1.9 s",
        "When the batch size changes, move the rate with it",
    ):
        assert fact in text, fact


def test_sections_and_links_agree() -> None:
    for name in SAMPLES:
        page = Page(page_of(name))
        ids = [attrs["id"] for attrs in page.attributes("section") if "id" in attrs]
        assert [attrs["href"] for attrs in page.attributes("a")] == [f"#{one}" for one in ids]


@every_sample
def test_page_is_self_contained(name: str) -> None:
    html = page_of(name)
    page = Page(html)
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert styles and not any("url(" in style or "@import" in style for style in styles)
    (policy,) = [a["content"] for a in page.attributes("meta") if "http-equiv" in a]
    assert policy is not None and policy.startswith("default-src 'none'")


@every_sample
def test_page_stays_under_its_size(name: str) -> None:
    assert len(page_of(name).encode()) < 1_800_000


@every_sample
def test_page_is_accessible(name: str) -> None:
    page = Page(page_of(name))
    assert [page.count(tag) for tag in ("main", "h1", "nav", "footer")] == [1, 1, 1, 1]
    assert all(attrs.get("scope") for attrs in page.attributes("th"))
    assert all(a.get("aria-label") for _, a in page.tags if a.get("role") in ("img", "region"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_hostile_text_stays_text() -> None:
    html, calm = page_of("hostile"), Page(page_of("stages"))
    page = Page(html)
    assert page.count("script") == calm.count("script") and page.count("img") == 0
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "\x1b" not in html and "\\u001b" not in html
    assert HOSTILE[:20] not in html
    assert page.text.count(HOSTILE.replace("\x1b", "�")) > 20


def test_thousands_of_trials_are_thinned_and_the_page_says_so() -> None:
    study = SAMPLES["many"]()
    drawn = drawn_trials(read(study, {}))
    assert len(drawn) <= MOST_POINTS
    assert {t.number for t in ranked(study)[:200]} <= {t.number for t in drawn}
    assert any(not counts(trial) for trial in drawn)
    text = Page(page_of("many")).text
    assert f"{len(drawn):,} of 4,096 trials are drawn" in text
    assert "The first 200 of 4,096 trials" in text


def test_all_failed_draws_no_curves_and_says_why() -> None:
    text = Page(page_of("all-failed")).text
    assert "None of 12 trials gave a value: 9 dropped, 3 failed." in text
    assert "failed: hidden[0]: 0 units 3 trials" in text
    assert "How trials learned" not in text and "Best trials" not in text


def test_one_choice_needs_no_second_value() -> None:
    text = Page(page_of("one-choice")).text
    assert "activation" in text and "what led to it" not in text
    assert "Nothing to mend" in text


def test_a_study_without_trials_is_a_page_too() -> None:
    study = StudyRecord("empty", "random", "accuracy", True, seed=0)
    assert "No trial gave a value: none was run." in Page(study_html(study, {})).text


def test_a_metric_that_falls_is_said_to() -> None:
    text = Page(page_of("loss")).text
    assert "less is better" in text and "Best RMSE" in text
    assert "halved: hollow" in text


def test_findings_and_space_of_the_caller_are_shown() -> None:
    finding = Finding(rule="of-mine", severity="warning", meaning="M.", remedy="R.", source="S.")
    html = study_html(make_random(9), {}, [finding], created="today", space_toml="[optimizer]\nlr")
    text = Page(html).text
    assert "of mine" in text and "[optimizer] lr" in text and "today" in text


def test_the_best_is_named_by_its_mean_over_seeds() -> None:
    study = make_random(40)
    first, second = ranked(study)[:2]
    again = (confirm(first.number, (0.90, 0.92)), confirm(second.number, (0.95, 0.97)))
    assert f"trial {second.number}, the best of 40" in study_headline(
        replace(study, confirmed=again)
    )
    assert f"trial {first.number}, the best of 40; with one seed" in study_headline(study)


def test_rows_are_best_first_and_then_those_without_a_value() -> None:
    study = make_random(60)
    rows = trial_rows(read(study, {}), [LR, DROPOUT])
    values = [float(row.value.split()[0]) for row in rows if row.place != "–"]
    assert values == sorted(values, reverse=True)
    assert [row.place == "–" for row in rows] == sorted(row.place == "–" for row in rows)
    assert len(rows) == 60 and rows[0].best


def test_reasons_count_every_trial_that_did_not_finish() -> None:
    study = SAMPLES["loss"]()
    told = reasons(study)
    assert sum(one.num for one in told) == sum(t.state != "done" for t in study.trials)
    many = [replace(t, state="failed", why=f"reason {t.number}") for t in study.trials]
    told = reasons(replace(study, trials=tuple(many)))
    assert len(told) == 9 and told[-1].why == "other reasons"
    assert sum(one.share for one in told) == pytest.approx(1.0)


def test_cells_are_medians_of_their_trials() -> None:
    study = make_random(300)
    (heat,) = heats(read(study, IMPORTANCES), IMPORTANCES)
    assert (heat.x, heat.y) == (LR, BATCH)
    assert [name for name, _ in heat.rows] == ["16", "32", "64", "128"]
    at = places(axes_of(study)[LR], study.trials)
    inside = [
        t.value
        for t, place in zip(study.trials, at, strict=True)
        if t.params[BATCH] == 32 and 2 / 6 <= place < 3 / 6 and counts(t)
    ]
    assert heat.rows[1][1][2].value == f"{100 * np.median(inside):.2f} %"
    assert all(sum(cell.best for cell in cells) == 1 for _, cells in heat.rows)
    told = sum(int(cell.note.split()[0]) for _, cells in heat.rows for cell in cells)
    assert told == len(study.trials)


def test_a_reason_that_groups_share_is_said_once() -> None:
    study = make_stages()
    shared = "dispatch outweighs the arithmetic"
    groups = [
        replace(g, reason=f"0.{k} MFLOP a layer: {shared}") for k, g in enumerate(study.groups)
    ]
    text = Page(study_html(replace(study, groups=tuple(groups)), {})).text
    assert text.count(shared) == 1 and "0.1 MFLOP a layer" in text
    same = [replace(g, reason=shared) for g in groups]
    text = Page(study_html(replace(study, groups=tuple(same)), {})).text
    assert text.count(shared) == 1 and "Why, in each of them" in text
    groups[0] = replace(groups[0], reason=f"9 MFLOP a layer: not {shared}")
    text = Page(study_html(replace(study, groups=tuple(groups)), {})).text
    assert text.count(shared) == len(groups)


def test_what_was_not_judged_is_said() -> None:
    text = Page(study_html(SAMPLES["loss"](), {LR: 0.9})).text
    assert "Not judged: " in text and "optimizer.momentum" in text.split("Not judged: ")[1][:200]
    assert "Not judged" not in Page(study_html(make_random(60), IMPORTANCES)).text


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.booleans())
def test_the_fence_keeps_the_better_three_quarters(values: list[float], up: bool) -> None:
    column = np.array(values)
    end = fence(column, up)
    inside = column >= end - 1e-6 if up else column <= end + 1e-6
    assert inside.mean() >= 0.74
    assert column.min() - 1e-6 <= end <= column.max() + 1e-6


@given(st.floats(1e-12, 1e12), st.floats(1.001, 1e15), st.booleans(), st.booleans())
def test_ticks_are_few_and_inside(low: float, ratio: float, log: bool, whole: bool) -> None:
    axis = Axis("value", low=low, high=low * ratio, log=log, whole=whole)
    ticks = ticks_of(axis)
    assert len(ticks) <= 6
    assert all(-1e-6 <= place <= 1 + 1e-6 for place in ticks)


@pytest.mark.parametrize("up", [True, False])
def test_what_left_stands_beyond_the_worst(up: bool) -> None:
    study = replace(make_random(60), metric_up=up)
    ends = heights(read(study, {}))
    sign = 1 if up else -1
    order = [ends.left, ends.far, ends.worst, ends.best]
    assert order == sorted(order, key=lambda value: sign * value)
    assert ends.low < min(order) and max(order) < ends.high


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0, 1e300])
def test_equal_values_are_drawn(value: float) -> None:
    study = make_random(12, leaves=lambda p: False)
    trials = [replace(t, value=value, metric=(value,) * 3) for t in study.trials]
    assert "</html>" in study_html(replace(study, trials=tuple(trials)), {})
