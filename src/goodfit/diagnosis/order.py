"""The order of findings: causes before what they bring about, over checks and rules alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..records import Finding

ORDER: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "data",
        (
            *("missing-values", "numbers-as-text", "dates-not-used", "constant-column"),
            *("near-constant-column", "extreme-values", "identifier-column", "target-leak"),
            *("overlap-with-test", "near-duplicates"),
            *("duplicate-rows", "contradicting-labels", "missing-class"),
            *("input-not-finite", "label-out-of-range", "split-overlap", "labels-sorted"),
            *("input-out-of-scale", "class-imbalance", "label-noise"),
        ),
    ),
    (
        "loss and output",
        (
            *("loss-broadcast", "softmax-wrong-axis", "double-softmax", "missing-softmax"),
            *("loss-output-mismatch", "loss-sum-reduction"),
        ),
    ),
    (
        "wiring",
        (
            *("batch-mixing", "input-ignored", "gradient-wrong", "no-gradient"),
            *("not-in-optimizer", "gradient-ascent", "weights-unchanged", "gradients-accumulate"),
            *("same-batch-every-step", "not-shuffled", "eval-mode-while-training"),
            *("train-mode-while-evaluating", "norm-statistics-stale", "regularization-inert"),
            *("batch-norm-tiny-batch", "dropout-before-batch-norm"),
        ),
    ),
    (
        "start and network",
        (
            *("symmetric-init", "dead-at-init", "init-too-large", "init-too-small"),
            *("initial-loss-off", "no-activation"),
        ),
    ),
    (
        "rate and optimiser",
        (
            *("clipping-most-steps", "schedule-ended-early", "weight-decay-too-strong"),
            *("batch-too-small", "lr-too-high", "lr-too-low"),
        ),
    ),
    (
        "symptoms",
        (
            *("loss-not-finite", "saturated-units", "dead-units", "gradient-vanishing"),
            *("gradient-exploding", "update-ratio-high", "update-ratio-low", "loss-exploded"),
            *("oscillating", "cannot-overfit-tiny-batch", "flat-then-sudden", "plateau"),
        ),
    ),
    ("generalisation", ("overfitting", "underfitting")),
    ("advice", ("bias-not-from-prior", "still-improving", "loss-flat-metric-rising", "lr-good")),
)
_GROUPS = dict(ORDER)
_PLACE = {name: place for place, name in enumerate(n for _, names in ORDER for n in names)}

_NO_STEP = ("weights-unchanged", "no-gradient", "not-in-optimizer")
_RATE = ("lr-too-high", "gradients-accumulate", "gradient-ascent", "loss-sum-reduction")
_LAYERS = ("saturated-units", "dead-units", "gradient-vanishing", "gradient-exploding")
_BROKEN = (
    *(*_GROUPS["loss and output"], *_GROUPS["start and network"]),
    *("batch-mixing", "input-ignored", "gradient-wrong", "gradient-ascent", *_NO_STEP),
)

# What a finding surely follows from, where that is found too. It stays, and comes later.
FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "label-noise": (
        "contradicting-labels",
        *(*_BROKEN, *_GROUPS["rate and optimiser"]),
        *("input-out-of-scale", "gradient-vanishing", "gradient-exploding"),
        *("norm-statistics-stale", "train-mode-while-evaluating", "same-batch-every-step"),
    ),
    "weight-decay-too-strong": ("lr-too-high",),
    "cannot-overfit-tiny-batch": (*_BROKEN, *_LAYERS, "input-out-of-scale"),
    "plateau": (
        *(*_BROKEN, *_LAYERS, *_GROUPS["rate and optimiser"], "update-ratio-low"),
        *("label-noise", "bias-not-from-prior"),
    ),
    "underfitting": (
        *(*_BROKEN, *_LAYERS, *_GROUPS["rate and optimiser"], "update-ratio-low", "plateau"),
        *("still-improving", "loss-exploded", "label-noise", "bias-not-from-prior"),
    ),
    "loss-exploded": (*_RATE, "input-out-of-scale", "init-too-large", "missing-softmax"),
    "loss-not-finite": (*_RATE, "input-not-finite", "input-out-of-scale", "init-too-large"),
    "oscillating": (
        *(*_RATE, "batch-too-small", "bias-not-from-prior", "not-shuffled"),
        *("init-too-large", "input-out-of-scale"),
    ),
    "update-ratio-high": (*_RATE, "weight-decay-too-strong"),
    "update-ratio-low": (
        *(*_NO_STEP, "lr-too-low", "schedule-ended-early", "clipping-most-steps"),
        *("gradient-vanishing", "saturated-units"),
    ),
    "gradient-vanishing": ("saturated-units", "init-too-small", "symmetric-init", "dead-units"),
    "gradient-exploding": ("init-too-large", "lr-too-high", "input-out-of-scale"),
    "dead-units": ("dead-at-init", "lr-too-high"),
    "saturated-units": ("init-too-large", "input-out-of-scale"),
    "overfitting": ("label-noise", "same-batch-every-step", "norm-statistics-stale"),
    "lr-too-high": ("gradients-accumulate", "loss-sum-reduction", "gradient-ascent"),
    "lr-too-low": (
        *(*_NO_STEP, "schedule-ended-early", "clipping-most-steps", "bias-not-from-prior"),
        *("dead-units", "dead-at-init"),
    ),
    "still-improving": ("lr-too-low", "bias-not-from-prior"),
    "gradients-accumulate": ("weights-unchanged", "not-in-optimizer"),
    "initial-loss-off": ("init-too-large", "input-out-of-scale", "saturated-units"),
}


def by_cause(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings with causes first, what follows from another finding later, advice last.

    Data come before loss and output, then wiring, start and network, rate and optimiser,
    symptoms, generalisation. Findings of severity "info" stand behind all others. Of two with
    one rule, the more severe stands first.

    Example:
        >>> def one(rule, severity="warning"):
        ...     return Finding(rule=rule, severity=severity, meaning="", remedy="", source="")
        >>> found = [one("plateau"), one("lr-good", "info"), one("weights-unchanged", "error")]
        >>> [finding.rule for finding in by_cause(found)]
        ['weights-unchanged', 'plateau', 'lr-good']
    """
    found = tuple(findings)
    known = {finding.rule for finding in found if finding.severity != "info"}
    return tuple(sorted(found, key=lambda finding: _key(finding, known)))


def told_once(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings of checks and rules by cause, each name once: its most severe.

    Of two alike the first stands, so a check's before a rule's that saw the same while training.

    Example:
        >>> def one(rule, severity="warning"):
        ...     return Finding(rule=rule, severity=severity, meaning="", remedy="", source="")
        >>> found = [one("plateau"), one("init-too-small"), one("init-too-small", "error")]
        >>> [(finding.rule, finding.severity) for finding in told_once(found)]
        [('init-too-small', 'error'), ('plateau', 'warning')]
    """
    first: dict[str, Finding] = {}
    for finding in by_cause(found):
        first.setdefault(finding.rule, finding)
    return tuple(first.values())


def _key(finding: Finding, known: set[str]) -> tuple[bool, int, int, bool]:
    place = _PLACE.get(finding.rule, len(_PLACE))
    depth = _depth(finding.rule, known)
    return finding.severity == "info", depth, place, finding.severity != "error"


def _depth(rule: str, known: set[str]) -> int:
    """Return how many found findings stand, one behind the other, before this one."""
    causes = [cause for cause in FOLLOWS.get(rule, ()) if cause in known]
    return 1 + max(_depth(cause, known) for cause in causes) if causes else 0
