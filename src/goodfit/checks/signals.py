"""How a signal passes through a network at its start: layer by layer, seen by hooks and graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..probes.signals import signal_of
from ..records import Signal
from .inputs import Inputs, feed
from .observe import nodes_of, operation_name, saved


def layer_signals(net: nn.Module, x: Inputs) -> tuple[Signal, ...]:
    """Run ``x`` through a copy of a network; return its layers in the order of the data's flow."""
    seen: list[Signal] = []
    hooks = [
        module.register_forward_hook(_noting(seen))
        for module in net.modules()
        if any(p.ndim >= 2 for p in module.parameters(recurse=False))
    ]
    with torch.no_grad():
        feed(net, x)
    for hook in hooks:
        hook.remove()
    return tuple(seen)


def _noting(seen: list[Signal]) -> Any:
    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        entered, given = first_tensor(inputs), first_tensor(output)
        found = signal_of(module, _floats(entered), _floats(given))
        seen.append(Signal(**{name: float(value) for name, value in found.items()}))

    return note


def _floats(tensor: Tensor | None) -> Tensor | None:
    return tensor.detach() if tensor is not None and tensor.is_floating_point() else None


def first_tensor(values: Any) -> Tensor | None:
    """Return the first tensor of what a module takes or gives."""
    while isinstance(values, tuple | list) and values:
        values = values[0]
    return values if isinstance(values, Tensor) and values.ndim else None


@dataclass(frozen=True)
class Activation:
    """The result of one activation in the graph, ``[units, everything else]``, and its place."""

    place: str
    result: Tensor


def activations(net: nn.Module, x: Inputs, operations: tuple[str, ...]) -> Iterator[Activation]:
    """Yield the results of some operations of a pass forward, such as "Relu" or "Tanh".

    They are read off the graph, so that ``torch.relu(x)`` is seen as ``nn.ReLU`` is. The place
    is the module's name, or "after" the module before it. What was overwritten in place is left
    out.
    """
    places: dict[Any, str] = {}
    hooks = [
        module.register_forward_hook(_placing(name, places))
        for name, module in net.named_modules()
        if not any(module.children())
    ]
    outputs = first_tensor(feed(net, x))
    for hook in hooks:
        hook.remove()
    nodes = [] if outputs is None else list(nodes_of(outputs))
    for node in reversed(nodes):
        result = saved(node, "result") if operation_name(node) in operations else None
        if result is not None and result.ndim >= 2:
            units = result.movedim(_unit_dim(node, result), 0)
            yield Activation(_place(node, places), units.detach().flatten(1))


def _placing(name: str, places: dict[Any, str]) -> Any:
    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        tensor = first_tensor(output)
        if tensor is not None and tensor.grad_fn is not None:
            places[tensor.grad_fn] = name

    return note


def _place(node: Any, places: Mapping[Any, str]) -> str:
    if node in places:
        return places[node]
    while node is not None and node.next_functions:
        node = node.next_functions[0][0]
        if node in places:
            return f"after {places[node]}"
    return ""


def _unit_dim(node: Any, result: Tensor) -> int:
    """Return the dimension of units: channels after a convolution, features otherwise."""
    if result.ndim != 3:
        return 1
    for _ in range(6):
        node = node.next_functions[0][0] if node is not None and node.next_functions else None
        if operation_name(node) in ("Convolution", "NativeBatchNorm"):
            return 1
    return 2
