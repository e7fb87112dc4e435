"""What a watch may say while its loop still runs."""

from __future__ import annotations

from ..records import Finding

# Between two early words the steps grow by this factor: reading a history costs with its length.
WORDS_GROW, FIRST_WORD = 1.5, 20
# What a few steps tell for good, as errors: what the code of the loop does at each step, and
# numbers that do not come back by themselves. Units may wake, a plateau may end: they wait.
SURE = (
    *("weights-unchanged", "gradient-ascent", "gradients-accumulate", "same-batch-every-step"),
    *("loss-not-finite", "loss-exploded", "lr-too-high"),
)


def may_be_said(finding: Finding, *, early: bool) -> bool:
    """Say whether a finding may be told now; ``early`` is after so few steps that it may vanish.

    Example:
        >>> dead = Finding(rule="dead-units", severity="error", meaning="", remedy="", source="")
        >>> may_be_said(dead, early=True), may_be_said(dead, early=False)
        (False, True)
    """
    if early:
        return finding.severity == "error" and finding.rule in SURE
    return finding.severity != "info"
