"""The interactive charts: a history as Bokeh figures, in JSON that the page embeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.models import (
    BasicTickFormatter,
    ColumnDataSource,
    DataRange1d,
    FixedTicker,
    GlyphRenderer,
    HoverTool,
    NumeralTickFormatter,
    Span,
)
from bokeh.plotting import figure

from ..records import History
from .palette import LIGHT
from .series import EpochLines, Floats, StepLine, epoch_lines, log_scale_helps, log_ticks, step_line
from .words import score_word

FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif"
FEW_POINTS = 40
HOVER_ROW = '<div><span style="opacity: .75">{words}</span> {value}</div>'
LOG_NOTE = " The axis is logarithmic: equal distances are equal ratios."


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart and the words around it; ``item`` is for Bokeh's JavaScript.

    ``legend`` pairs a colour's role with its words; ``label`` is read to those who cannot see.
    """

    key: str
    title: str
    caption: str
    label: str
    item: dict[str, Any]
    legend: tuple[tuple[str, str], ...] = ()


def draw_charts(history: History) -> tuple[Chart, ...]:
    """Draw every chart for which the history has at least one finite number."""
    return tuple(chart for draw in DRAWN if (chart := draw(history)))


def _loss(history: History) -> Chart | None:
    lines, steps = epoch_lines(history), step_line(history, "loss")
    if not _drawable(lines.train, lines.validation, steps.value):
        return None
    log = log_scale_helps(lines.train, lines.validation)
    if log:
        steps = steps._replace(value=np.maximum(steps.value, _floor(lines)))
    plot = _figure(lines.train, lines.validation, steps.value, log=log, height=340)
    _draw_steps(plot, steps, "step", 1)
    _draw_losses(plot, lines)
    _mark_best(plot, lines, history.best_epoch)
    return Chart(
        key="loss",
        title="Loss by epoch",
        caption="Validation loss: the mean loss on rows the network never trained on. "
        "Training loss: the mean over an epoch's batches, while the weights still changed."
        + (LOG_NOTE if log else ""),
        label=f"Loss by epoch. {_ends('Validation loss', lines.validation)}",
        legend=(
            ("train", "training"),
            ("validation", "validation"),
            ("step", "each batch"),
            *_best_key(history),
        ),
        item=item_of(plot, "loss"),
    )


def _metric(history: History) -> Chart | None:
    lines, word = epoch_lines(history), score_word(history.metric)
    if not _drawable(lines.metric):
        return None
    plot = _figure(lines.metric)
    if history.metric == "accuracy":
        plot.yaxis.formatter = NumeralTickFormatter(format="0.[0] %")
    source = _source(epoch=lines.epoch, metric=lines.metric)
    line = _line(plot, source, "metric", "validation", marks=len(lines.epoch) <= FEW_POINTS)
    _hover(plot, line, "epoch", metric="validation")
    _mark_best(plot, lines, history.best_epoch)
    return Chart(
        key="metric",
        title=f"{word.label} on validation",
        caption=f"{word.label}: {word.meaning}." if word.meaning else "",
        label=f"{word.label} on validation by epoch. {_ends(word.label, lines.metric)}",
        item=item_of(plot, "metric"),
    )


def _rate(history: History) -> Chart | None:
    return _step_chart(
        step_line(history, "lr"),
        key="rate",
        title="Learning rate",
        caption="How far a step goes along the update, as the schedule sets it.",
        width=2,
    )


def _grad_norm(history: History) -> Chart | None:
    clipped = " Gradients were clipped." if history.clipped else ""
    return _step_chart(
        step_line(history, "grad_norm"),
        key="norm",
        title="Gradient norm",
        caption="The length of the gradient at each step: rising without end means that "
        f"training explodes, near zero from the start that it stands still.{clipped}",
        width=1,
    )


DRAWN = (_loss, _metric, _rate, _grad_norm)


def _step_chart(
    line: StepLine, *, key: str, title: str, caption: str, width: float
) -> Chart | None:
    if not _drawable(line.value):
        return None
    log = key == "norm" and log_scale_helps(line.value)
    plot = _figure(line.value, log=log)
    drawn = _draw_steps(plot, line, "train", width)
    _hover(plot, drawn, "step", value=title.lower())
    return Chart(
        key=key,
        title=title,
        caption=caption + (LOG_NOTE if log else ""),
        label=f"{title} by step. {_ends(title, line.value)}",
        item=item_of(plot, key),
    )


def _draw_losses(plot: figure, lines: EpochLines) -> None:
    source = _source(epoch=lines.epoch, train=lines.train, validation=lines.validation)
    few = len(lines.epoch) <= FEW_POINTS
    _line(plot, source, "train", "train", marks=few)
    line = _line(plot, source, "validation", "validation", marks=few)
    _hover(plot, line, "epoch", train="training", validation="validation")


def _draw_steps(plot: figure, line: StepLine, role: str, width: float) -> GlyphRenderer:
    source = _source(epoch=line.epoch, step=line.step, value=line.value)
    return _line(plot, source, "value", role, width=width, marks=len(line.step) == 1)


def _line(
    plot: figure, source: ColumnDataSource, y: str, role: str, *, width: float = 2, marks: bool
) -> GlyphRenderer:
    if marks:
        plot.scatter("epoch", y, source=source, color=LIGHT[role], size=5)
    return plot.line(
        "epoch", y, source=source, color=LIGHT[role], line_width=width, line_join="round"
    )


def _mark_best(plot: figure, lines: EpochLines, best: int | None) -> None:
    if best is not None and best in lines.epoch:
        mark = Span(location=best, dimension="height", line_color=LIGHT["soft"], line_dash="dotted")
        plot.add_layout(mark)


def _best_key(history: History) -> list[tuple[str, str]]:
    best = history.best_epoch
    return [] if best is None else [("best", f"best epoch: {best:,}")]


def _hover(plot: figure, line: GlyphRenderer, unit: str, **columns: str) -> None:
    """Show the values of ``columns`` (name in the source = words) where the pointer is."""
    shown = {unit: f"@{unit}{{0,0}}"} | {
        words: f"@{column}{{%.4g}}" for column, words in columns.items()
    }
    rows = "".join(HOVER_ROW.format(words=words, value=value) for words, value in shown.items())
    tool = HoverTool(renderers=[line], tooltips=rows, mode="vline")
    tool.formatters = {f"@{column}": "printf" for column in columns}
    plot.add_tools(tool)


def _figure(*columns: Floats, log: bool = False, height: int = 220) -> figure:
    """Make an empty chart for these values."""
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        y_axis_type="log" if log else "linear",
        y_range=DataRange1d(default_span=_span(columns)),
        tools="",
        toolbar_location=None,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border=4,
    )
    plot.xaxis.axis_label = "epoch"
    plot.yaxis.formatter = BasicTickFormatter(power_limit_low=-5)
    if log:
        plot.yaxis.ticker = plot.ygrid.ticker = FixedTicker(ticks=log_ticks(*columns))
    style_axes(plot)
    return plot


def style_axes(plot: figure) -> None:
    """Draw axes in the page's font and colours, with level lines only."""
    plot.xgrid.grid_line_color = None
    plot.ygrid.grid_line_color = LIGHT["rule"]
    plot.axis.axis_line_color = None
    plot.axis.major_tick_line_color = None
    plot.axis.minor_tick_line_color = None
    for kind in ("major_label", "axis_label"):
        setattr(plot.axis, f"{kind}_text_color", LIGHT["soft"])
        setattr(plot.axis, f"{kind}_text_font", FONT)
        setattr(plot.axis, f"{kind}_text_font_size", "12px")
    plot.axis.axis_label_text_font_style = "normal"


def _source(**columns: Floats) -> ColumnDataSource:
    """Send float32: half the bytes, and more digits than a screen shows."""
    with np.errstate(over="ignore"):
        return ColumnDataSource({key: column.astype("float32") for key, column in columns.items()})


def item_of(plot: figure, key: str) -> dict[str, Any]:
    """Return a chart as the JSON that Bokeh draws into the element ``chart-KEY``."""
    return dict(json_item(plot, ID(f"chart-{key}")))


def _floor(lines: EpochLines) -> float:
    """Return where a logarithmic axis may end: one lucky batch must not flatten the curves."""
    return float(np.nanmin([lines.train, lines.validation])) / 20


def _span(columns: Sequence[Floats]) -> float:
    """Return the length of an axis on which all values are equal: as large as they are."""
    return float(np.nanmax(np.abs(np.concatenate(columns)))) or 1.0


def _drawable(*columns: Floats) -> bool:
    return any(np.isfinite(column).any() for column in columns)


def _ends(name: str, values: Floats) -> str:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return ""
    return f"{name} goes from {finite[0]:.4g} to {finite[-1]:.4g}."
