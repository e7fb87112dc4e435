"""A small static picture of the curves, for READMEs and for readers without JavaScript."""

from __future__ import annotations

from html import escape
from itertools import groupby
from string import Template

import numpy as np

from ..records import History
from .palette import DARK, LIGHT
from .series import Floats, epoch_lines, log_scale_helps
from .words import clean, number, score_word

WIDTH, HEIGHT = 720, 240
TOP, BOTTOM = 44, 206
PANELS = ((56, 336), (424, 704))
MAX_POINTS = 200
WORDS = {"train": "training", "validation": "validation"}

_PICTURE = Template("""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" role="img" \
aria-label="Loss and $metric by epoch">
<style>
text { font: 12px system-ui, sans-serif; fill: $soft }
line { stroke: $rule }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round }
polyline.train { stroke: $train } .train { fill: $train }
polyline.validation { stroke: $validation } .validation { fill: $validation }
polyline.train, polyline.validation { fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: $dark_soft }
  line { stroke: $dark_rule }
  polyline.train { stroke: $dark_train } text.train, circle.train { fill: $dark_train }
  polyline.validation { stroke: $dark_validation }
  text.validation, circle.validation { fill: $dark_validation }
}
</style>
$panels
</svg>
""")


def curves_svg(history: History) -> str:
    """Return the loss curves and the metric as one SVG, light and dark, without scripts.

    Example:
        >>> curves_svg(History(metric="accuracy")).startswith("<svg")
        True
    """
    lines = epoch_lines(history, MAX_POINTS)
    metric = escape(clean(score_word(history.metric).label))
    losses = {"train": lines.train, "validation": lines.validation}
    panels = (
        _panel(PANELS[0], "Loss", lines.epoch, losses),
        _panel(PANELS[1], metric, lines.epoch, {"validation": lines.metric}),
    )
    colours = LIGHT | {f"dark_{role}": colour for role, colour in DARK.items()}
    return _PICTURE.substitute(
        colours, width=WIDTH, height=HEIGHT, metric=metric, panels="\n".join(panels)
    )


def _panel(span: tuple[int, int], title: str, epoch: Floats, columns: dict[str, Floats]) -> str:
    left, right = span
    values = np.concatenate(list(columns.values()))
    finite = values[np.isfinite(values)]
    parts = [_text(left, 20, title), *_legend(right, columns)]
    if not len(finite):
        return "\n".join([*parts, _text(left, BOTTOM, "nothing measured yet")])
    log = log_scale_helps(values)
    low, high = float(finite.min()), float(finite.max())
    x = _scale(epoch, epoch[0], epoch[-1], left, right)
    parts += _frame(span, (low, high), epoch, log=log)
    for role, column in columns.items():
        y = np.log(column) if log else column
        ends = (np.log(low), np.log(high)) if log else (low, high)
        parts += _runs(x, _scale(y, *ends, BOTTOM, TOP), role)
    return "\n".join(parts)


def _frame(
    span: tuple[int, int], ends: tuple[float, float], epoch: Floats, *, log: bool
) -> list[str]:
    (left, right), (low, high) = span, ends
    middle = (low * high) ** 0.5 if log else (low + high) / 2
    marks = ((TOP, high), ((TOP + BOTTOM) / 2, middle), (BOTTOM, low))
    grid = [f'<line x1="{left}" x2="{right}" y1="{y:g}" y2="{y:g}"/>' for y, _ in marks]
    labels = [_text(left - 8, y + 4, f"{value:.3g}", anchor="end") for y, value in marks]
    first, last = number(float(epoch[0])), number(float(epoch[-1]))
    below = [
        _text(left, HEIGHT - 14, f"epoch {first}"),
        _text(right, HEIGHT - 14, f"{last}", anchor="end"),
    ]
    return [*grid, *labels, *below]


def _legend(right: int, columns: dict[str, Floats]) -> list[str]:
    roles = reversed(columns)
    return [
        _text(right - 76 * place, 20, WORDS[role], anchor="end", role=role)
        for place, role in enumerate(roles)
    ]


def _runs(x: Floats, y: Floats, role: str) -> list[str]:
    """Draw one polyline for each stretch without a gap; a lone point becomes a dot."""
    points = zip(x, y, strict=True)
    runs = groupby(points, key=lambda point: bool(np.isfinite(point[1])))
    return [_run(list(run), role) for is_finite, run in runs if is_finite]


def _run(points: list[tuple[float, float]], role: str) -> str:
    if len(points) == 1:
        ((x, y),) = points
        return f'<circle class="{role}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{role}" points="{path}"/>'


def _scale(values: Floats, low: float, high: float, start: float, stop: float) -> Floats:
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    return np.where(np.isfinite(values), start + share * (stop - start), np.nan)


def _text(x: float, y: float, words: str, *, anchor: str = "start", role: str = "") -> str:
    kind = f' class="{role}"' if role else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{kind}>{words}</text>'
