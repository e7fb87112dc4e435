"""Lines: thinned without losing what matters, placed on one axis, with round ticks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from report_samples import make_history, make_long

from goodfit.records import EpochColumns, History, StepColumns
from goodfit.report.charts import draw_charts
from goodfit.report.series import epoch_lines, log_ticks, step_line
from goodfit.report.thin import MAX_POINTS, keep, keep_all

values = arrays(
    np.float64,
    st.integers(1, 400),
    elements=st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1, 1),
)


@given(values, st.integers(5, 60))
def test_thinning_keeps_ends_extremes_and_gaps(column: np.ndarray, limit: int) -> None:
    kept = keep(column, limit)
    assert len(kept) <= max(limit, 5)
    assert (np.diff(kept) > 0).all()
    assert kept[0] == 0 and kept[-1] == len(column) - 1
    finite, thin = column[np.isfinite(column)], column[kept]
    if len(finite):
        assert thin[np.isfinite(thin)].min() == finite.min()
        assert thin[np.isfinite(thin)].max() == finite.max()
    assert np.isfinite(column).all() == np.isfinite(thin).all()


@given(values)
def test_short_lines_keep_every_point(column: np.ndarray) -> None:
    assert len(keep(column, limit=400)) == len(column)


def test_lines_that_share_points_share_the_limit() -> None:
    columns = np.random.default_rng(0).normal(size=(3, 50_000))
    kept = keep_all(list(columns), 2000)
    assert len(kept) <= 2000
    assert {column.argmax() for column in columns} <= set(kept)


def test_a_hundred_thousand_steps_become_few_points_with_the_same_extremes() -> None:
    history = make_long().history
    line = step_line(history, "loss")
    assert len(history.steps.loss) == 100_000
    assert len(line.value) <= MAX_POINTS
    assert (line.value.min(), line.value.max()) == (
        min(history.steps.loss),
        max(history.steps.loss),
    )


def test_best_epoch_survives_thinning() -> None:
    history = make_history(num_epochs=900, per_epoch=2)
    lines = epoch_lines(history, limit=30)
    assert len(lines.epoch) <= 30
    assert history.best_epoch in lines.epoch


@pytest.mark.parametrize("first_epoch", [0, 1])
def test_the_last_step_of_an_epoch_stands_at_its_number(first_epoch: int) -> None:
    history = History(
        metric="accuracy",
        steps=StepColumns(step=(1, 10, 20), loss=(3.0, 2.0, 1.0)),
        epochs=EpochColumns(epoch=(first_epoch, first_epoch + 1), step=(10, 20)),
        steps_per_epoch=10,
    )
    line = step_line(history, "loss")
    assert line.epoch.tolist() == pytest.approx([first_epoch - 0.9, first_epoch, first_epoch + 1])


def test_columns_that_were_not_taken_are_gaps() -> None:
    lines = epoch_lines(History(metric="r2", epochs=EpochColumns(epoch=(1, 2), metric=(0.5,))))
    assert np.isnan(lines.train).all()
    assert lines.metric[0] == 0.5 and np.isnan(lines.metric[1])


@given(st.floats(1e-12, 1e12), st.floats(21, 1e15))
def test_log_ticks_are_few_and_inside(low: float, ratio: float) -> None:
    ticks = log_ticks(np.array([low, low * ratio]))
    assert 1 <= len(ticks) <= 10
    assert all(low * 0.999 <= tick <= low * ratio * 1.001 for tick in ticks)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e300])
def test_constant_values_are_drawn_whatever_their_size(scale: float) -> None:
    steps = StepColumns(step=(1, 2), loss=(scale,) * 2, lr=(scale,) * 2, grad_norm=(0.0,) * 2)
    charts = draw_charts(History(metric="accuracy", steps=steps, steps_per_epoch=1))
    assert [chart.key for chart in charts] == ["loss", "rate", "norm"]
