"""How a signal passes through a network at its start: layer by layer, seen by hooks and graph."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .inputs import Inputs, feed
from .observe import nodes_of, operation_name, saved

_WITH_UNITS = (nn.Linear, nn.modules.conv._ConvNd)


@dataclass(frozen=True)
class LayerSignal:
    """One layer with weights, as the data passes it.

    ``gain`` is ``rms(weight) * sqrt(fan_in)``: sqrt(2) after He, 1 after Xavier between layers of
    equal width, 0.58 as PyTorch starts; NaN where the layer is neither dense nor convolutional.
    ``spread_in`` and ``spread_out`` are the standard deviation over rows of what goes in and comes
    out, the root mean square over features; NaN for token ids.
    """

    name: str
    gain: float
    spread_in: float
    spread_out: float


def layer_signals(net: nn.Module, x: Inputs) -> tuple[LayerSignal, ...]:
    """Run ``x`` through a copy of a network; return its layers in the order of the data's flow."""
    seen: list[LayerSignal] = []
    hooks = [
        module.register_forward_hook(_noting(name, seen))
        for name, module in net.named_modules()
        if any(p.ndim >= 2 for p in module.parameters(recurse=False))
    ]
    with torch.no_grad():
        feed(net, x)
    for hook in hooks:
        hook.remove()
    return tuple(seen)


def _noting(name: str, seen: list[LayerSignal]) -> Any:
    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        gain = _gain(module) if isinstance(module, _WITH_UNITS) else math.nan
        seen.append(LayerSignal(name, gain, _spread(inputs), _spread(output)))

    return note


def _gain(module: nn.Module) -> float:
    weight = module.weight
    assert isinstance(weight, Tensor)
    fan_in = weight[0].numel()
    return float(weight.detach().float().square().mean().sqrt()) * math.sqrt(fan_in)


def _spread(values: Any) -> float:
    tensor = first_tensor(values)
    if tensor is None or not tensor.is_floating_point() or len(tensor) < 2:
        return math.nan
    return float(tensor.detach().float().var(0).mean().sqrt())


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
