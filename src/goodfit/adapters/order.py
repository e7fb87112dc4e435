"""Several optimisers in one loop: which of them belong to one step."""

from __future__ import annotations

from collections.abc import Sequence

from torch.optim import Optimizer


class Order:
    """Learns from a loop which optimisers step one after the other on one loss.

    Optimisers that step with no loss between them make one step together, as a backbone's and a
    head's; with a loss between them, as in a GAN, each makes a step of its own.
    """

    def __init__(self, optimizers: Sequence[Optimizer]) -> None:
        ids = [id(optimizer) for optimizer in optimizers]
        self.follows = {key: key != ids[-1] for key in ids}
        self.stepped: list[int] = []
        # Steps that began on a loss of their own after another optimiser's step, and all.
        self.num_own = self.num = 0

    def joins(self, optimizer: Optimizer, *, new_loss: bool) -> bool:
        """Say whether ``optimizer``, which is about to step, would join the step before it."""
        return bool(self.stepped) and not new_loss and id(optimizer) not in self.stepped

    def begins(self, optimizer: Optimizer, *, new_loss: bool) -> bool:
        """Say whether ``optimizer`` begins a new step, or joins the one before it."""
        key = id(optimizer)
        joins = self.joins(optimizer, new_loss=new_loss)
        self.num += 1
        if self.stepped:
            self.follows[self.stepped[-1]] = joins
            self.num_own += not joins and key not in self.stepped
        self.stepped = [*self.stepped, key] if joins else [key]
        return not joins

    def ends(self, optimizer: Optimizer) -> bool:
        """Say whether no other optimiser is expected to join this step."""
        return not self.follows[id(optimizer)]
