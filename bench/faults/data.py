"""The data of the bases: what trains, what validates, and the part that only the oracle sees.

The split is fixed, so the spread of a healthy twin is that of initial weights and batch order.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
    make_friedman1,
)
from torch import Tensor
from torch.nn import functional as F

from bench.data_folder import FOLDER_VARIABLE, fashion_mnist_folder
from bench.idx import fashion_mnist

Task = Literal["classification", "binary", "regression"]
SPLIT_SEED = 20
# Whole tables are split 60 / 15 / 25; Fashion-MNIST is cut to these numbers of images.
SHARES = (0.60, 0.75)
FASHION_ROWS = (2400, 3000, 4500)
NUM_TOKENS, LENGTH, NUM_SEQUENCES = 12, 12, 3200


@dataclass(frozen=True)
class Rows:
    """Inputs ``[N, ...]`` and targets ``[N]`` (class) or ``[N, 1]`` (quantity, binary)."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def pick(self, index: Tensor) -> "Rows":
        """The rows at the places ``index``."""
        return Rows(self.x[index], self.y[index])


@dataclass(frozen=True)
class Parts:
    """The three parts of a data set."""

    train: Rows
    validation: Rows
    sealed: Rows
    num_classes: int

    def over(self, *names: str, change: Callable[[Rows], Rows]) -> "Parts":
        """Change the named parts by a function of rows."""
        return replace(self, **{name: change(getattr(self, name)) for name in names})


def pair_of(load: Callable[..., Any]) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of one of scikit-learn's data sets."""
    x, y = load(return_X_y=True)
    return x, y


def _split(x: Tensor, y: Tensor, ends: tuple[int, int, int], num_classes: int) -> Parts:
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(SPLIT_SEED))
    first, second, third = ends
    rows = Rows(x, y)
    return Parts(
        rows.pick(order[:first]),
        rows.pick(order[first:second]),
        rows.pick(order[second:third]),
        num_classes,
    )


def _table(x: np.ndarray, y: np.ndarray, num_classes: int) -> Parts:
    """Split, then standardise inputs (and a quantity) by the training rows."""
    inputs = torch.from_numpy(np.asarray(x)).float()
    target = torch.from_numpy(np.asarray(y))
    target = target.long() if num_classes else target.float()[:, None]
    ends = (int(SHARES[0] * len(x)), int(SHARES[1] * len(x)), len(x))
    parts = _split(inputs, target, ends, num_classes)
    mean, std = parts.train.x.mean(0), parts.train.x.std(0).clamp_min(1e-3)
    parts = parts.over(
        *PART_NAMES, change=lambda rows: Rows(((rows.x - mean) / std).clamp(-6, 6), rows.y)
    )
    if num_classes:
        return parts
    centre, scale = parts.train.y.mean(), parts.train.y.std()
    return parts.over(*PART_NAMES, change=lambda rows: Rows(rows.x, (rows.y - centre) / scale))


PART_NAMES = ("train", "validation", "sealed")


@cache
def digits() -> Parts:
    """scikit-learn's digits as flat rows, ``[N, 64]``, 10 classes."""
    return _table(*pair_of(load_digits), 10)


@cache
def digit_images() -> Parts:
    """The same as images ``[N, 1, 8, 8]``, standardised as a whole."""
    x, y = pair_of(load_digits)
    images = torch.from_numpy(x).float().reshape(-1, 1, 8, 8)
    ends = (int(SHARES[0] * len(x)), int(SHARES[1] * len(x)), len(x))
    return _split((images - 4.88) / 6.02, torch.from_numpy(y).long(), ends, 10)


@cache
def cancer() -> Parts:
    """Breast cancer, 30 features, 2 classes."""
    return _table(*pair_of(load_breast_cancer), 2)


@cache
def cancer_binary() -> Parts:
    """Breast cancer with a float target ``[N, 1]`` of 0 and 1, for one logit."""
    return cancer().over(*PART_NAMES, change=lambda rows: Rows(rows.x, rows.y[:, None].float()))


@cache
def rare_cancer() -> Parts:
    """Breast cancer with one class thinned to 0.3 of an equal share: class weights are in place."""

    def thin(rows: Rows) -> Rows:
        keep = torch.cat([(rows.y == 1).nonzero()[:, 0], (rows.y == 0).nonzero()[:36, 0]])
        return rows.pick(keep)

    return cancer().over("train", change=thin)


@cache
def wine() -> Parts:
    """Wine, 13 features, 3 classes."""
    return _table(*pair_of(load_wine), 3)


@cache
def diabetes() -> Parts:
    """Diabetes, 10 features, a quantity."""
    return _table(*pair_of(load_diabetes), 0)


@cache
def friedman() -> Parts:
    """Friedman's first function with noise, 10 features of which 5 matter, a quantity."""
    return _table(*make_friedman1(n_samples=1600, noise=1.0, random_state=SPLIT_SEED), 0)


@cache
def fashion() -> Parts:
    """4,500 images of Fashion-MNIST, halved to ``[N, 1, 14, 14]`` by averaging; 10 classes."""
    folder = fashion_mnist_folder(Path(os.environ.get(FOLDER_VARIABLE, "")))
    images, labels = fashion_mnist(folder, limit=FASHION_ROWS[-1])
    x = F.avg_pool2d(torch.from_numpy(images).float()[:, None] / 255, 2)
    return _split((x - 0.286) / 0.32, torch.from_numpy(labels).long(), FASHION_ROWS, 10)


@cache
def fashion_rows() -> Parts:
    """The same images as flat rows."""
    return fashion().over(*PART_NAMES, change=lambda rows: Rows(rows.x.flatten(1), rows.y))


def _tokens(salt: int) -> tuple[torch.Generator, Tensor]:
    generator = torch.Generator().manual_seed(SPLIT_SEED + salt)
    return generator, torch.randint(4, NUM_TOKENS, (NUM_SEQUENCES, LENGTH), generator=generator)


def _sequences(x: Tensor, y: Tensor, num_classes: int) -> Parts:
    ends = (int(0.5 * len(x)), int(0.625 * len(x)), len(x))
    return _split(x, y, ends, num_classes)


@cache
def counts() -> Parts:
    """Token sequences; the class is which of the tokens 0 to 3 stands there three times.

    Two of the others stand there twice, so a single token tells little.
    """
    generator, x = _tokens(1)
    y = torch.randint(4, (NUM_SEQUENCES, 1), generator=generator)
    places = torch.rand(NUM_SEQUENCES, LENGTH, generator=generator).argsort(1)
    for first, last, token in ((0, 3, y), (3, 5, (y + 1) % 4), (5, 7, (y + 2) % 4)):
        x.scatter_(1, places[:, first:last], token.expand(-1, last - first))
    return _sequences(x, y[:, 0], 4)


@cache
def orders() -> Parts:
    """Token sequences; the class says whether 0 stands before 1, and whether 2 before 3."""
    generator, x = _tokens(2)
    places = torch.rand(NUM_SEQUENCES, LENGTH, generator=generator).argsort(1)[:, :4]
    x.scatter_(1, places, torch.arange(4).expand(NUM_SEQUENCES, 4))
    y = 2 * (places[:, 0] < places[:, 1]) + 1 * (places[:, 2] < places[:, 3])
    return _sequences(x, y.long(), 4)
