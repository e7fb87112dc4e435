"""The first number that was not finite: which module and operation made it, of what, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..records import Autopsy
from .blame import Operand, numbers_of, operand, why_backward
from .graph import node_name
from .hooks import forward_of
from .layers import clean_name, first_tensor
from .restore import restoring
from .trace import ROOT, Origin, Trace, assign, named_calls

LossFn = Callable[..., Tensor]
Culprit = Literal["input", "target", "weights", "forward", "loss", "gradient"]
OWN_BACKWARD = "the backward of this function, which is not torch's, gives it: check its formula"
# A network with dropout may need several draws until it happens again.
TRIES = 3


def autopsy(
    module: nn.Module,
    loss_fn: LossFn | None,
    batch: tuple[Any, Any],
    *,
    step: int,
    kwargs: Mapping[str, Any] | None = None,
    parts: nn.Module | None = None,
) -> Autopsy | None:
    """Replay one training pass from the weights as they are, and name what was not finite first.

    Args:
        module: The network with the weights from before the step.
        loss_fn: The loss, called with outputs and targets; None looks at the forward only.
        batch: Inputs (a tensor, or a tuple of what the network takes) and targets.
        step: The step at which it happened, for the record.
        kwargs: What else the network takes by name.
        parts: The module whose parts give the names of places, if not ``module``.

    Returns None when everything is finite, also in the gradients. The network's weights, buffers,
    modes, ``.grad`` and torch's generator are left as they were.

    Example:
        >>> found = autopsy(nn.Linear(1, 1), lambda out, y: torch.log(y - y).mean() + out.mean(),
        ...                 (torch.ones(2, 1), torch.ones(2, 1)), step=7)
        >>> found.culprit, found.operation, found.because
        ('loss', 'log', 'log of 0 is -inf (2 zeros)')
    """
    inputs, targets = batch
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    given = _given(module, args, dict(kwargs or {}), targets, step)
    if given is not None:
        return given
    replay = _Replay(module, parts or module, loss_fn, args, dict(kwargs or {}), targets, step)
    with restoring(module), torch.enable_grad():
        for _ in range(TRIES):
            found = replay.run()
            if found is not None:
                return found
    return None


def _given(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], targets: Any, step: int
) -> Autopsy | None:
    """Return the autopsy where inputs, targets or weights were not finite to begin with."""
    parts: tuple[tuple[Culprit, Any], ...] = (
        ("input", (*args, *kwargs.values())),
        ("target", targets),
    )
    for culprit, value in parts:
        for tensor in _parts(value):
            # A mask of -inf is meant.
            if _spoilt(tensor) and bool((torch.isnan(tensor) | (tensor == torch.inf)).any()):
                word = "NaN" if bool(torch.isnan(tensor).any()) else "infinite numbers"
                why = f"the {culprit} of this batch has {word}"
                return _made(step, culprit, "", "", why, [operand(tensor)])
    for name, tensor in module.named_parameters():
        if _spoilt(tensor):
            why = "the weights are not finite already: an earlier step spoilt them"
            place = clean_name(name)
            return _made(step, "weights", place.rpartition(".")[0], place, why, [operand(tensor)])
    return None


def _parts(value: Any) -> list[Tensor]:
    parts = value if isinstance(value, list | tuple) else [value]
    return [part for part in parts if isinstance(part, Tensor)]


def _spoilt(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())


def _made(
    step: int,
    culprit: Culprit,
    module: str,
    operation: str,
    because: str,
    operands: Sequence[Operand],
) -> Autopsy:
    return Autopsy(
        step=step,
        culprit=culprit,
        module=module,
        operation=operation,
        because=because,
        inputs=numbers_of(operands),
    )


@dataclass
class _Replay:
    """One pass, run aside."""

    module: nn.Module
    parts: nn.Module
    loss_fn: LossFn | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    targets: Any
    step: int
    nodes: dict[Any, str] = field(default_factory=dict)

    def run(self) -> Autopsy | None:
        """Return what was not finite first: in the network, in the loss, or on the way back."""
        self.nodes.clear()
        with Trace() as trace:
            with named_calls(self.parts, trace.path, self.nodes):
                outputs = forward_of(self.module)(*self.args, **self.kwargs)
                assign(outputs, ROOT, self.nodes)
            made = first_tensor(outputs)
            found = None if made is None else trace.origin(made)
            if found is not None and self._matters(found, made):
                return self._forward("forward", found)
            loss = self._loss(outputs)
        if loss is None:
            return None
        assign(loss, "", self.nodes)
        found = trace.origin(loss)
        if found is not None and _spoilt(loss):
            return self._forward("loss", found)
        return self._backward(loss.mean()) if loss.requires_grad else None

    def _matters(self, found: Origin, output: Tensor | None) -> bool:
        """Infinite outputs on purpose (masked scores) are left to the loss."""
        return not found.constant and output is not None and _spoilt(output)

    def _loss(self, outputs: Any) -> Tensor | None:
        if self.loss_fn is None:
            found = getattr(outputs, "loss", None)
            return found if isinstance(found, Tensor) else None
        return forward_of(self.loss_fn)(outputs, self.targets)

    def _forward(self, where: Culprit, found: Origin) -> Autopsy:
        culprit: Culprit = "forward" if found.module or where == "forward" else "loss"
        place = found.module or ("" if culprit == "loss" else ROOT)
        name = found.operation.lstrip("_")
        return _made(self.step, culprit, place, name, found.because, found.operands)

    def _backward(self, loss: Tensor) -> Autopsy | None:
        """Go back through the graph, and stop at the first node that spoils its gradient."""
        first: list[tuple[Any, list[Operand]]] = []

        def watch(node: Any) -> Callable[..., None]:
            def run(given: Sequence[Tensor | None], got: Sequence[Tensor | None]) -> None:
                if not first and _bad(given) and not _bad(got):
                    first.append((node, _saved(node)))

            return run

        assign(loss, "", self.nodes)
        handles = [node.register_hook(watch(node)) for node in self.nodes]
        wanted = [p for p in self.module.parameters() if p.requires_grad]
        try:
            torch.autograd.grad(loss, wanted, allow_unused=True, retain_graph=True)
        finally:
            for handle in handles:
                handle.remove()
        if not first:
            return None
        node, operands = first[0]
        name = node_name(node)
        own = isinstance(node, torch.autograd.function.BackwardCFunction)
        why = OWN_BACKWARD if own else why_backward(name, operands)
        return _made(self.step, "gradient", self.nodes[node], f"{name} (backward)", why, operands)


def _bad(gradients: Sequence[Tensor | None]) -> bool:
    return any(g is not None and _spoilt(g) for g in gradients)


def _saved(node: Any) -> list[Operand]:
    """Return what a node kept of its inputs; what was overwritten since is left out."""
    found = []
    for name in sorted(name for name in dir(node) if name.startswith("_saved_")):
        try:
            value = getattr(node, name)
        except RuntimeError:
            continue
        if isinstance(value, Tensor) and value.is_floating_point():
            found.append(operand(value))
    return found
