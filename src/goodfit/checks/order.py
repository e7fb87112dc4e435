"""The order of findings before training: causes before what they bring about."""

from __future__ import annotations

from collections.abc import Iterable

from ..records import Finding, Verdict

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
    # how it starts
    *("symmetric-init", "dead-at-init", "init-too-large", "init-too-small"),
    # what follows from all that
    *("initial-loss-off", "bias-not-from-prior", "cannot-overfit-tiny-batch"),
)


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
    known = finding.rule in ORDER
    return finding.severity == "info", ORDER.index(finding.rule) if known else len(ORDER)


def with_cause(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts, with the likely cause named in that of the tiny batch."""
    verdicts = tuple(verdicts)
    return tuple(
        _explained(verdict, verdicts) if verdict.check == "cannot-overfit-tiny-batch" else verdict
        for verdict in verdicts
    )


def _explained(verdict: Verdict, verdicts: tuple[Verdict, ...]) -> Verdict:
    finding = verdict.finding
    others = [v.finding for v in verdicts if v.finding and v is not verdict]
    causes = [other.rule for other in in_order(others) if other.severity != "info"]
    if finding is None or not causes:
        return verdict
    meaning = f"{finding.meaning} The likely cause is {causes[0]}."
    values = {**finding.to_json(), "meaning": meaning}
    told = Finding.from_json({**values, "evidence": {**finding.evidence, "cause": causes[0]}})
    return Verdict(check=verdict.check, outcome="found", because=meaning, finding=told)
