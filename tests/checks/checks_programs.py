"""Small programs for the checks: real data in batches, healthy networks, faults to plant."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from torch import Tensor, nn
from torch.nn import functional

Batches = list[tuple[Tensor, Tensor]]
LOADERS = {
    "digits": load_digits,
    "wine": load_wine,
    "breast-cancer": load_breast_cancer,
    "diabetes": load_diabetes,
}
ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "leaky": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}


@functools.cache
def _table(name: str) -> tuple[Tensor, Tensor]:
    inputs, target = (np.asarray(part) for part in LOADERS[name](return_X_y=True))
    spread = inputs.std(0) if name != "digits" else inputs.std()
    x = torch.tensor((inputs - inputs.mean(0)) / spread, dtype=torch.float32)
    if name != "diabetes":
        return x, torch.tensor(target)
    y = torch.tensor((target - target.mean()) / target.std(), dtype=torch.float32)
    return x, y[:, None]


def data(name: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return shuffled inputs and targets; "tokens", "copies" and "waves" are made up."""
    generator = torch.Generator().manual_seed(seed)
    if name == "tokens":
        x = torch.randint(0, 20, (800, 16), generator=generator)
        return x, (x[:, :8].sum(1) > x[:, 8:].sum(1)).long()
    if name == "copies":
        x = torch.randint(0, 12, (600, 10), generator=generator)
        return x, x.flip(1)
    if name == "waves":
        x = torch.randn(800, 20, 6, generator=generator)
        return x, (x[:, :, 0].sum(1) > 0).long() + (x[:, :, 1].sum(1) > 0).long()
    if name == "small-images":
        x, y = data("digits", seed)
        return x.reshape(-1, 1, 8, 8), y
    x, y = _table(name)
    order = torch.randperm(len(x), generator=generator)
    return x[order], y[order]


def batches(x: Tensor, y: Tensor, size: int = 32) -> Batches:
    """Return whole batches."""
    starts = range(0, len(x) - size + 1, size)
    return [(x[start : start + size], y[start : start + size]) for start in starts]


def parts(name: str, seed: int = 0, size: int = 32) -> tuple[Batches, Batches]:
    """Return batches of a training part and of a validation part."""
    x, y = data(name, seed)
    cut = len(x) * 4 // 5
    return batches(x[:cut], y[:cut], size), batches(x[cut:], y[cut:], 16)


def changed(given: Batches, change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Batches:
    """Return batches with each one changed."""
    return [change(x, y) for x, y in given]


def sorted_batches(given: Batches) -> Batches:
    """Return the rows of batches sorted by their targets."""
    x, y = torch.cat([x for x, _ in given]), torch.cat([y for _, y in given])
    order = y.argsort()
    return batches(x[order], y[order], len(given[0][1]))


def mixed_up(given: Batches, num_classes: int) -> Batches:
    """Return batches mixed with themselves, targets as shares (MixUp)."""

    def mix(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        shares = functional.one_hot(y, num_classes).float()
        return 0.7 * x + 0.3 * x.flip(0), 0.7 * shares + 0.3 * shares.flip(0)

    return changed(given, mix)


def mlp(
    num_inputs: int,
    num_outputs: int,
    hidden: tuple[int, ...] = (64, 64),
    *,
    activation: str = "relu",
    norm: Callable[[int], nn.Module] | None = None,
    dropout: float = 0.0,
) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for width in hidden:
        layers += [nn.Linear(num_inputs, width), *([norm(width)] if norm else [])]
        layers += [ACTIVATIONS[activation](), *([nn.Dropout(dropout)] if dropout else [])]
        num_inputs = width
    return nn.Sequential(*layers, nn.Linear(num_inputs, num_outputs))


def cnn(*, batch_norm: bool = False, dropout: float = 0.0, size: int = 8) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, width in ((1, 8), (8, 16)):
        norm = [nn.BatchNorm2d(width)] if batch_norm else []
        layers += [nn.Conv2d(before, width, 3, padding=1), *norm, nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Dropout(dropout), nn.Linear(16 * (size // 4) ** 2, 10)]
    return nn.Sequential(*layers, *head)


class Block(nn.Module):
    """A residual block, with an addition and ReLUs in place."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(width) for _ in range(2)])
        self.short = nn.Conv2d(before, width, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.relu(self.norms[0](self.first(x)))
        hidden = self.norms[1](self.second(hidden))
        hidden += self.short(x)
        return self.relu(hidden)


class ResNet(nn.Module):
    def __init__(self, *, zero_branches: bool = False) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(1, 8), nn.MaxPool2d(2), Block(8, 16))
        self.head = nn.Linear(16, 10)
        for block in (self.blocks[0], self.blocks[2]):
            if zero_branches and isinstance(block, Block):
                nn.init.zeros_(block.get_parameter("norms.1.weight"))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(x).mean((2, 3)))


class Transformer(nn.Module):
    """Two encoder layers over token ids or floats; one answer a sequence, or one a token."""

    def __init__(
        self, num_outputs: int, *, floats: int = 0, by_token: bool = False, batch_first: bool = True
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(floats, 32) if floats else nn.Embedding(20, 32)
        self.place = nn.Parameter(0.02 * torch.randn(1, 20, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, 0.1, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head, self.by_token = nn.Linear(32, num_outputs), by_token

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.encoder(self.embed(x) + self.place[:, : x.shape[1]])
        return self.head(hidden).transpose(1, 2) if self.by_token else self.head(hidden.mean(1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(6, 24, batch_first=True), nn.Linear(24, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Around(nn.Module):
    """A network with a function of it and its input for forward."""

    def __init__(self, net: nn.Module, forward: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.net, self.function = net, forward

    def forward(self, x: Tensor) -> Any:
        return self.function(self.net, x)


INITS: dict[str, Callable[[Tensor], Any]] = {
    "default": lambda weight: None,
    "he": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "xavier": nn.init.xavier_uniform_,
}


def layers_of(net: nn.Module) -> Iterator[nn.Linear | nn.Conv2d]:
    """Yield the dense and convolutional layers of a network."""
    yield from (m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d))


def started(net: nn.Module, init: str) -> nn.Module:
    """Start the weights as named, biases at 0 unless PyTorch's default is asked for."""
    for layer in layers_of(net):
        INITS[init](layer.weight)
        if init != "default" and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return net


def with_weights(net: nn.Module, draw: Callable[[Tensor], Any]) -> nn.Module:
    """Draw all weights anew, biases at 0."""
    for layer in layers_of(net):
        draw(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return net


def seeded(seed: int, make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
