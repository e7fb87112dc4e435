"""The same optimisers as ``torch.optim`` has them, and a real small task to run both on."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from goodfit.recipe import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Momentum,
    MomentumEMA,
    MomentumLRInside,
    Nesterov,
    NesterovLookahead,
    NesterovRewritten,
    Optimizer,
    RMSProp,
)

# Three rows with hyperparameters of their own, for each rule.
CONFIGS: dict[str, list[Optimizer]] = {
    "sgd": [SGD(), SGD(lr=0.3, weight_decay=1e-3), SGD(lr=0.01, weight_decay=0.1)],
    "momentum": [
        Momentum(weight_decay=1e-3),
        Momentum(lr=0.1, momentum=0.5),
        Momentum(lr=0.05, momentum=0.0, weight_decay=0.1),
    ],
    "nesterov": [
        Nesterov(weight_decay=1e-3),
        Nesterov(lr=0.1, momentum=0.5),
        Nesterov(lr=0.05, momentum=0.7, weight_decay=0.1),
    ],
    "momentum-lr-inside": [
        MomentumLRInside(weight_decay=1e-3),
        MomentumLRInside(lr=0.1, momentum=0.5),
        MomentumLRInside(lr=0.05, momentum=0.7, weight_decay=0.1),
    ],
    "momentum-ema": [
        MomentumEMA(weight_decay=1e-3),
        MomentumEMA(lr=0.1, momentum=0.5),
        MomentumEMA(lr=0.05, momentum=0.7, weight_decay=0.1),
    ],
    "nesterov-rewritten": [
        NesterovRewritten(weight_decay=1e-3),
        NesterovRewritten(lr=0.1, momentum=0.5),
        NesterovRewritten(lr=0.05, momentum=0.7, weight_decay=0.1),
    ],
    "nesterov-lookahead": [
        NesterovLookahead(weight_decay=1e-3),
        NesterovLookahead(lr=0.1, momentum=0.5),
        NesterovLookahead(lr=0.05, momentum=0.7, weight_decay=0.1),
    ],
    "adagrad": [
        Adagrad(weight_decay=1e-3),
        Adagrad(lr=0.1, eps=1e-3),
        Adagrad(lr=0.05, eps=1e-6, weight_decay=0.1),
    ],
    "rmsprop": [
        RMSProp(weight_decay=1e-3),
        RMSProp(lr=1e-2, alpha=0.9, eps=1e-3),
        RMSProp(lr=3e-3, alpha=0.5, weight_decay=0.1),
    ],
    "adam": [
        Adam(weight_decay=1e-3),
        Adam(lr=1e-2, betas=(0.5, 0.9), eps=1e-3),
        Adam(lr=3e-3, betas=(0.8, 0.99), weight_decay=0.1),
        Adam(lr=1e-3, weight_decay=0.1, bias_correction=False),
    ],
    "adamw": [
        AdamW(weight_decay=0.5),
        AdamW(lr=1e-2, betas=(0.5, 0.9), eps=1e-3, weight_decay=0.0),
        AdamW(lr=3e-3, betas=(0.0, 0.99), weight_decay=0.1),
        AdamW(lr=1e-3, weight_decay=0.5, bias_correction=False),
    ],
}


def torch_optimizer(config: Optimizer, net: nn.Module) -> torch.optim.Optimizer:
    """Return what the docstrings of the rules say that they equal."""
    parameters, lr, decay = net.parameters(), config.lr, config.weight_decay
    match config:
        case SGD():
            return torch.optim.SGD(parameters, lr=lr, weight_decay=decay)
        case Momentum() | Nesterov():
            return torch.optim.SGD(
                parameters,
                lr=lr,
                weight_decay=decay,
                momentum=config.momentum,
                nesterov=isinstance(config, Nesterov),
            )
        case MomentumLRInside() | MomentumEMA() | NesterovRewritten() | NesterovLookahead():
            return Twin(parameters, config)
        case Adagrad():
            return torch.optim.Adagrad(parameters, lr=lr, weight_decay=decay, eps=config.eps)
        case RMSProp():
            return torch.optim.RMSprop(
                parameters, lr=lr, weight_decay=decay, eps=config.eps, alpha=config.alpha
            )
        case Adam() | AdamW() if not config.bias_correction:
            return Twin(parameters, config)
        case Adam() | AdamW():
            make = torch.optim.AdamW if isinstance(config, AdamW) else torch.optim.Adam
            return make(parameters, lr=lr, weight_decay=decay, eps=config.eps, betas=config.betas)


class Twin(torch.optim.Optimizer):
    """What ``torch.optim`` has not, as the notes write it: one parameter at a time, naively.

    Nesterov's forms keep both points: ``u``, from which one goes, and the one ahead of it, at
    which the gradient is taken and which the network holds.
    """

    def __init__(self, parameters: Iterator[nn.Parameter], config: Optimizer) -> None:
        super().__init__(list(parameters), {"lr": config.lr})
        self.config = config

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move each parameter."""
        group, config = self.param_groups[0], self.config
        for p in group["params"]:
            held = self.state[p]
            if isinstance(config, AdamW):
                p.mul_(1.0 - group["lr"] * config.weight_decay)
                self._move(p, p.grad, held, group["lr"])
            else:
                self._move(p, p.grad + config.weight_decay * p, held, group["lr"])

    def _move(self, p: Tensor, g: Tensor, held: dict[str, Tensor], lr: float) -> None:
        config, v = self.config, held.get("v", torch.zeros_like(p))
        if isinstance(config, MomentumLRInside):
            held["v"] = config.momentum * v - lr * g
            p.add_(held["v"])
        elif isinstance(config, MomentumEMA):
            held["v"] = config.momentum * v + (1.0 - config.momentum) * g
            p.sub_(lr * held["v"])
        elif isinstance(config, NesterovRewritten):
            u = held.get("u", p.clone())
            held["v"] = config.momentum * v - lr * g
            held["u"] = u + held["v"]
            p.copy_(held["u"] + config.momentum * held["v"])
        elif isinstance(config, NesterovLookahead):
            u = held.get("u", p.clone())
            held["u"] = p - lr * g
            p.copy_(held["u"] + config.momentum * (held["u"] - u))
        elif isinstance(config, Adam | AdamW):
            beta1, beta2 = config.betas
            held["m"] = beta1 * held.get("m", torch.zeros_like(p)) + (1.0 - beta1) * g
            held["v"] = beta2 * v + (1.0 - beta2) * g * g
            p.sub_(lr / (held["v"].sqrt() + config.eps) * held["m"])


class Task:
    """Digits, a network of 64-16-10, and mini-batches of 32 rows that a seed decides."""

    def __init__(self) -> None:
        inputs, target = load_digits(return_X_y=True)
        self.inputs = torch.tensor(inputs / 16.0, dtype=torch.float32)
        self.target = torch.tensor(target)
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
        self._scratch = copy.deepcopy(self.net)

    def batches(self, num_steps: int) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(0)
        for _ in range(num_steps):
            yield torch.randint(len(self.inputs), (32,), generator=generator)

    def loss(self, net: nn.Module, index: Tensor) -> Tensor:
        return functional.cross_entropy(net(self.inputs[index]), self.target[index])

    def gradient(self, row: Tensor, index: Tensor) -> Tensor:
        """Return the gradient at a row of weights, by plain autograd."""
        vector_to_parameters(row, self._scratch.parameters())
        loss = self.loss(self._scratch, index)
        return parameters_to_vector(torch.autograd.grad(loss, list(self._scratch.parameters())))


def row_of(net: nn.Module) -> Tensor:
    """Return a copy of all parameters as one row."""
    return parameters_to_vector(net.parameters()).detach().clone()
