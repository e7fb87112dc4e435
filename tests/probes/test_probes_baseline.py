"""Simple fits: against scikit-learn's kernel ridge with each row really left out."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine, make_friedman1
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from goodfit.probes import simple_fits
from goodfit.probes.baseline import RIDGES


def rows(num: int = 100, *, noise: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Friedman's first function on the first of its ten inputs' rows."""
    x, y = make_friedman1(num, random_state=0, noise=noise)
    return torch.from_numpy(x).float(), torch.from_numpy(y).float()


def left_out(x: np.ndarray, y: np.ndarray, power: int) -> float:
    """The best R2 over the ridge weights, each row left out by scikit-learn."""
    x = (x - x.mean(0)) / x.std(0, ddof=1)
    gram = x @ x.T / x.shape[1]
    kernel = 1.0 + (gram if power == 1 else (1.0 + gram) ** 2)
    y = y - y.mean()
    found = []
    for ridge in RIDGES:
        model = KernelRidge(kernel="precomputed").set_params(alpha=ridge)
        guess = cross_val_predict(model, kernel, y, cv=LeaveOneOut())
        found.append(r2_score(y, guess))
    return max(found)


def test_scores_are_those_of_rows_really_left_out():
    x, y = rows()
    found = simple_fits(x, y, "regression")
    assert found is not None
    assert found.num_rows == 100
    assert found.linear == pytest.approx(left_out(x.numpy(), y.numpy(), 1), abs=1e-4)
    assert found.curved == pytest.approx(left_out(x.numpy(), y.numpy(), 2), abs=1e-4)


def test_straight_lines_agree_with_ridge_regression_of_the_field():
    x, y = rows(400)
    found = simple_fits(x, y, "regression")
    guess = cross_val_predict(Ridge(alpha=1.0), x.numpy(), y.numpy(), cv=20)
    assert found is not None
    assert found.linear == pytest.approx(r2_score(y.numpy(), guess), abs=0.02)


def test_accuracy_of_classes():
    x, y = load_wine(return_X_y=True)
    found = simple_fits(torch.from_numpy(x).float(), torch.from_numpy(y), "classification")
    assert found is not None
    assert found.linear > 0.97
    shuffled = torch.from_numpy(np.random.default_rng(0).permutation(y))
    chance = simple_fits(torch.from_numpy(x).float(), shuffled, "classification")
    assert chance is not None
    assert chance.linear < 0.5


def test_rows_that_stand_twice_do_not_judge_themselves():
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(128, 100, generator=draw), torch.randn(128, generator=draw)
    once, twice = (simple_fits(a, b, "regression") for a, b in ((x, y), (x.tile(2, 1), y.tile(2))))
    assert once is not None
    assert twice is not None
    assert twice.num_rows == 128
    assert twice.curved == pytest.approx(once.curved, abs=1e-3)
    assert twice.curved < 0.3


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (torch.zeros(100, 5), torch.randn(100)),
        (torch.randn(20, 5), torch.randn(20)),
        (torch.randn(100, 5), torch.zeros(100)),
        (torch.randn(100, 5), torch.randn(100, 2)),
        (torch.randn(100, 5), torch.arange(100)),
        (torch.randint(9, (100, 5)), torch.randn(100)),
        (torch.randn(100, 5) / 0, torch.randn(100)),
        (torch.randn(64, 2**15), torch.randn(64)),
    ],
)
def test_nothing_is_said_where_nothing_can_be_fitted(x: torch.Tensor, y: torch.Tensor):
    assert simple_fits(x, y, "regression") is None
