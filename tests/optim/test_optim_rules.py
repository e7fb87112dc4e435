"""Every update rule against ``torch.optim``, row by row, over 200 steps of real training.

The measure is the distance between both weight vectors over the length of torch's: single
numbers near 0 have no meaningful relative error. Each side takes gradients at its own weights,
so an error would grow. On torch 2.13 the distance stays under 5e-7.
"""

from __future__ import annotations

import copy
import inspect
import math
from typing import get_args

import numpy as np
import pytest
import torch
from optim_references import CONFIGS, Task, row_of, torch_optimizer
from torch import Tensor

from goodfit import recipe as recipes
from goodfit.optim import RULES, Rule, coefficient_table, learning_rates, rule_of
from goodfit.recipe import Cosine, Optimizer

STEPS = 200
TOLERANCE = 1e-6
# The naive twin takes the difference of two points that are near each other.
TOLERANCES = {"nesterov-lookahead": 1e-5}
CONSTANT = np.ones(STEPS)
# Warm-up and cosine; that they are torch's is tested with the schedules.
SCHEDULED = learning_rates(
    Cosine(floor=0.1, warmup=0.1),
    lr=1.0,
    steps=np.arange(float(STEPS)),
    num_steps=STEPS,
    steps_per_epoch=50,
)
NAMES = [rule.name for rule in RULES]


def torch_run(task: Task, config: Optimizer, factors: np.ndarray) -> Tensor:
    """Return the weights after a plain loop with ``torch.optim``."""
    net = copy.deepcopy(task.net)
    optimizer = torch_optimizer(config, net)
    for factor, index in zip(factors, task.batches(len(factors)), strict=True):
        optimizer.param_groups[0]["lr"] = config.lr * float(factor)
        optimizer.zero_grad()
        task.loss(net, index).backward()
        optimizer.step()
    return row_of(net)


def rows_run(
    task: Task, configs: list[Optimizer], factors: np.ndarray, *, fused: bool = False
) -> Tensor:
    """Return the weights ``[K, P]`` after the same loop with the rule on rows."""
    rule = rule_of(configs[0])
    rates = factors[:, None] * np.array([config.lr for config in configs])
    table = torch.from_numpy(coefficient_table(configs, rates, np.arange(float(len(factors)))))
    w = row_of(task.net).repeat(len(configs), 1)
    slots = tuple(torch.zeros_like(w) for _ in rule.slots)
    for coefficients, index in zip(table, task.batches(len(factors)), strict=True):
        g = torch.stack([task.gradient(row, index) for row in w])
        if fused:
            assert rule.fused is not None
            for k, numbers in enumerate(coefficients.T.tolist()):
                rule.fused(w[k], g[k], tuple(slot[k] for slot in slots), numbers)
        else:
            w, slots = rule.update(w, g, slots, *coefficients.unsqueeze(-1))
    return w


def distance(row: Tensor, reference: Tensor) -> float:
    return float((row - reference).norm() / reference.norm())


@pytest.fixture(scope="module")
def task() -> Task:
    return Task()


@pytest.mark.parametrize("factors", [CONSTANT, SCHEDULED], ids=["constant", "scheduled"])
@pytest.mark.parametrize("name", NAMES)
def test_each_row_is_its_own_run_of_torch_optim(task: Task, name: str, factors: np.ndarray) -> None:
    configs = CONFIGS[name]
    rows = rows_run(task, configs, factors)
    for row, config in zip(rows, configs, strict=True):
        expected = torch_run(task, config, factors)
        assert distance(expected, row_of(task.net)) > 0.01, "nothing was learned"
        assert distance(row, expected) < TOLERANCES.get(name, TOLERANCE), config


@pytest.mark.parametrize("factors", [CONSTANT, SCHEDULED], ids=["constant", "scheduled"])
@pytest.mark.parametrize("name", [rule.name for rule in RULES if rule.fused])
def test_a_fused_row_is_its_own_run_of_torch_optim(
    task: Task, name: str, factors: np.ndarray
) -> None:
    rows = rows_run(task, CONFIGS[name], factors, fused=True)
    for row, config in zip(rows, CONFIGS[name], strict=True):
        assert distance(row, torch_run(task, config, factors)) < TOLERANCE, config


@pytest.mark.parametrize("name", NAMES)
def test_every_hyperparameter_matters(task: Task, name: str) -> None:
    """A row that ignored one of its numbers would pass as another configuration's."""
    config = CONFIGS[name][2]
    changes = [(field, value) for field in type(config).model_fields for value in OTHER[field]]
    changed = [config.model_copy(update={field: value}) for field, value in changes]
    base, *others = rows_run(task, [config, *changed], CONSTANT[:20])
    for change, row in zip(changes, others, strict=True):
        assert distance(row, base) > 10 * TOLERANCE, change


OTHER: dict[str, list[object]] = {
    "kind": [],
    # Used where the network and the batch size are known; tested with them.
    "decay_on": [],
    "scale_lr": [],
    "base_batch_size": [],
    "bias_correction": [False],
    "lr": [0.02],
    "weight_decay": [0.2],
    "momentum": [0.3],
    "alpha": [0.7],
    "eps": [0.01],
    "betas": [(0.3, 0.99), (0.0, 0.7)],
}


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_update_changes_nothing_that_goes_in(rule: Rule) -> None:
    config = CONFIGS[rule.name][0]
    rule = rule_of(config)
    table = coefficient_table([config], np.full((1, 1), config.lr), np.zeros(1))
    given = torch.randn(2 + len(rule.slots), 3, 5, generator=torch.Generator().manual_seed(0))
    given[2:].abs_()
    before = given.clone()
    w, slots = rule.update(
        given[0], given[1], tuple(given[2:]), *torch.from_numpy(table[0]).unsqueeze(-1)
    )
    assert torch.equal(given, before)
    assert w.shape == (3, 5)
    assert len(slots) == len(rule.slots)


@pytest.mark.parametrize("name", NAMES)
def test_coefficients_of_a_part_are_a_part_of_the_coefficients(name: str) -> None:
    """A resumed run computes its table from the middle: bias correction counts from the start."""
    configs, rates = CONFIGS[name][:3], np.linspace(0.1, 0.2, 30).reshape(10, 3)
    whole = coefficient_table(configs, rates, np.arange(10.0))
    assert (coefficient_table(configs, rates[6:], np.arange(6.0, 10.0)) == whole[6:]).all()
    assert whole.shape[::2] == (10, 3)
    assert whole.dtype == np.float32


def test_adam_s_first_step_is_the_rate_by_the_gradient_s_sign() -> None:
    """The closed form that bias correction is for: ``lr g / (|g| + eps)`` at step 1."""
    config = recipes.Adam(lr=0.25)
    table = coefficient_table([config], np.array([[0.25]]), np.zeros(1))
    zero = torch.zeros(1, 2)
    w, _ = rule_of(config).update(
        zero, torch.tensor([[3.0, -1e-3]]), (zero, zero), *torch.from_numpy(table[0])
    )
    assert w.tolist()[0] == pytest.approx([-0.25, 0.25 * 1e-3 / (1e-3 + 1e-8)], rel=1e-5)


def test_every_optimiser_of_a_recipe_has_one_rule() -> None:
    configs = get_args(recipes.Recipe.model_fields["optimizer"].annotation)
    kinds = {config.model_fields["kind"].default for config in configs}
    assert sorted(NAMES) == sorted(kinds)


def test_every_rule_has_a_reference_here() -> None:
    assert set(CONFIGS) == set(NAMES)
    for name, configs in CONFIGS.items():
        assert {config.kind for config in configs} == {name}
        assert len({config.lr for config in configs}) >= 3
        assert any(config.weight_decay for config in configs)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_every_rule_s_docstring_has_its_formula_and_source(rule: Rule) -> None:
    text = inspect.getdoc(rule.update) or ""
    assert "w <- w" in text
    assert any(word in text for word in ("torch.optim", "JMLR", "ICLR", "lecture")), text


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_coefficients_fit_the_formula(rule: Rule) -> None:
    """The table has as many numbers as the formula takes after weights, gradient and slots."""
    config = CONFIGS[rule.name][0]
    table = coefficient_table([config], np.full((1, 1), 0.1), np.zeros(1))
    decay = 1
    assert table.shape[1] == len(inspect.signature(rule.update).parameters) - 3 + decay
    assert all(math.isfinite(value) for value in table.flatten())
