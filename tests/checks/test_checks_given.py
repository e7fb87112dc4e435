"""check() takes what people have, says what it cannot judge, and leaves everything as it was."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from checks_programs import Around, batches, cnn, data, mlp, parts, seeded
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

from goodfit import DataError, NetError
from goodfit.checks import CHECKS, ORDER, Checked, check
from goodfit.records import Finding

cross_entropy = nn.CrossEntropyLoss()


def rules(found: Checked) -> list[str]:
    return [finding.rule for finding in found if finding.severity != "info"]


def test_findings_come_as_a_sequence_with_every_verdict_beside() -> None:
    train, _ = parts("digits")
    found = check(nn.Sequential(mlp(64, 10), nn.Softmax(dim=1)), cross_entropy, train)
    assert len(found) == len(found.findings) >= 1
    assert isinstance(found[0], Finding)
    assert found[0].rule == "double-softmax"
    assert [verdict.check for verdict in found.verdicts] == list(ORDER)
    assert "double-softmax" in str(found)
    assert Checked.from_json(found.to_json()) == found
    assert str(Checked(())) == "0 checks found nothing."


class Everything(nn.Module):
    """Has all that could be left changed: buffers, norms, dropout, hooks, frozen weights."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(64)
        self.net = mlp(64, 10, norm=nn.BatchNorm1d, dropout=0.5)
        self.net[1].requires_grad_(False)
        self.norm.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(self.norm(x))


def snapshot(net: nn.Module) -> dict[str, Any]:
    return {
        "state": {name: tensor.clone() for name, tensor in net.state_dict().items()},
        "grads": {n: None if p.grad is None else p.grad.clone() for n, p in net.named_parameters()},
        "trained": {name: p.requires_grad for name, p in net.named_parameters()},
        "modes": {name: module.training for name, module in net.named_modules()},
        "hooks": {name: dict(module._forward_hooks) for name, module in net.named_modules()},
        "pre-hooks": {name: dict(m._forward_pre_hooks) for name, m in net.named_modules()},
        "identities": {name: id(p) for name, p in net.named_parameters()},
    }


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    else:
        assert one == other


@pytest.mark.parametrize("broken", [False, True], ids=["healthy", "broken"])
def test_nothing_is_left_changed(broken: bool) -> None:
    x, y = data("digits")
    net = seeded(0, Everything)
    net.register_forward_hook(lambda module, inputs, output: None)
    loss = nn.CrossEntropyLoss(reduction="sum" if broken else "mean")
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad])
    loss(net(x[:32]), y[:32]).backward()
    optimizer.step()
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True, generator=generator)
    before, state = snapshot(net), copy.deepcopy(optimizer.state_dict())
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    draws = (torch.get_rng_state(), generator.get_state(), random.getstate())
    numpy_draws = np.random.get_state()
    check(net, loss, loader, optimizer=optimizer, validation=loader)
    assert_same(before, snapshot(net))
    assert_same(state, optimizer.state_dict())
    assert_same(draws, (torch.get_rng_state(), generator.get_state(), random.getstate()))
    assert str(numpy_draws) == str(np.random.get_state())


def test_a_penalty_on_the_users_own_weights_leaves_no_gradient_there() -> None:
    train, _ = parts("digits")
    net = seeded(0, lambda: mlp(64, 10))

    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        penalty = sum(p.square().sum() for p in net.parameters())
        return functional.cross_entropy(outputs, y) + 1e-4 * penalty

    assert rules(check(net, loss, train)) == []
    assert all(p.grad is None for p in net.parameters())


class Checkpointed(nn.Module):
    """Takes the old kind of checkpoint, which refuses torch.autograd.grad."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.net = nn.Linear(64, 64), mlp(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(checkpoint(self.first, x.clone().requires_grad_(), use_reentrant=True))


def test_a_checkpoint_of_the_old_kind_is_no_cut() -> None:
    found = check(seeded(0, Checkpointed), cross_entropy, parts("digits")[0])
    assert rules(found) == []
    assert {v.check: v.outcome for v in found.verdicts}["no-gradient"] == "passed"


class Variational(nn.Module):
    """Gives three tensors; its loss cannot fall to 0, and how far is not known."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread, self.back = nn.Linear(64, 8), nn.Linear(64, 8), nn.Linear(8, 64)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, spread = self.mean(x), self.spread(x)
        return self.back(mean + torch.randn_like(mean) * (spread / 2).exp()), mean, spread


def variational_loss(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    back, mean, spread = outputs
    return (back - x).square().sum(1).mean() + 0.5 * (
        spread.exp() + mean.square() - 1 - spread
    ).sum(1).mean()


def test_a_floor_that_is_not_known_is_no_fault() -> None:
    train = [(x, x) for x, _ in parts("digits")[0]]
    assert rules(check(seeded(0, Variational), variational_loss, train)) == []


class CountingLoss(nn.Module):
    """A loss that keeps a count, as one with running statistics does."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, outputs: Tensor, y: Tensor) -> Tensor:
        self.get_buffer("calls").add_(1)
        return functional.cross_entropy(outputs, y)


def test_a_loss_with_a_state_keeps_it() -> None:
    loss = CountingLoss()
    check(seeded(0, lambda: mlp(64, 10)), loss, parts("digits")[0])
    assert float(loss.get_buffer("calls")) == 0.0


def test_twice_gives_the_same() -> None:
    train, validation = parts("digits")
    net = seeded(0, lambda: mlp(64, 10, dropout=0.5))
    first = check(net, cross_entropy, train, validation=validation)
    torch.manual_seed(99)
    assert check(net, cross_entropy, train, validation=validation) == first


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(32, 32), nn.Linear(32, 32)
        self.head = nn.Linear(64, 10)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.head(torch.cat([self.left(left), self.right(right)], 1).relu())


class OfAList(TwoInputs):
    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:  # pyright: ignore
        return super().forward(*x)


def halves(given: list[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    return ((x[:, :32], x[:, 32:], y) for x, y in given)


FORMS = {
    "pairs-in-a-list": (TwoInputs, lambda b: [((left, right), y) for left, right, y in halves(b)]),
    "three": (TwoInputs, lambda b: list(halves(b))),
    "list-as-one": (OfAList, lambda b: [([left, right], y) for left, right, y in halves(b)]),
    "dicts": (
        TwoInputs,
        lambda b: [{"left": left, "right": right, "labels": y} for left, right, y in halves(b)],
    ),
    "arrays": (partial(mlp, 64, 10), lambda b: [(x.numpy(), y.numpy()) for x, y in b]),
    "read-once": (partial(mlp, 64, 10), iter),
}


@pytest.mark.parametrize("form", FORMS)
def test_inputs_of_many_forms_are_judged(form: str) -> None:
    make, reform = FORMS[form]
    found = check(seeded(0, make), cross_entropy, reform(parts("digits")[0]))
    assert rules(found) == []
    judged = {v.check for v in found.verdicts if v.outcome == "passed"}
    assert {"batch-mixing", "input-ignored", "cannot-overfit-tiny-batch", "no-gradient"} <= judged


@pytest.mark.parametrize("batch", [torch.zeros(4, 64), "text", (torch.zeros(4, 64), "text")])
def test_batches_of_another_form_are_not_judged_and_it_is_said(batch: Any) -> None:
    found = check(mlp(64, 10), cross_entropy, [batch])
    assert len(found) == 0
    assert {verdict.outcome for verdict in found.verdicts} == {"not-judged"}
    assert len(found.verdicts) == len(CHECKS)
    assert "has to be (x, y)" in found.verdicts[0].because


def test_no_batches_are_an_error() -> None:
    with pytest.raises(DataError, match="no batches"):
        check(mlp(64, 10), cross_entropy, [])


def test_a_network_that_cannot_run_is_an_error_that_says_why() -> None:
    with pytest.raises(NetError, match="cannot be run on a batch") as caught:
        check(mlp(63, 10), cross_entropy, parts("digits")[0])
    assert "the network fails" in str(caught.value)


def test_a_network_that_cannot_be_copied_is_an_error() -> None:
    net = Around(mlp(64, 10), lambda net, x: net(x))
    net.function = (number for number in range(3))  # pyright: ignore
    with pytest.raises(NetError, match="cannot be copied"):
        check(net, cross_entropy, parts("digits")[0])


def test_outputs_that_are_no_tensor_are_not_judged_where_that_matters() -> None:
    net = Around(seeded(0, lambda: mlp(64, 10)), lambda net, x: {"logits": net(x)})
    found = check(net, lambda o, y: functional.cross_entropy(o["logits"], y), parts("digits")[0])
    assert rules(found) == []
    outcomes = {verdict.check: verdict.outcome for verdict in found.verdicts}
    assert outcomes["initial-loss-off"] == outcomes["batch-mixing"] == "not-judged"
    assert outcomes["cannot-overfit-tiny-batch"] == outcomes["double-softmax"] == "passed"


def test_an_unknown_loss_is_not_judged_by_what_needs_to_know_it() -> None:
    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        return -outputs.log_softmax(1)[torch.arange(len(y)), y].mean()

    found = check(seeded(0, lambda: mlp(64, 10)), loss, parts("digits")[0])
    assert rules(found) == []
    outcomes = {verdict.check: verdict.outcome for verdict in found.verdicts}
    assert outcomes["double-softmax"] == outcomes["missing-softmax"] == "not-judged"
    assert outcomes["initial-loss-off"] == outcomes["loss-sum-reduction"] == "passed"


def test_after_the_deadline_slow_checks_say_so() -> None:
    found = check(mlp(64, 10), cross_entropy, parts("digits")[0], deadline_s=0.0)
    because = {verdict.check: verdict.because for verdict in found.verdicts}
    assert because["cannot-overfit-tiny-batch"] == "the time for checks is over"


def test_a_program_s_own_warnings_are_not_raised() -> None:
    train = [(x, y.flatten()) for x, y in parts("diabetes")[0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rules(check(mlp(10, 1), nn.MSELoss(), train)) == ["loss-broadcast"]


def test_under_no_grad_it_is_the_same() -> None:
    train, _ = parts("small-images")
    net = seeded(0, cnn)
    with torch.no_grad():
        assert rules(check(net, cross_entropy, train)) == []


def test_batches_of_other_lengths_are_taken() -> None:
    x, y = data("tokens")
    train = [*batches(x, y), (x[:32, :9], y[:32]), (x[:7], y[:7])]
    net = seeded(0, lambda: nn.Sequential(nn.EmbeddingBag(20, 16), nn.Linear(16, 2)))
    assert rules(check(net, cross_entropy, train)) == []


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_density_has_no_floor_to_fall_to(noise: float) -> None:
    """With a spread that is learned too the loss of a few rows can fall without end."""

    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        spread = functional.softplus(outputs[:, 1]) + 1e-4
        return functional.gaussian_nll_loss(outputs[:, 0], y, spread)

    draw = torch.Generator().manual_seed(0)
    x = torch.randn(256, 1, generator=draw)
    y = x[:, 0].sin() + noise * torch.randn(256, generator=draw)
    net = seeded(0, lambda: nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 2)))
    found = check(net, loss, list(zip(x.split(64), y.split(64), strict=True)))
    assert rules(found) == []
