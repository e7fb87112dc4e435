"""Descent without backpropagation and with it, on a tiny network: what each costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from ..nets import build_net
from ..nets.rows import layout_of, pack_parameters
from ..optim import finite_difference_descent
from ..optim.differences import KINDS, Kind, Loss
from ..recipe import MLP
from ..records import Chart, Line, Sheet, Table

HIDDEN, NUM_INPUTS, NUM_ROWS = 4, 4, 64
NUM_STEPS, MOST_PASSES = 60, 30_000
# On inputs of spread 1: a squared error curves more than a cross-entropy.
RATES = {"classification": 0.5, "regression": 0.1}
# A backward pass multiplies twice where a forward pass does once.
PASSES_OF_BACKPROPAGATION = 3
# Directions that are flatter than this share of the widest hold rounding alone.
FLAT = 1e-6
COLUMNS = ("gradient by", "passes a step", "in all", "seconds", "loss at the end", "apart at most")


@dataclass(frozen=True)
class Walk:
    """One descent: losses before each step and at the end, forward passes a step, seconds."""

    losses: tuple[float, ...]
    passes_a_step: int
    seconds: float
    w: Tensor


def show_descent(x: Tensor, y: Tensor, *, num_outputs: int, seed: int = 0) -> Sheet:
    """Walk downhill by differences of the loss and by backpropagation, and draw what each cost.

    The first 64 rows of ``x`` ``[N, ...]``, turned to at most 4 principal components of spread 1;
    ``y`` ``[N]`` class numbers, or ``[N, 1]`` quantities. A network of 4 hidden units (tanh), all
    rows in each step, float64, 60 steps (fewer where they were more than 30,000 passes). Forward
    passes are counted; a step of backpropagation counts as 3, since its backward pass multiplies
    twice where a forward pass does once. Notes n1, "Update the weights".

    Example:
        >>> x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
        >>> sheet = show_descent(x, torch.arange(8) % 2, num_outputs=2)
        >>> [(row[0], row[1]) for row in sheet.parts[-1].rows[1:]]
        [('central differences', 52), ('backpropagation', 3)]
    """
    task = "regression" if y.is_floating_point() else "classification"
    x, y = principal(x[:NUM_ROWS]), y[:NUM_ROWS]
    net = build_net(
        MLP(hidden=(HIDDEN,), activation="tanh"),
        input_shape=tuple(x.shape[1:]),
        num_outputs=num_outputs,
        seed=seed,
    )
    start = pack_parameters([net])[0].double()
    loss = partial(_loss, net.double(), x, y.double() if task == "regression" else y)
    num_steps = min(NUM_STEPS, max(1, MOST_PASSES // (3 * len(start))))
    walks = {
        f"{kind} differences": _measured(loss, start, kind, RATES[task], num_steps)
        for kind in KINDS
    }
    walks["backpropagation"] = _propagated(loss, start, RATES[task], num_steps)
    size = f"{len(start)} weights, {len(x)} rows, {num_steps} steps of rate {RATES[task]:g}"
    return Sheet(
        title="Descent without backpropagation",
        headline=_headline(walks, size),
        parts=(*_charts(walks), _table(walks)),
    )


def principal(x: Tensor) -> Tensor:
    """Return at most 4 principal components ``[N, D]`` of inputs, each of spread 1, in float64.

    Example:
        >>> principal(torch.tensor([[0.0, 5.0], [2.0, 5.0]])).abs().tolist()
        [[1.0], [1.0]]
    """
    flat = x.detach().flatten(1).double()
    centred = flat - flat.mean(dim=0)
    _, sizes, directions = torch.linalg.svd(centred, full_matrices=False)
    wide = int((sizes > FLAT * sizes[0]).sum())
    kept = max(1, min(NUM_INPUTS, wide))
    spread = sizes[:kept] / len(flat) ** 0.5
    return centred @ directions[:kept].T / torch.where(spread > 0.0, spread, 1.0)


def _loss(net: nn.Module, x: Tensor, y: Tensor, row: Tensor) -> Tensor:
    outputs = functional_call(net, layout_of(net).unpack(row), (x,))
    if y.is_floating_point():
        return functional.mse_loss(outputs, y.reshape(outputs.shape))
    return functional.cross_entropy(outputs, y)


def _measured(loss: Loss, start: Tensor, kind: Kind, lr: float, num_steps: int) -> Walk:
    began = time.perf_counter()
    found = finite_difference_descent(loss, start, lr=lr, num_steps=num_steps, kind=kind)
    seconds = time.perf_counter() - began
    losses = (*found.losses, float(loss(found.w)))
    return Walk(losses, found.forward_passes // num_steps, seconds, found.w)


def _propagated(loss: Loss, start: Tensor, lr: float, num_steps: int) -> Walk:
    w, losses, began = start.clone(), [], time.perf_counter()
    for _ in range(num_steps):
        leaf = w.requires_grad_()
        with torch.enable_grad():
            value = loss(leaf)
        w = w.detach() - lr * torch.autograd.grad(value, leaf)[0]
        losses.append(float(value.detach()))
    seconds = time.perf_counter() - began
    return Walk((*losses, float(loss(w))), PASSES_OF_BACKPROPAGATION, seconds, w)


def _charts(walks: dict[str, Walk]) -> tuple[Chart, Chart]:
    by_step = tuple(
        Line(name=name, x=tuple(map(float, range(len(walk.losses)))), y=walk.losses)
        for name, walk in walks.items()
    )
    # A logarithm has no 0: the loss that no pass has lowered stands at the first pass.
    by_pass = tuple(
        Line(
            name=name,
            x=tuple(float(max(1, k * walk.passes_a_step)) for k in range(len(walk.losses))),
            y=walk.losses,
        )
        for name, walk in walks.items()
    )
    return (
        Chart(
            title="Loss by step",
            x_label="steps",
            y_label="loss",
            lines=by_step,
            caption="One line: a measured slope is the gradient, but for rounding.",
        ),
        Chart(
            title="Loss by forward passes",
            x_label="forward passes",
            y_label="loss",
            lines=by_pass,
            x_scale="log",
            caption=f"A step of backpropagation is counted as {PASSES_OF_BACKPROPAGATION}:"
            " its backward pass multiplies twice where a forward pass does once.",
        ),
    )


def _table(walks: dict[str, Walk]) -> Table:
    right = walks["backpropagation"].w
    rows = tuple(
        (
            name,
            walk.passes_a_step,
            walk.passes_a_step * (len(walk.losses) - 1),
            walk.seconds,
            walk.losses[-1],
            float((walk.w - right).abs().max()),
        )
        for name, walk in walks.items()
    )
    return Table(
        title="What it cost",
        columns=COLUMNS,
        rows=rows,
        caption='"Apart at most": the largest difference of a weight from where backpropagation'
        " came to. Passes a step grow with the weights: of 400,000 weights, central differences"
        " take 800,000 (notes n1), backpropagation still about 3. Seconds are this machine's.",
    )


def _headline(walks: dict[str, Walk], size: str) -> str:
    slow, fast = walks["central differences"], walks["backpropagation"]
    ratio = slow.passes_a_step / fast.passes_a_step
    return (
        f"{size}: both come to a loss of {fast.losses[-1]:.3g}, central differences with"
        f" {ratio:.0f} times the passes and {slow.seconds / fast.seconds:.0f} times the seconds."
    )
