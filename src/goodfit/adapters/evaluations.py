"""Passes without gradient: which are an evaluation, and which a part of a training step."""

from __future__ import annotations

from .batches import Batches
from .tallies import Counts

# Steps before the first of all.
LONG_AGO = 2**40


class Evaluations:
    """Tells evaluations from a teacher's or a target's passes, and counts their modes.

    What belongs to a step comes again at the next one. Where all rows are one batch, so does an
    evaluation. ``num_optimizers`` steps make one turn of a loop.
    """

    def __init__(self, counts: Counts, batches: Batches, num_optimizers: int) -> None:
        self.counts, self.batches, self.num_optimizers = counts, batches, num_optimizers
        self._seen_at = -LONG_AGO
        self._is_of_step = False
        # Of the passes since the last step: how many were in training mode, and how many in all.
        self._last = (0, 0)

    def passed(self, step: int, *, training: bool | None) -> bool:
        """Take down a pass after ``step`` steps; returns whether it is one of an evaluation.

        ``training`` is the network's mode, None where modes do not differ.
        """
        since, self._seen_at = step - self._seen_at, step
        if since:
            again = since <= self.num_optimizers
            self._is_of_step = again and not self.batches.same_again
            if self._is_of_step:  # and so were the passes at the step before
                self.counts.put("train-evaluating", *(-count for count in self._last))
            self._last = (0, 0)
        if training is not None and not self._is_of_step:
            self._last = (self._last[0] + training, self._last[1] + 1)
            self.counts.count("train-evaluating", training)
        return not self._is_of_step
