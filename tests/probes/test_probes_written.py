"""Losses written out by hand are known by their graph, others are not taken for them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import goodfit as gf
from goodfit.probes.written import is_spread_inside, written_loss

N, C = 6, 4
torch.manual_seed(0)
X, QUANTITY, CLASS = torch.randn(N, 3), torch.randn(N), torch.tensor([0, 1, 3, 2, 1, 0])
ONE_HOT = F.one_hot(CLASS, C).float()
ROWS = torch.arange(N)


def column() -> Tensor:
    return nn.Linear(3, 1)(X)


def logs() -> Tensor:
    return F.log_softmax(nn.Linear(3, C)(X), 1)


QUANTITIES: dict[str, tuple[Callable[[Tensor], Tensor], str, str]] = {
    "power": (lambda o: ((o[:, 0] - QUANTITY) ** 2).mean(), "mse", "mean"),
    "turned": (lambda o: (QUANTITY - o.squeeze(1)).pow(2).mean(), "mse", "mean"),
    "square": (lambda o: torch.square(o - QUANTITY[:, None]).mean(), "mse", "mean"),
    "sum": (lambda o: ((o.view(-1) - QUANTITY) ** 2).sum(), "mse", "sum"),
    "divided": (lambda o: ((o.view(-1) - QUANTITY) ** 2).sum() / N, "mse", "mean"),
    "absolute": (lambda o: (o.flatten() - QUANTITY).abs().mean(), "l1", "mean"),
}
OTHERS: dict[str, Callable[[Tensor], Tensor]] = {
    "half": lambda o: 0.5 * ((o[:, 0] - QUANTITY) ** 2).mean(),
    "root": lambda o: ((o[:, 0] - QUANTITY) ** 2).mean().sqrt(),
    "weighted": lambda o: (torch.rand(N) * (o[:, 0] - QUANTITY) ** 2).mean(),
    "of what was made of it": lambda o: ((o[:, 0].exp() - QUANTITY) ** 2).mean(),
    "cubes": lambda o: (o[:, 0] - QUANTITY).pow(4).mean(),
    "no error": lambda o: (o**2).mean(),
    "two outputs": lambda o: ((o[:-1] - o[1:]) ** 2).mean(),
}


@pytest.mark.parametrize("name", QUANTITIES)
def test_errors_of_quantities_are_known_with_their_targets(name: str) -> None:
    write, kind, reduction = QUANTITIES[name]
    output = column()
    found = written_loss(write(output), output)
    assert found is not None and found.targets is not None
    assert (found.facts.kind, found.facts.reduction) == (kind, reduction)
    assert not found.facts.composite
    assert torch.allclose(found.targets.flatten(), QUANTITY, atol=1e-6)


@pytest.mark.parametrize("name", OTHERS)
def test_other_losses_are_not_taken_for_them(name: str) -> None:
    output = column()
    assert written_loss(OTHERS[name](output), output) is None


@pytest.mark.parametrize(
    "write",
    [
        lambda logs: -logs[ROWS, CLASS].mean(),
        lambda logs: -logs[range(N), CLASS].sum() / N,
        lambda logs: -logs.gather(1, CLASS[:, None]).squeeze(1).mean(),
        lambda logs: -(logs * ONE_HOT).sum(1).mean(),
        lambda logs: -(logs * ONE_HOT.long()).sum(1).mean(),
        lambda logs: -(logs * ONE_HOT.bool()).sum(1).mean(),
        lambda logs: -logs[ROWS, CLASS - C].mean(),
        lambda logs: -torch.log(logs.softmax(1)[range(N), CLASS]).mean(),
        lambda logs: -(logs.softmax(1)[ROWS, CLASS] + 1e-9).log().mean(),
    ],
)
def test_cross_entropy_by_hand_is_known(write: Callable[[Tensor], Tensor]) -> None:
    given = logs()
    found = written_loss(write(given), given)
    assert found is not None and found.targets is not None
    assert (found.facts.kind, found.facts.composite) == ("cross-entropy", False)
    classes = found.targets.argmax(1) if found.targets.dim() == 2 else found.targets
    assert classes.tolist() == CLASS.tolist()


def test_a_policys_loss_is_no_cross_entropy() -> None:
    given, advantage = logs(), torch.randn(N)
    assert written_loss(-(given[ROWS, CLASS] * advantage).mean(), given) is None
    assert written_loss(given[ROWS, CLASS].mean(), given) is None


@pytest.mark.parametrize(
    ("write", "spread"),
    [
        (lambda o: ((o - QUANTITY) ** 2).mean(), True),
        (lambda o: (o.exp() - QUANTITY * o).mean(), True),
        (lambda o: (o[:, 0] - QUANTITY).abs().mean(), False),
        (lambda o: (o - QUANTITY[:, None]).abs().mean(), False),
        (lambda o: F.relu(1 - (o - o.T)).mean(), False),  # pairs of outputs
        (lambda o: (o.exp() * torch.ones(N, N).tril()).sum(0).log().mean(), False),  # Cox
        (lambda o: (o.squeeze(1)[:, None] * torch.ones(N, N)).mean(), False),  # asked for
    ],
)
def test_a_column_that_meets_a_row_inside_a_loss(
    write: Callable[[Tensor], Tensor], spread: bool
) -> None:
    output = column()
    assert is_spread_inside(write(output), output) is spread


@pytest.mark.parametrize(("spread", "told"), [(True, True), (False, False)])
def test_a_watch_names_a_broadcast_in_a_loss_by_hand(spread: bool, told: bool) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    with gf.watch(net, optimizer, say=None) as watch:
        for _ in range(40):
            x = torch.randn(32, 3)
            optimizer.zero_grad()
            output = net(x) if spread else net(x)[:, 0]
            watch.loss(((output - x[:, 0]) ** 2).mean()).backward()
            optimizer.step()
    assert ("loss-broadcast" in [f.rule for f in watch.findings]) is told
    known = watch.history.setting.loss_kind
    assert known == ("" if spread else "mse")
    assert spread or watch.history.setting.chance_loss == pytest.approx(1.0, rel=0.3)


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_loss_of_squeezed_outputs_is_computed_again_without_a_warning(by_hand: bool) -> None:
    """What the loop does to the shape is done again: a column against a row would be spread."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    with warnings.catch_warnings(), gf.watch(net, optimizer, say=None, budget=1.0) as watch:
        warnings.simplefilter("error")
        for step in range(40):
            x = torch.randn(32, 3)
            optimizer.zero_grad()
            output = net(x).squeeze(1)
            rest = output - x[:, 0]
            loss = (rest * rest).mean() if by_hand else F.mse_loss(output, x[:, 0])
            watch.loss(loss).backward()
            optimizer.step()
            if step % 10 == 9:
                watch.validation(1.0)
    assert all(math.isfinite(loss) for loss in watch.history.epochs.clean_loss)
    assert watch.history.setting.baseline is not None


def test_a_softmax_over_rows_is_no_cross_entropy() -> None:
    output = nn.Linear(3, N)(X)
    assert written_loss(-output.log_softmax(0)[ROWS, ROWS].mean(), output) is None


@pytest.mark.parametrize("write", [lambda o: (o.mean() - 1.0) ** 2, lambda o: (o[:0] ** 2).sum()])
def test_outputs_without_rows_end_no_training(write: Callable[[Tensor], Tensor]) -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(self, x: Tensor) -> Tensor:
            return write(self.layer(x))

    net = Whole()
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    with gf.watch(net, optimizer, say=None) as watch:
        for _ in range(5):
            optimizer.zero_grad()
            watch.loss((net(X) - 0.5) ** 2).backward()
            optimizer.step()
    assert len(watch.history.steps.loss) == 5


def test_a_loss_module_of_ones_own_is_called_as_often_as_the_loop_calls_it() -> None:
    class Counting(nn.Module):
        calls = 0

        def forward(self, output: Tensor, y: Tensor) -> Tensor:
            self.calls += 1
            return ((output[:, 0] - y) ** 2).mean() + 0.0 * torch.rand(1)[0]

    net, loss_fn = nn.Linear(3, 1), Counting()
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    with gf.watch(net, optimizer, loss_fn, say=None, budget=1.0):
        for _ in range(20):
            optimizer.zero_grad()
            loss_fn(net(X), QUANTITY).backward()
            optimizer.step()
    assert loss_fn.calls == 20
