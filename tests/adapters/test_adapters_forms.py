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


@pytest.mark.parametrize("module", [True, False])
@pytest.mark.parametrize(
    ("last", "loss_fn", "told"),
    [
        (nn.LogSoftmax(0), nn.NLLLoss(), True),
        (nn.LogSoftmax(1), nn.NLLLoss(), False),
        (nn.Softmax(0), nn.CrossEntropyLoss(), True),
        (nn.Identity(), nn.CrossEntropyLoss(), False),
    ],
)
def test_a_softmax_over_the_rows_is_named(
    last: nn.Module, loss_fn: nn.Module, told: bool, module: bool
) -> None:
    found = rules_of(last, loss_fn, target="class", module=module)
    assert ("softmax-wrong-axis" in found[:2]) is told


def bce_and_dice(outputs: Tensor, y: Tensor) -> Tensor:
    """Two terms, as for masks; the first takes scores."""
    shares = outputs.sigmoid()
    dice = 1 - (2 * (shares * y).sum() + 1) / (shares.sum() + y.sum() + 1)
    return F.binary_cross_entropy_with_logits(outputs, y) + dice


@pytest.mark.parametrize(("last", "told"), [(nn.Sigmoid(), True), (nn.Identity(), False)])
def test_a_sigmoid_twice_is_named_in_one_of_two_terms(last: nn.Module, told: bool) -> None:
    found = rules_of(last, bce_and_dice, target="many", module=False)
    assert ("double-softmax" in found) is told


class Words(nn.Module):
    """Scores of the next word at each place ``[N, T, V]``, or at the last one ``[N, V]``."""

    def __init__(self, every: bool) -> None:
        super().__init__()
        self.embed, self.head, self.every = nn.Embedding(7, 8), nn.Linear(8, 7), every

    def forward(self, x: Tensor) -> Tensor:
        scores = self.head(self.embed(x))
        return scores if self.every else scores[:, -1]


@pytest.mark.parametrize("every", [True, False])
def test_places_of_a_text_are_no_rows_of_which_some_are_mistaken(every: bool) -> None:
    torch.manual_seed(0)
    net = Words(every)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with gf.watch(net, optimizer, say=None) as watch:
        for _ in range(8):
            x = torch.randint(7, (16, 6))
            y = (x + 1) % 7
            optimizer.zero_grad()
            scores = net(x).reshape(-1, 7)
            watch.loss(F.cross_entropy(scores, y.reshape(-1) if every else y[:, -1])).backward()
            optimizer.step()
    known = [value == value for value in watch.history.looks.mistaken]
    assert len(known) > 1 and any(known) is not every
