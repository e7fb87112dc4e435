"""A watch sees in which form a loss is given outputs and targets; healthy twins stay silent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext as nothing

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import goodfit as gf

Loss = Callable[[Tensor, Tensor], Tensor]


def rules_of(last: nn.Module, loss_fn: Loss, *, target: str, module: bool) -> list[str]:
    """Train 30 steps and return what was found; ``module`` gives the watch the loss itself."""
    torch.manual_seed(0)
    width = 1 if target in ("value", "column") else 3
    net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, width), last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    given = loss_fn if module and isinstance(loss_fn, nn.Module) else None
    with gf.watch(net, optimizer, given, say=None) as watch:
        for _ in range(30):
            x = torch.randn(32, 4)
            y = {
                "value": x[:, 0],
                "column": x[:, :1],
                "class": x[:, :3].argmax(1),
                "many": (x[:, :3] > 0).float(),
            }[target]
            optimizer.zero_grad()
            loss = loss_fn(net(x), y)
            (loss if given else watch.loss(loss)).backward()
            optimizer.step()
    return [finding.rule for finding in watch.findings]


@pytest.mark.parametrize("module", [True, False])
@pytest.mark.parametrize("loss_fn", [nn.MSELoss(), nn.HuberLoss()])
@pytest.mark.parametrize(("target", "told"), [("value", True), ("column", False)])
def test_shapes_that_are_spread_are_named(
    loss_fn: nn.Module, target: str, told: bool, module: bool
) -> None:
    with pytest.warns(UserWarning) if told else nothing():
        found = rules_of(nn.Identity(), loss_fn, target=target, module=module)
    assert ("loss-broadcast" in found) is told


@pytest.mark.parametrize("module", [True, False])
@pytest.mark.parametrize(
    ("last", "loss_fn", "target", "told"),
    [
        (nn.Softmax(1), nn.CrossEntropyLoss(), "class", True),
        (nn.Identity(), nn.CrossEntropyLoss(), "class", False),
        (nn.LogSoftmax(1), nn.CrossEntropyLoss(), "class", False),
        (nn.Sigmoid(), nn.BCEWithLogitsLoss(), "many", True),
        (nn.Identity(), nn.BCEWithLogitsLoss(), "many", False),
        (nn.Sigmoid(), nn.BCELoss(), "many", False),
    ],
)
def test_softmax_twice_is_named(
    last: nn.Module, loss_fn: nn.Module, target: str, told: bool, module: bool
) -> None:
    found = rules_of(last, loss_fn, target=target, module=module)
    assert ("double-softmax" in found) is told


@pytest.mark.parametrize("module", [True, False])
@pytest.mark.parametrize(("last", "told"), [(nn.Identity(), True), (nn.LogSoftmax(1), False)])
def test_scores_for_a_loss_of_logarithms_are_named(
    last: nn.Module, told: bool, module: bool
) -> None:
    found = rules_of(last, nn.NLLLoss(), target="class", module=module)
    assert ("missing-softmax" in found) is told
    assert not told or found[0] == "missing-softmax"


def test_a_broadcast_that_is_meant_is_none() -> None:
    def to_all(outputs: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(outputs, torch.zeros(()).expand(outputs.shape))

    assert "loss-broadcast" not in rules_of(nn.Identity(), to_all, target="many", module=False)


@pytest.mark.parametrize("module", [True, False])
@pytest.mark.parametrize(
    ("last", "loss_fn", "target", "told"),
    [
        (nn.ReLU(), nn.MSELoss(), "column", True),
        (nn.Tanh(), nn.HuberLoss(), "column", True),
        (nn.Identity(), nn.MSELoss(), "column", False),
        (nn.Sigmoid(), nn.MSELoss(), "many", False),  # targets of 0 and 1
        (nn.ReLU(), nn.CrossEntropyLoss(), "class", True),
        (nn.ReLU(), nn.BCEWithLogitsLoss(), "many", True),
        (nn.GELU(), nn.CrossEntropyLoss(), "class", False),
    ],
)
def test_outputs_that_are_cut_are_named(
    last: nn.Module, loss_fn: nn.Module, target: str, told: bool, module: bool
) -> None:
    found = rules_of(last, loss_fn, target=target, module=module)
    assert ("loss-output-mismatch" in found) is told


class Scaled(nn.Module):
    """A sigmoid whose outputs a constant stretches to the targets' range."""

    def forward(self, x: Tensor) -> Tensor:
        return 8.0 * torch.sigmoid(x) - 4.0


class Capped(nn.Module):
    """Scores that are cut far out only."""

    def forward(self, x: Tensor) -> Tensor:
        return 15.0 * torch.tanh(x / 15.0)


@pytest.mark.parametrize(
    ("last", "loss_fn", "target"),
    [
        (Scaled(), nn.MSELoss(), "column"),
        (Capped(), nn.CrossEntropyLoss(), "class"),
        (Capped(), nn.BCEWithLogitsLoss(), "many"),
        (nn.Sequential(nn.ReLU(), nn.AvgPool1d(1)), nn.CrossEntropyLoss(), "class"),
    ],
)
def test_a_stretched_or_pooled_activation_cuts_nothing(
    last: nn.Module, loss_fn: nn.Module, target: str
) -> None:
    found = rules_of(last, loss_fn, target=target, module=True)
    assert "loss-output-mismatch" not in found


@pytest.mark.parametrize(("reduction", "told"), [("sum", True), ("mean", False)])
def test_a_summed_loss_is_the_cause_of_steps_too_large(reduction: str, told: bool) -> None:
    loss_fn = nn.MSELoss(reduction=reduction)
    found = rules_of(nn.Linear(1, 1), loss_fn, target="column", module=True)
    assert ("loss-sum-reduction" in found) is told
    assert not told or found[0] == "loss-sum-reduction"
