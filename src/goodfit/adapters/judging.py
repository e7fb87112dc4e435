"""What a loss was computed from, and how it is computed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from ..probes.losses import Judged, LossFacts, facts_of, judged_by
from .losses import again, outputs_and_targets, relearned, same_numbers

# What a loss module was called with: arguments and keyword arguments.
Given = tuple[Any, Any] | None
Call = Callable[[Any, Any], Any]


class Judging:
    """Knows the loss of a loop: given as a module, found in the graph, or told by a framework.

    ``replay`` is the loss of raw outputs and targets, where a framework stands between network and
    loss, or a plain function was found again. ``last`` is what the loss of a look came from.
    """

    def __init__(self, loss_fn: Callable[..., Any] | None) -> None:
        self.loss_fn = loss_fn
        self.facts = facts_of(loss_fn) if isinstance(loss_fn, nn.Module) else None
        self.replay: Call | None = None
        self.last: Judged | None = None

    def hear(self, loss: Tensor) -> None:
        """Read off a loss's graph what it came from, where no module is asked."""
        if not isinstance(self.loss_fn, nn.Module):
            self.last = judged_by(loss)

    def of_look(self, given: Given) -> Judged | None:
        """Return what the loss of a look came from; None where outputs or targets are not known."""
        found = self.last
        if found is None and given is not None:
            outputs, targets = outputs_and_targets(*given)
            if isinstance(outputs, Tensor) and isinstance(targets, Tensor):
                found = Judged(self.facts or LossFacts(), outputs, targets)
        return None if found is None or found.outputs is None or found.targets is None else found

    def can_repeat(self, output: Any, judged: Judged, heard: object) -> bool:
        """Say whether the loss can be computed again from a network's raw output.

        A plain function is tried for the loss that was ``heard``, once.
        """
        assert judged.outputs is not None and judged.targets is not None
        plain = not isinstance(self.loss_fn, nn.Module)
        if self.replay is None and plain and isinstance(heard, float):
            targets = judged.targets.detach()
            self.replay = relearned(self.loss_fn, judged.facts, output, targets, heard)
        if self.replay is not None:
            self.facts = self.facts or judged.facts
            return True
        return self.facts is not None and same_numbers(output, judged.outputs)

    def repeated(self, given: Given) -> tuple[Call | None, Any]:
        """Return the loss as a function of raw outputs and targets, and the latest targets."""
        outputs = targets = None
        if given is not None:
            outputs, targets = outputs_and_targets(*given)
        elif self.last is not None:
            outputs, targets = self.last.outputs, self.last.targets
        if targets is None:
            return None, None
        made = None if self.loss_fn is None else again(self.loss_fn, outputs)
        return self.replay or made, targets
