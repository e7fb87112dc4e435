"""When to look: often at first, then as often as the budget allows."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from dataclasses import dataclass, field

# What may be spent at the beginning beyond the share, in seconds: nobody waits for it, most of what
# goes wrong shows there, and it takes 16 batches of 32 rows to tell dead units from quiet ones.
GRACE_S = 0.012
# The gap between looks, as a share of the steps so far, is at least ...
PAID = 0.05  # ... this, so that a history of a million steps has some 300 looks,
UNPAID = 0.2  # ... and this while it is the grace that pays.
# So many steps are looked at whatever it costs.
FIRST_LOOKS = 3
# Of the budget, what is kept for looks where the hooks that are always there would take it all.
KEPT = 0.25
# A look leaves the caches cold: with the steps before and after it, it takes 1.4 to 1.6 times what
# passes inside of it (measured on networks with steps of 0.6, 3 and 50 ms).
AROUND = 1.5
# A look's cost is the median of so many: some are interrupted.
REMEMBERED = 9


@dataclass
class Schedule:
    """Chooses the steps of looks, so that watching stays under ``budget`` of the wall time.

    ``presence_s`` is what the hooks that are always there cost a step. All seconds are measured.
    """

    budget: float
    presence_s: float
    began_s: float = field(default_factory=time.perf_counter)
    other_s: float = 0.0
    num_looks: int = 0
    next_step: int = 1
    costs: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    @property
    def look_s(self) -> float:
        """What a look costs."""
        if len(self.costs) < REMEMBERED // 2:
            return min(self.costs, default=0.0)
        return statistics.median(self.costs)

    def looked(self, step: int, cost_s: float) -> None:
        """Account for the look at ``step``, which took ``cost_s``, and choose the next one."""
        self.num_looks += 1
        # The first look of a process loads and warms much that is paid once: it says nothing.
        if self.num_looks > 1:
            self.costs.append(AROUND * cost_s)
        self.next_step = step + (self._gap(step) if self.num_looks >= FIRST_LOOKS else 1)

    def allows(self, step: int, cost_s: float) -> bool:
        """Say whether something beside the looks can be paid now."""
        return self._debt(step) + cost_s <= 0.0

    def _earned(self, step: int) -> float:
        """Return the seconds that looks may have taken until now."""
        earned = self.budget * (time.perf_counter() - self.began_s)
        return max(earned - self.presence_s * step, KEPT * earned)

    def _debt(self, step: int) -> float:
        return self.num_looks * self.look_s + self.other_s - self._earned(step)

    def _gap(self, step: int) -> int:
        """Return the steps until the next look can be paid."""
        debt = self._debt(step) + self.look_s
        share = PAID if debt <= 0.0 else UNPAID
        paid = (debt - GRACE_S) * step / self._earned(step)
        return max(1, math.ceil(paid), math.ceil(share * step - 0.5))
