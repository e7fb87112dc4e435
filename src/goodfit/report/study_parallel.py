"""All searched values at once: a line for each trial, through its place on each axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from ..diagnosis.trials import Axis, Reading, best_of, places
from ..records import Trial
from .charts import FONT, Chart, item_of
from .palette import LIGHT
from .series import Floats
from .study_axes import cut, empty_figure, even_sample, heights, hover, jittered, ticks_of
from .study_words import shown
from .words import clean, score_word

MOST_AXES, MOST_LINES, MOST_BEST = 10, 300, 20
MISSING = -0.12
WIDEST_HEAD = 12  # letters: an axis has 6 rem


def parallel_chart(
    reading: Reading, axes: Sequence[Axis], names: Mapping[str, str]
) -> Chart | None:
    """Return the chart, or None where nothing is to be compared; the best tenth is in colour."""
    ranked, kept = reading.ranked, list(axes[:MOST_AXES])
    if len(ranked) < 2 or len(kept) < 2:
        return None
    num = min(MOST_BEST, max(1, len(ranked) // 10))
    top, rest = ranked[:num], even_sample(ranked[num:], MOST_LINES)
    plot = _axes_figure(reading, kept, names)
    first = best_of(reading.study)
    for trials, role, width in (
        (rest, "step", 1.0),
        ([trial for trial in top if trial is not first][::-1], "train", 1.5),
        ([first] if first else [], "validation", 3.0),
    ):
        _draw(plot, reading, kept, trials, role, width)
    return Chart(
        key="parallel",
        title=f"{score_word(reading.study.metric).label} and what led to it",
        caption=_caption(axes, len(rest), len(ranked) - num),
        label="Parallel coordinates: each line is a trial, each upright a searched value.",
        legend=(
            ("validation", f"trial {first.number if first else ''}, the best"),
            *([("train", f"the best {num:,}")] if num > 1 else []),
            *([("step", "other trials")] if rest else []),
        ),
        item=item_of(plot, "parallel"),
    )


def width_of(num_axes: int) -> int:
    """Return the least width of the chart in rem; a narrow screen scrolls."""
    return 6 * (min(num_axes, MOST_AXES) + 1)


def _caption(axes: Sequence[Axis], drawn: int, others: int) -> str:
    told = ["Each line is a trial; it passes each upright at its value. Better is up on the last."]
    if drawn < others:
        told.append(f"{drawn:,} of {others:,} other trials are drawn.")
    if len(axes) > MOST_AXES:
        told.append(f"The {MOST_AXES} most important of {len(axes)} values are shown.")
    return " ".join(told)


def _axes_figure(reading: Reading, axes: Sequence[Axis], names: Mapping[str, str]) -> figure:
    num = len(axes)
    heads = [*(names[axis.name] for axis in axes), score_word(reading.study.metric).label]
    heads = [in_lines(clean(head)) for head in heads]
    lines = max(head.count("\n") for head in heads)
    plot = empty_figure(340 + 16 * lines, -0.18, 1.16 + 0.07 * lines)
    plot.x_range = Range1d(start=-0.45, end=num + 0.75)
    plot.xaxis.visible = plot.yaxis.visible = False
    plot.ygrid.grid_line_color = None
    uprights = list(range(num + 1))
    plot.segment(uprights, 0.0, uprights, 1.0, line_color=LIGHT["soft"])
    _label(plot, uprights, [1.07] * (num + 1), heads, bold=True)
    ends, study = heights(reading), reading.study
    marks = [ticks_of(axis, 6) | _missing(reading, axis) for axis in axes]
    marks.append({0.0: shown(study, ends.worst), 1.0: shown(study, ends.best)})
    _label(
        plot,
        [place for place, ticks in enumerate(marks) for _ in ticks],
        [at for ticks in marks for at in ticks],
        [words for ticks in marks for words in ticks.values()],
    )
    return plot


def in_lines(name: str) -> str:
    """Break a name at its dots where it is wider than the space between two axes."""
    parts = [cut(part) for part in name.split(".")]
    return ".\n".join(parts) if len(name) > WIDEST_HEAD else name


def _missing(reading: Reading, axis: Axis) -> dict[float, str]:
    """Return a place under the axis for trials without this value, where there are any."""
    has_all = all(axis.name in trial.params for trial in reading.ranked)
    return {} if has_all else {MISSING: "not set"}


def _label(
    plot: figure,
    x: Sequence[float],
    y: Sequence[float],
    words: Sequence[str],
    *,
    bold: bool = False,
) -> None:
    look: dict[str, Any] = {
        "x_offset": 0 if bold else 6,
        "text_align": value("center" if bold else "left"),
        "text_baseline": value("bottom" if bold else "middle"),
        "text_color": LIGHT["ink"],
        "text_font": value(FONT),
        "text_font_size": value("12px" if bold else "11px"),
        "text_font_style": value("bold" if bold else "normal"),
        "background_fill_color": LIGHT["ground"],
        "background_fill_alpha": 1.0,
    }
    source = ColumnDataSource({"x": x, "y": y, "text": words})
    plot.text("x", "y", "text", source=source, level="annotation", **look)


def _draw(
    plot: figure,
    reading: Reading,
    axes: Sequence[Axis],
    trials: Sequence[Trial],
    role: str,
    width: float,
) -> None:
    if not trials:
        return
    study, at = reading.study, _lines(reading, axes, trials)
    source = ColumnDataSource(
        {
            "xs": [list(range(len(axes) + 1)) for _ in trials],
            "ys": [[round(v, 4) for v in row] for row in at.tolist()],
            "number": [trial.number for trial in trials],
            "value": [shown(study, trial.value) for trial in trials],
        }
    )
    line = plot.multi_line(
        "xs",
        "ys",
        source=source,
        line_color=LIGHT[role],
        line_width=width,
        line_alpha=0.6 if role == "step" else 1.0,
        line_join="round",
    )
    hover(plot, line, (("trial", "@number"), (score_word(study.metric).label, "@value")))


def _lines(reading: Reading, axes: Sequence[Axis], trials: Sequence[Trial]) -> Floats:
    """Return a row of places for each trial; the last is its value, from worst to best."""
    ends = heights(reading)
    values = np.array([trial.value for trial in trials])
    height = (values - ends.worst) / ((ends.best - ends.worst) or 1.0)
    columns = [jittered(axis, places(axis, trials), trials, 0.2) for axis in axes]
    columns = [np.where(np.isnan(column), MISSING, column) for column in columns]
    return np.stack([*columns, np.clip(height, 0.0, 1.0)], axis=1)
