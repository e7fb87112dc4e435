"""Frozen layers and rates by layer against ``torch.optim`` with parameter groups."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from optim_references import Task, row_of
from torch import Tensor, nn

from goodfit.engine import by_row
from goodfit.loop import Budget, coefficients
from goodfit.nets import layout_of
from goodfit.optim import rule_for
from goodfit.recipe import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    ClipNorm,
    Constant,
    Momentum,
    Nesterov,
    Optimizer,
    Recipe,
    RMSProp,
    Transfer,
)

STEPS, EPOCH = 24, 4
RATE, DECAY = 0.01, 0.05
Group = dict[str, object]
MAKERS: dict[str, tuple[Optimizer, Callable[[list[Group]], torch.optim.Optimizer]]] = {
    "sgd": (
        SGD(lr=RATE, weight_decay=DECAY),
        lambda groups: torch.optim.SGD(groups, lr=RATE, weight_decay=DECAY),
    ),
    "momentum": (
        Momentum(lr=RATE, weight_decay=DECAY),
        lambda groups: torch.optim.SGD(groups, lr=RATE, momentum=0.9, weight_decay=DECAY),
    ),
    "nesterov": (
        Nesterov(lr=RATE, weight_decay=DECAY),
        lambda groups: torch.optim.SGD(
            groups, lr=RATE, momentum=0.9, weight_decay=DECAY, nesterov=True
        ),
    ),
    "adagrad": (Adagrad(lr=RATE), lambda groups: torch.optim.Adagrad(groups, lr=RATE)),
    "rmsprop": (RMSProp(lr=RATE), lambda groups: torch.optim.RMSprop(groups, lr=RATE)),
    "adam": (
        Adam(lr=RATE, weight_decay=DECAY),
        lambda groups: torch.optim.Adam(groups, lr=RATE, weight_decay=DECAY),
    ),
    "adamw": (
        AdamW(lr=RATE, weight_decay=DECAY),
        lambda groups: torch.optim.AdamW(groups, lr=RATE, weight_decay=DECAY),
    ),
}
FIRST = ("0.weight", "0.bias")


def recipe_of(optimizer: Optimizer, transfer: Transfer, **more: object) -> Recipe:
    optimizer = optimizer.model_copy(update={"decay_on": "all"})
    recipe = Recipe(
        data="digits", optimizer=optimizer, schedule=Constant(warmup=0.0), transfer=transfer
    )
    return recipe.model_copy(update=more)


def by_rule(recipe: Recipe, num_steps: int = STEPS) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """Return the row after each step by the rule, and the state at the end."""
    task = Task()
    rule, w = rule_for(recipe, task.net), row_of(task.net).unsqueeze(0)
    slots = tuple(torch.zeros_like(w) for _ in rule.slots)
    slots += tuple(w.new_zeros(1, num) for num in rule.windows)
    table = coefficients(recipe, np.arange(num_steps), Budget(EPOCH, num_steps))
    rows = []
    for numbers, index in zip(table, task.batches(num_steps), strict=True):
        g = task.gradient(w[0], index).unsqueeze(0)
        w, slots = rule.update(w, g, slots, *by_row(numbers))
        rows.append(w[0])
    return rows, slots


def by_torch(
    make: Callable[[list[Group]], torch.optim.Optimizer],
    scales: dict[str, float],
    *,
    frozen_until: int = 0,
    clip: float | None = None,
) -> list[Tensor]:
    """Return the same from torch; the first layer needs no gradient until a step."""
    task = Task()
    net = copy.deepcopy(task.net)
    groups: list[Group] = [
        {"params": [p], "lr": RATE * scales.get(name.split(".")[0], 1.0)}
        for name, p in net.named_parameters()
    ]
    optimizer, rows = make(groups), []
    for step, index in enumerate(task.batches(STEPS)):
        for name, p in net.named_parameters():
            p.requires_grad_(name not in FIRST or step >= frozen_until)
        optimizer.zero_grad()
        task.loss(net, index).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        rows.append(row_of(net))
    return rows


def check_same(found: list[Tensor], expected: list[Tensor]) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert float((mine - theirs).norm() / theirs.norm()) < 2e-5
    assert float((expected[-1] - expected[0]).norm()) > 1e-3


@pytest.mark.parametrize("kind", MAKERS)
def test_rates_by_layer_are_torchs_parameter_groups(kind: str) -> None:
    optimizer, make = MAKERS[kind]
    transfer = Transfer(source="x", lr_scale={"0": 0.1, "2": 1.5})
    found, _ = by_rule(recipe_of(optimizer, transfer))
    check_same(found, by_torch(make, {"0": 0.1, "2": 1.5}))


@pytest.mark.parametrize("kind", MAKERS)
def test_a_layer_that_wakes_is_one_that_torch_thaws(kind: str) -> None:
    """Its state begins when it wakes: Adam's bias correction as well."""
    optimizer, make = MAKERS[kind]
    found, _ = by_rule(recipe_of(optimizer, Transfer(source="x", freeze=("0",), unfreeze_epoch=3)))
    check_same(found, by_torch(make, {}, frozen_until=3 * EPOCH))


@pytest.mark.parametrize("kind", MAKERS)
def test_frozen_weights_and_their_state_keep_their_bits(kind: str) -> None:
    optimizer, make = MAKERS[kind]
    task = Task()
    start, size = row_of(task.net), sum(p.numel() for p in task.net[0].parameters())
    for stage in ({}, {"unfreeze_epoch": 6}):
        transfer = Transfer.model_validate({"source": "x", "freeze_first": 1, **stage})
        rows, slots = by_rule(recipe_of(optimizer, transfer))
        assert all(torch.equal(row[:size], start[:size]) for row in rows)
        assert all(not slot[0, :size].any() for slot in slots)
        assert not torch.equal(rows[-1][size:], start[size:])
    check_same(rows, by_torch(make, {}, frozen_until=STEPS))


def test_layer_decay_is_a_power_of_the_distance_from_the_output() -> None:
    optimizer, make = MAKERS["adamw"]
    found, _ = by_rule(recipe_of(optimizer, Transfer(source="x", layer_decay=0.3)))
    check_same(found, by_torch(make, {"0": 0.3, "2": 1.0}))


def test_what_is_frozen_does_not_count_in_the_clipped_norm() -> None:
    optimizer, make = MAKERS["sgd"]
    transfer = Transfer(source="x", freeze=("0",), unfreeze_epoch=3)
    recipe = recipe_of(optimizer, transfer, clip=ClipNorm(limit=0.2))
    found, _ = by_rule(recipe)
    check_same(found, by_torch(make, {}, frozen_until=3 * EPOCH, clip=0.2))


def test_a_layer_of_rate_zero_stays() -> None:
    rows, _ = by_rule(recipe_of(AdamW(), Transfer(source="x", lr_scale={"0": 0.0})), 3)
    task = Task()
    assert torch.equal(
        layout_of(task.net).unpack(rows[-1])["0.weight"], task.net.state_dict()["0.weight"]
    )
