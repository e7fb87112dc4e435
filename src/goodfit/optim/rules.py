"""Update rules: the lecture's formulas, written once, on rows.

``w`` and ``g`` are ``[K, P]`` (K networks as rows), and so is each slot of state. A rule is a
pair of functions. ``coefficients`` turns hyperparameters, rate and step count into the numbers
that the formula needs, on the host in float64, for many steps at once; ``update`` is the formula
on tensors, where each coefficient is ``[K, 1]`` so that every row has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, addcmul, lerp

from ..recipe import SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp

Array = NDArray[np.float64]
Coefficients = tuple[Array | float, ...]
Slots = tuple[Tensor, ...]


@dataclass(frozen=True)
class Rule:
    """One optimiser: how much state it has, its coefficients, its formula.

    ``fused``, where torch has such a kernel, is the formula on one row ``[P]`` in place, in a
    single pass over memory; it takes the coefficients as numbers.
    """

    name: str
    slots: tuple[str, ...]
    coefficients: Callable[[Any, Array, Array], Coefficients]
    update: Callable[..., tuple[Tensor, Slots]]
    fused: Callable[[Tensor, Tensor, Slots, Sequence[float]], None] | None = None


def sgd_coefficients(config: SGD, lr: Array, t: Array) -> Coefficients:
    return lr, config.weight_decay


def sgd(w: Tensor, g: Tensor, slots: Slots, lr: Tensor, decay: Tensor) -> tuple[Tensor, Slots]:
    """``w <- w - lr (g + decay w)``. Notes n1; ``torch.optim.SGD``."""
    return w - lr * (g + decay * w), ()


def momentum_coefficients(config: Momentum | Nesterov, lr: Array, t: Array) -> Coefficients:
    return lr, config.momentum, config.weight_decay


def momentum(
    w: Tensor, g: Tensor, slots: Slots, lr: Tensor, rho: Tensor, decay: Tensor
) -> tuple[Tensor, Slots]:
    """``v <- rho v + g;  w <- w - lr v``. Notes n2; ``torch.optim.SGD(momentum=rho)``."""
    v = rho * slots[0] + (g + decay * w)
    return w - lr * v, (v,)


def nesterov(
    w: Tensor, g: Tensor, slots: Slots, lr: Tensor, rho: Tensor, decay: Tensor
) -> tuple[Tensor, Slots]:
    """``v <- rho v + g;  w <- w - lr (g + rho v)``. ``torch.optim.SGD(nesterov=True)``."""
    g = g + decay * w
    v = rho * slots[0] + g
    return w - lr * (g + rho * v), (v,)


def adagrad_coefficients(config: Adagrad, lr: Array, t: Array) -> Coefficients:
    return lr, config.eps, config.weight_decay


def adagrad(
    w: Tensor, g: Tensor, slots: Slots, lr: Tensor, eps: Tensor, decay: Tensor
) -> tuple[Tensor, Slots]:
    """``s <- s + g^2;  w <- w - lr g / (sqrt(s) + eps)``. Duchi et al., JMLR 2011."""
    g = g + decay * w
    s = addcmul(slots[0], g, g)
    return w - lr * (g / (s.sqrt() + eps)), (s,)


def rmsprop_coefficients(config: RMSProp, lr: Array, t: Array) -> Coefficients:
    return lr, config.alpha, 1.0 - config.alpha, config.eps, config.weight_decay


def rmsprop(
    w: Tensor,
    g: Tensor,
    slots: Slots,
    lr: Tensor,
    keep: Tensor,
    take: Tensor,
    eps: Tensor,
    decay: Tensor,
) -> tuple[Tensor, Slots]:
    """``s <- a s + (1 - a) g^2;  w <- w - lr g / (sqrt(s) + eps)``. Hinton, lecture 6e."""
    g = g + decay * w
    s = addcmul(keep * slots[0], take * g, g)
    return w - lr * (g / (s.sqrt() + eps)), (s,)


def adam_coefficients(config: Adam | AdamW, lr: Array, t: Array) -> Coefficients:
    """Both bias corrections ``1 - beta^t`` are folded into the rate and epsilon."""
    beta1, beta2 = config.betas
    root = np.sqrt(1.0 - beta2**t)
    rate, eps = lr * root / (1.0 - beta1**t), config.eps * root
    decoupled = isinstance(config, AdamW)
    decay = 1.0 - lr * config.weight_decay if decoupled else config.weight_decay
    return rate, 1.0 - beta1, beta2, 1.0 - beta2, eps, decay


def adam(
    w: Tensor,
    g: Tensor,
    slots: Slots,
    rate: Tensor,
    take1: Tensor,
    keep2: Tensor,
    take2: Tensor,
    eps: Tensor,
    decay: Tensor,
) -> tuple[Tensor, Slots]:
    """``m <- b1 m + (1-b1) g;  v <- b2 v + (1-b2) g^2;  w <- w - rate m / (sqrt(v) + eps)``.

    Kingma and Ba, ICLR 2015; notes n0. ``decay`` is an L2 penalty: it enters the gradient.
    """
    return _adam_step(w, g + decay * w, slots, rate, take1, keep2, take2, eps)


def adamw(
    w: Tensor,
    g: Tensor,
    slots: Slots,
    rate: Tensor,
    take1: Tensor,
    keep2: Tensor,
    take2: Tensor,
    eps: Tensor,
    decay: Tensor,
) -> tuple[Tensor, Slots]:
    """Adam on ``w (1 - lr weight_decay)``: decay beside the gradient, not inside it.

    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """
    return _adam_step(decay * w, g, slots, rate, take1, keep2, take2, eps)


def _adam_step(
    w: Tensor,
    g: Tensor,
    slots: Slots,
    rate: Tensor,
    take1: Tensor,
    keep2: Tensor,
    take2: Tensor,
    eps: Tensor,
) -> tuple[Tensor, Slots]:
    m = lerp(slots[0], g, take1)
    v = addcmul(keep2 * slots[1], take2 * g, g)
    return w - rate * (m / (v.sqrt() + eps)), (m, v)


# The coefficients hold both bias corrections; at this step the kernel's own are 1.
_LONG_AGO = torch.tensor(1e9)


def fused_adam(w: Tensor, g: Tensor, slots: Slots, numbers: Sequence[float]) -> None:
    """:func:`adam` on a row in place, by the kernel of ``torch.optim.Adam(fused=True)``."""
    *_, decay = numbers
    kernel = torch._fused_adam_  # pyright: ignore[reportPrivateImportUsage]
    _fused(kernel, w, g, slots, numbers, weight_decay=decay)


def fused_adamw(w: Tensor, g: Tensor, slots: Slots, numbers: Sequence[float]) -> None:
    """:func:`adamw` on a row in place; the kernel multiplies rate and decay itself."""
    rate, *_, decay = numbers
    kernel = torch._fused_adamw_  # pyright: ignore[reportPrivateImportUsage]
    _fused(kernel, w, g, slots, numbers, weight_decay=(1.0 - decay) / (rate or 1.0))


def _fused(
    kernel: Callable[..., None],
    w: Tensor,
    g: Tensor,
    slots: Slots,
    numbers: Sequence[float],
    *,
    weight_decay: float,
) -> None:
    # 1 - beta as it was rounded to float32, not beta: its rounding would count a thousandfold.
    rate, take1, _, take2, eps, _ = numbers
    kernel(
        *([w], [g], [slots[0]], [slots[1]], [], [_LONG_AGO]),
        amsgrad=False,
        lr=rate,
        beta1=1.0 - take1,
        beta2=1.0 - take2,
        weight_decay=weight_decay,
        eps=eps,
        maximize=False,
        grad_scale=None,
        found_inf=None,
    )


RULES: tuple[Rule, ...] = (
    Rule("sgd", (), sgd_coefficients, sgd),
    Rule("momentum", ("velocity",), momentum_coefficients, momentum),
    Rule("nesterov", ("velocity",), momentum_coefficients, nesterov),
    Rule("adagrad", ("sum_of_squares",), adagrad_coefficients, adagrad),
    Rule("rmsprop", ("mean_of_squares",), rmsprop_coefficients, rmsprop),
    Rule("adam", ("mean", "mean_of_squares"), adam_coefficients, adam, fused_adam),
    Rule("adamw", ("mean", "mean_of_squares"), adam_coefficients, adamw, fused_adamw),
)


def rule_of(config: Optimizer) -> Rule:
    """Return the rule of an optimiser's configuration."""
    return next(rule for rule in RULES if rule.name == config.kind)


def coefficient_table(configs: list[Optimizer], lr: Array, steps: Array) -> NDArray[np.float32]:
    """Return the coefficients of ``steps`` (from 0) for K configurations: ``[S, C, K]`` float32.

    ``lr`` is ``[S, K]``: the rate of each row at each step.
    """
    rule = rule_of(configs[0])
    rows = [
        np.stack(np.broadcast_arrays(*rule.coefficients(config, lr[:, k], steps + 1.0)), axis=1)
        for k, config in enumerate(configs)
    ]
    return np.stack(rows, axis=2).astype(np.float32)
