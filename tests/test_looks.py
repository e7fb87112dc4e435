"""Looks into our own loop: they measure what a hand-written step does, and move nothing."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import goodfit as gf
from goodfit.engine import Noise, Population, Problem, make_population
from goodfit.looks import EARLY, OwnLooks, look_every
from goodfit.nets import layout_of, with_counted_dropout
from goodfit.optim import coefficient_table, rule_of
from goodfit.records import Looks

RATE = 0.05


def table(num: int, optimizer: gf.SGD | gf.AdamW) -> Tensor:
    rates = np.full((num, 1), RATE)
    return torch.from_numpy(coefficient_table([optimizer], rates, np.arange(float(num))))


def looking(
    net: nn.Module, optimizer: gf.SGD | gf.AdamW, *, num: int = 2
) -> tuple[OwnLooks, Population, Tensor, list]:
    counted = with_counted_dropout(copy.deepcopy(net)).train()
    rule = rule_of(optimizer)
    problem = Problem(counted, layout_of(counted), functional.cross_entropy, rule, 1, nn.Identity())
    population = make_population([counted], rule)
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(16 * num, 6, generator=generator)
    y = torch.randint(0, 3, (16 * num,), generator=generator)
    batches = [(torch.arange(16 * k, 16 * k + 16),) for k in range(num)]
    noise = Noise(problem, population, (x, y), [7])
    looks = OwnLooks(problem, (x, y), noise, kind="cross-entropy", batch_size=16)
    return looks, population, table(num, optimizer), batches


def plain() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def test_numbers_are_those_of_a_hand_written_step() -> None:
    net = plain()
    looks, population, numbers, batches = looking(net, gf.SGD())
    found = Looks.from_json(looks.look(0, population, numbers, batches))
    x, y = looks.data
    optimizer, gradients = torch.optim.SGD(net.parameters(), lr=RATE), []
    for k in range(2):
        optimizer.zero_grad()
        functional.cross_entropy(net(x[16 * k : 16 * k + 16]), y[16 * k : 16 * k + 16]).backward()
        g = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
        gradients.append(g.clone())
        assert found.grad_norm[k] == pytest.approx(float(g.norm()), rel=1e-4)
        assert found.update_norm[k] == pytest.approx(RATE * float(g.norm()), rel=1e-3)
        assert found.descent[k] == pytest.approx(-RATE * float(g.square().sum()), rel=1e-3)
        optimizer.step()
    turn = functional.cosine_similarity(gradients[0], gradients[1], dim=0)
    assert math.isnan(found.turn[0]) and found.turn[1] == pytest.approx(float(turn), abs=1e-4)
    assert found.step == (1, 2) and [layer.kind for layer in found.layers] == [
        *("Linear", "ReLU", "Linear")
    ]


@pytest.mark.parametrize("optimizer", [gf.SGD(), gf.AdamW()], ids=lambda o: o.kind)
def test_a_look_moves_nothing(optimizer: gf.SGD | gf.AdamW) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    looks, population, numbers, batches = looking(net, optimizer)
    before, state = population.clone(), torch.get_rng_state()
    first = looks.look(0, population, numbers, batches)
    assert all(
        torch.equal(a, b) for a, b in zip(before.tensors(), population.tensors(), strict=True)
    )
    assert torch.equal(state, torch.get_rng_state())
    assert not any(module._forward_hooks for module in looks.problem.net.modules())
    looks.units = {}
    again = looks.look(0, population, numbers, batches)
    np.testing.assert_equal(again, first)


def last_look(looks: OwnLooks, population: Population, numbers: Tensor, batches: list) -> Looks:
    """Look 32 times at two batches of 16 rows; halfway what is carried goes to disk and back."""
    rows = []
    for first in range(0, 64, 2):
        if first == 30:
            looks.units = {name: row.clone() for name, row in looks.units.items()}
        rows.append(looks.look(first, population, numbers, batches))
    return Looks.from_json(rows[-1])


def dead_share(looks: Looks) -> float:
    return next(layer.dead_share[-1] for layer in looks.layers if layer.kind == "ReLU")


def test_dead_units_are_counted_over_looks_and_carried_on() -> None:
    net = plain()
    with torch.no_grad():
        net[0].bias[:4] = -100.0  # pyright: ignore[reportIndexIssue, reportOptionalSubscript]
    assert dead_share(last_look(*looking(net, gf.SGD()))) >= 0.5
    assert dead_share(last_look(*looking(plain(), gf.SGD()))) < 0.5


def test_looks_are_due_early_and_then_rarely() -> None:
    looks = looking(plain(), gf.SGD())[0]
    due = [first for first in range(0, 4000, 8) if looks.due(first, 8)]
    assert due[: len(EARLY)] == list(EARLY)
    late = due[len(EARLY) :]
    assert late and all(b - a >= looks.every - 8 for a, b in pairwise(late))
    assert look_every(100_000_000, 128) < look_every(1_000, 32)
