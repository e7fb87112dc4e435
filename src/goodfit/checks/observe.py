"""What a loss does to what it is given: seen from outside, so that any function will do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

KINDS: Mapping[Callable[..., Any], str] = {
    functional.cross_entropy: "cross-entropy",
    functional.nll_loss: "nll",
    functional.binary_cross_entropy_with_logits: "binary-cross-entropy",
    functional.binary_cross_entropy: "binary-cross-entropy-of-probabilities",
    functional.mse_loss: "mse",
    functional.l1_loss: "l1",
    functional.smooth_l1_loss: "huber",
    functional.huber_loss: "huber",
    functional.kl_div: "kl",
}
REGRESSION = frozenset({"mse", "l1", "huber"})
OVER_CLASSES = frozenset({"cross-entropy", "nll"})
BINARY = frozenset({"binary-cross-entropy", "binary-cross-entropy-of-probabilities"})


@dataclass(frozen=True)
class LossCall:
    """One call of a known loss: its kind, its two tensors, its other arguments."""

    kind: str
    input: Tensor
    target: Tensor
    options: Mapping[str, Any]


class Tape(TorchFunctionMode):
    """Notes, while it is entered, the known losses that are called, and sizes that spread.

    A loss calls torch's functions in the end, whether it is a module, a function, a partial or a
    lambda: so its kind, its options and the two tensors it compares are seen without asking.
    ``spread`` holds the shapes ``[N]`` and ``[N, 1]`` that met in one operation, of which one comes
    from the network and the other does not: rankings and distances between the rows of a batch
    spread what is their own, and labels meet labels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[LossCall] = []
        self.spread: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        kind = KINDS.get(func)
        if kind:
            bound = inspect.signature(func).bind(*args, **kwargs)
            bound.apply_defaults()
            options = dict(bound.arguments)
            call = LossCall(kind, options.pop("input"), options.pop("target"), options)
            self.calls.append(call)
        self._note_spread(args)
        return func(*args, **kwargs)

    def _note_spread(self, args: Any) -> None:
        tensors = [arg for arg in args if isinstance(arg, Tensor)]
        if len(tensors) != 2 or tensors[0].requires_grad == tensors[1].requires_grad:
            return
        one, other = (tuple(tensor.shape) for tensor in tensors)
        if _spreads(one, other):
            self.spread = (one, other)


def _spreads(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Say whether ``[N]`` meets ``[N, 1]``, which gives ``[N, N]``."""
    short, long = sorted((one, other), key=len)
    return len(short) == 1 and long == (short[0], 1) and short[0] > 1


# Operations that move numbers about and leave their values alone.
_MOVES = (
    *("View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Transpose", "T", "Permute"),
    *("Clone", "Alias", "ToCopy", "Select", "Slice", "Expand", "Contiguous"),
)


def last_operation(tensor: Tensor) -> Any:
    """Return the node of the graph that made the values of ``tensor``; None for a leaf.

    Views, copies and slices are passed over.

    Example:
        >>> x = torch.zeros(2, 3, requires_grad=True)
        >>> operation_name(last_operation(torch.sigmoid(x).squeeze()))
        'Sigmoid'
    """
    node = tensor.grad_fn
    while node is not None and operation_name(node) in _MOVES:
        node = node.next_functions[0][0]
    return node


def operation_name(node: Any) -> str:
    """Return the name of a node of the graph, such as "Relu", "Softmax", "Addmm"."""
    if node is None:
        return ""
    return node.name().rstrip("0123456789").removesuffix("Backward")


def nodes_of(tensor: Tensor) -> Iterator[Any]:
    """Yield every node of the graph behind ``tensor``, the last operation first."""
    waiting, seen = [tensor.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        waiting += [parent for parent, _ in reversed(node.next_functions)]


def leaves_of(tensor: Tensor) -> list[Tensor]:
    """Return the tensors that backward would give a gradient to: parameters, known or not.

    Example:
        >>> w = torch.ones(2, requires_grad=True)
        >>> [leaf is w for leaf in leaves_of((2 * w).sum())]
        [True]
    """
    named = [node for node in nodes_of(tensor) if hasattr(node, "variable")]
    return [node.variable for node in named] or ([tensor] if tensor.is_leaf else [])


def gradients(loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor | None]:
    """Return the gradient of a loss by each parameter; None where none reaches it.

    Only a checkpoint of the old kind (``use_reentrant=True``) needs ``backward``, which would
    leave gradients on whatever else the loss depends on.
    """
    if not loss.requires_grad or not parameters:
        return [None] * len(parameters)
    if all(operation_name(node) != "CheckpointFunction" for node in nodes_of(loss)):
        return list(torch.autograd.grad(loss.sum(), parameters, allow_unused=True))
    for parameter in parameters:
        parameter.grad = None
    loss.sum().backward()
    found = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    return found


def saved(node: Any, name: str) -> Tensor | None:
    """Return a tensor that a node keeps for backward; None where it was overwritten since."""
    try:
        return getattr(node, f"_saved_{name}", None)
    except RuntimeError:
        return None


def sums_to_one(tensor: Tensor, dim: int) -> bool:
    """Say whether values are shares along ``dim``: none negative, each sum 1.

    Example:
        >>> sums_to_one(torch.tensor([[0.2, 0.8], [0.5, 0.5]]), 1)
        True
    """
    values = tensor.detach().float()
    sums = values.sum(dim)
    return bool((values >= 0).all()) and bool(
        torch.allclose(sums, torch.ones_like(sums), atol=1e-3)
    )
