"""A histogram: as SVG in the page's own colours, as blocks in a terminal."""

from __future__ import annotations

from html import escape
from itertools import pairwise

import numpy as np

from ..records import Histogram
from .sparks import BLOCKS
from .words import clean, number

WIDTH, HEIGHT, GROUND, TOP = 240, 96, 74, 4


def histogram_svg(histogram: Histogram) -> str:
    """Return the bars as inline SVG; each says its range and count where the pointer rests.

    Example:
        >>> shown = histogram_svg(Histogram(name="flag", counts=(1, 2), names=("0", "1")))
        >>> shown.startswith('<svg class="bars-svg"'), shown.count("<rect")
        (True, 2)
    """
    label = escape(f"{clean(histogram.name)}: {in_words(histogram)}", quote=True)
    head = f'<svg class="bars-svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    heights = _shares(histogram) * (GROUND - TOP)
    step = WIDTH / max(1, len(heights))
    bars = [
        f'<rect x="{place * step:.1f}" y="{GROUND - height:.1f}" width="{max(1.0, step - 1):.1f}"'
        f' height="{height:.1f}"><title>{escape(clean(told))}</title></rect>'
        for place, (height, told) in enumerate(zip(heights, bar_words(histogram), strict=True))
    ]
    first, last = (escape(clean(_short(end))) for end in ends(histogram))
    ground = f'<line x1="0" x2="{WIDTH}" y1="{GROUND}" y2="{GROUND}"/>'
    below = f'<text x="0" y="{HEIGHT - 6}">{first}</text>'
    if len(heights) > 1:
        below += f'<text x="{WIDTH}" y="{HEIGHT - 6}" text-anchor="end">{last}</text>'
    return f"{head}{ground}{''.join(bars)}{below}</svg>"


def histogram_blocks(histogram: Histogram) -> str:
    """Return the bars as one line of block characters; a dot where nothing was counted.

    Example:
        >>> histogram_blocks(Histogram(name="x", counts=(1, 0, 8), edges=(0.0, 1.0, 2.0, 3.0)))
        '▁·█'
    """
    places = np.ceil(_shares(histogram) * len(BLOCKS)).astype(int) - 1
    return "".join(BLOCKS[place] if place >= 0 else "·" for place in places)


def ends(histogram: Histogram) -> tuple[str, str]:
    """Return what stands below the first bar and the last.

    Example:
        >>> ends(Histogram(name="x", counts=(1, 8), edges=(0.0, 0.5, 1.0)))
        ('0', '1')
    """
    if histogram.edges:
        return number(histogram.edges[0]), number(histogram.edges[-1])
    return (histogram.names[0], histogram.names[-1]) if histogram.names else ("", "")


def in_words(histogram: Histogram) -> str:
    """Say in a few words what is drawn.

    Example:
        >>> in_words(Histogram(name="x", counts=(1, 8), edges=(0.0, 0.5, 1.0), note="2 missing"))
        '0 to 1, most in 0.5 to 1: 8; 2 missing'
    """
    if not histogram.counts:
        return histogram.note or "no value"
    most = bar_words(histogram)[int(np.argmax(histogram.counts))]
    told = f"{' to '.join(ends(histogram))}, most in {most}"
    return f"{told}; {histogram.note}" if histogram.note else told


def bar_words(histogram: Histogram) -> list[str]:
    """Return what each bar stands for, and its count.

    Example:
        >>> bar_words(Histogram(name="flag", counts=(1, 2), names=("no", "yes")))
        ['no: 1', 'yes: 2']
    """
    names = histogram.names or [f"{number(a)} to {number(b)}" for a, b in pairwise(histogram.edges)]
    return [f"{name}: {num:,}" for name, num in zip(names, histogram.counts, strict=True)]


def _shares(histogram: Histogram) -> np.ndarray:
    counts = np.asarray(histogram.counts, dtype=np.float64)
    return counts / max(1.0, counts.max(initial=0.0))


def _short(text: str) -> str:
    return text if len(text) <= 16 else f"{text[:15]}…"
