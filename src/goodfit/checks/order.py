"""The order of findings before training: causes before what they bring about."""

from __future__ import annotations

from collections.abc import Iterable

from ..records import Finding, Verdict

# Of the data as a whole: goodfit.data.checks.
OF_DATA: tuple[str, ...] = (
    *("missing-values", "numbers-as-text", "dates-not-used", "constant-column"),
    *("near-constant-column", "extreme-values", "identifier-column", "target-leak"),
    *("overlap-with-test", "near-duplicates"),
    *("duplicate-rows", "contradicting-labels", "missing-class"),
)

ORDER: tuple[str, ...] = (
    # what comes in
    *("input-not-finite", "label-out-of-range", "split-overlap", "labels-sorted"),
    *("input-out-of-scale", "class-imbalance"),
    # what the loss does with what comes out
    *("loss-broadcast", "softmax-wrong-axis", "double-softmax", "missing-softmax"),
    *("loss-output-mismatch", "loss-sum-reduction"),
    # how the network is wired
    *("batch-mixing", "input-ignored", "gradient-wrong", "no-gradient", "not-in-optimizer"),
    *("regularization-inert", "batch-norm-tiny-batch", "dropout-before-batch-norm"),
    "no-activation",
    # how it starts
    *("symmetric-init", "dead-at-init", "init-too-large", "init-too-small"),
    # what follows from all that
    *("initial-loss-off", "bias-not-from-prior", "cannot-overfit-tiny-batch", "loss-not-finite"),
)

# What a handful of clean rows does not have.
OF_THE_WHOLE_DATA = (*ORDER[:4], "class-imbalance")


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings with causes first, and advice after what harms.

    Example:
        >>> def one(rule, severity):
        ...     return Finding(rule=rule, severity=severity, meaning="", remedy="", source="")
        >>> symptom, cause = one("initial-loss-off", "error"), one("double-softmax", "warning")
        >>> [finding.rule for finding in in_order([symptom, cause])]
        ['double-softmax', 'initial-loss-off']
    """
    return tuple(sorted(findings, key=_place))


def _place(finding: Finding) -> tuple[bool, int]:
    order = (*OF_DATA, *ORDER)
    known = finding.rule in order
    return finding.severity == "info", order.index(finding.rule) if known else len(order)


def suspects(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """Return the faults found so far that could keep a network from learning a few rows."""
    found = in_order(verdict.finding for verdict in verdicts if verdict.finding)
    rules = [finding.rule for finding in found if finding.severity != "info"]
    return tuple(rule for rule in rules if rule not in OF_THE_WHOLE_DATA)
