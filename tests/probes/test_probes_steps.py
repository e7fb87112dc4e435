"""Weights, gradients and losses: against plain formulas."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goodfit.probes import Movement, clean_name, fingerprint, row_of, sampling_of
from goodfit.probes.floors import binary_losses, class_losses, regression_loss
from goodfit.probes.losses import LossFacts, facts_of, judged_by
from goodfit.probes.movement import descent, norms, turn


def moved(sizes: list[tuple[int, ...]], seed: int = 0) -> tuple[Movement, list[list[Tensor]]]:
    """Return a movement of random weights, and what it was made of."""
    draw = torch.Generator().manual_seed(seed)
    parts = [[torch.randn(size, generator=draw) for size in sizes] for _ in range(4)]
    sampling = sampling_of(parts[0])
    after, gradient, before, previous = (row_of(part, sampling) for part in parts)
    return Movement(after, gradient, before, sampling, previous), parts


def test_norms_descent_and_turn_are_exact_on_small_networks() -> None:
    found, (after, gradient, before, previous) = moved([(5, 3), (3,), (2, 2, 2)])
    flat = [torch.cat([t.flatten() for t in part]) for part in (after, gradient, before, previous)]
    w, g, w0, g0 = flat
    measured = norms(found)
    assert measured["weight_norm"] == pytest.approx([float(t.norm()) for t in after], rel=1e-5)
    assert measured["grad_norm"] == pytest.approx([float(t.norm()) for t in gradient], rel=1e-5)
    updates = [float((a - b).norm()) for a, b in zip(after, before, strict=True)]
    assert measured["update_norm"] == pytest.approx(updates, rel=1e-5)
    assert descent(found)["descent"] == pytest.approx(float(g @ (w - w0)), rel=1e-4)
    assert turn(found)["turn"] == pytest.approx(float(F.cosine_similarity(g, g0, dim=0)), rel=1e-4)


def test_large_networks_are_estimated_from_a_part() -> None:
    found, (after, _, before, _) = moved([(1500, 1000), (1000,)])
    assert len(found.after) < 1_100_000
    assert not found.sampling.exact
    assert norms(found)["weight_norm"] == pytest.approx([float(t.norm()) for t in after], rel=0.01)
    updates = [float((a - b).norm()) for a, b in zip(after, before, strict=True)]
    assert norms(found)["update_norm"] == pytest.approx(updates, rel=0.01)


def test_missing_and_sparse_gradients() -> None:
    weights = [torch.zeros(4, 2), torch.zeros(3)]
    with torch.sparse.check_sparse_tensor_invariants():
        sparse = torch.sparse_coo_tensor(torch.tensor([[1]]), torch.ones(1, 2), (4, 2))
    row = row_of([sparse, None], sampling_of(weights))
    assert row.tolist() == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_no_parameters_at_all() -> None:
    sampling = sampling_of([])
    row = row_of([], sampling)
    found = Movement(row, row, row, sampling)
    assert norms(found)["grad_norm"].tolist() == []
    assert descent(found)["descent"] == 0.0


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 5.0]])
def test_cross_entropy_at_chance_and_at_best_against_torch(
    smoothing: float, weight: list[float] | None
) -> None:
    y = torch.tensor([0] * 5 + [1] * 3 + [2] * 2)
    scales = None if weight is None else torch.tensor(weight)
    loss_fn = nn.CrossEntropyLoss(weight=scales, label_smoothing=smoothing)
    chance, floor = class_losses(facts_of(loss_fn), [0.5, 0.3, 0.2])
    constant = torch.zeros(3, requires_grad=True)
    free = torch.zeros(10, 3, requires_grad=True)
    assert chance == pytest.approx(minimum(lambda: loss_fn(constant.expand(10, 3), y), constant))
    if smoothing:
        assert floor == pytest.approx(minimum(lambda: loss_fn(free, y), free), rel=1e-3)
    else:
        assert floor == 0.0


def minimum(loss: Callable[[], Tensor], at: Tensor) -> float:
    """Return the smallest value of a convex loss."""
    optimizer = torch.optim.LBFGS([at], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value.item()

    optimizer.step(closure)
    return loss().item()


def test_binary_and_regression_losses_at_chance_against_torch() -> None:
    y = torch.tensor([1.0] * 3 + [0.0] * 7)
    loss_fn = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(4.0))
    at = torch.zeros((), requires_grad=True)
    expected = minimum(lambda: loss_fn(at.expand(10), y), at)
    assert binary_losses(facts_of(loss_fn), [0.3]) == pytest.approx(expected, rel=1e-4)
    targets = torch.tensor([[0.0], [1.0], [5.0]])
    assert regression_loss(LossFacts("mse"), targets) == pytest.approx(14 / 3)
    assert regression_loss(LossFacts("l1"), targets) == pytest.approx(5 / 3)


LOSSES = {
    "cross-entropy": lambda o, y: F.cross_entropy(o, y),
    "nll": lambda o, y: F.nll_loss(torch.tanh(o), y),
    "mse": lambda o, y: F.mse_loss(o[:, 0], y.float()),
    "binary-cross-entropy": lambda o, y: F.binary_cross_entropy_with_logits(o[:, 0], y.float() / 2),
    "huber": lambda o, y: F.smooth_l1_loss(o[:, 0], y.float()),
}


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("extra", [0.0, 0.1])
def test_a_function_loss_is_known_by_its_graph(kind: str, extra: float) -> None:
    weight = torch.randn(5, 3, requires_grad=True)
    y = torch.tensor([0, 1, 2, 0])
    loss = LOSSES[kind](torch.randn(4, 5) @ weight, y)
    # Also with a penalty, and as one of several accumulated batches.
    found = judged_by((loss + extra * weight.square().sum()) / 4)
    assert found.facts.kind == kind
    assert found.targets is not None and len(found.targets) == 4
    loss.backward()
    assert judged_by(loss).facts.kind == ""


def test_fingerprints_tell_batches_apart() -> None:
    x = torch.randn(32, 1, 28, 28)
    x[:, :, :8] = 0.0
    prints = {fingerprint(torch.roll(x, shift, 0)) for shift in range(8)}
    assert len(prints) == 8
    assert fingerprint(x) == fingerprint(x.clone())
    assert fingerprint(torch.arange(3)) != fingerprint(torch.arange(1, 4))
    assert fingerprint(x.transpose(2, 3)) != 0


@pytest.mark.parametrize("name", ["", "module", "_orig_mod"])
def test_wrappers_leave_no_trace_in_names(name: str) -> None:
    assert clean_name(f"{name}.layers.0" if name else "layers.0") == "layers.0"
    assert math.isfinite(float(np.float32(1.0)))
