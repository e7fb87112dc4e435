"""Update rules: the lecture's formulas, written once, on rows.

``w`` and ``g`` are ``[K, P]`` (K networks as rows), and so is each slot of state. A rule is a
pair of functions. ``coefficients`` turns hyperparameters, rate and step count into the numbers
that the formula needs, on the host in float64, for many steps at once; ``update`` is the formula
on tensors, where each coefficient is ``[K, 1]`` so that every row has its own. Weight decay and
clipping stand around a rule: see :mod:`goodfit.optim.decay` and :mod:`goodfit.optim.clipping`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, addcmul, lerp

from ..recipe import SGD, Adagrad, Adam, AdamW, MomentumEMA, RMSProp
from ..recipe.optimizers import AnyMomentum

Array = NDArray[np.float64]
Coefficients = tuple[Array | float, ...]
Slots = tuple[Tensor, ...]
Fused = Callable[[Tensor, Tensor, Slots, Sequence[float]], None]


@dataclass(frozen=True)
class Rule:
    """One optimiser: how much state it has, its coefficients, its formula.

    ``slots`` are states of ``[K, P]`` each; after them come ``windows``, states of so many numbers
    a row, ``[K, n]``. ``fused``, where torch has such a kernel, is the formula on one row ``[P]``
    in place, in a single pass over memory; it takes the coefficients as numbers. ``decoupled``
    says that weight decay shrinks the weights instead of entering the gradient, ``wakes`` that the
    last coefficient is 1 once frozen layers train, and 0 before.
    """

    name: str
    slots: tuple[str, ...]
    coefficients: Callable[[Any, Array, Array], Coefficients]
    update: Callable[..., tuple[Tensor, Slots]]
    fused: Fused | None = None
    decoupled: bool = False
    windows: tuple[int, ...] = ()
    wakes: bool = False


def sgd_coefficients(config: SGD, lr: Array, t: Array) -> Coefficients:
    return (lr,)


def sgd(w: Tensor, g: Tensor, slots: Slots, lr: Tensor) -> tuple[Tensor, Slots]:
    """``w <- w - lr g``. Notes n1; ``torch.optim.SGD``."""
    return w - lr * g, ()


def momentum_coefficients(config: AnyMomentum, lr: Array, t: Array) -> Coefficients:
    return lr, config.momentum


def momentum(w: Tensor, g: Tensor, slots: Slots, lr: Tensor, rho: Tensor) -> tuple[Tensor, Slots]:
    """``v <- rho v + g;  w <- w - lr v``. Notes n2; ``torch.optim.SGD(momentum=rho)``.

    The notes' ``vx`` has the other sign, and is added. ``v`` is a sum of gradients: a changed rate
    counts at once, for the old ones too.
    """
    v = rho * slots[0] + g
    return w - lr * v, (v,)


def momentum_lr_inside(
    w: Tensor, g: Tensor, slots: Slots, lr: Tensor, rho: Tensor
) -> tuple[Tensor, Slots]:
    """``v <- rho v - lr g;  w <- w + v``, that is ``w <- w - lr g + rho v``. Notes n0, SGD with
    Momentum (their lambda is ``rho``, their gamma ``lr``); Keras's form; beside ``torch.optim``:

    At a constant rate ``v`` is ``-lr`` times the velocity of ``momentum``, and both walk the same
    way. Under a schedule they differ: here a gradient keeps the rate of its own step.
    """
    v = rho * slots[0] - lr * g
    return w + v, (v,)


def momentum_ema_coefficients(config: MomentumEMA, lr: Array, t: Array) -> Coefficients:
    return lr, config.momentum, 1.0 - config.momentum


def momentum_ema(
    w: Tensor, g: Tensor, slots: Slots, lr: Tensor, rho: Tensor, take: Tensor
) -> tuple[Tensor, Slots]:
    """``v <- rho v + (1 - rho) g;  w <- w - lr v``. Notes n3, Adding Momentum: the velocity is an
    exponential moving average. ``torch.optim.SGD(momentum=rho, dampening=rho)`` but for the first
    step, which torch does not dampen.

    With the rate ``lr / (1 - rho)`` it walks the same way as ``momentum`` with ``lr``.
    """
    v = rho * slots[0] + take * g
    return w - lr * v, (v,)


def nesterov(w: Tensor, g: Tensor, slots: Slots, lr: Tensor, rho: Tensor) -> tuple[Tensor, Slots]:
    """``v <- rho v + g;  w <- w - lr (g + rho v)``. Notes n3; ``torch.optim.SGD(nesterov=True)``.

    The rewritten form: ``w`` is the point ahead, where the gradient is taken.
    """
    v = rho * slots[0] + g
    return w - lr * (g + rho * v), (v,)


def nesterov_rewritten(
    w: Tensor, g: Tensor, slots: Slots, lr: Tensor, rho: Tensor
) -> tuple[Tensor, Slots]:
    """``v' = rho v - lr g;  w <- w - rho v + (1 + rho) v'``. Notes n2, Nesterov Momentum; Sutskever
    et al., ICML 2013, rewritten for the point ahead; beside ``torch.optim``:

    With ``w = u + rho v`` it is ``v <- rho v - lr g(u + rho v);  u <- u + v``: step where the
    velocity leads, take the gradient there, and go from the old point. At a constant rate it
    walks the same way as ``nesterov``; under a schedule a gradient keeps the rate of its step.
    """
    v = rho * slots[0] - lr * g
    return w - rho * slots[0] + (1.0 + rho) * v, (v,)


def nesterov_lookahead(
    w: Tensor, g: Tensor, slots: Slots, lr: Tensor, rho: Tensor
) -> tuple[Tensor, Slots]:
    """``u' = w - lr g;  w <- w - lr g + rho (u' - u)``. Notes n3, Nesterov Momentum (several
    equivalent formulations); Nesterov 1983 in the form of two sequences; beside ``torch.optim``:

    ``u`` is the point that a plain gradient step reaches, ``w`` looks ahead of it along the last
    move. The slot holds ``u - w`` of the step before, as seen from ``w``, so that it begins with
    0. At a constant rate it walks the same way as ``nesterov``.
    """
    step = lr * g
    move = -step - slots[0]
    return w - step + rho * move, (-rho * move,)


def adagrad_coefficients(config: Adagrad, lr: Array, t: Array) -> Coefficients:
    return lr, config.eps


def adagrad(w: Tensor, g: Tensor, slots: Slots, lr: Tensor, eps: Tensor) -> tuple[Tensor, Slots]:
    """``s <- s + g^2;  w <- w - lr g / (sqrt(s) + eps)``. Duchi et al., JMLR 2011."""
    s = addcmul(slots[0], g, g)
    return w - lr * (g / (s.sqrt() + eps)), (s,)


def rmsprop_coefficients(config: RMSProp, lr: Array, t: Array) -> Coefficients:
    return lr, config.alpha, 1.0 - config.alpha, config.eps


def rmsprop(
    w: Tensor, g: Tensor, slots: Slots, lr: Tensor, keep: Tensor, take: Tensor, eps: Tensor
) -> tuple[Tensor, Slots]:
    """``s <- a s + (1 - a) g^2;  w <- w - lr g / (sqrt(s) + eps)``. Notes n3, RMSProp; Hinton,
    "Neural networks for machine learning", lecture 6e, 2012.
    """
    s = addcmul(keep * slots[0], take * g, g)
    return w - lr * (g / (s.sqrt() + eps)), (s,)


def adam_coefficients(config: Adam | AdamW, lr: Array, t: Array) -> Coefficients:
    """Both bias corrections ``1 - beta^t`` are folded into the rate and epsilon."""
    beta1, beta2 = config.betas
    if config.bias_correction:
        root = np.sqrt(1.0 - beta2**t)
        lr, eps = lr * root / (1.0 - beta1**t), config.eps * root
    else:
        eps = config.eps
    return lr, 1.0 - beta1, beta2, 1.0 - beta2, eps


def adam(
    w: Tensor,
    g: Tensor,
    slots: Slots,
    rate: Tensor,
    take1: Tensor,
    keep2: Tensor,
    take2: Tensor,
    eps: Tensor,
) -> tuple[Tensor, Slots]:
    """``m <- b1 m + (1-b1) g;  v <- b2 v + (1-b2) g^2;  w <- w - lr m' / (sqrt(v') + eps)``.

    ``m' = m / (1 - b1^t)`` and ``v' = v / (1 - b2^t)`` with ``bias_correction`` (Kingma and Ba,
    ICLR 2015; notes n3), else ``m`` and ``v`` themselves (notes n0). In ``adam`` weight decay is an
    L2 penalty and enters the gradient; in ``adamw`` it is decoupled, ``w <- w (1 - lr decay)``
    before the step (Loshchilov and Hutter, ICLR 2019).
    """
    m = lerp(slots[0], g, take1)
    v = addcmul(keep2 * slots[1], take2 * g, g)
    return w - rate * (m / (v.sqrt() + eps)), (m, v)


# The coefficients hold both bias corrections; at this step the kernel's own are 1.
_LONG_AGO = torch.tensor(1e9)


def fused_adam(w: Tensor, g: Tensor, slots: Slots, numbers: Sequence[float]) -> None:
    """:func:`adam` on a row in place, by the kernel of ``torch.optim.Adam(fused=True)``."""
    # 1 - beta as it was rounded to float32, not beta: its rounding would count a thousandfold.
    rate, take1, _, take2, eps = numbers
    kernel = torch._fused_adam_  # pyright: ignore[reportPrivateImportUsage]
    kernel(
        *([w], [g], [slots[0]], [slots[1]], [], [_LONG_AGO]),
        amsgrad=False,
        lr=rate,
        beta1=1.0 - take1,
        beta2=1.0 - take2,
        weight_decay=0.0,
        eps=eps,
        maximize=False,
        grad_scale=None,
        found_inf=None,
    )


_ADAM: Any = ("mean", "mean_of_squares"), adam_coefficients, adam, fused_adam
RULES: tuple[Rule, ...] = (
    Rule("sgd", (), sgd_coefficients, sgd),
    Rule("momentum", ("velocity",), momentum_coefficients, momentum),
    Rule("momentum-lr-inside", ("velocity",), momentum_coefficients, momentum_lr_inside),
    Rule("momentum-ema", ("velocity",), momentum_ema_coefficients, momentum_ema),
    Rule("nesterov", ("velocity",), momentum_coefficients, nesterov),
    Rule("nesterov-rewritten", ("velocity",), momentum_coefficients, nesterov_rewritten),
    Rule("nesterov-lookahead", ("behind",), momentum_coefficients, nesterov_lookahead),
    Rule("adagrad", ("sum_of_squares",), adagrad_coefficients, adagrad),
    Rule("rmsprop", ("mean_of_squares",), rmsprop_coefficients, rmsprop),
    Rule("adam", *_ADAM),
    Rule("adamw", *_ADAM, decoupled=True),
)
