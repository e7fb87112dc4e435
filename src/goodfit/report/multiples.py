"""Many curves, a small chart each on shared axes: in one chart they would hide each other."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
from markupsafe import Markup

from ..records.sheets import Chart, Scale
from .strokes import heights_of
from .words import clean

# Of more curves than there are colours, two would have one colour.
MOST_IN_ONE = 6
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 240, 132, 52, 236, 8, 108


@dataclass(frozen=True)
class Multiples:
    """Small charts: the name and the SVG of each, and the words around them."""

    title: str
    caption: str
    charts: tuple[tuple[str, Markup], ...]


def multiples(chart: Chart) -> Multiples:
    """Draw each line of a chart in a small one of its own, all with the same ends of the axes.

    Example:
        >>> from goodfit.records.sheets import Line
        >>> line = Line(name="constant", x=(0.0, 1.0), y=(0.1, 0.1))
        >>> drawn = multiples(Chart(title="Rate", x_label="epoch", y_label="rate", lines=(line,)))
        >>> [name for name, _ in drawn.charts]
        ['constant']
    """
    x = [_log_if(np.asarray(line.x, dtype=np.float64), chart.x_scale) for line in chart.lines]
    y = [heights_of(line, chart.y_scale) for line in chart.lines]
    ends = (*_ends(x), *_ends(y))
    log = ", upwards logarithmic" if chart.y_scale == "log" else ""
    words = f"The same axes in each{log}: {chart.y_label} by {chart.x_label}."
    return Multiples(
        title=chart.title,
        caption=f"{chart.caption} {words}".strip(),
        charts=tuple(
            (line.name, _svg(chart, line.name, (across, up), ends))
            for line, across, up in zip(chart.lines, x, y, strict=True)
        ),
    )


Ends = tuple[float, float, float, float]


def _svg(chart: Chart, name: str, points: tuple[np.ndarray, np.ndarray], ends: Ends) -> Markup:
    """Return one line in its frame, with the ends of both axes."""
    left, right, low, high = ends
    across = _labels(left, right, chart.x_scale)
    up = _labels(low, high, chart.y_scale)
    x = LEFT + _share(points[0], left, right) * (RIGHT - LEFT)
    y = BOTTOM - _share(points[1], low, high) * (BOTTOM - TOP)
    label = escape(clean(f"{name}: {chart.y_label} by {chart.x_label}"), quote=True)
    head = f'<svg class="multiple" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    return Markup(
        head
        + "".join(
            f'<line x1="{LEFT}" x2="{RIGHT}" y1="{at}" y2="{at}"/>'
            for at in (TOP, (TOP + BOTTOM) // 2, BOTTOM)
        )
        + "".join(_runs(x, y))
        + _text(LEFT - 5, TOP + 4, up[1], "end")
        + _text(LEFT - 5, BOTTOM + 4, up[0], "end")
        + _text(LEFT, HEIGHT - 8, across[0])
        + _text(RIGHT, HEIGHT - 8, across[1], "end")
        + "</svg>"
    )


def _runs(x: np.ndarray, y: np.ndarray) -> list[str]:
    """Draw a line through each stretch of finite values; a lone one is a dot."""
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    runs = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1) if len(there) else []
    return [
        f'<polyline points="{" ".join(f"{x[k]:.1f},{y[k]:.1f}" for k in run)}"/>'
        if len(run) > 1
        else f'<circle cx="{x[run[0]]:.1f}" cy="{y[run[0]]:.1f}" r="2.5"/>'
        for run in runs
    ]


def _ends(values: list[np.ndarray]) -> tuple[float, float]:
    finite = np.concatenate([each[np.isfinite(each)] for each in values] or [np.zeros(0)])
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)


def _share(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return (values - low) / (high - low) if high > low else np.where(np.isnan(values), values, 0.5)


def _log_if(values: np.ndarray, scale: Scale) -> np.ndarray:
    return np.log10(values) if scale == "log" else values


def _labels(low: float, high: float, scale: Scale) -> tuple[str, str]:
    """Return the ends of an axis in few digits; what is tiny beside its length is 0."""
    if scale == "log":
        return f"{10.0**low:.2g}", f"{10.0**high:.2g}"
    tiny = 1e-3 * (high - low)
    return f"{0.0 if abs(low) < tiny else low:.3g}", f"{0.0 if abs(high) < tiny else high:.3g}"


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{words}</text>'
