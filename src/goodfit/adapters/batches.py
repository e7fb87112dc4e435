"""Which batch is which: the same one again, or in the same order as in the epoch before."""

from __future__ import annotations

from torch import Tensor

from ..probes import fingerprint
from .tallies import Counts

# After an evaluation, so many batches are known by their fingerprint: the beginning of an epoch.
EPOCH_START = 2
# Without evaluations, the first batch of all is waited for during so many batches.
PATIENCE = 20_000


class Batches:
    """Recognises training batches by fingerprints, as few as will do.

    Fingerprints are taken in looks, at the beginning of each epoch (the passes after an
    evaluation), and, while no evaluation has been seen, until the first batch comes again.
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.period = 0
        self.starts = EPOCH_START
        self.evaluated = False
        self.known: dict[int, int] = {}
        self.last: tuple[int, int] = (-1, 0)
        self.fresh = True

    @property
    def wanted(self) -> bool:
        """Whether the next training batch is to be shown, beside those of looks."""
        return self.starts > 0 or (not self.evaluated and self.last[0] < PATIENCE)

    def evaluation(self) -> None:
        """An evaluation was seen: what follows is the beginning of an epoch."""
        self.starts, self.evaluated = EPOCH_START, True

    def seen(self, inputs: Tensor, place: int) -> None:
        """Take a training batch down, the ``place``-th of all, and count what it shows."""
        print_ = fingerprint(inputs)
        before, self.last = self.last, (place, print_)
        self.fresh = print_ != before[1]
        if before[0] == place - 1:
            self.counts.count("same-batch", not self.fresh)
        self._order(print_, place)

    def _order(self, print_: int, place: int) -> None:
        earlier = self.known.get(print_, 0)
        again = 0 < earlier < place - 1
        if self.starts > 0:
            self.starts -= 1
            if place > EPOCH_START:
                self.counts.count("same-order", again)
            self.known[print_] = place
        elif not self.evaluated and again and self.fresh:
            self.period = self.period or place - earlier
            self.counts.count("same-order", True)
            self.known[print_] = place
