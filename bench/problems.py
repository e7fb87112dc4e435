"""What is trained: data held as tensors, a network, batch size, epochs, learning rate."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.idx import fashion_mnist

WEIGHT_DECAY = 0.01
NUM_CLASSES = 10
FASHION_SUBSET = 12_800
FASHION_BATCH_SIZE = 128
# Mean and standard deviation of the 60,000 training images, pixels in [0, 1].
FASHION_MEAN, FASHION_STD = 0.2860, 0.3530


@dataclass(frozen=True)
class Problem:
    """One training task; the data are whole batches, so nobody meets a partial one.

    `epochs` is how many epochs are timed, `lr` the learning rate of AdamW.
    """

    name: str
    x: Tensor
    y: Tensor
    make_net: Callable[[], nn.Sequential]
    batch_size: int
    epochs: int
    lr: float = 1e-3

    @property
    def steps_per_epoch(self) -> int:
        """Exact number of steps in an epoch."""
        return len(self.x) // self.batch_size


def make_mlp(*widths: int) -> nn.Sequential:
    """Dense layers with ReLU between them; takes flat input."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def make_cnn() -> nn.Sequential:
    """Two 3x3 convolutions, each with ReLU and 2x2 max-pooling, and a dense layer; 1x28x28 in."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, NUM_CLASSES),
    )


def digits() -> tuple[Tensor, Tensor]:
    """The 1,797 digits of scikit-learn, each feature standardised, float32 `[n, 64]`."""
    # Imported here: scikit-learn would add to the memory that `memory.py` measures.
    from sklearn.datasets import load_digits  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    x, y = load_digits(return_X_y=True)
    return torch.from_numpy(StandardScaler().fit_transform(x)).float(), torch.from_numpy(y).long()


def fashion(folder: Path, *, limit: int | None) -> tuple[Tensor, Tensor]:
    """The first Fashion-MNIST training images, standardised, float32 `[n, 28, 28]`."""
    images, labels = fashion_mnist(folder, limit=limit)
    x = torch.from_numpy(images).float()
    x.div_(255).sub_(FASHION_MEAN).div_(FASHION_STD)
    return x, torch.from_numpy(labels).long()


def whole_batches(x: Tensor, y: Tensor, batch_size: int) -> dict[str, Tensor]:
    """Drop the last samples that would make a partial batch."""
    size = len(x) // batch_size * batch_size
    return {"x": x[:size], "y": y[:size]}


def digits_mlp(name: str, *, batch_size: int, epochs: int) -> Problem:
    """MLP 64-64-64-10 on the digits."""
    data = whole_batches(*digits(), batch_size)
    net = partial(make_mlp, 64, 64, 64, NUM_CLASSES)
    return Problem(name, **data, make_net=net, batch_size=batch_size, epochs=epochs)


@dataclass(frozen=True)
class FashionTask:
    """What is trained on Fashion-MNIST: a network, the shape it takes a sample in, epochs."""

    make_net: Callable[[], nn.Sequential]
    sample_shape: tuple[int, ...]
    epochs: int


DIGITS_PROBLEMS: dict[str, Callable[[str], Problem]] = {
    "digits-mlp-b32": partial(digits_mlp, batch_size=32, epochs=60),
    "digits-mlp-b128": partial(digits_mlp, batch_size=128, epochs=100),
}
FASHION_TASKS = {
    "fashion-mlp-b128": FashionTask(partial(make_mlp, 784, 256, 128, NUM_CLASSES), (784,), 6),
    "fashion-cnn-b128": FashionTask(make_cnn, (1, 28, 28), 2),
}
PROBLEM_NAMES = (*DIGITS_PROBLEMS, *FASHION_TASKS)


def fashion_problem(name: str, folder: Path, *, limit: int | None = FASHION_SUBSET) -> Problem:
    """One of `FASHION_TASKS` on the first `limit` images, or on all 60,000 for `None`."""
    task = FASHION_TASKS[name]
    x, y = fashion(folder, limit=limit)
    data = whole_batches(x.reshape(-1, *task.sample_shape), y, FASHION_BATCH_SIZE)
    return Problem(
        name, **data, make_net=task.make_net, batch_size=FASHION_BATCH_SIZE, epochs=task.epochs
    )


def load_problem(name: str, folder: Path | None) -> Problem:
    """Build a problem by name; `folder` holds Fashion-MNIST where the problem needs it."""
    if name in DIGITS_PROBLEMS:
        return DIGITS_PROBLEMS[name](name)
    if folder is None:
        raise ValueError(f"{name} needs the folder of Fashion-MNIST")
    return fashion_problem(name, folder)
