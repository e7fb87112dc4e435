"""How a rule says what it found."""

from __future__ import annotations

import math

from ..records import Curve, Finding, History, Severity, Verdict, found


def find(
    rule: str,
    severity: Severity,
    meaning: str,
    remedy: str,
    source: str,
    *,
    history: History | None = None,
    where: str = "",
    curve: Curve | None = None,
    **evidence: float | int | str,
) -> Verdict:
    """Return the verdict "found"; numbers that are NaN were not measured, and are left out."""
    steps = history.steps.step if history else ()
    return found(
        Finding(
            rule=rule,
            severity=severity,
            meaning=meaning,
            remedy=remedy,
            source=source,
            evidence={k: v for k, v in evidence.items() if not _is_nan(v)},
            where=where,
            step=steps[-1] if steps else None,
            curve=curve,
        )
    )


def _is_nan(value: float | int | str) -> bool:
    return isinstance(value, float) and math.isnan(value)
