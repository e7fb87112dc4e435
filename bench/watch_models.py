"""Five models to be watched, from a small MLP to a ResNet, on random data: only time counts."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

CLASSES = 10


@dataclass(frozen=True)
class Model:
    """A network, the shape of its input, a batch size, and how few steps still say something."""

    name: str
    net: Callable[[], nn.Module]
    shape: tuple[int, ...]
    batch_size: int
    min_steps: int = 20

    def batch(self) -> tuple[Tensor, Tensor]:
        """Draw a batch."""
        x = torch.randn(self.batch_size, *self.shape)
        return x, torch.randint(0, CLASSES, (self.batch_size,))

    def step_s(self) -> float:
        """About what a step takes, the fastest of four."""
        net, (x, y) = self.net(), self.batch()
        optimizer, loss_fn = torch.optim.AdamW(net.parameters()), nn.CrossEntropyLoss()
        times = []
        for _ in range(4):
            began = time.perf_counter()
            optimizer.zero_grad()
            loss_fn(net(x), y).backward()
            optimizer.step()
            times.append(time.perf_counter() - began)
        return min(times)


def mlp(*sizes: int) -> nn.Module:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for width, following in pairwise(sizes[:-1]):
        layers += [nn.Linear(width, following), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def cnn() -> nn.Module:
    """Two convolutions with batch norm, pooling, and a linear layer."""
    layers: list[nn.Module] = []
    for width, following in ((1, 16), (16, 32)):
        conv = nn.Conv2d(width, following, 3, padding=1)
        layers += [conv, nn.BatchNorm2d(following), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 7 * 7, CLASSES))


class Encoder(nn.Module):
    """A small transformer on sequences of 32 vectors."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.1, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Scores ``[N, classes]`` of ``[N, 32, 64]``."""
        return self.head(self.body(x).mean(1))


class Block(nn.Module):
    """Two convolutions with batch norm beside a shortcut."""

    def __init__(self, width: int, following: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, following, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(following)
        self.conv2 = nn.Conv2d(following, following, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(following)
        self.relu = nn.ReLU(inplace=True)
        self.down = nn.Conv2d(width, following, 1, stride, bias=False) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both ways."""
        made = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(made + (x if self.down is None else self.down(x)))


def resnet() -> nn.Module:
    """A ResNet-20 as for CIFAR-10, 0.27 million weights."""
    blocks: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    for width, following in ((16, 16), (16, 32), (32, 64)):
        blocks.append(Block(width, following, following // width))
        blocks += [Block(following, following, 1) for _ in range(2)]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))


MODELS = (
    Model("mlp-b32", lambda: mlp(64, 64, 64, CLASSES), (64,), 32),
    Model("mlp-wide-b128", lambda: mlp(784, 256, 128, CLASSES), (784,), 128),
    Model("cnn-b128", cnn, (1, 28, 28), 128),
    Model("transformer-b64", Encoder, (32, 64), 64),
    Model("resnet20-b128", resnet, (3, 32, 32), 128),
)
