"""Populations: K networks in training, and the noise that their layers ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..errors import NetError
from ..nets import Buffers, draw_noise, pack_buffers, pack_parameters, recording_noise
from ..optim import Rule, Slots
from ..seeds import mix
from .step import Problem, take

Batch = tuple[Tensor, ...]
_NOISE_STREAM, _GLOBAL_STREAM = 0x2323, 0x2929
# Augmentation draws apart from layers: who turns a change on or off keeps all other draws.
AUGMENT_LAYERS = 1 << 20


@dataclass
class Population:
    """K networks in training: weights ``[K, P]``, optimiser state, buffers ``[K, *shape]``."""

    w: Tensor
    slots: Slots
    buffers: Buffers

    def tensors(self) -> list[Tensor]:
        """Return all tensors in a fixed order."""
        return list(self.named().values())

    def named(self) -> dict[str, Tensor]:
        """Return all tensors by name, in a fixed order, as a checkpoint holds them."""
        slots = {f"slot.{i}": slot for i, slot in enumerate(self.slots)}
        buffers = {f"buffer.{name}": self.buffers[name] for name in sorted(self.buffers)}
        return {"w": self.w, **slots, **buffers}

    def clone(self) -> Population:
        """Return a copy that shares no memory."""
        buffers = {name: buffer.clone() for name, buffer in self.buffers.items()}
        return Population(self.w.clone(), tuple(slot.clone() for slot in self.slots), buffers)

    def copy_(self, other: Population) -> None:
        """Take the values of ``other``."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.copy_(theirs)


def make_population(nets: Sequence[nn.Module], rule: Rule) -> Population:
    """Return networks of one architecture as a population at the start: all state is zero."""
    w = pack_parameters(nets)
    slots = tuple(torch.zeros_like(w) for _ in rule.slots)
    windows = tuple(w.new_zeros(len(w), num) for num in rule.windows)
    return Population(w, (*slots, *windows), pack_buffers(nets))


class Noise:
    """Draws what augmentation and a step's layers need, from (seed, step, layer) alone.

    ``seeds`` has one entry, or one for each row when rows have batches of their own; so has
    ``starts``, the step at which a row began, from which its own steps are counted. Both may be
    changed between steps, when a row is given to another network. Modules that draw from torch's
    generator by themselves are served by seeding it before each step.
    """

    def __init__(
        self,
        problem: Problem,
        population: Population,
        data: Batch,
        seeds: Sequence[int],
        *,
        seeds_torch: bool = False,
    ) -> None:
        self.seeds, self.starts = list(seeds), [0] * len(seeds)
        self.seeds_torch = seeds_torch
        self._problem, self._population, self._data = problem, population, data
        self._shapes: dict[torch.Size, dict[int, tuple[int, ...]]] = {}

    def draw(self, step: int, batch: Batch) -> list[Tensor]:
        """Return one tensor in [0, 1) for each layer that asks, ``[N, ...]`` or ``[K, N, ...]``."""
        if self.seeds_torch:
            # `torch.manual_seed` also reaches for a GPU and notes its stack: 111 us against 1 us.
            torch.default_generator.manual_seed(mix(self.seeds[0], step, _GLOBAL_STREAM))
        shapes = self._shapes.get(batch[0].shape)
        if shapes is None:
            shapes = self._shapes[batch[0].shape] = self._find_shapes(batch)
        return [self._layer(shape, step, layer) for layer, shape in shapes.items()]

    def _layer(self, shape: tuple[int, ...], step: int, layer: int) -> Tensor:
        places = [(seed, step - began) for seed, began in zip(self.seeds, self.starts, strict=True)]
        # Rows that share seed and step share the draw.
        drawn = {
            place: draw_noise(shape, seed=mix(place[0], _NOISE_STREAM), step=place[1], layer=layer)
            for place in dict.fromkeys(places)
        }
        if not self._problem.own_batches:
            return drawn[places[0]]
        return torch.stack([drawn[place] for place in places])

    def _find_shapes(self, batch: Batch) -> dict[int, tuple[int, ...]]:
        first = batch[0][0] if self._problem.own_batches else batch[0]
        x = take(self._data[0], first) if self._data else first
        return noise_shapes(self._problem, self._population, x)


def noise_shapes(problem: Problem, population: Population, x: Tensor) -> dict[int, tuple[int, ...]]:
    """Return the shape of the noise that each layer asks for on a batch ``x`` ``[N, ...]``.

    Changes of the batch come first, as layers of their own from ``AUGMENT_LAYERS`` on. Runs the
    first row forward once; its buffers do not move.

    Raises:
        NetError: the network cannot take such a batch.
    """
    buffers = {name: buffer[0].clone() for name, buffer in population.buffers.items()}
    values = {**problem.layout.unpack(population.w[0]), **buffers}
    with torch.no_grad(), torch.random.fork_rng(devices=[]), recording_noise() as shapes:
        try:
            functional_call(problem.net, values, (problem.prepare(x),))
        except Exception as error:
            raise NetError(
                f"The network fails on a batch: {error}",
                given=f"inputs of shape {list(x.shape)}",
                do="Let it take [batch, ...] inputs of that shape; batch norm needs two rows.",
            ) from error
    layers = dict(enumerate(shapes))
    if problem.augment is None:
        return layers
    changes = zip(problem.augment.places, problem.augment.noise_shapes(x.shape), strict=True)
    return {AUGMENT_LAYERS + place: shape for place, shape in changes} | layers
