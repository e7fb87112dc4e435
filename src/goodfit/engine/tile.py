"""A tile: K slots that train networks of one architecture, each at a step of its own.

A network moves in as a row, trains epoch by epoch beside the others, and moves out again as a
row. Slots change hands between epochs, so all slots are at the same batch of their epochs and the
step keeps one shape. Row k is the same run as its network alone: its batch order and its noise
depend on its own seed and step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from ..nets import Buffers
from .choose import make_executor
from .executor import STEPS_PER_CALL, TRACING, Graphs
from .population import Batch, Noise, Population
from .replay import build_replay
from .step import Problem, take
from .trace import trace

Row = dict[str, Tensor]


def row_of(population: Population, slot: int) -> Row:
    """Return a copy of one row: weights, optimiser state and buffers by name."""
    return {name: tensor[slot].clone() for name, tensor in population.named().items()}


def copies(population: Population, num: int) -> Population:
    """Return ``num`` copies of a population's first row.

    Example:
        >>> one = Population(torch.ones(1, 3), (), {})
        >>> copies(one, 4).w.shape
        torch.Size([4, 3])
    """

    def repeat(tensor: Tensor) -> Tensor:
        return tensor[:1].expand(num, *tensor.shape[1:]).clone()

    buffers = {name: repeat(buffer) for name, buffer in population.buffers.items()}
    return Population(repeat(population.w), tuple(map(repeat, population.slots)), buffers)


class Tile:
    """K slots, who steps them, and who looks at the validation part.

    Args:
        problem: of K rows; where K > 1, with batches of their own.
        population: K rows, of any values.
        data: inputs and targets in memory.
        coefficients: a step's coefficients ``[C, K]``, and ``batch`` its indices, as examples.
        batch: ``(index,)``, ``[K, N]``, or ``[N]`` for K = 1.
        mode: "auto", "eager", "traced" or "compiled".
        num_steps: how many steps the tile will run, which decides whether compiling pays.
        graphs: those of other tiles of this problem, for steps and for looking.
    """

    def __init__(
        self,
        problem: Problem,
        population: Population,
        data: Batch,
        *,
        coefficients: Tensor,
        batch: Batch,
        mode: str,
        num_steps: int,
        graphs: tuple[Graphs, Graphs],
    ) -> None:
        self.problem, self.population = problem, population
        self.noise = Noise(problem, population, data, [0] * problem.num_rows)
        self.executor = make_executor(
            problem,
            population,
            data,
            self.noise,
            coefficients=coefficients,
            batch=batch,
            mode=mode,
            num_steps=num_steps,
            graphs=graphs[0],
        )
        self.outputs = Outputs(problem, population, data, graphs[1], self.executor.kind != "eager")
        self.clock = 0

    def put(self, slot: int, row: Row, *, seed: int, step: int) -> None:
        """Let a network that has done ``step`` steps move into a slot."""
        for name, tensor in self.population.named().items():
            tensor[slot].copy_(row[name])
        self.noise.seeds[slot], self.noise.starts[slot] = seed, self.clock - step

    def run(
        self, coefficients: Tensor, batches: Sequence[Batch], check: Callable[[], None]
    ) -> Tensor:
        """Run an epoch and return its probes ``[S, 2, K]``; ``check`` is called between steps."""
        probes = []
        for first in range(0, len(batches), STEPS_PER_CALL):
            few = slice(first, first + STEPS_PER_CALL)
            probes.append(self.executor.run(self.clock, coefficients[few], batches[few]))
            self.clock += len(batches[few])
            check()
        return torch.cat(probes)


class Outputs:
    """What all rows answer in evaluation mode; traced once for each size of block."""

    def __init__(
        self,
        problem: Problem,
        population: Population,
        data: Batch,
        graphs: Graphs,
        traced: bool,
    ) -> None:
        self.net = copy.deepcopy(problem.net).eval()
        self.problem, self.population, self.inputs = problem, population, data[0]
        self.graphs, self.traced = graphs, traced
        self._replays: dict[torch.Size, Callable[..., tuple[Tensor, ...]]] = {}

    def __call__(self, index: Tensor) -> Tensor:
        """Return the outputs ``[K, N, ...]`` for the rows ``index`` ``[N]`` of the data."""
        named = self.population.named()
        held = [t for name, t in named.items() if not name.startswith("slot.")]
        with torch.inference_mode():
            if not self.traced:
                return self._forward(*held, self.inputs, index)[0]
            if index.shape not in self._replays:
                self._replays[index.shape] = self._prepare([*held, self.inputs, index])
            return self._replays[index.shape](index)[0].clone()

    def blocks(self, rows: Tensor, size: int) -> Iterator[Tensor]:
        """Yield the outputs for all ``rows``, a block at a time."""
        for index in rows.split(size):
            yield self(index)

    def _prepare(self, args: list[Tensor]) -> Callable[..., tuple[Tensor, ...]]:
        form = ((args[-1].shape, args[-1].stride(), args[-1].dtype),)
        with TRACING, torch.inference_mode(False):
            module = self.graphs.get(form, lambda: trace(self._forward, args))
            static = [True] * (len(args) - 1) + [False]
            return build_replay(module, args, static=static, donated={})

    def _forward(self, w: Tensor, *rest: Tensor) -> tuple[Tensor]:
        *held, inputs, index = rest
        names = sorted(self.population.buffers)
        buffers = dict(zip(names, held, strict=True))
        x = self.problem.prepare(take(inputs, index))
        if self.problem.num_rows == 1:
            first = {name: buffer[0] for name, buffer in buffers.items()}
            return (_answer(self.problem, self.net, w[0], first, x).unsqueeze(0),)
        one = vmap(lambda row, own: _answer(self.problem, self.net, row, own, x), in_dims=(0, 0))
        return (one(w, buffers),)


def _answer(problem: Problem, net: nn.Module, row: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
    return functional_call(net, {**problem.layout.unpack(row), **buffers}, (x,))
