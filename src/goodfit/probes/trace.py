"""A forward, operation by operation: where numbers that are not finite come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .blame import Operand, operand, why_forward
from .layers import clean_name

# These write infinite numbers because they were told to, as for a mask.
CONSTANTS = (
    *("full", "full_like", "fill", "fill_", "masked_fill", "masked_fill_", "scalar_tensor"),
    *("new_full", "where", "lift_fresh", "index_put_", "triu", "tril", "empty", "copy_"),
    *("_to_copy", "clone", "constant_pad_nd"),
)

# What the network itself is called, whose name among its modules is empty.
ROOT = "network"


@dataclass(frozen=True)
class Origin:
    """An operation that made numbers that are not finite out of numbers that were."""

    module: str
    operation: str
    because: str
    operands: tuple[Operand, ...]
    constant: bool = False


def storage_of(tensor: Tensor) -> int:
    """Return what tells one piece of memory from another while it lives."""
    return tensor.untyped_storage()._cdata


class Trace(TorchDispatchMode):
    """While open, follows numbers that are not finite back to the operation that made them.

    What was meant (a mask of -inf) is no origin; the operation that makes NaN of it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.path: list[str] = []
        self.origins: dict[int, Origin] = {}
        self.kept: list[Tensor] = []

    def origin(self, tensor: Tensor) -> Origin | None:
        """Return where the numbers of a tensor come from that are not finite."""
        return self.origins.get(storage_of(tensor))

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        inputs = _floats((args, kwargs))
        # What an in-place operation overwrites is looked at before.
        before = [t.detach().clone() for t in inputs] if func._schema.is_mutable else inputs
        result = func(*args, **kwargs)
        for output in _floats(result):
            if output.numel() and not bool(torch.isfinite(output).all()):
                self._blame(func, inputs, before, output)
        return result

    def _blame(self, func: Any, inputs: list[Tensor], before: list[Tensor], output: Tensor) -> None:
        name = func._schema.name.rsplit("::", 1)[-1]
        known = [self.origin(tensor) for tensor in inputs]
        inherited = next((o for o in known if o is not None and not o.constant), None)
        masks = next((o for o in known if o is not None), None)
        made_nan = bool(torch.isnan(output).any())
        if inherited is None and masks is not None and not made_nan:
            inherited = masks
        if inherited is None:
            operands = tuple(operand(tensor) for tensor in before)
            clean = name.rstrip("_")
            why = why_forward(clean, operands, made_nan)
            meant = name in CONSTANTS and not made_nan
            inherited = Origin(self.path[-1] if self.path else "", clean, why, operands, meant)
        self.origins[storage_of(output)] = inherited
        self.kept.append(output)


def _floats(value: object) -> list[Tensor]:
    leaves = tree_leaves(value)
    return [t for t in leaves if isinstance(t, Tensor) and t.is_floating_point()]


@contextmanager
def named_calls(network: nn.Module, path: list[str], nodes: dict[Any, str]) -> Iterator[None]:
    """Keep in ``path`` the modules that are being called, in ``nodes`` who made which node."""
    handles = []

    def enter(name: str):
        return lambda module, args: path.append(name)

    def leave(name: str):
        def run(module: nn.Module, args: Any, output: Any) -> None:
            assign(output, name or ROOT, nodes)
            path.pop()

        return run

    for name, module in network.named_modules():
        label = clean_name(name)
        handles.append(module.register_forward_pre_hook(enter(label)))
        handles.append(module.register_forward_hook(leave(label)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def assign(output: object, name: str, nodes: dict[Any, str]) -> None:
    """Write down that the graph nodes behind ``output`` that nobody has claimed are ``name``'s."""
    waiting = [t.grad_fn for t in _floats(output)]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in nodes:
            nodes[node] = name
            waiting.extend(parent for parent, _ in node.next_functions)
