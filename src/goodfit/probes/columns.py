"""The columns of all looks so far, and the one transfer that each look costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..records import Layer, Looks, Signal
from .layers import Measured, Place

NAN = float("nan")
NETWORK = (
    *("grad_norm", "weight_norm", "update_norm", "descent", "turn"),
    *("batch_metric", "wrong_and_sure", "mistaken", "misplaced", "far_agreement"),
)
NORMS = ("weight_norm", "grad_norm", "update_norm")
SIGNAL = ("gain", "size_in", "spread_in", "spread_out")
OUTPUTS = ("output_mean", "output_std", "dead_share", "saturated_share", "norm_gap")

Key = tuple[str, str]
Numbers = float | NDArray[Any]


class Transfer:
    """Numbers on their way to the host: gathered by key, fetched at once.

    Rows of tensors are replaced by their means when they arrive, except those under ``dead_share``.
    """

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.parts: list[Tensor] = []
        self.found: dict[Key, Numbers] = {}

    def add(self, name: str, found: Mapping[str, Tensor | Numbers]) -> None:
        """Take numbers along, each under ``(name, column)``."""
        for column, value in found.items():
            if isinstance(value, Tensor):
                self.keys.append((name, column))
                self.parts.append(value)
            else:
                self.found[name, column] = value

    def fetch(self) -> dict[Key, Numbers]:
        """Return all numbers by key."""
        if not self.parts:
            return self.found
        device = self.parts[0].device
        # Rows of truth values become numbers among others, within the one operation.
        flat = torch.cat([_flat(part, device) for part in self.parts]).cpu().float().numpy()
        start = 0
        for key, part in zip(self.keys, self.parts, strict=True):
            size = part.numel()
            values = flat[start : start + size]
            if key[1] == "dead_share":
                self.found[key] = values
            else:
                self.found[key] = float(values[0] if size == 1 else values.mean())
            start += size
        return self.found


def _flat(part: Tensor, device: torch.device) -> Tensor:
    if part.device != device:
        part = part.to(device)
    return part if part.dim() == 1 else part.reshape(-1)


@dataclass
class _Column:
    """One layer's columns, and where its weights stand among the parameters."""

    kind: str
    num_weights: int
    parameters: tuple[str, ...]
    values: dict[str, list[float]]
    own: list[int] = field(default_factory=list)
    signal: Signal | None = None


@dataclass
class LookColumns:
    """Looks as they are taken down: one list per column."""

    step: list[int] = field(default_factory=list)
    network: dict[str, list[float]] = field(
        default_factory=lambda: {column: [] for column in NETWORK}
    )
    layers: dict[str, _Column] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def meet(
        self, places: Sequence[Place], outputs: Sequence[Measured], names: Sequence[str]
    ) -> None:
        """Give new layers their columns, in the order in which data flowed through them."""
        known = self.layers
        if self.step and tuple(names) == self.names and all(o.name in known for o in outputs):
            return
        held = {place.name: place for place in places}
        new = [(output.name, output.kind) for output in outputs]
        new += [(place.name, place.kind) for place in places]
        for name, kind in new:
            if name not in known:
                known[name] = _column(kind, held.get(name), len(self.step))
        self.names = tuple(names)
        index = {name: number for number, name in enumerate(names)}
        for layer in known.values():
            layer.own = [index[name] for name in layer.parameters if name in index]

    def add(self, step: int, numbers: Mapping[Key, Numbers]) -> dict[str, float]:
        """Take one look down, and return its numbers over the whole network."""
        self.step.append(step)
        squares = {column: np.square(numbers.get(("", column), NAN)).tolist() for column in NORMS}
        total = {}
        for column, values in self.network.items():
            held = squares.get(column)
            found = numbers.get(("", column), NAN)
            total[column] = float(found) if held is None else _root(held)
            values.append(total[column])
        for name, layer in self.layers.items():
            values, own = layer.values, layer.own
            if (name, "spread_out") in numbers:
                layer.signal = Signal(**{c: float(numbers.get((name, c), NAN)) for c in SIGNAL})
            for column in OUTPUTS:
                values[column].append(float(numbers.get((name, column), NAN)))
            for column, held in squares.items():
                values[column].append(_root([held[place] for place in own]) if own else NAN)
        return total

    def record(self) -> Looks:
        """Return the looks so far."""
        layers = tuple(
            Layer(
                name=name,
                kind=layer.kind,
                num_weights=layer.num_weights,
                signal=layer.signal,
                **{column: tuple(values) for column, values in layer.values.items()},
            )
            for name, layer in self.layers.items()
        )
        network = {column: tuple(values) for column, values in self.network.items()}
        return Looks(step=tuple(self.step), **network, layers=layers)


def _column(kind: str, place: Place | None, num_looks: int) -> _Column:
    values = {column: [NAN] * num_looks for column in (*NORMS, *OUTPUTS)}
    if place is None:
        return _Column(kind, 0, (), values)
    return _Column(kind, place.num_weights, place.parameters, values)


def _root(squares: list[float] | float) -> float:
    return math.sqrt(math.fsum(squares)) if isinstance(squares, list) else NAN
