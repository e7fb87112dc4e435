"""Diagnosis: rules read a history and say what is wrong, why, and what to do. No torch."""

from __future__ import annotations

from .family import RULES, findings, judge
from .order import ORDER, by_cause

__all__ = ["ORDER", "RULES", "by_cause", "findings", "judge"]
