"""Gradient descent without backpropagation: by differences of the loss, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Literal

import torch
from torch import Tensor

from ..errors import GoodfitError, check_count, nearest

Loss = Callable[[Tensor], Tensor]
Kind = Literal["forward", "central"]
KINDS: tuple[Kind, ...] = ("forward", "central")


@dataclass(frozen=True)
class Descent:
    """Where a descent came to: ``w``, the loss before each step, forward passes made."""

    w: Tensor
    losses: tuple[float, ...]
    forward_passes: int


def finite_difference_descent(
    loss_fn: Loss,
    w: Tensor,
    *,
    lr: float,
    num_steps: int,
    kind: Kind = "forward",
    h: float = 1e-5,
) -> Descent:
    """Descend from ``w``, of any shape, by measured slopes: ``w <- w - lr g``, weight by weight.

    ``loss_fn`` takes such a ``w`` and returns one number. For P weights ``g_i = (L(w + h e_i) -
    L(w)) / h`` takes ``P + 1`` forward passes a step ("forward"), ``g_i = (L(w + h e_i) - L(w - h
    e_i)) / 2h`` takes ``2 P`` ("central", exact to ``h^2``); the loss before a step is the pass at
    ``w``, which "central" does without and gives the mean of the first pair. Backpropagation takes
    about three passes, however many weights there are. Notes n1: 400,000 parameters are 800,000
    forward passes a step. ``w`` and the loss are float64: float32 has no digits left for such
    differences.

    Raises:
        GoodfitError: ``loss_fn`` is no function, ``kind`` is not known, ``h`` or ``lr`` is no
            finite number above 0, ``num_steps`` no whole number from 0, or ``w`` or the loss is not
            of float64, or not of one number.

    Example:
        >>> found = finite_difference_descent(lambda w: (w * w).sum(), torch.ones(3).double(),
        ...                                   lr=0.5, num_steps=2, kind="central")
        >>> found.forward_passes, bool(found.w.abs().max() < 1e-6)
        (12, True)
    """
    _check(kind, h, lr, num_steps)
    _check_loss(loss_fn)
    _check_weights(w)
    w, losses, passes = w.detach().clone(), [], 0
    with torch.no_grad():
        for _ in range(num_steps):
            g, loss, made = _slopes(loss_fn, w, kind, h)
            w, passes = w - lr * g, passes + made
            losses.append(loss)
    return Descent(w, tuple(losses), passes)


def _slopes(loss_fn: Loss, w: Tensor, kind: str, h: float) -> tuple[Tensor, float, int]:
    """Return the measured gradient, of the shape of ``w``, the loss, and the passes it took."""
    above = torch.stack([_value(loss_fn, moved) for moved in _moved(w, h)])
    if kind == "forward":
        here = _value(loss_fn, w.clone())
        return ((above - here) / h).reshape(w.shape), float(here), w.numel() + 1
    below = torch.stack([_value(loss_fn, moved) for moved in _moved(w, -h)])
    middle = float(above[0] + below[0]) / 2.0
    return ((above - below) / (2.0 * h)).reshape(w.shape), middle, 2 * w.numel()


def _moved(w: Tensor, h: float) -> Iterator[Tensor]:
    """Yield ``w`` with one weight after another moved by ``h``."""
    for i in range(w.numel()):
        flat = w.flatten().clone()
        flat[i] += h
        yield flat.reshape(w.shape)


def _value(loss_fn: Loss, w: Tensor) -> Tensor:
    """Return the loss as a tensor of no axes.

    Raises:
        GoodfitError: it is not one number of float64.
    """
    loss = loss_fn(w)
    if not isinstance(loss, Tensor) or loss.numel() != 1 or loss.dtype != torch.float64:
        raise GoodfitError(
            "The loss must be one number of float64.",
            given=_described(loss),
            do="Return a mean or a sum, computed in the type of w: net.double(), x.double().",
        )
    return loss.reshape(())


def _described(given: object) -> str:
    if not isinstance(given, Tensor):
        return type(given).__name__
    return f"a tensor of shape {list(given.shape)} and type {given.dtype}"


def _check_loss(loss_fn: object) -> None:
    if not callable(loss_fn):
        raise GoodfitError(
            "The loss must be a function of the weights.",
            given=repr(loss_fn),
            do="Give one that takes a w and returns a number: lambda w: (w * w).sum().",
        )


def _check_weights(w: object) -> None:
    if isinstance(w, Tensor) and w.dtype == torch.float64 and w.numel():
        return
    if isinstance(w, Tensor) and w.is_floating_point() and w.numel():
        what, do = f"{w.dtype} has no digits left for differences of a loss.", "Give w.double()."
    else:
        what, do = "w must be a tensor of weights.", "Give a float64 tensor of any shape."
    raise GoodfitError(what, given=_described(w), do=do)


def _check(kind: str, h: float, lr: float, num_steps: int) -> None:
    if kind not in KINDS:
        raise GoodfitError(
            "Differences are of another kind.",
            given=kind,
            do=nearest(kind, KINDS).capitalize(),
        )
    for name, number, usual in (("h", h, "1e-5"), ("lr", lr, "0.1")):
        is_number = isinstance(number, Real) and not isinstance(number, bool)
        if not (is_number and 0.0 < number < math.inf):
            raise GoodfitError(
                f"{name} must be a finite number above 0.",
                given=f"{name} = {number!r}",
                do=f"Give {name}={usual}.",
            )
    check_count("num_steps", num_steps, kind=GoodfitError, least=0)
