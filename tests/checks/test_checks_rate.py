"""The suggested learning rate: repeatable, verified, in the range that the field uses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from checks_programs import Around, batches, data, mlp, parts, seeded
from torch import nn
from torch.optim import SGD, Adam

from goodfit import DataError
from goodfit.checks import Rate, suggest_lr

cross_entropy = nn.CrossEntropyLoss()
PROGRAMS: dict[str, tuple[Callable[[], nn.Module], str, nn.Module]] = {
    "digits": (lambda: mlp(64, 10), "digits", cross_entropy),
    "wine": (lambda: mlp(13, 3), "wine", cross_entropy),
    "diabetes": (lambda: mlp(10, 1), "diabetes", nn.MSELoss()),
}
RANGES = {
    "adam": (Adam, 1e-3, 5e-2),
    "momentum": (partial(SGD, lr=1.0, momentum=0.9), 3e-3, 0.5),
    "sgd": (partial(SGD, lr=1.0), 2e-2, 3.0),
}


def suggested(name: str, seed: int, optimizer: Callable[..., torch.optim.Optimizer]) -> Rate:
    make, table, loss = PROGRAMS[name]
    seeds = (3 * seed, 3 * seed + 1, 3 * seed + 2)
    train, _ = parts(table)
    return suggest_lr(seeded(seed, make), loss, train, optimizer=optimizer, seeds=seeds)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("optimizer", RANGES)
def test_other_starts_and_seeds_give_a_like_rate_in_the_usual_range(
    name: str, optimizer: str
) -> None:
    make, low, high = RANGES[optimizer]
    rates = [suggested(name, seed, make) for seed in range(2)]
    for rate in rates:
        assert rate.verified
        assert low <= rate.lr <= high
        assert rate.low <= rate.lr <= rate.high
        assert len(rate.curve.x) == len(rate.curve.y) <= 64
        assert "Loss after" in rate.because
    assert max(r.lr for r in rates) <= 5.0 * min(r.lr for r in rates)


def test_the_same_arguments_give_the_same_rate_and_leave_no_trace() -> None:
    net = seeded(0, lambda: mlp(64, 10, dropout=0.3))
    train, before = parts("digits")[0], torch.get_rng_state()
    weights = [p.clone() for p in net.parameters()]
    first = suggest_lr(net, cross_entropy, train)
    assert suggest_lr(net, cross_entropy, train) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(p, w) for p, w in zip(net.parameters(), weights, strict=True))
    assert all(p.grad is None for p in net.parameters())
    assert Rate.from_json(first.to_json()) == first


def test_where_no_rate_helps_the_usual_one_is_given_and_it_is_said() -> None:
    net = Around(nn.Linear(64, 10), lambda net, x: 0 * net(x))
    rate = suggest_lr(net, cross_entropy, batches(*data("digits")))
    assert (rate.lr, rate.verified) == (1e-3, False)
    assert "No rate lowers the loss" in rate.because


def test_no_batches_are_an_error() -> None:
    with pytest.raises(DataError, match="no batches"):
        suggest_lr(mlp(64, 10), cross_entropy, [])
