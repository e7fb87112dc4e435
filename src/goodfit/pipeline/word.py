"""An early word: what the rules say while a run is still training."""

from __future__ import annotations

from collections.abc import Callable

from ..diagnosis import findings
from ..loop import Course, Row
from ..records import Finding
from ..runs import RunFolder, read_history

GROWS = 1.5


class EarlyWord:
    """Judges the history so far after the 1st, 2nd, 3rd, 5th, 8th, 12th ... epoch.

    It reads the run's journal, which grows, so the epochs between are more and more. Each rule
    is told once, and only where it is a warning or an error.
    """

    def __init__(self, folder: RunFolder, metric: str, say: Callable[[Finding], None]) -> None:
        self.folder, self.say, self.metric = folder, say, metric
        self.next_epoch, self.said = 1, set[str]()

    def after_steps(self, course: Course) -> None:
        """Nothing to say."""

    def after_look(self, course: Course, row: Row) -> None:
        """Nothing to say."""

    def while_evaluating(self, course: Course) -> None:
        """Nothing to say."""

    def after_epoch(self, course: Course, rows: list[Row]) -> None:
        """Say what is new; at the end of a run its summary says all."""
        if course.epoch < self.next_epoch or course.stopped:
            return
        self.next_epoch = int(course.epoch * GROWS) + 1
        for finding in findings(read_history(self.folder.history, metric=self.metric)):
            if finding.severity != "info" and finding.rule not in self.said:
                self.said.add(finding.rule)
                self.say(finding)
