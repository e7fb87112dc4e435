"""The charts of a study: one value at a time, all values at once, and how trials learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import BasicTicker, ColumnDataSource, DataRange1d, Range1d
from bokeh.plotting import figure

from ..diagnosis.trials import Axis, Reading, best_of, chosen_first, counts, places
from ..records import StudyRecord, Trial
from .charts import Chart, item_of
from .palette import LIGHT
from .series import Floats
from .study_axes import (
    Heights,
    empty_figure,
    even_sample,
    heights,
    hover,
    jittered,
    show_ticks,
    show_values,
    stage_roles,
    ticks_of,
)
from .study_words import shown, told
from .words import clean, score_word

MOST_PLOTS, MOST_POINTS, BEST_POINTS = 12, 1200, 200
MARKERS = ("circle", "triangle", "square", "diamond", "inverted_triangle")
NUM_CURVES, MOST_CURVES = 5, 150


def isolation_charts(reading: Reading, axes: Sequence[Axis], names: dict[str, str]) -> list[Chart]:
    """Return the value against each searched value, one chart each, for at most 12 of them."""
    trials, ends = drawn_trials(reading), heights(reading)
    kept = list(axes[:MOST_PLOTS])
    return [_isolation(reading, a, names, trials, ends, k) for k, a in enumerate(kept)]


def drawn_trials(reading: Reading) -> list[Trial]:
    """Return the trials that are drawn: all, or the best and an even sample of the others."""
    counted = {trial.number for trial in reading.ranked}
    rest = [t for t in reading.study.trials if t.number not in counted]
    if len(reading.study.trials) <= MOST_POINTS:
        return [*reversed(reading.ranked), *rest]
    best, others = reading.ranked[:BEST_POINTS], [*reading.ranked[BEST_POINTS:], *rest]
    return [*reversed(best), *even_sample(others, MOST_POINTS - len(best))]


def curves_chart(reading: Reading) -> Chart | None:
    """Return the metric on validation by epoch, the best five trials before the others."""
    study = reading.study
    best = chosen_first(study)[:NUM_CURVES]
    others = [t for t in study.trials if len(t.metric) > 1 and t not in best]
    if not best or not any(np.isfinite(trial.metric).any() for trial in best if trial.metric):
        return None
    drawn = even_sample(others, MOST_CURVES)
    plot = empty_figure(340, *_curve_ends([*best, *drawn], study.metric_up))
    plot.xaxis.axis_label = "epoch"
    plot.xaxis.ticker = BasicTicker(min_interval=1)
    plot.x_range = DataRange1d(range_padding=0.02, start=0.9)
    show_values(plot, study.metric)
    for trials, role, width in (
        (drawn, "step", 1),
        (best[:0:-1], "train", 2),
        (best[:1], "validation", 3),
    ):
        _draw_curves(plot, study, trials, role, width)
    word = score_word(study.metric).label
    thin = (
        f" {len(drawn):,} of {len(others):,} other trials are drawn."
        if len(drawn) < len(others)
        else ""
    )
    return Chart(
        key="learning",
        title=f"{word} on validation by epoch",
        caption=f"Each line is a trial.{thin}",
        label=f"{word} on validation by epoch, of the best trials and of {len(drawn):,} others.",
        legend=_curve_legend(best, drawn),
        item=item_of(plot, "learning"),
    )


def _isolation(
    reading: Reading,
    axis: Axis,
    names: dict[str, str],
    trials: Sequence[Trial],
    ends: Heights,
    place: int,
) -> Chart:
    known = [trial for trial in trials if axis.name in trial.params]
    plot = empty_figure(240, ends.low, ends.high)
    wide = 0.06 + 0.4 / max(2, len(axis.points), len(axis.levels)) * bool(
        axis.points or axis.levels
    )
    plot.x_range = Range1d(start=-wide, end=1 + wide)
    show_ticks(plot, ticks_of(axis))
    show_values(
        plot, reading.study.metric, (ends.worst, ends.high if reading.study.metric_up else ends.low)
    )
    _draw_stages(plot, reading, axis, known, ends)
    _draw_left(plot, reading, axis, known, ends)
    _ring_best(plot, reading, axis, ends)
    name = clean(names[axis.name])
    scale = "Logarithmic axis." if axis.log else ""
    return Chart(
        key=f"value-{place}",
        title=name,
        caption=scale,
        label=f"{score_word(reading.study.metric).label} against {axis.name}.",
        item=item_of(plot, f"value-{place}"),
    )


def _draw_stages(
    plot: figure, reading: Reading, axis: Axis, trials: Sequence[Trial], ends: Heights
) -> None:
    stages = sorted({trial.stage for trial in reading.study.trials})
    size = 4 if len(trials) > 600 else 6
    for place, (stage, role) in enumerate(zip(stages, stage_roles(len(stages)), strict=True)):
        colour = LIGHT[role]
        inside = [t for t in trials if t.stage == stage and counts(t)]
        done = [t for t in inside if t.state == "done"]
        halved = [t for t in inside if t.state == "halved"]
        look: dict[str, Any] = {"marker": MARKERS[place % len(MARKERS)], "line_color": colour}
        _scatter(plot, reading, axis, halved, ends, size=size, fill_color=None, **look)
        _scatter(plot, reading, axis, done, ends, size=size, fill_color=colour, **look)


def _draw_left(
    plot: figure, reading: Reading, axis: Axis, trials: Sequence[Trial], ends: Heights
) -> None:
    left = [trial for trial in trials if not counts(trial)]
    colour = LIGHT["validation"]
    _scatter(plot, reading, axis, left, ends, marker="x", size=6, line_color=colour)


def _ring_best(plot: figure, reading: Reading, axis: Axis, ends: Heights) -> None:
    best = best_of(reading.study)
    if best is not None and axis.name in best.params:
        look = {"size": 13, "fill_color": None, "line_color": LIGHT["ink"], "line_width": 2}
        _scatter(plot, reading, axis, [best], ends, marker="circle", **look)


def _scatter(
    plot: figure,
    reading: Reading,
    axis: Axis,
    trials: Sequence[Trial],
    ends: Heights,
    **look: Any,
) -> None:
    if not trials:
        return
    study = reading.study
    source = ColumnDataSource(
        {
            "x": jittered(axis, places(axis, trials), trials, 0.5).astype("float32"),
            "y": _heights_of(trials, ends, study.metric_up),
            "number": [trial.number for trial in trials],
            "at": [clean(told(trial.params[axis.name])) for trial in trials],
            "value": [_outcome(study, trial) for trial in trials],
        }
    )
    drawn = plot.scatter("x", "y", source=source, **look)
    word = score_word(study.metric).label
    hover(plot, drawn, (("trial", "@number"), (axis.name, "@at"), (word, "@value")))


def _heights_of(trials: Sequence[Trial], ends: Heights, up: bool) -> Floats:
    """Return the values; what is far worse, and what left, stands at the edge."""
    values = np.array([trial.value if counts(trial) else np.nan for trial in trials])
    far = values < ends.worst if up else values > ends.worst
    return np.where(np.isnan(values), ends.left, np.where(far, ends.far, values))


def _outcome(study: StudyRecord, trial: Trial) -> str:
    return shown(study, trial.value) if counts(trial) else clean(trial.why or trial.state)


def _curve_ends(trials: Sequence[Trial], up: bool) -> tuple[float, float]:
    values = np.concatenate([np.asarray(trial.metric, dtype=float) for trial in trials])
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, (0.03, 1.0) if up else (0.0, 0.97))
    pad = 0.05 * (high - low) or abs(high) * 0.1 or 1.0
    return float(low - pad), float(high + pad)


def _draw_curves(
    plot: figure, study: StudyRecord, trials: Sequence[Trial], role: str, width: float
) -> None:
    """Draw trials as lines; each ends in a dot, which alone shows a trial of one epoch."""
    if not trials:
        return
    columns = [np.asarray(trial.metric, dtype=float) for trial in trials]
    source = ColumnDataSource(
        {
            "xs": [np.arange(1, len(column) + 1).tolist() for column in columns],
            "ys": [[v if np.isfinite(v) else float("nan") for v in c.tolist()] for c in columns],
            "number": [trial.number for trial in trials],
            "value": [_outcome(study, trial) for trial in trials],
        }
    )
    colour, alpha = LIGHT[role], 0.6 if role == "step" else 1.0
    line = plot.multi_line(
        "xs", "ys", source=source, line_color=colour, line_width=width, line_alpha=alpha
    )
    hover(plot, line, (("trial", "@number"), (score_word(study.metric).label, "@value")))
    if role != "step":
        ends = [(len(column), float(column[-1])) for column in columns if len(column)]
        plot.scatter([x for x, _ in ends], [y for _, y in ends], color=colour, size=6)


def _curve_legend(best: Sequence[Trial], others: Sequence[Trial]) -> tuple[tuple[str, str], ...]:
    found = [("validation", f"trial {best[0].number}, the best")]
    if len(best) > 1:
        found.append(("train", f"the next {len(best) - 1}"))
    return tuple(found + ([("step", "other trials")] if others else []))
