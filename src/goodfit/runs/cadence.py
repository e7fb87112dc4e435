"""When to save: as often as a stated share of the time allows."""

from __future__ import annotations

import time
from collections.abc import Callable


class Cadence:
    """Says when a checkpoint is due, so that saving costs at most ``share`` of the time.

    After a save that cost c seconds the next one is due c / share seconds later: every
    save is paid for before the next. The first comes after ``first_s``, when its cost is
    not known yet. At most ``longest_s`` pass, and then a save of more than
    ``share * longest_s`` (6 s by default) costs more than its share: losing more than ten
    minutes of work to a crash is worse.

    Args:
        share: Fraction of the time, in (0, 1].
        first_s: Seconds until the first save.
        longest_s: The most seconds between saves.
        clock: Returns seconds; for tests.

    Example:
        >>> now = 0.0
        >>> cadence = Cadence(share=0.01, clock=lambda: now)
        >>> now = 1.0
        >>> cadence.due()
        True
        >>> cadence.saved(0.05)
        >>> now = 5.9
        >>> cadence.due()
        False
        >>> now = 6.0
        >>> cadence.due()
        True
    """

    def __init__(
        self,
        share: float = 0.01,
        *,
        first_s: float = 1.0,
        longest_s: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share, self._longest_s, self._clock = share, longest_s, clock
        self._due_at = clock() + min(first_s, longest_s)

    def due(self) -> bool:
        """Whether to save now; costs one look at the clock (about 0.2 us)."""
        return self._clock() >= self._due_at

    def saved(self, cost_s: float) -> None:
        """Note that a save has just ended, which took ``cost_s`` seconds in all."""
        self._due_at = self._clock() + min(cost_s / self._share, self._longest_s)
