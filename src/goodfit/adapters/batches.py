"""Which batch is which: the same one again, or in the same order as in the epoch before."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..probes import fingerprint
from .parts import tensors_in
from .tallies import Counts

# After an evaluation, so many batches are known by their fingerprint: the beginning of an epoch.
EPOCH_START = 2
# Without evaluations, the first so many batches are waited for, by a look at each so-many-th: an
# order that repeats meets one of them in every epoch, for half a microsecond a step.
WINDOW = 32


class Batches:
    """Recognises training batches by fingerprints, as few as will do.

    Fingerprints are taken in looks, of the first 32 batches and every 32nd, and at the beginning
    of each epoch (the passes after an evaluation).
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.period = self.confirmed = 0
        self.starts = WINDOW
        self.evaluated = False
        self.known: dict[int, int] = {}
        self.last: tuple[int, int] = (-1, 0)
        self.fresh = True
        self.returned: tuple[Tensor, ...] = ()
        self._returned_at = -1

    @property
    def wanted(self) -> bool:
        """Whether the next training batch is to be shown, beside those of looks."""
        return self.starts > 0

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches after which they came again, where that was seen twice."""
        return self.period if self.confirmed > 1 else 0

    @property
    def same_again(self) -> bool:
        """Whether most batches so far had the inputs of the one before."""
        happened, of = self.counts.held.get("same-batch", (0, 0))
        return happened > 0.5 * of

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
        earlier = self.known.get(print_, 0)
        again = self.fresh and 0 < earlier < place - 1
        if self.evaluated:
            self._at_start(print_, place, again)
        else:
            self._anywhere(print_, place, earlier if again else 0)
        self.starts = max(self.starts - 1, 0)

    def carry(self, given: object, returned: Any, place: int) -> None:
        """Count whether a pass was given, beside its batch, what the pass before it returned.

        By memory: what was returned is held until then, so that its place is not taken anew.
        """
        state = {tensor.data_ptr() for tensor in tensors_in(given)[1:]}
        if state and self._returned_at == place - 1:
            carried = any(tensor.data_ptr() in state for tensor in self.returned)
            self.counts.count("carried-state", carried)
        self.returned = tuple(tensor.detach() for tensor in tensors_in(returned))
        self._returned_at = place

    def _at_start(self, print_: int, place: int, again: bool) -> None:
        """Epochs are known by the evaluations between them."""
        if self.starts > 0:
            self.counts.count("same-order", again)
            self.known[print_] = place

    def _anywhere(self, print_: int, place: int, earlier: int) -> None:
        """Epochs are not known: batches that come again after equal times are in one order."""
        if earlier and self.period:
            same = (place - earlier) % self.period == 0
            self.counts.count("same-order", same)
            self.confirmed += same
        elif earlier:
            self.period = place - earlier
        if place <= WINDOW and not earlier:
            self.known[print_] = place
