"""Gradient descent without backpropagation: by differences of the loss, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import GoodfitError, nearest

Loss = Callable[[Tensor], Tensor]
KINDS = ("forward", "central")


@dataclass(frozen=True)
class Descent:
    """Where a descent came to: ``w`` ``[P]``, the loss before each step, forward passes made."""

    w: Tensor
    losses: tuple[float, ...]
    forward_passes: int


def finite_difference_descent(
    loss_fn: Loss,
    w: Tensor,
    *,
    lr: float,
    num_steps: int,
    kind: Literal["forward", "central"] = "forward",
    h: float = 1e-5,
) -> Descent:
    """Descend from ``w`` ``[P]`` by measured slopes: ``w <- w - lr g``, one weight at a time.

    ``g_i = (L(w + h e_i) - L(w)) / h`` takes ``P + 1`` forward passes a step ("forward"), ``g_i =
    (L(w + h e_i) - L(w - h e_i)) / 2h`` takes ``2 P`` ("central", exact to ``h^2``); the loss
    before a step is the pass at ``w``, which "central" does without and gives the mean of the
    first pair. Backpropagation takes about three passes, however many weights there are. Notes
    n1: 400,000 parameters are 800,000 forward passes a step. Computed in the type of ``w``: give
    float64, since float32 has no digits left for such differences.

    Raises:
        GoodfitError: ``kind`` is not known, or ``h`` or ``lr`` is not above 0.

    Example:
        >>> found = finite_difference_descent(lambda w: (w * w).sum(), torch.ones(3).double(),
        ...                                   lr=0.5, num_steps=2, kind="central")
        >>> found.forward_passes, bool(found.w.abs().max() < 1e-6)
        (12, True)
    """
    _check(kind, h, lr)
    w, losses, passes = w.detach().clone(), [], 0
    with torch.no_grad():
        for _ in range(num_steps):
            g, loss, made = _slopes(loss_fn, w, kind, h)
            w, passes = w - lr * g, passes + made
            losses.append(loss)
    return Descent(w, tuple(losses), passes)


def _slopes(loss_fn: Loss, w: Tensor, kind: str, h: float) -> tuple[Tensor, float, int]:
    """Return the measured gradient ``[P]``, the loss, and how many passes that took."""
    here = float(loss_fn(w)) if kind == "forward" else 0.0
    above, below = torch.empty_like(w), torch.full_like(w, here)
    for i in range(len(w)):
        step = torch.zeros_like(w)
        step[i] = h
        above[i] = loss_fn(w + step)
        if kind == "central":
            below[i] = loss_fn(w - step)
    if kind == "forward":
        return (above - below) / h, here, len(w) + 1
    return (above - below) / (2.0 * h), float(above[0] + below[0]) / 2.0, 2 * len(w)


def _check(kind: str, h: float, lr: float) -> None:
    if kind not in KINDS:
        raise GoodfitError(
            "Differences are of another kind.",
            given=kind,
            do=nearest(kind, KINDS).capitalize(),
        )
    for name, number in (("h", h), ("lr", lr)):
        if not number > 0.0:
            raise GoodfitError(f"{name} must be above 0.", given=number, do=f"Give {name}=1e-5.")
