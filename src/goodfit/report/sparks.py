"""The small picture of a finding: as SVG in the page's own colours, as blocks in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from ..records import Curve
from .series import Floats
from .words import clean, number

WIDTH, HEIGHT = 300, 110
LEFT, RIGHT, TOP, BOTTOM = 64, 292, 22, 88
BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"
FEW_NAMES = 3


def curve_svg(curve: Curve) -> str:
    """Return the picture as inline SVG; its colours are the page's CSS variables.

    Bars where the curve has names. A line is broken where a value is not finite; ``mark`` is a
    dotted upright, ``bound`` a dashed level.

    Example:
        >>> curve = Curve(x_label="step", y_label="loss", x=(1, 2, 3), y=(2.3, 1.0, 0.5))
        >>> curve_svg(curve).startswith('<svg class="spark"')
        True
    """
    y = _heights(curve)
    finite = np.isfinite(y)
    label = escape(f"{clean(curve.y_label)} by {clean(curve.x_label)}", quote=True)
    head = f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    if not finite.any():
        return f"{head}{_text(LEFT, 60, 'no finite value')}</svg>"
    values = [*y[finite], *_bound(curve), *([0.0] if curve.names else [])]
    low, high = min(values), max(values)
    if curve.names:
        return f"{head}{''.join(_bars(curve, low, high))}</svg>"
    parts = [*_frame(curve, low, high), *_lines(curve, y, low, high), *_points(curve, y, low, high)]
    return f"{head}{''.join(parts)}</svg>"


def blocks(curve: Curve, width: int = 32) -> str:
    """Return the picture as one line of block characters; a dot where a value is not finite.

    Example:
        >>> blocks(Curve(x_label="step", y_label="loss", x=(1, 2, 3), y=(4.0, 2.0, 0.0)))
        '█▅▁'
    """
    y = _heights(curve)
    if len(y) > width:
        y = y[np.linspace(0, len(y) - 1, width).round().astype(int)]
    finite = y[np.isfinite(y)]
    if not len(finite):
        return GAP * len(y)
    low = min(finite.min(), 0.0) if curve.names else finite.min()
    span = float(finite.max() - low) or 1.0
    places = np.round(np.nan_to_num((y - low) / span, posinf=0.0, neginf=0.0) * (len(BLOCKS) - 1))
    shown = zip(places.clip(0, len(BLOCKS) - 1), y, strict=True)
    return "".join(BLOCKS[int(place)] if np.isfinite(value) else GAP for place, value in shown)


def lowest_to_highest(values: Sequence[float]) -> str:
    """Return the ends of what is drawn: of the finite values, the lowest and the highest.

    Example:
        >>> lowest_to_highest((0.5, 2.0, 0.5)), lowest_to_highest((0.1, 0.1))
        ('0.5 to 2', '0.1')
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return "no finite value"
    low, high = number(min(finite)), number(max(finite))
    return low if low == high else f"{low} to {high}"


def _heights(curve: Curve) -> Floats:
    y = np.asarray(curve.y, dtype=np.float64)
    if not curve.log:
        return y
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(y)


def _bound(curve: Curve) -> list[float]:
    if curve.bound is None or (curve.log and curve.bound <= 0):
        return []
    return [float(np.log10(curve.bound)) if curve.log else curve.bound]


def _frame(curve: Curve, low: float, high: float) -> list[str]:
    """Draw the name, the two ends of each axis, and the ground line."""
    ends = [10**end if curve.log else end for end in (high, low)]
    return [
        _text(LEFT, 12, escape(clean(curve.y_label))),
        *(
            _text(LEFT - 6, y + 4, number(end), "end")
            for y, end in zip((TOP, BOTTOM), ends, strict=True)
        ),
        f'<line x1="{LEFT}" x2="{RIGHT}" y1="{BOTTOM}" y2="{BOTTOM}"/>',
        _text(LEFT, HEIGHT - 6, f"{escape(clean(curve.x_label))} {number(curve.x[0])}"),
        _text(RIGHT, HEIGHT - 6, number(curve.x[-1]), "end"),
    ]


def _bars(curve: Curve, low: float, high: float) -> list[str]:
    """Draw a bar for each name, the names of a few below them, of more the first and the last."""
    step = (RIGHT - LEFT) / len(curve.names)
    zero = _y(0.0, low, high)
    parts = [
        _text(LEFT, 12, escape(clean(f"{curve.y_label} by {curve.x_label}"))),
        _text(LEFT - 6, TOP + 4, number(high), "end"),
        _text(LEFT - 6, BOTTOM + 4, number(low), "end"),
    ]
    for place, (name, value) in enumerate(zip(curve.names, curve.y, strict=True)):
        if np.isfinite(value):
            top, foot = sorted((_y(value, low, high), zero))
            told = escape(clean(f"{name}: {number(value)}"))
            parts.append(
                f'<rect x="{LEFT + place * step + 1:.1f}" y="{top:.1f}" width="{step - 2:.1f}"'
                f' height="{foot - top:.1f}"><title>{told}</title></rect>'
            )
        if len(curve.names) <= FEW_NAMES or place in (0, len(curve.names) - 1):
            short = name if len(name) <= 14 else f"{name[:13]}…"
            at = LEFT + (place + 0.5) * step
            parts.append(_text(at, HEIGHT - 6, escape(clean(short)), "middle"))
    return [*parts, f'<line x1="{LEFT}" x2="{RIGHT}" y1="{zero:.1f}" y2="{zero:.1f}"/>']


def _lines(curve: Curve, y: Floats, low: float, high: float) -> list[str]:
    parts = []
    for bound in _bound(curve):
        at = _y(bound, low, high)
        parts.append(f'<line class="bound" x1="{LEFT}" x2="{RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
    if curve.mark is not None:
        at = _x(curve, curve.mark)
        parts.append(f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{BOTTOM}"/>')
    return parts


def _points(curve: Curve, y: Floats, low: float, high: float) -> list[str]:
    """Draw a line through each stretch of finite values; a lone one is a dot."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, value in zip(curve.x, y, strict=True):
        if np.isfinite(value):
            runs[-1].append((_x(curve, x), _y(value, low, high)))
        elif runs[-1]:
            runs.append([])
    return [_run(run) for run in runs if run]


def _run(run: list[tuple[float, float]]) -> str:
    if len(run) == 1:
        return f'<circle cx="{run[0][0]:.1f}" cy="{run[0][1]:.1f}" r="2.5"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
    return f'<polyline points="{path}"/>'


def _x(curve: Curve, x: float) -> float:
    first, last = curve.x[0], curve.x[-1]
    share = (x - first) / (last - first) if last > first else 0.5
    return LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT)


def _y(y: float, low: float, high: float) -> float:
    share = (y - low) / (high - low) if high > low else 0.5
    return BOTTOM - share * (BOTTOM - TOP)


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{words}</text>'
