"""How the lines of one chart are told apart: a colour each, dashes where one lies on another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..records.sheets import Line, Scale

# In this order: neighbours differ in lightness too.
ROLES = ("train", "validation", "passed", "warning", "error", "mid")
DASHES = ("solid", "dashed", "dotted")
# Lines lie on each other where so small a share of the axis is between them, over so many points.
TOUCHING, OFTEN = 0.01, 0.25


def strokes(lines: Sequence[Line], *, scale: Scale = "linear") -> list[tuple[str, str]]:
    """Return the colour's role and the dash of each line.

    A line that lies on an earlier one for a quarter of its points is dashed, so that both are seen;
    on two of them, dotted.

    Example:
        >>> up, down = Line(name="a", x=(0, 1), y=(0, 1)), Line(name="b", x=(0, 1), y=(1, 0))
        >>> strokes([up, down, up])
        [('train', 'solid'), ('validation', 'solid'), ('passed', 'dashed')]
    """
    heights = [heights_of(line, scale) for line in lines]
    finite = np.concatenate([[0.0], *(y[np.isfinite(y)] for y in heights)])[1:]
    near = TOUCHING * float(np.ptp(finite)) if len(finite) else 0.0
    found = []
    for place, line in enumerate(lines):
        below = sum(
            line.x == other.x and _touch(heights[place], heights[k], near)
            for k, other in enumerate(lines[:place])
        )
        found.append((ROLES[place % len(ROLES)], DASHES[min(below, len(DASHES) - 1)]))
    return found


def heights_of(line: Line, scale: Scale) -> np.ndarray:
    """Return where a line's values stand on their axis, NaN where one is not finite."""
    y = np.asarray(line.y, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log10(y) if scale == "log" else y
    return np.where(np.isfinite(y), y, np.nan)


def _touch(one: np.ndarray, other: np.ndarray, near: float) -> bool:
    return bool((np.abs(one - other) <= near).mean() >= OFTEN) if len(one) else False
