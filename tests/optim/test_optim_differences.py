"""Descent by differences: it walks as the gradient does, and costs what the notes say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from goodfit import GoodfitError, finite_difference_descent

CURVATURE = torch.tensor([1.0, 3.0, 10.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("kind", "per_step", "tolerance"), [("forward", 4, 1e-4), ("central", 6, 1e-9)]
)
def test_it_walks_as_backpropagation_and_counts_its_passes(kind, per_step, tolerance) -> None:
    calls = 0

    def loss(w: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return 0.5 * (CURVATURE * w * w).sum()

    start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    found = finite_difference_descent(loss, start, lr=0.05, num_steps=20, kind=kind)
    assert found.forward_passes == calls == 20 * per_step
    expected = start * (1.0 - 0.05 * CURVATURE) ** 20
    assert float((found.w - expected).abs().max()) < tolerance
    assert len(found.losses) == 20 and found.losses[-1] < found.losses[0]
    assert found.losses[0] == pytest.approx(0.5 * float((CURVATURE * start * start).sum()))


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(GoodfitError, match="another kind") as caught:
        finite_difference_descent(torch.sum, torch.ones(2), lr=0.1, num_steps=1, kind="centrall")  # pyright: ignore[reportArgumentType]
    assert "central" in caught.value.do
    with pytest.raises(GoodfitError, match="h must be above 0"):
        finite_difference_descent(torch.sum, torch.ones(2), lr=0.1, num_steps=1, h=0.0)
