"""When to look: often at first, then as often as the budget allows."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

# Looks come in pairs of steps, so that the turn between two consecutive gradients is seen.
# What may be spent beyond the share at the beginning, in seconds: nobody waits for it.
GRACE_S = 0.004
# Between pairs pass at least this share of the steps so far: looks get rarer as a run gets long,
# so that a history stays small (about 100 looks for each factor of e) ...
SPARSEST, DENSEST = 1.0, 0.02
# ... and at most that share, however little can be paid.
# Of the budget, what is kept for looks when the hooks that are always there take all of it.
KEPT = 0.25


@dataclass
class Schedule:
    """Chooses the steps of looks, so that watching stays under ``budget`` of the wall time.

    ``presence_s`` is what the hooks that are always there cost a step. Every figure in seconds
    is measured: by the caller (``cost_s``) or by the clock since the schedule was made.
    """

    budget: float
    presence_s: float
    began_s: float = field(default_factory=time.perf_counter)
    spent_s: float = 0.0
    look_s: float = 0.0
    next_step: int = 1
    in_pair: bool = False

    def looked(self, step: int, cost_s: float) -> None:
        """Account for the look at ``step``, and choose the next one."""
        self.spent_s += cost_s
        # The first looks warm kernels up: a cheap look counts at once, a dear one slowly.
        weight = 0.2 if cost_s > self.look_s > 0 else 0.5
        self.look_s = self.look_s + weight * (cost_s - self.look_s) if self.look_s else cost_s
        self.in_pair = not self.in_pair
        self.next_step = step + (1 if self.in_pair else self._gap(step))

    def _gap(self, step: int) -> int:
        """Return the steps until the next pair can be paid."""
        elapsed = time.perf_counter() - self.began_s
        earned = self.budget * elapsed / step
        free = max(earned - self.presence_s, KEPT * earned)
        debt = self.spent_s + self.presence_s * step - self.budget * elapsed - GRACE_S
        paid = (2 * self.look_s + debt) / free
        return math.ceil(min(max(paid, DENSEST * step, 2.0), max(SPARSEST * step, 4.0)))
