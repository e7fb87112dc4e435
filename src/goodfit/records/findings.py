"""What was found: a finding, the verdict of one check or rule, and a small picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .base import Record

Severity = Literal["info", "warning", "error"]
Outcome = Literal["passed", "found", "not-judged"]


@dataclass(frozen=True, kw_only=True)
class Curve(Record):
    """The small picture of a finding: a line of at most 64 points, or bars.

    ``mark`` is the ``x`` at which the finding was made, ``bound`` the ``y`` that was crossed. With
    ``names``, one for each ``y``, it is bars from 0 with a name each.
    """

    x_label: str
    y_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    mark: float | None = None
    bound: float | None = None
    log: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding(Record):
    """One thing that was found: what was seen, why it matters, what to do, where it stands."""

    rule: str
    severity: Severity
    meaning: str
    remedy: str
    source: str
    evidence: Mapping[str, float | int | str] = field(default_factory=dict)
    where: str = ""
    step: int | None = None
    curve: Curve | None = None

    def __str__(self) -> str:
        place = f" at {self.where}" if self.where else ""
        numbers = ", ".join(f"{name} {_short(value)}" for name, value in self.evidence.items())
        seen = f" ({numbers})" if numbers else ""
        return f"{self.severity}: {self.rule}{place}: {self.meaning}{seen} To do: {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class Verdict(Record):
    """The outcome of one check or rule: it passed, it found something, or it could not judge."""

    check: str
    outcome: Outcome
    because: str
    finding: Finding | None = None


def passed(name: str, because: str) -> Verdict:
    """Return the verdict of a check or rule that found nothing."""
    return Verdict(check=name, outcome="passed", because=because)


def found(finding: Finding) -> Verdict:
    """Return the verdict of a check or rule that found something."""
    return Verdict(check=finding.rule, outcome="found", because=finding.meaning, finding=finding)


def not_judged(name: str, because: str) -> Verdict:
    """Return the verdict of a check or rule that could not judge, and why."""
    return Verdict(check=name, outcome="not-judged", because=because)


def _short(value: float | int | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
