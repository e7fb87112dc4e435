"""What a watch may say while its loop still runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..probes.clock import now_s
from ..records import Finding
from .schedule import Schedule

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


class Words:
    """Says each new warning or error once, as soon as it can be seen and judging can be paid.

    Two judgements are paid in advance (10 ms), and tell errors of `SURE` only: one after some
    twenty steps, and one where a number is not finite for the first time.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        schedule: Schedule,
        findings: Callable[[int], Sequence[Finding]],
    ) -> None:
        self.say, self.schedule, self.findings = say, schedule, findings
        self._said, self._next, self._cost_s, self._broke = set[str](), FIRST_WORD, 0.0, False

    def after_look(self, step: int, *, broke: bool) -> None:
        """Judge after a look at ``step``; ``broke``: a number has not been finite."""
        breaks, first = broke and not self._broke, self._next == FIRST_WORD
        due, self._broke = step >= self._next, broke
        if due:
            self._next = int(WORDS_GROW * step) + 1
        early = breaks or (due and first)
        if early or (due and self.schedule.allows(step, self._cost_s)):
            self._judge(step, early=early)

    def _judge(self, step: int, *, early: bool) -> None:
        began = now_s()
        for finding in self.findings(step):
            if may_be_said(finding, early=early) and finding.rule not in self._said:
                self._said.add(finding.rule)
                self.say(f"step {step}: {finding}")
        self._cost_s = now_s() - began
        self.schedule.other_s += self._cost_s
