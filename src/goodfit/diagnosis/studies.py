"""Advice on a study: what its trials say about the search itself. No torch, no Optuna.

A rule is a function from a :class:`~goodfit.diagnosis.trials.Reading` to findings, silent on a
healthy study. It is added in two edits: the function, its place in :data:`STUDY_RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..records import Finding, StudyRecord
from . import study_course, study_range, study_values
from .trials import Reading, read

STUDY_RULES: tuple[Callable[[Reading], tuple[Finding, ...]], ...] = (
    study_course.many_trials_failed,
    study_course.fails_with_new_seeds,
    study_range.best_at_border,
    study_course.best_is_late,
    study_course.best_is_early,
    study_range.too_many_values,
    study_values.not_told_apart,
    study_values.values_move_together,
    study_values.value_does_not_matter,
)


def advice_of(
    study: StudyRecord, importances: Mapping[str, float] | None = None
) -> tuple[Finding, ...]:
    """Return what to do next with a search, warnings first.

    ``importances`` gives for each searched name its share of what explains the values, in [0, 1];
    without them no value is said not to matter.

    Example:
        >>> from goodfit.records import Trial
        >>> trials = [Trial(n, {"optimizer.lr": 10.0 ** -(1 + n % 4)}, seed=0, state="dropped")
        ...           for n in range(9)]
        >>> study = StudyRecord("", "random", "accuracy", True, seed=0, trials=tuple(trials))
        >>> [finding.rule for finding in advice_of(study)]
        ['many-trials-failed']
    """
    reading = read(study, importances or {})
    with np.errstate(all="ignore"):  # values may be as large as floats are
        found = [finding for rule in STUDY_RULES for finding in rule(reading)]
    narrowed = {(one.where, one.evidence.get("keep")) for one in found}
    found = [one for one in found if (one.where, _kept_if_widened(one)) not in narrowed]
    return tuple(sorted(found, key=lambda finding: finding.severity == "info"))


def _kept_if_widened(finding: Finding) -> str:
    """Return which advice to narrow a range contradicts the advice to widen it; "" for others.

    Where trials fail above a bound, the best may lie below it and yet near the upper end.
    """
    if finding.rule != "best-at-border":
        return ""
    return "below" if "upper_end" in finding.evidence else "above"
