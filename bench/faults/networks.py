"""The networks: all are ``Sequential(body, head)``, so that a fault can be put between the two."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from bench.faults.data import LENGTH, NUM_TOKENS

Activation = Callable[[], nn.Module]


def two_parts(body: nn.Module, head: nn.Module) -> nn.Sequential:
    """A network of a body, which gives features ``[N, F]``, and a head."""
    return nn.Sequential(OrderedDict(body=body, head=head))


def mlp(
    num_in: int,
    num_out: int,
    *,
    hidden: tuple[int, ...] = (64, 64),
    activation: Activation = nn.ReLU,
    norm: Callable[[int], nn.Module] | None = None,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Dense layers; optionally a norm before, and dropout behind, each activation."""
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in pairwise((num_in, *hidden)):
        layers += [nn.Linear(fan_in, fan_out), *([norm(fan_out)] if norm else []), activation()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return two_parts(nn.Sequential(*layers), nn.Linear(hidden[-1], num_out))


def cnn(
    size: int,
    num_out: int,
    *,
    hidden: tuple[int, ...] = (12, 24),
    activation: Activation = nn.ReLU,
    norm: Callable[[int], nn.Module] | None = None,
    dropout: float = 0.0,
) -> nn.Sequential:
    """3x3 convolutions with halving between them, and one dense layer."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise((1, *hidden)):
        layers += [nn.Conv2d(fan_in, fan_out, 3, padding=1), *([norm(fan_out)] if norm else [])]
        layers += [activation(), nn.MaxPool2d(2)]
        size //= 2
    layers += [nn.Flatten(), *([nn.Dropout(dropout)] if dropout else [])]
    return two_parts(nn.Sequential(*layers), nn.Linear(hidden[-1] * size * size, num_out))


class Residual(nn.Module):
    """``x + inner(x)``."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Add what the inner layers make of ``x``."""
        return x + self.inner(x)


def residual_mlp(
    num_in: int,
    num_out: int,
    *,
    hidden: tuple[int, ...] = (48, 48),
    activation: Activation = nn.GELU,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Dense residual blocks with layer norm; as many as ``hidden`` has entries."""
    width = hidden[0]
    blocks = [
        Residual(
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, 2 * width),
                activation(),
                nn.Dropout(dropout),
                nn.Linear(2 * width, width),
            )
        )
        for _ in hidden
    ]
    body = nn.Sequential(nn.Flatten(), nn.Linear(num_in, width), *blocks, nn.LayerNorm(width))
    return two_parts(body, nn.Linear(width, num_out))


class ConvBlock(nn.Module):
    """The basic block of a ResNet: two 3x3 convolutions with batch norm, and a shortcut."""

    def __init__(self, fan_in: int, fan_out: int, activation: Activation) -> None:
        super().__init__()
        stride = 1 if fan_in == fan_out else 2
        self.conv1 = nn.Conv2d(fan_in, fan_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(fan_out)
        self.act1 = activation()
        self.conv2 = nn.Conv2d(fan_out, fan_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(fan_out)
        self.act2 = activation()
        self.shortcut = nn.Identity()
        if stride == 2:
            self.shortcut = nn.Conv2d(fan_in, fan_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, fan_in, H, W]`` to ``[N, fan_out, H', W']``."""
        inner = self.act1(self.norm1(self.conv1(x)))
        return self.act2(self.norm2(self.conv2(inner)) + self.shortcut(x))


def resnet(
    num_out: int,
    *,
    hidden: tuple[int, ...] = (12, 24),
    activation: Activation = nn.ReLU,
    dropout: float = 0.0,
) -> nn.Sequential:
    """A ResNet: a stem, one block per entry of ``hidden``, global averaging."""
    width = hidden[0]
    stem = [nn.Conv2d(1, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), activation()]
    blocks = [ConvBlock(a, b, activation) for a, b in pairwise((width, *hidden))]
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *([nn.Dropout(dropout)] if dropout else [])]
    return two_parts(nn.Sequential(*stem, *blocks, *tail), nn.Linear(hidden[-1], num_out))


class LastState(nn.Module):
    """The last state ``[N, H]`` of a gated recurrent network over embedded tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(NUM_TOKENS, width)
        self.cells = nn.GRU(width, width, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """``[N, T]`` tokens to ``[N, H]``."""
        return self.cells(self.embed(tokens))[1][-1]


def gru(
    num_out: int, *, hidden: tuple[int, ...] = (32,), activation: Activation = nn.ReLU
) -> nn.Sequential:
    """A recurrent network, one dense layer behind its last state, and a head."""
    width = hidden[0]
    body = nn.Sequential(LastState(width), nn.Linear(width, width), activation())
    return two_parts(body, nn.Linear(width, num_out))


class Embedded(nn.Module):
    """Tokens ``[N, T]`` to vectors ``[N, T, D]``, with a learned vector for each place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token = nn.Embedding(NUM_TOKENS, width)
        self.place = nn.Embedding(LENGTH, width)
        nn.init.normal_(self.token.weight, std=0.5)
        nn.init.normal_(self.place.weight, std=0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add the vector of the token and that of its place."""
        return self.token(tokens) + self.place(torch.arange(tokens.shape[1]))


class Encoder(nn.Module):
    """Torch's transformer layers over embedded tokens, averaged over the places."""

    def __init__(self, width: int, depth: int, dropout: float, batch_first: bool) -> None:
        super().__init__()
        self.embedded = Embedded(width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, 2, 2 * width, dropout, batch_first=batch_first, norm_first=True
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """``[N, T]`` tokens to ``[N, D]``."""
        h = self.embedded(tokens)
        for layer in self.layers:
            h = layer(h)
        return self.norm(h).mean(1)


def transformer(
    num_out: int,
    *,
    hidden: tuple[int, ...] = (32, 32),
    dropout: float = 0.0,
    batch_first: bool = True,
) -> nn.Sequential:
    """A small transformer; ``batch_first=False`` is a mistake that runs all the same."""
    encoder = Encoder(hidden[0], len(hidden), dropout, batch_first)
    return two_parts(encoder, nn.Linear(hidden[0], num_out))
