"""Ticks, ranges and samples for the charts of a study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from bokeh.models import (
    FixedTicker,
    GlyphRenderer,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.plotting import figure

from ..diagnosis.trials import Axis, Reading
from ..records import Trial
from .charts import HOVER_ROW, style_axes
from .series import Floats, log_ticks
from .study_tables import fence
from .study_words import compact
from .words import clean

MOST_TICKS, LONGEST = 5, 14
# Beyond the worst value on the axis, as shares of it: values far worse, then what left.
FAR, LEFT, PAD = 0.07, 0.15, 0.05


class Heights(NamedTuple):
    """The axis of values, from ``worst`` to ``best``: what is worse stands at ``far``, what was
    dropped or failed at ``left``."""

    worst: float
    best: float
    far: float
    left: float
    low: float
    high: float


def heights(reading: Reading) -> Heights:
    """Return where values and dropped trials are drawn, for a metric of either direction."""
    values = np.array([trial.value for trial in reading.ranked])
    if not len(values):
        return Heights(0.0, 1.0, 0.0, 0.0, -0.5, 1.0)
    worst, best = fence(values, reading.study.metric_up), float(values[0])
    up = 1.0 if reading.study.metric_up else -1.0
    span = best - worst or up * (abs(best) * 0.1 or 1.0)
    low, high = sorted((worst - (LEFT + PAD) * span, best + PAD * span))
    return Heights(worst, best, worst - FAR * span, worst - LEFT * span, low, high)


def ticks_of(axis: Axis, most: int = MOST_TICKS) -> dict[float, str]:
    """Return places and words for an axis.

    Example:
        >>> ticks_of(Axis("optimizer.lr", low=1e-4, high=1e-2, log=True), 3)
        {0.0: '1e-4', 0.5: '0.001', 1.0: '0.01'}
    """
    if not axis.is_number:
        last = max(1, len(axis.levels) - 1)
        return {k / last: cut(clean(name)) for k, name in enumerate(axis.levels)}
    values = list(axis.points) or _round_values(axis)
    if len(values) > most:
        values = values[:: -(-len(values) // most)]
    return {round(axis.place(value), 9): compact(value) for value in values}


def even_sample(trials: Sequence[Trial], num: int) -> list[Trial]:
    """Return at most ``num`` trials, evenly apart in their order.

    Example:
        >>> [t.number for t in even_sample([Trial(n, {}, 0, "done") for n in range(10)], 3)]
        [0, 4, 9]
    """
    if len(trials) <= num:
        return list(trials)
    kept = np.linspace(0, len(trials) - 1, num).astype(int)
    return [trials[place] for place in kept]


def empty_figure(height: int, low: float, high: float) -> figure:
    """Return an empty chart whose y axis goes from low to high."""
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        y_range=Range1d(start=low, end=high),
        tools="",
        toolbar_location=None,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border=4,
    )
    style_axes(plot)
    return plot


def show_ticks(plot: figure, ticks: dict[float, str]) -> None:
    """Put words at places of the x axis; slanted where they would touch."""
    plot.xaxis.ticker = FixedTicker(ticks=list(ticks))
    plot.xaxis.major_label_overrides = dict(ticks)  # pyright: ignore[reportAttributeAccessIssue]
    if sum(map(len, ticks.values())) > 36:
        plot.xaxis.major_label_orientation = 0.6


def show_values(plot: figure, metric: str, ends: tuple[float, float] | None = None) -> None:
    """Write the y axis in the metric's own manner, with ticks between two ends."""
    if ends is not None and ends[0] != ends[1]:
        plot.yaxis.bounds = plot.ygrid.bounds = (min(ends), max(ends))
    if metric == "accuracy":
        plot.yaxis.formatter = NumeralTickFormatter(format="0.[0] %")


def hover(plot: figure, drawn: GlyphRenderer, rows: Sequence[tuple[str, str]]) -> None:
    """Show words and values where the pointer is; ``@`` and ``$`` in words are only letters."""
    told = [(escape(clean(words)), value) for words, value in rows]
    plain = [(w.replace("@", "&#64;").replace("$", "&#36;"), value) for w, value in told]
    text = "".join(HOVER_ROW.format(words=words, value=value) for words, value in plain)
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=text))


def jittered(axis: Axis, at: Floats, trials: Sequence[Trial], width: float) -> Floats:
    """Move trials that share one of few places aside, each by its number, so that all are seen."""
    few = list(axis.points) or list(axis.levels)
    if not few:
        return at
    golden = np.array([trial.number for trial in trials]) * 0.6180339887 % 1.0
    return at + (golden - 0.5) * width / max(2, len(few))


def stage_roles(num: int) -> list[str]:
    """Return a colour's role for each stage, from pale to strong; the last is the strongest.

    Example:
        >>> stage_roles(1), stage_roles(4)
        (['train'], ['step', 'mid', 'mid', 'train'])
    """
    return ["train"] * num if num < 2 else ["step", *["mid"] * (num - 2), "train"]


def _round_values(axis: Axis) -> list[float]:
    if axis.log:
        found = log_ticks(np.array([axis.low, axis.high]))
        tens = [tick for tick in found if f"{tick:e}".startswith("1.0")]
        found = tens if len(tens) > 2 else found
        return found if len(found) > 1 else [axis.low, axis.high]
    span = axis.high - axis.low
    power = 10.0 ** math.floor(math.log10(span / MOST_TICKS))
    step = next(power * m for m in (1, 2, 5, 10, 20) if span / (power * m) <= MOST_TICKS)
    step = max(1.0, round(step)) if axis.whole else step
    first = math.ceil(axis.low / step - 1e-9)
    last = math.floor(axis.high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def cut(words: str) -> str:
    """Return words of at most 14 letters; what is longer ends in dots."""
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
