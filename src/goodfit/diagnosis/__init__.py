"""Diagnosis: rules read a history and say what is wrong, why, and what to do. No torch.

The flow: a history (of our loop, a watched loop, or :func:`read_losses`) -> :func:`judge`, the
verdict of every rule of :data:`RULES` -> :func:`findings`, causes first. :func:`explain` says what
a name means. A rule is added in three edits: the function, its place in RULES, its place in ORDER.
A search is judged by :func:`advice_of`, with the rules of :data:`STUDY_RULES`.
"""

from __future__ import annotations

from .explaining import explain
from .family import RULES, findings, judge
from .order import FOLLOWS, ORDER, by_cause, told_once
from .reading import read_losses
from .studies import STUDY_RULES, advice_of

__all__ = [
    "FOLLOWS",
    "ORDER",
    "RULES",
    "STUDY_RULES",
    "advice_of",
    "by_cause",
    "explain",
    "findings",
    "judge",
    "read_losses",
    "told_once",
]
