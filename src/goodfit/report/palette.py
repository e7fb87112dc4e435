"""The colours of page, charts and picture, by role.

Blue and vermilion stay apart for every common kind of colour blindness, and no colour says
anything that a word or a shape does not say too. The page swaps one dict for the other when
the reader's system is dark, so the values of ``LIGHT`` must all differ.
"""

from __future__ import annotations

LIGHT = {
    "ground": "#f8f8f6",
    "surface": "#ffffff",
    "ink": "#1b1e23",
    "soft": "#5a616b",
    "rule": "#e2e3df",
    "train": "#0a63ad",
    "validation": "#c04a0b",
    "step": "#b3cde4",
    "mid": "#5b9bd1",
    "passed": "#0d6b61",
    "warning": "#855800",
    "error": "#ad1f2d",
}

DARK = {
    "ground": "#131519",
    "surface": "#1a1d23",
    "ink": "#e7e9ec",
    "soft": "#a4abb5",
    "rule": "#30353e",
    "train": "#6fb5f2",
    "validation": "#f39a63",
    "step": "#34536f",
    "mid": "#4c84b6",
    "passed": "#6ccabb",
    "warning": "#e6b450",
    "error": "#ff8a8a",
}
