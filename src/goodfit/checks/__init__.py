"""Checks before training: each looks at a :class:`Subject` and gives a verdict, never silence."""

from __future__ import annotations

from .family import CHECKS, run_checks
from .given import Checked, check
from .gradient import gradient_check
from .order import ORDER, in_order
from .rate import Rate, suggest_lr
from .subject import Subject

__all__ = [
    "CHECKS",
    "ORDER",
    "Checked",
    "Rate",
    "Subject",
    "check",
    "gradient_check",
    "in_order",
    "run_checks",
    "suggest_lr",
]
