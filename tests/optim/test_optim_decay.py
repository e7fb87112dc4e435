"""Penalties and decay under a mask: against ``torch.optim`` with two groups, and autograd."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from optim_references import Task, row_of
from torch import Tensor, nn

from goodfit.nets import decaying
from goodfit.optim import PENALTIES, coefficients_of, rule_for
from goodfit.optim.whole import decay_mask, decisions
from goodfit.recipe import (
    L1,
    L2,
    SGD,
    Adam,
    AdamW,
    Decoupled,
    Elastic,
    Momentum,
    NoClip,
    NoPenalty,
    Optimizer,
    Penalty,
    Recipe,
)

STEPS, TOLERANCE = 100, 1e-6


@pytest.fixture(scope="module")
def task() -> Task:
    return Task()


def ours(task: Task, optimizer: Optimizer, penalty: Penalty, *, fused: bool = False) -> Tensor:
    recipe = Recipe(data="digits", optimizer=optimizer, penalty=penalty)
    rule = rule_for(recipe, task.net)
    rates = np.full(STEPS, optimizer.lr)
    table = torch.from_numpy(
        coefficients_of(optimizer, penalty, NoClip(), rates, np.arange(float(STEPS)))
    )
    w = row_of(task.net).unsqueeze(0)
    slots = tuple(torch.zeros_like(w) for _ in rule.slots)
    for numbers, index in zip(table, task.batches(STEPS), strict=True):
        g = task.gradient(w[0], index).unsqueeze(0)
        if fused:
            assert rule.fused is not None
            before = g.clone()
            rule.fused(w[0], g[0], tuple(slot[0] for slot in slots), numbers.tolist())
            assert torch.equal(g, before), "the gradient may be a constant of the graph"
        else:
            w, slots = rule.update(w, g, slots, *numbers)
    return w[0]


def plain(task: Task, make, penalty=lambda weights: 0.0) -> Tensor:
    """Return the weights after a plain loop: two groups, of which only matrices decay."""
    net = copy.deepcopy(task.net)
    weights = [p for p in net.parameters() if p.dim() > 1]
    rest = [p for p in net.parameters() if p.dim() <= 1]
    optimizer = make([{"params": weights}, {"params": rest, "weight_decay": 0.0}])
    for index in task.batches(STEPS):
        optimizer.zero_grad()
        (task.loss(net, index) + penalty(weights)).backward()
        optimizer.step()
    return row_of(net)


def distance(row: Tensor, reference: Tensor) -> float:
    return float((row - reference).norm() / reference.norm())


TWINS = {
    "sgd": (SGD(weight_decay=0.05), lambda g: torch.optim.SGD(g, lr=0.1, weight_decay=0.05)),
    "momentum": (
        Momentum(weight_decay=0.05),
        lambda g: torch.optim.SGD(g, lr=0.02, momentum=0.9, weight_decay=0.05),
    ),
    "adam": (Adam(weight_decay=0.05), lambda g: torch.optim.Adam(g, lr=2e-3, weight_decay=0.05)),
    "adamw": (AdamW(weight_decay=0.5), lambda g: torch.optim.AdamW(g, lr=2e-3, weight_decay=0.5)),
}


FUSED = [name for name in TWINS if name.startswith("adam")]


@pytest.mark.parametrize(
    ("name", "fused"), [*((name, False) for name in TWINS), *((name, True) for name in FUSED)]
)
def test_decay_under_a_mask_is_torchs_with_two_groups(task: Task, name: str, fused: bool) -> None:
    config, make = TWINS[name]
    expected = plain(task, make)
    assert distance(ours(task, config, NoPenalty(), fused=fused), expected) < TOLERANCE
    everywhere = config.model_copy(update={"decay_on": "all"})
    assert distance(ours(task, everywhere, NoPenalty(), fused=fused), expected) > 1e-4


PENALISED = {
    "l1": (L1(strength=1e-3), lambda ws: 1e-3 * sum(w.abs().sum() for w in ws)),
    "l2": (L2(strength=1e-2), lambda ws: 1e-2 * sum((w * w).sum() for w in ws)),
    "elastic": (
        Elastic(alpha=1e-2, beta=1e-3),
        lambda ws: sum(1e-2 * (w * w).sum() + 1e-3 * w.abs().sum() for w in ws),
    ),
}


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("name", PENALISED)
def test_a_penalty_is_the_loss_with_its_sum(task: Task, name: str, fused: bool) -> None:
    penalty, value = PENALISED[name]
    expected = plain(task, lambda g: torch.optim.Adam(g, lr=2e-3), value)
    found = ours(task, Adam(), penalty, fused=fused)
    assert distance(found, expected) < 1e-5
    assert distance(found, plain(task, lambda g: torch.optim.Adam(g, lr=2e-3))) > 1e-3


def test_l1_leaves_a_weight_at_zero() -> None:
    net = nn.Linear(2, 1, bias=False)
    optimizer, penalty = SGD(), L1(strength=1.0)
    rule = rule_for(Recipe(data="digits", optimizer=optimizer, penalty=penalty), net)
    table = coefficients_of(optimizer, penalty, NoClip(), np.array([0.1]), np.zeros(1))
    w, _ = rule.update(
        torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2), (), *torch.from_numpy(table[0])
    )
    assert w.tolist() == [[0.0, pytest.approx(1.9)]]


def test_l2_is_half_a_weight_decay_and_decoupled_is_adamw(task: Task) -> None:
    decay, none = Adam(weight_decay=0.02), NoPenalty()
    assert torch.equal(ours(task, Adam(), L2(strength=0.01)), ours(task, decay, none))
    adamw = ours(task, AdamW(weight_decay=0.3), none)
    assert distance(ours(task, Adam(), Decoupled(strength=0.3)), adamw) < TOLERANCE
    both = ours(task, AdamW(weight_decay=0.1), Decoupled(strength=0.2))
    assert distance(both, adamw) < TOLERANCE


def test_norms_and_biases_do_not_decay() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.PReLU(), nn.Flatten(), nn.Linear(2, 3)
    )
    net.add_module("norm", nn.LayerNorm([3, 4]))
    assert decaying(net) == {"0.weight", "4.weight"}
    mask = decay_mask(AdamW(), net)
    assert mask is not None and mask.sum() == 2 * 9 + 2 * 3
    assert len(mask) == sum(p.numel() for p in net.parameters())
    assert decay_mask(AdamW(decay_on="all"), net) is None
    assert decay_mask(AdamW(), nn.Linear(2, 2, bias=False)) is None


def test_every_penalty_says_its_formula_and_source() -> None:
    for name, made in PENALTIES.items():
        text = made.__doc__ or ""
        assert "``" in text and (name == "none" or "otes" in text or "ICLR" in text)


def test_what_is_decided_is_said_in_words() -> None:
    recipe = Recipe(data="digits", batch_size=128)
    net = nn.Linear(3, 2)
    (decay,) = decisions(recipe, net)
    assert "(6 of 8 weights), not on norms and biases" in decay and "decay_on" in decay
    assert decisions(recipe.model_copy(update={"optimizer": AdamW(decay_on="all")}), net) == ()
    assert decisions(recipe.model_copy(update={"optimizer": SGD()}), net) == ()
    scaled = {"optimizer": SGD(lr=0.1, scale_lr="linear"), "penalty": L1()}
    _, losses, rate = decisions(recipe.model_copy(update=scaled), net)
    assert "without the penalty" in losses
    assert "is 0.4: 0.1 scaled (linear) from batches of 32 to 128 rows" in rate
