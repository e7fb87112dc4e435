"""Tables and axes of a study: whole numbers stay whole, names have room, the best comes first."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from study_made import DROPOUT, LR, Params, confirm, draw, make_random
from study_samples import SAMPLES

from goodfit.diagnosis.trials import ranked, read
from goodfit.records import StudyRecord
from goodfit.report.study_charts import curves_chart
from goodfit.report.study_parallel import in_lines, parallel_chart
from goodfit.report.study_tables import heats, trial_rows


def counts_of(low: int, high: int, num: int = 200) -> StudyRecord:
    """A study of a whole number and a rate."""

    def draws(rng: np.random.Generator) -> Params:
        return {"net.depth": int(rng.integers(low, high + 1)), LR: draw(rng)[LR]}

    ranges = {"net.depth": (low, high), LR: (1e-5, 1.0)}
    return make_random(num, draws=draws, peaks=lambda p: 0.9, leaves=lambda p: False, ranges=ranges)


@pytest.mark.parametrize(
    ("low", "high", "names"),
    [
        (1, 3, ["1", "2", "3"]),
        (0, 7, list("01234567")),
        (1, 12, ["1 – 2", "3 – 4", "5 – 6", "7 – 8", "9 – 10", "11 – 12"]),
    ],
)
def test_whole_numbers_are_not_split(low: int, high: int, names: list[str]) -> None:
    study = counts_of(low, high)
    (heat,) = heats(read(study, {}), {})
    assert heat.y == "net.depth" and [name for name, _ in heat.rows] == names
    for name, cells in heat.rows:
        first, last = int(name.split(" – ")[0]), int(name.split(" – ")[-1])
        inside = sum(first <= trial.params["net.depth"] <= last for trial in study.trials)
        assert sum(int(cell.note.split()[0]) for cell in cells) == inside


def test_two_values_that_few_have_together_are_no_table() -> None:
    shares = {"optimizer.momentum": 0.9, LR: 0.05, DROPOUT: 0.04}
    first = heats(read(SAMPLES["loss"](), shares), shares)[0]
    assert {first.x, first.y} == {LR, DROPOUT}


def test_the_first_row_and_the_first_curve_are_the_best_over_seeds() -> None:
    study = make_random(40)
    first, second = ranked(study)[:2]
    again = (confirm(first.number, (0.90, 0.92)), confirm(second.number, (0.95, 0.97)))
    study = replace(study, confirmed=again)
    rows = trial_rows(read(study, {}), [LR])
    assert [row.number for row in rows[:2]] == [second.number, first.number] and rows[0].best
    chart = curves_chart(read(study, {}))
    assert chart is not None and f"trial {second.number}, the best" in chart.legend[0][1]


def test_heads_and_ends_of_parallel_axes_have_room() -> None:
    long = "optimizer.momentum.lr"
    assert max(map(len, in_lines(long).split("\n"))) <= 12 and in_lines("dropout") == "dropout"
    reading = read(make_random(30), {})
    axes = list(reading.axes.values())
    chart = parallel_chart(reading, axes, {axis.name: long for axis in axes})
    assert chart is not None and "optimizer.\\nmomentum.\\nlr" in json.dumps(chart.item)


def test_epochs_are_whole_on_their_axis() -> None:
    chart = curves_chart(read(make_random(12, epochs=3), {}))
    assert chart is not None
    assert '"min_interval":1' in json.dumps(chart.item, separators=(",", ":"))
