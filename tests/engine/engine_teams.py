"""Populations in training, as several tests of the engine need them, and plain twins of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from goodfit.engine import Batch, Executor, Noise, Population, Problem, make_executor
from goodfit.engine import make_population as population_of
from goodfit.nets import layout_of, with_counted_dropout
from goodfit.optim import coefficient_table, learning_rates, rule_of
from goodfit.recipe import AdamW, Constant, Optimizer, Schedule

NUM_STEPS, BATCH = 60, 16
MakeNet = Callable[[], nn.Module]


def digits() -> tuple[Tensor, Tensor]:
    """Return scikit-learn's digits: 512 rows of 64 numbers in [0, 1], and their classes."""
    inputs, target = load_digits(return_X_y=True)
    return torch.tensor(inputs[:512] / 16.0, dtype=torch.float32), torch.tensor(target[:512])


TABLE = digits()
IMAGES = (TABLE[0].reshape(-1, 1, 8, 8), TABLE[1])


@dataclass(frozen=True)
class Row:
    """What one network of a population is trained with.

    ``net_seed`` draws its weights, ``seed`` its batches and noise; ``dropout`` overrides the
    rate of every dropout layer.
    """

    config: Optimizer = AdamW(lr=3e-3)  # noqa: RUF009 - frozen
    schedule: Schedule = Constant()  # noqa: RUF009 - frozen
    dropout: float | None = None
    net_seed: int = 0
    seed: int = 5


@dataclass
class Team:
    """A population, who runs its steps, and what it is fed with."""

    rows: Sequence[Row]
    problem: Problem
    population: Population
    executor: Executor
    table: Tensor
    own_batches: bool = False

    def run(self, num_steps: int, *, first: int = 0, batch: int = BATCH) -> Tensor:
        """Run steps and return their probes ``[S, 2, K]``."""
        steps = range(first, first + num_steps)
        batches = [(self._index(step, batch),) for step in steps]
        return self.executor.run(first, self.table[first : first + num_steps], batches)

    def _index(self, step: int, batch: int) -> Tensor:
        if not self.own_batches:
            return index_of(self.rows[0].seed, step, batch)
        return torch.stack([index_of(row.seed, step, batch) for row in self.rows])


def index_of(seed: int, step: int, batch: int = BATCH, num_rows: int = 512) -> Tensor:
    """Return the rows of the data that a step takes."""
    generator = torch.Generator().manual_seed(1000 * seed + step)
    return torch.randint(num_rows, (batch,), generator=generator)


def coefficients_of(rows: Sequence[Row], num_steps: int = NUM_STEPS) -> Tensor:
    """Return the table ``[S, C, K]`` of a population's rows."""
    steps = np.arange(float(num_steps))
    rates = [
        learning_rates(
            row.schedule, lr=row.config.lr, steps=steps, num_steps=num_steps, steps_per_epoch=10
        )
        for row in rows
    ]
    return torch.from_numpy(
        coefficient_table([row.config for row in rows], np.stack(rates, axis=1), steps)
    )


def net_of(make: MakeNet, row: Row) -> nn.Module:
    """Return the row's network: its own seed, its own dropout rate, counted noise."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(row.net_seed)
        net = with_counted_dropout(make()).train()
    if row.dropout is not None:
        for name, buffer in net.named_buffers():
            if name.endswith("rate"):
                buffer.fill_(row.dropout)
    return net


def make_problem(
    make: MakeNet,
    rows: Sequence[Row],
    *,
    own_batches: bool = False,
    prepare: nn.Module | None = None,
) -> tuple[Problem, Population]:
    """Return rows of one architecture as a problem and its population."""
    nets, rule = [net_of(make, row) for row in rows], rule_of(rows[0].config)
    problem = Problem(
        nets[0],
        layout_of(nets[0]),
        functional.cross_entropy,
        rule,
        len(rows),
        prepare or nn.Identity(),
        own_batches,
    )
    return problem, population_of(nets, rule)


def make_team(
    make: MakeNet,
    rows: Sequence[Row],
    *,
    mode: str = "traced",
    data: Batch = TABLE,
    own_batches: bool = False,
    num_steps: int = NUM_STEPS,
    announced: int | None = None,
) -> Team:
    """Return a population at its start, with its executor.

    ``announced`` is the number of steps that the executor is told, where none is taken.
    """
    problem, population = make_problem(make, rows, own_batches=own_batches)
    return with_executor(
        rows,
        problem,
        population,
        mode=mode,
        data=data,
        num_steps=num_steps,
        announced=announced,
    )


def with_executor(
    rows: Sequence[Row],
    problem: Problem,
    population: Population,
    *,
    mode: str = "traced",
    data: Batch = TABLE,
    num_steps: int = NUM_STEPS,
    announced: int | None = None,
) -> Team:
    """Return a team for a population that may have trained before."""
    seeds = [row.seed for row in rows] if problem.own_batches else [rows[0].seed]
    table, index = coefficients_of(rows, num_steps), index_of(rows[0].seed, 0)
    executor = make_executor(
        problem,
        population,
        data,
        Noise(problem, population, data, seeds),
        coefficients=table[0],
        batch=(index.repeat(len(rows), 1) if problem.own_batches else index,),
        mode=mode,
        num_steps=announced or num_steps,
    )
    return Team(rows, problem, population, executor, table, problem.own_batches)


def keep_rows(team: Team, keep: list[int], **changes: object) -> Team:
    """Return a team of some rows of another, with copies of their state."""
    old = team.population
    population = Population(
        old.w[keep],
        tuple(slot[keep] for slot in old.slots),
        {name: buffer[keep] for name, buffer in old.buffers.items()},
    )
    problem = replace(team.problem, num_rows=len(keep))
    return with_executor([team.rows[k] for k in keep], problem, population, **changes)  # pyright: ignore[reportArgumentType]


def plain_loop(
    make: MakeNet,
    row: Row,
    optimizer: Callable[[nn.Module], torch.optim.Optimizer],
    num_steps: int,
    *,
    data: Batch = TABLE,
) -> tuple[nn.Module, Tensor]:
    """Train as a tutorial does; return the network, and losses and gradient norms ``[S, 2]``."""
    net = net_of(make, row)
    stepper, probes = optimizer(net), []
    for step in range(num_steps):
        index = index_of(row.seed, step)
        stepper.zero_grad()
        loss = functional.cross_entropy(net(data[0][index]), data[1][index])
        loss.backward()
        g = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
        probes.append(torch.stack([loss.detach(), g.norm()]))
        stepper.step()
    return net, torch.stack(probes)


def distance(found: Tensor, expected: Tensor) -> float:
    """Return the length of the difference over the length of what is expected."""
    return float((found - expected).norm() / expected.norm())


def worst_distance(found: Population, expected: Population, k: int = 0, row: int = 0) -> float:
    """Return the largest distance over weights, slots and buffers, of row ``k`` to ``row``."""
    mine, theirs = found.named(), expected.named()
    assert mine.keys() == theirs.keys()
    pairs = [(mine[name][k].double(), theirs[name][row].double()) for name in mine]
    return max(distance(a, b) for a, b in pairs if b.norm() > 0.0)


def same_bits(found: Tensor, expected: Tensor) -> bool:
    """Tell whether two tensors agree to the last bit; NaN equals NaN."""
    return found.shape == expected.shape and torch.equal(bits(found), bits(expected))


def bits(tensor: Tensor) -> Tensor:
    """Return a tensor's bits as integers."""
    kinds = {4: torch.int32, 8: torch.int64, 2: torch.int16, 1: torch.int8}
    return tensor.contiguous().view(kinds[tensor.element_size()])
