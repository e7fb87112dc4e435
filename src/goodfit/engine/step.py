"""The one training step: the only place that computes a gradient and applies an update.

    (W, slots, buffers, coefficients, x, y, noise) -> (W, slots, buffers, probes)

``W`` holds K networks as rows ``[K, P]``, ``slots`` the optimiser's state, each ``[K, P]``,
``buffers`` the modules' buffers, each ``[K, *shape]``, ``coefficients`` the update rule's numbers
``[C, K]``, ``noise`` one tensor per layer that asks for it. ``probes`` is what was measured on the
way, ``[2, K]``: the loss and the gradient's norm, so measuring costs no second pass. Nothing that
goes in is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from ..nets import HELD, Buffers, Layout, noise_from
from ..optim import Rule, Slots

LossFn = Callable[[Tensor, Tensor], Tensor]
Outcome = tuple[Tensor, Slots, Buffers, Tensor]
PROBES = ("loss", "grad_norm")


class Augment(Protocol):
    """Changes a raw training batch by noise that it is given, and its targets with it."""

    @property
    def places(self) -> list[int]:
        """Return a number for each noise: that of a change, whatever else is done."""
        ...

    def noise_shapes(self, shape: Sequence[int]) -> list[tuple[int, ...]]:
        """Return the shapes of the noise that inputs ``[N, ...]`` take."""
        ...

    def __call__(self, x: Tensor, y: Tensor, noise: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the changed batch ``[N, ...]`` or ``[K, N, ...]``, and its targets."""
        ...


@dataclass(frozen=True)
class Problem:
    """What a step optimises: a network as rows, a loss, a rule.

    ``prepare`` turns a raw batch into the network's input and is the same for every row;
    ``augment`` changes training batches before that.
    ``own_batches`` says that rows have seeds of their own, so that batches and noise come as
    ``[K, N, ...]`` instead of ``[N, ...]``.
    """

    net: nn.Module
    layout: Layout
    loss_fn: LossFn
    rule: Rule
    num_rows: int
    prepare: nn.Module
    own_batches: bool = False
    augment: Augment | None = None


Step = Callable[[Tensor, Slots, Buffers, Tensor, Tensor, Tensor, Sequence[Tensor]], Outcome]
Gradient = Callable[
    [Tensor, Buffers, Tensor, Tensor, Sequence[Tensor]], tuple[Tensor, Buffers, Tensor]
]


def make_step(problem: Problem, *, eager: bool = False) -> Step:
    """Return the step of ``problem`` as a pure function.

    ``eager`` takes gradients by plain autograd, row after row: slower, but any module works,
    also one whose control flow depends on its data.
    """
    gradient = make_gradient(problem, eager=eager)

    def step(
        w: Tensor,
        slots: Slots,
        buffers: Buffers,
        coefficients: Tensor,
        x: Tensor,
        y: Tensor,
        noise: Sequence[Tensor],
    ) -> Outcome:
        buffers = held_or_not(problem.rule, buffers, coefficients)
        g, buffers, probes = gradient(w, buffers, x, y, noise)
        w, slots = problem.rule.update(w, g, slots, *by_row(coefficients.to(w.dtype)))
        return w, slots, buffers, probes

    return step


def make_gradient(problem: Problem, *, eager: bool = False) -> Gradient:
    """Return the step without its update: gradient ``[K, P]``, buffers, probes."""
    gradient = _autograd_gradient(problem) if eager else _functional_gradient(problem)

    def measured(
        w: Tensor, buffers: Buffers, x: Tensor, y: Tensor, noise: Sequence[Tensor]
    ) -> tuple[Tensor, Buffers, Tensor]:
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        g, loss = gradient(w, buffers, *fed(problem, x, y, noise))
        return g, buffers, torch.stack([loss, torch.linalg.vector_norm(g, dim=1)])

    return measured


def fed(
    problem: Problem, x: Tensor, y: Tensor, noise: Sequence[Tensor]
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Return what a network is fed in training: inputs, targets, and the noise for its layers.

    A raw batch is changed first, by the first tensors of ``noise``, then prepared.
    """
    if problem.augment is None:
        return prepared(problem, x), y, tuple(noise)
    num = len(problem.augment.places)
    x, y = problem.augment(x, y, noise[:num])
    return prepared(problem, x), y, tuple(noise[num:])


def prepared(problem: Problem, x: Tensor) -> Tensor:
    """Return the network's input for a raw batch; rows with batches of their own as one batch."""
    if not problem.own_batches or isinstance(problem.prepare, nn.Identity):
        return problem.prepare(x)
    return problem.prepare(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def held_or_not(rule: Rule, buffers: Buffers, coefficients: Tensor) -> Buffers:
    """Return the buffers with frozen batch norms held, or no longer where layers have woken."""
    if not rule.wakes:
        return buffers
    held = 1.0 - coefficients[-1]
    names = [name for name in buffers if name.rpartition(".")[2] == HELD]
    return buffers | {name: held.to(buffers[name].dtype) for name in names}


def by_row(coefficients: Tensor) -> list[Tensor]:
    """Return each coefficient as ``[K, 1]``; as a scalar for K = 1, which broadcasts faster."""
    num_rows = coefficients.shape[1]
    return [c[0] if num_rows == 1 else c.unsqueeze(1) for c in coefficients.unbind(0)]


def row_loss(
    problem: Problem, row: Tensor, buffers: Buffers, x: Tensor, y: Tensor, noise: Sequence[Tensor]
) -> Tensor:
    """Return the loss of one network ``[P]`` on one batch; its buffers move in place."""
    with noise_from(noise):
        outputs = functional_call(problem.net, {**problem.layout.unpack(row), **buffers}, (x,))
    return problem.loss_fn(outputs, y)


def _functional_gradient(problem: Problem):
    """Gradient and loss of all rows at once, by function transforms that can be traced."""

    def loss_of(row: Tensor, buffers: Buffers, x: Tensor, y: Tensor, noise: Sequence[Tensor]):
        return row_loss(problem, row, buffers, x, y, noise)

    one = grad_and_value(loss_of)
    if problem.num_rows == 1:
        return lambda *args: _of_single_row(one, problem.own_batches, *args)
    batch = 0 if problem.own_batches else None
    return vmap(one, in_dims=(0, 0, batch, batch, batch), randomness="same")


def _of_single_row(one, own_batches: bool, w: Tensor, buffers: Buffers, x, y, noise):
    if own_batches:
        x, y, noise = x[0], y[0], [tensor[0] for tensor in noise]
    g, loss = one(w[0], {name: buffer[0] for name, buffer in buffers.items()}, x, y, noise)
    return g.unsqueeze(0), loss.unsqueeze(0)


def _autograd_gradient(problem: Problem):
    """Gradient and loss of each row in turn, by ``torch.autograd``."""

    def gradient(w: Tensor, buffers: Buffers, x: Tensor, y: Tensor, noise: Sequence[Tensor]):
        own, pairs = problem.own_batches, []
        for k in range(problem.num_rows):
            held = {name: buffer[k] for name, buffer in buffers.items()}
            batch = (x[k], y[k], [tensor[k] for tensor in noise]) if own else (x, y, noise)
            # A network that draws noise of its own draws the same in every row.
            with torch.random.fork_rng(devices=[], enabled=k + 1 < problem.num_rows):
                pairs.append(_autograd_row(problem, w[k], held, *batch))
        return torch.stack([g for g, _ in pairs]), torch.stack([loss for _, loss in pairs])

    return gradient


def _autograd_row(problem: Problem, row: Tensor, buffers: Buffers, x: Tensor, y: Tensor, noise):
    with torch.enable_grad():
        leaf = row.detach().requires_grad_()
        loss = row_loss(problem, leaf, buffers, x, y, noise)
        g = torch.autograd.grad(loss, leaf)[0] if loss.requires_grad else torch.zeros_like(row)
    return g, loss.detach()


def gathered_gradient(gradient: Gradient) -> Callable[..., tuple[Tensor, Buffers, Tensor]]:
    """Let a gradient take its batch by index, like :func:`gathered`."""

    def on_rows(
        w: Tensor,
        buffers: Buffers,
        inputs: Tensor,
        targets: Tensor,
        index: Tensor,
        noise: Sequence[Tensor],
    ) -> tuple[Tensor, Buffers, Tensor]:
        return gradient(w, buffers, take(inputs, index), take(targets, index), noise)

    return on_rows


def gathered(step: Step) -> Callable[..., Outcome]:
    """Let a step take its batch by index from data in memory: no per-sample Python."""

    def step_on_rows(
        w: Tensor,
        slots: Slots,
        buffers: Buffers,
        coefficients: Tensor,
        inputs: Tensor,
        targets: Tensor,
        index: Tensor,
        noise: Sequence[Tensor],
    ) -> Outcome:
        x, y = take(inputs, index), take(targets, index)
        return step(w, slots, buffers, coefficients, x, y, noise)

    return step_on_rows


def take(data: Tensor, index: Tensor) -> Tensor:
    """Return the rows of ``data`` at ``index`` ``[N]`` or ``[K, N]``."""
    if index.dim() == 1:
        return data.index_select(0, index)
    return data.index_select(0, index.flatten()).view(*index.shape, *data.shape[1:])
