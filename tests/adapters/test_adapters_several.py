"""Several losses of one pass: what is written down is the loss that is trained."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

import goodfit as gf
from goodfit.probes.losses import judged_by

LossFn = Callable[..., Tensor]
Combined = Callable[[LossFn, Tensor, Tensor, float], Tensor]


def net_of(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def trained(
    combined: Combined, *, steps: int = 30, scale: float = 1.0
) -> tuple[list[float], gf.Watch]:
    """Train with a loss of several calls; return the losses that were trained, and the watch."""
    net, loss_fn, draw = net_of(), nn.CrossEntropyLoss(), torch.Generator().manual_seed(1)
    optimizer, told = torch.optim.SGD(net.parameters(), lr=0.1), []
    with gf.watch(net, optimizer, loss_fn, say=None) as watch:
        for step in range(steps):
            x = torch.randn(32, 8, generator=draw)
            y = x[:, :4].argmax(1)
            loss = combined(loss_fn, net(x), y, 0.1 + 0.8 * step / steps)
            optimizer.zero_grad()
            (scale * loss).backward()
            for parameter in net.parameters():
                parameter.grad = None if parameter.grad is None else parameter.grad / scale
            optimizer.step()
            told.append(loss.item())
    return told, watch


def mixup(loss_fn: LossFn, outputs: Tensor, y: Tensor, share: float) -> Tensor:
    order = torch.arange(len(y)).roll(1)
    return share * loss_fn(outputs, y) + (1 - share) * loss_fn(outputs, y[order])


@pytest.mark.parametrize("scale", [1.0, 65536.0])
def test_mixups_two_losses_are_the_one_that_is_trained(scale: float) -> None:
    told, watch = trained(mixup, scale=scale)
    assert watch.history.steps.loss == pytest.approx(told, rel=1e-5)


def test_mixups_targets_are_known_as_mixed_and_have_a_floor() -> None:
    _, watch = trained(mixup)
    setting = watch.history.setting
    assert setting.mixed_targets
    assert setting.floor_loss is not None and 0.1 < setting.floor_loss < 0.7


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_mixups_sum_of_functions_is_one_loss_of_mixed_targets(share: float) -> None:
    scores = torch.randn(16, 4, requires_grad=True)
    one, two = torch.randint(4, (16,)), torch.randint(4, (16,))
    loss = share * cross_entropy(scores, one) + (1 - share) * cross_entropy(scores, two)
    found = judged_by(loss)
    mixed = share * one_hot(one, 4) + (1 - share) * one_hot(two, 4)
    assert found.facts.kind == "cross-entropy" and not found.facts.composite
    assert found.targets is not None
    torch.testing.assert_close(found.targets, mixed, atol=1e-4, rtol=0)


def test_sums_of_other_functions_are_not_taken_for_mixup() -> None:
    scores, other = torch.randn(16, 4, requires_grad=True), torch.randn(16, 4, requires_grad=True)
    one, two = torch.randint(4, (16,)), torch.randint(4, (16,))
    heads = cross_entropy(scores, one) + cross_entropy(other, two)
    doubled = cross_entropy(scores, one) + 3.0 * cross_entropy(scores, two)
    for loss in (heads, doubled):
        targets = judged_by(loss).targets
        assert targets is not None and not targets.is_floating_point()


def test_a_mixing_of_functions_in_a_loop_is_known() -> None:
    torch.manual_seed(0)
    net = net_of()
    optimizer = torch.optim.Adam(net.parameters())
    with gf.watch(net, optimizer, say=None) as watch:
        for _ in range(30):
            x, share = torch.randn(32, 8), float(torch.rand(()))
            y, order = x[:, :4].argmax(1), torch.randperm(32)
            scores = net(share * x + (1 - share) * x[order])
            one, two = cross_entropy(scores, y), cross_entropy(scores, y[order])
            optimizer.zero_grad()
            watch.loss(share * one + (1 - share) * two).backward()
            optimizer.step()
    assert watch.history.setting.mixed_targets


def test_one_loss_has_no_mixed_targets() -> None:
    told, watch = trained(lambda loss_fn, outputs, y, share: loss_fn(outputs, y))
    assert not watch.history.setting.mixed_targets
    assert watch.history.steps.loss == pytest.approx(told, rel=1e-6)


def test_two_heads_count_by_their_weights() -> None:
    def heads(loss_fn: LossFn, outputs: Tensor, y: Tensor, share: float) -> Tensor:
        return loss_fn(outputs, y) + 0.25 * loss_fn(outputs.flip(1), y)

    told, watch = trained(heads)
    assert watch.history.steps.loss == pytest.approx([loss / 1.25 for loss in told], rel=1e-5)
    assert not watch.history.setting.mixed_targets


def test_accumulated_parts_of_mixed_batches_are_one_step() -> None:
    net, loss_fn = net_of(), nn.CrossEntropyLoss()
    optimizer, told = torch.optim.SGD(net.parameters(), lr=0.1), []
    with gf.watch(net, optimizer, loss_fn, say=None) as watch:
        for step in range(10):
            parts = []
            for part in range(3):
                x = torch.randn(16, 8, generator=torch.Generator().manual_seed(3 * step + part))
                parts.append(mixup(loss_fn, net(x), x[:, :4].argmax(1), 0.7))
                (parts[-1] / 3).backward()
            optimizer.step()
            optimizer.zero_grad()
            told.append(sum(part.item() for part in parts) / 3)
    assert watch.history.steps.loss == pytest.approx(told, rel=1e-5)


def test_losses_of_a_loop_without_steps_do_not_pile_up() -> None:
    net, loss_fn = net_of(), nn.CrossEntropyLoss()
    with gf.watch(net, torch.optim.SGD(net.parameters(), lr=0.1), loss_fn, say=None) as watch:
        for _ in range(200):
            x = torch.randn(16, 8)
            mixup(loss_fn, net(x), x[:, :4].argmax(1), 0.7).backward()
        assert len(watch.eyes.pulse.calls) <= 64


def test_a_known_loss_told_with_its_sign_turned_is_ascent_also_where_it_explodes() -> None:
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    with gf.watch(net, optimizer, say=None) as watch:
        for _ in range(60):
            x = torch.randn(32, 8)
            loss = -nn.functional.mse_loss(net(x), x[:, :1])
            optimizer.zero_grad()
            watch.loss(loss).backward()
            optimizer.step()
    assert "gradient-ascent" in [finding.rule for finding in watch.findings]


def test_a_loss_of_three_arguments_does_not_end_the_training() -> None:
    class Weighted(nn.Module):
        def forward(self, outputs: Tensor, y: Tensor, weights: Tensor) -> Tensor:
            return (nn.functional.cross_entropy(outputs, y, reduction="none") * weights).mean()

    net, loss_fn = net_of(), Weighted()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with gf.watch(net, optimizer, loss_fn, say=None) as watch:
        for step in range(60):
            x = torch.randn(32, 8)
            optimizer.zero_grad()
            loss_fn(net(x), x[:, :4].argmax(1), 3 * torch.rand(32)).backward()
            optimizer.step()
            if step % 20 == 19:
                watch.validation(1.0)
    assert any("it failed" in told for told in watch.history.unseen)


@pytest.mark.parametrize("cleared", [True, False])
def test_a_generators_loss_may_run_into_what_the_discriminators_step_left(cleared: bool) -> None:
    torch.manual_seed(0)
    parts = nn.ModuleDict({"g": nn.Linear(4, 2), "d": nn.Linear(2, 1)})
    make, judge = parts["g"], parts["d"]
    of_make, of_judge = (torch.optim.Adam(part.parameters(), 1e-3) for part in (make, judge))
    loss_fn = nn.functional.binary_cross_entropy_with_logits
    with gf.watch(parts, [of_make, of_judge], say=None) as watch:
        for _ in range(80):
            made, real = make(torch.randn(16, 4)), torch.randn(16, 2)
            if cleared:
                of_judge.zero_grad()
            told = judge(real), judge(made.detach())
            (loss_fn(told[0], torch.ones(16, 1)) + loss_fn(told[1], torch.zeros(16, 1))).backward()
            of_judge.step()
            if cleared:
                of_make.zero_grad()
            watch.loss(loss_fn(judge(made), torch.ones(16, 1))).backward()
            of_make.step()
    assert ("gradients-accumulate" in [f.rule for f in watch.findings]) is not cleared


@pytest.mark.parametrize("turns", [True, False])
def test_optimisers_that_take_turns_are_known_by_their_losses(turns: bool) -> None:
    torch.manual_seed(0)
    parts = nn.ModuleDict({"body": nn.Linear(4, 4), "head": nn.Linear(4, 2)})
    one, two = (torch.optim.Adam(part.parameters(), 1e-3) for part in parts.values())
    rounds = [[one], [two]] if turns else [[one, two]]
    with gf.watch(parts, [one, two], say=None) as watch:
        for step in range(40):
            x, y = torch.randn(8, 4), torch.randint(2, (8,))
            mine = rounds[step % len(rounds)]
            loss = watch.loss(cross_entropy(parts["head"](parts["body"](x)), y))
            for optimizer in mine:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in mine:
                optimizer.step()
    tally = watch.history.tallies["own-losses"]
    assert tally.share > 0.9 if turns else tally.happened == 0


@pytest.mark.parametrize("passes", [1, 2])
def test_a_pass_without_gradient_at_each_step_is_no_evaluation(passes: int) -> None:
    """A teacher's pass, or pseudo-labels: in training mode, as a part of the step."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.Linear(16, 4))
    optimizer = torch.optim.Adam(net.parameters())
    with gf.watch(net, optimizer, say=None) as watch:
        for _ in range(40):
            x = torch.randn(16, 8)
            scores, labels = net(x), x[:, :4].argmax(1)
            for _ in range(passes):
                with torch.no_grad():
                    labels = net(x + 0.1).argmax(1)
            loss = cross_entropy(scores, x[:, :4].argmax(1)) + cross_entropy(net(x), labels)
            optimizer.zero_grad()
            watch.loss(loss).backward()
            optimizer.step()
    assert watch.history.tallies["train-evaluating"].of == 0
    assert "train-mode-while-evaluating" not in [found.rule for found in watch.findings]


@pytest.mark.parametrize("full", [True, False])
def test_an_evaluation_in_training_mode_is_found_with_full_batches_too(full: bool) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.Linear(16, 4))
    x = torch.randn(64, 8)
    y = x[:, :4].argmax(1)
    optimizer = torch.optim.Adam(net.parameters())
    with gf.watch(net, optimizer, say=None) as watch:
        watch.know(num_train=64)
        for _ in range(12):
            for rows in [torch.arange(64)] if full else torch.randperm(64).split(16):
                optimizer.zero_grad()
                watch.loss(cross_entropy(net(x[rows]), y[rows])).backward()
                optimizer.step()
            with torch.no_grad():
                watch.validation(float(cross_entropy(net(x), y)))
    assert "train-mode-while-evaluating" in [found.rule for found in watch.findings]
