"""What a loss was computed from, and how it is computed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from ..probes.layers import first_tensor
from ..probes.losses import Judged, LossFacts, facts_of, judged_by
from ..probes.written import written_loss
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

    def hear(self, loss: Tensor, output: Any) -> None:
        """Read off a loss's graph what it came from, where no module that is known is asked.

        ``output`` is what the network gave in this pass.
        """
        is_module = isinstance(self.loss_fn, nn.Module)
        if is_module and self.facts is not None and self.facts.kind:
            return
        found, given = judged_by(loss), first_tensor(output)
        written = written_loss(loss, given) if given is not None and not found.facts.kind else None
        known = written or found
        whole = bool(known.facts.kind) and not known.facts.composite
        if whole or not is_module:
            self.last = known

    @property
    def is_unknown(self) -> bool:
        """Whether the loss of this look is none that is known."""
        facts = self.facts if self.last is None else self.last.facts
        return facts is None or not facts.kind

    def of_look(self, given: Given) -> Judged | None:
        """Return what the loss of a look came from; None where outputs or targets are not known."""
        found = self.last
        if found is None and given is not None:
            outputs, targets = outputs_and_targets(*given)
            if isinstance(outputs, Tensor) and isinstance(targets, Tensor):
                found = Judged(self.facts or LossFacts(), outputs, targets)
        if found is None or found.outputs is None or found.targets is None:
            return None
        empty = any(not one.dim() or not one.numel() for one in (found.outputs, found.targets))
        return None if empty else found

    def can_repeat(self, output: Any, judged: Judged, heard: object) -> bool:
        """Say whether the loss can be computed again from a network's raw output.

        A plain function is tried for the loss that was ``heard``, once.
        """
        assert judged.outputs is not None and judged.targets is not None
        shape = judged.outputs.shape
        # A module whose kind is not known may have been found out by its graph, as a function
        # is. It is not called itself: it may count its calls, or draw.
        is_module = isinstance(self.loss_fn, nn.Module)
        given = None if is_module else self.loss_fn
        plain = not is_module or (self.facts is not None and not self.facts.kind)
        if self.replay is None and plain and isinstance(heard, float):
            targets = judged.targets.detach()
            self.replay = relearned(given, judged.facts, output, targets, heard, shape)
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
