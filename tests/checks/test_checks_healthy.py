"""Healthy programs of many kinds are left in peace: no warning, no error, nothing that broke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from checks_programs import (
    INITS,
    Around,
    Batches,
    Recurrent,
    ResNet,
    Transformer,
    changed,
    cnn,
    mixed_up,
    mlp,
    parts,
    seeded,
    started,
)
from torch import Tensor, nn
from torch.nn import functional

from goodfit.checks import check
from goodfit.checks.family import UNFINISHED


@dataclass(frozen=True)
class Program:
    """A network on data with a loss."""

    data: str
    make: Callable[[], nn.Module]
    loss: Callable[[Any, Any], Any] = functional.cross_entropy
    change: Callable[[Batches], Batches] = list


def as_column(given: Batches) -> Batches:
    return changed(given, lambda x, y: (x, y.float()[:, None]))


def log_softmax(net: nn.Module) -> nn.Module:
    return nn.Sequential(net, nn.LogSoftmax(dim=1))


def flat_cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.transpose(1, 2).flatten(0, 1), y.flatten())


def squared(outputs: Tensor, y: Tensor) -> Tensor:
    return (outputs - y).square().mean()


def zero_head() -> nn.Module:
    net = mlp(64, 10)
    nn.init.zeros_(net[-1].get_parameter("weight"))
    return net


weighted = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]))
heavy = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]))
PROGRAMS: dict[str, Program] = {
    "mlp-digits": Program("digits", lambda: mlp(64, 10)),
    "mlp-unit-interval": Program(
        "digits",
        lambda: mlp(64, 10),
        change=partial(changed, change=lambda x, y: ((x - x.min()) / (x.max() - x.min()), y)),
    ),
    "mlp-deep": Program("digits", lambda: mlp(64, 10, (64,) * 6)),
    "mlp-narrow": Program("digits", lambda: mlp(64, 10, (8, 8))),
    "mlp-tanh": Program("digits", lambda: mlp(64, 10, activation="tanh")),
    "mlp-sigmoid": Program("digits", lambda: mlp(64, 10, (32,), activation="sigmoid")),
    "mlp-gelu-smooth": Program(
        "digits",
        lambda: mlp(64, 10, activation="gelu", dropout=0.2),
        nn.CrossEntropyLoss(label_smoothing=0.1),
    ),
    "mlp-wine": Program("wine", lambda: mlp(13, 3, norm=nn.LayerNorm, dropout=0.5), weighted),
    "mlp-batch-norm": Program("wine", lambda: mlp(13, 3, norm=nn.BatchNorm1d, dropout=0.3)),
    "mlp-mixup": Program("digits", lambda: mlp(64, 10), change=partial(mixed_up, num_classes=10)),
    "linear": Program("wine", lambda: mlp(13, 3, ())),
    "zero-head": Program("digits", zero_head),
    "nll": Program("digits", lambda: log_softmax(mlp(64, 10)), nn.NLLLoss()),
    "one-output": Program(
        "breast-cancer", lambda: mlp(30, 1), nn.BCEWithLogitsLoss(), change=as_column
    ),
    "one-output-weighted": Program("breast-cancer", lambda: mlp(30, 1), heavy, change=as_column),
    "probability": Program(
        "breast-cancer",
        lambda: nn.Sequential(mlp(30, 1), nn.Sigmoid()),
        nn.BCELoss(),
        change=as_column,
    ),
    "two-outputs": Program("breast-cancer", lambda: mlp(30, 2)),
    "mse": Program("diabetes", lambda: mlp(10, 1), nn.MSELoss()),
    "l1": Program("diabetes", lambda: mlp(10, 1), nn.L1Loss()),
    "huber": Program("diabetes", lambda: mlp(10, 1, activation="tanh"), nn.HuberLoss()),
    "own-squares": Program("diabetes", lambda: mlp(10, 1, dropout=0.2), squared),
    "linear-regression": Program("diabetes", lambda: mlp(10, 1, ()), nn.MSELoss()),
    "cnn": Program("small-images", lambda: cnn(dropout=0.2)),
    "cnn-batch-norm": Program("small-images", lambda: cnn(batch_norm=True)),
    "resnet": Program("small-images", ResNet),
    "resnet-zero-branches": Program("small-images", lambda: ResNet(zero_branches=True)),
    "transformer-tokens": Program("tokens", lambda: Transformer(2)),
    "transformer-floats": Program("waves", lambda: Transformer(3, floats=6)),
    "transformer-by-token": Program("copies", lambda: Transformer(12, by_token=True)),
    "transformer-flat-loss": Program(
        "copies", lambda: Transformer(12, by_token=True), flat_cross_entropy
    ),
    "lstm": Program("waves", Recurrent),
    "own-noise": Program(
        "digits", lambda: Around(mlp(64, 10), lambda net, x: net(x + 0.01 * torch.randn(x.shape)))
    ),
}


def judge(name: str, init: str, seed: int) -> None:
    program = PROGRAMS[name]
    train, validation = (program.change(part) for part in parts(program.data, seed))
    net = seeded(100 + seed, program.make)
    if name != "zero-head":
        net = seeded(200 + seed, lambda: started(net, init))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    checked = check(net, program.loss, train, optimizer=optimizer, validation=validation)
    assert [str(finding) for finding in checked if finding.severity != "info"] == []
    assert [v.because for v in checked.verdicts if UNFINISHED in v.because] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_healthy_program_is_left_in_peace(name: str) -> None:
    judge(name, list(INITS)[len(name) % len(INITS)], seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_healthy_program_is_left_in_peace_over_starts_and_seeds(name: str, init: str) -> None:
    for seed in range(1, 4):
        judge(name, init, seed)
