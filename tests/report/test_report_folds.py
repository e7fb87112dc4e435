"""The page of a cross-validation: its facts, its charts, safe and silent."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_browser import visit
from report_html import Page
from report_samples import HOSTILE

from goodfit.records import CrossValidation, Scores
from goodfit.report import folds_html


def made(values: dict[str, list[float]], kind: str = "stratified") -> CrossValidation:
    num = len(next(iter(values.values())))
    folds = [
        Scores(
            part="validation",
            num_rows=30 + k,
            values={key: column[k] for key, column in values.items()},
        )
        for k in range(num)
    ]
    return CrossValidation(
        kind=kind,
        seed=7,
        folds=tuple(folds),
        num_rows=tuple(each.num_rows for each in folds),
        mean={key: float(np.mean(column)) for key, column in values.items()},
        standard_error={
            key: float(np.std(column, ddof=1) / np.sqrt(num)) for key, column in values.items()
        },
    )


FIVE = made({"log_loss": [0.3, 0.2, 0.4, 0.1, 0.5], "accuracy": [0.9, 0.95, 0.85, 1.0, 0.8]})


def items(page: str) -> list[dict]:
    found = re.search(r"^const items = (.*);$", page, re.MULTILINE)
    assert found
    return json.loads(found[1])


def numbers(item: Any, name: str, field: str) -> list[float]:
    """Return a field of all models of a kind in a chart."""
    if isinstance(item, list):
        return [value for each in item for value in numbers(each, name, field)]
    if not isinstance(item, dict):
        return []
    own = [item["attributes"][field]] if item.get("name") == name and "attributes" in item else []
    return [*own, *numbers([*item.values()], name, field)]


def test_the_page_tells_all_scores_their_mean_and_its_error() -> None:
    page = Page(folds_html(FIVE, name="first", created="today", recipe_toml="seed = 7"))
    for fact in (
        "first",
        "Accuracy 90.0 % ± 3.5 % over 5 stratified folds; the test part is sealed",
        "± 3.5 %, its standard error",
        "160 held out in 5 folds",
        "1 30 90.0 % 0.3 2 31 95.0 % 0.2",
        "mean 90.0 % 0.3 standard error 3.5 % 0.07071",
        "seed = 7",
    ):
        assert fact in page.text, fact
    assert all(address == "data:," for address in page.addresses)


def test_each_score_is_drawn_with_its_mean_and_band() -> None:
    accuracy, log_loss = items(folds_html(FIVE, name="first"))
    for item, key in ((accuracy, "accuracy"), (log_loss, "log_loss")):
        mean, error = FIVE.mean[key], FIVE.standard_error[key]
        assert numbers(item, "Span", "location") == [pytest.approx(mean)]
        assert numbers(item, "BoxAnnotation", "bottom") == [pytest.approx(mean - error)]
        assert numbers(item, "BoxAnnotation", "top") == [pytest.approx(mean + error)]
    assert accuracy["target_id"] == "chart-folds-accuracy"


@pytest.mark.parametrize(
    "found",
    [
        made({"r2": [1.0, 1.0]}, "plain"),
        made({"r2": [float("nan"), 0.5, 0.6]}, "grouped"),
        made({"r2": [float("nan")] * 3}, "time"),
        made({"rmse": list(np.linspace(1e9, 2e9, 64))}, "plain"),
    ],
    ids=["equal", "one not a number", "no number", "many"],
)
def test_pages_of_odd_scores_are_whole(found: CrossValidation) -> None:
    page = Page(folds_html(found, name=HOSTILE, recipe_toml=HOSTILE))
    assert page.count("tr") == len(found.folds) + 3
    assert "hacked" in page.text and page.count("img") == 0


def test_a_browser_draws_it_and_the_console_stays_empty(tmp_path: Path) -> None:
    seen = visit(folds_html(FIVE, name="first"), tmp_path)
    assert seen.console == [] and seen.dom.count("bk-Figure") >= 2
