"""The columns of all looks so far, and the one transfer that each look costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..records import Layer, Looks
from .layers import Place, Seen

NAN = float("nan")
NETWORK = ("grad_norm", "weight_norm", "update_norm", "descent", "turn")
BATCH = ("batch_metric", "wrong_and_sure")
NORMS = ("weight_norm", "grad_norm", "update_norm")
OUTPUTS = ("output_mean", "output_std", "dead_share", "saturated_share", "norm_gap")

Key = tuple[str, str]


class Transfer:
    """Tensors on their way to the host: gathered by key, fetched at once."""

    def __init__(self) -> None:
        self.keys: list[tuple[Key, int]] = []
        self.parts: list[Tensor] = []

    def add(self, key: Key, value: Tensor) -> None:
        """Take a number or a row of numbers along."""
        self.keys.append((key, value.numel()))
        self.parts.append(value.detach().reshape(-1).to(torch.float32))

    def fetch(self) -> dict[Key, list[float]]:
        """Return all numbers by key."""
        if not self.parts:
            return {}
        device = self.parts[0].device
        flat = torch.cat([part.to(device) for part in self.parts]).tolist()
        found, start = {}, 0
        for key, size in self.keys:
            found[key] = flat[start : start + size]
            start += size
        return found


@dataclass
class _Column:
    """One layer's columns."""

    kind: str
    num_weights: int
    values: dict[str, list[float]]


def _empty(num_looks: int) -> dict[str, list[float]]:
    return {column: [NAN] * num_looks for column in (*NORMS, *OUTPUTS)}


@dataclass
class LookColumns:
    """Looks as they are taken down: one list per column."""

    step: list[int] = field(default_factory=list)
    network: dict[str, list[float]] = field(
        default_factory=lambda: {column: [] for column in (*NETWORK, *BATCH)}
    )
    layers: dict[str, _Column] = field(default_factory=dict)

    def add(
        self,
        step: int,
        places: Sequence[Place],
        names: Sequence[str],
        seen: Seen,
        numbers: Mapping[Key, list[float]],
    ) -> dict[str, float]:
        """Take one look down, and return its numbers over the whole network."""
        self._meet(places, seen)
        self.step.append(step)
        total = _totals(numbers)
        for column, values in self.network.items():
            values.append(total.get(column, NAN))
        index = {name: number for number, name in enumerate(names)}
        own = {place.name: [index[n] for n in place.parameters if n in index] for place in places}
        for name, layer in self.layers.items():
            for column, values in layer.values.items():
                found = numbers.get((name, column))
                values.append(found[0] if found else NAN)
            for column in NORMS if own.get(name) else ():
                parts = numbers.get(("", column))
                layer.values[column][-1] = _joint(parts, own[name]) if parts else NAN
        return total

    def _meet(self, places: Sequence[Place], seen: Seen) -> None:
        """Give new layers a column, those that were seen first, in the order of the flow."""
        held = {place.name: place for place in places}
        new = [(o.name, o.kind) for o in seen.outputs if o.name not in self.layers]
        known = {*self.layers, *(name for name, _ in new)}
        if not self.step:
            new += [(p.name, p.kind) for p in places if p.name not in known]
        for name, kind in new:
            num_weights = held[name].num_weights if name in held else 0
            self.layers[name] = _Column(kind, num_weights, _empty(len(self.step)))

    def record(self) -> Looks:
        """Return the looks so far."""
        layers = tuple(
            Layer(
                name=name,
                kind=layer.kind,
                num_weights=layer.num_weights,
                **{column: tuple(values) for column, values in layer.values.items()},
            )
            for name, layer in self.layers.items()
        )
        network = {column: tuple(values) for column, values in self.network.items()}
        return Looks(step=tuple(self.step), **network, layers=layers)


def _joint(values: Sequence[float], places: Sequence[int]) -> float:
    return math.sqrt(sum(values[place] ** 2 for place in places))


def _totals(numbers: Mapping[Key, list[float]]) -> dict[str, float]:
    """Numbers over the whole network: those that came single, and norms joined over parameters."""
    own = {column: values for (name, column), values in numbers.items() if not name}
    joint = {
        name: _joint(values, range(len(values))) for name, values in own.items() if name in NORMS
    }
    return {**{name: values[0] for name, values in own.items()}, **joint}
