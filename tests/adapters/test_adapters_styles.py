"""Healthy loops of other styles stay silent: comparing networks, carried states, sums of losses."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goodfit import check
from goodfit.adapters import watch
from goodfit.records import Finding, History


def severe(findings: tuple[Finding, ...]) -> set[str]:
    """Names of findings that are more than information."""
    return {finding.rule for finding in findings if finding.severity != "info"}


class Difference(nn.Module):
    """Compares two inputs: the last bias cancels, its gradient is 0 up to rounding."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.body(x) - self.body(z)


def compare(num_steps: int, accumulate: int, *, clears: bool = True) -> History:
    """Learn which of two inputs is larger, by parts of a batch."""
    torch.manual_seed(0)
    true, net = torch.randn(8), Difference()
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    with watch(net, optimizer, say=None, budget=0.2) as eye:
        for number in range(num_steps):
            x, z = torch.randn(32, 8), torch.randn(32, 8)
            sign = ((x - z) @ true).sign()
            loss = eye.loss(F.softplus(-sign * net(x, z)[:, 0]).mean())
            (loss / accumulate).backward()
            if number % accumulate == accumulate - 1:
                optimizer.step()
                if clears:
                    optimizer.zero_grad()
    return eye.history


def test_a_gradient_that_cancels_is_neither_cleared_nor_left_over() -> None:
    from_parts, whole = compare(400, 2), compare(200, 1)
    for history in (from_parts, whole):
        assert history.tallies["still-weights"].share == 0.0
        assert history.tallies["old-gradients"].share == 0.0
    assert from_parts.tallies["skipped"].happened == 0
    assert compare(200, 1, clears=False).tallies["old-gradients"].share > 0.8


def test_a_parameter_that_no_optimiser_holds_is_no_sign_of_a_forgotten_zero_grad() -> None:
    torch.manual_seed(0)
    body, head = nn.Linear(8, 16), nn.Linear(16, 2)
    net = nn.Sequential(body, nn.ReLU(), head)
    optimizer, loss_fn = torch.optim.SGD(body.parameters(), 0.1), nn.CrossEntropyLoss()
    with watch(net, optimizer, loss_fn, say=None, budget=0.5) as eye:
        for _ in range(60):
            x = torch.randn(32, 8)
            optimizer.zero_grad()
            loss_fn(net(x), (x[:, 0] > 0).long()).backward()
            optimizer.step()
    assert eye.history.tallies["old-gradients"].share == 0.0
    assert eye.history.tallies["foreign-parameters"].happened == 2


class Recurrent(nn.Module):
    """Tokens in, scores of the next token and the state out."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.cell = nn.Embedding(8, 16), nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, 8)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        out, state = self.cell(self.embedding(x), state)
        return self.head(out), state


@pytest.mark.parametrize(("carries", "said"), [(True, False), (False, True)])
def test_an_order_that_a_carried_state_needs_is_meant(carries: bool, said: bool) -> None:
    torch.manual_seed(0)
    text = torch.randint(8, (16, 97))
    net, loss_fn = Recurrent(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    with watch(net, optimizer, loss_fn, say=None, budget=0.5) as eye:
        for _ in range(6):
            state = torch.zeros(1, 16, 32)
            for start in range(0, 96, 8):
                optimizer.zero_grad()
                given = state.detach() if carries else torch.zeros(1, 16, 32)
                scores, state = net(text[:, start : start + 8] + 0, given)
                target = text[:, start + 1 : start + 9]
                loss_fn(scores.reshape(-1, 8), target.reshape(-1)).backward()
                optimizer.step()
            eye.validation(1.0)
    assert ("not-shuffled" in severe(eye.findings)) == said


class Coder(nn.Module):
    """A small variational autoencoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(64, 8), nn.Linear(4, 64)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        drawn = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(drawn), mean, log_variance


def evidence(reconstruction: Callable[[Tensor, Tensor], Tensor]) -> History:
    """Train the coder by its reconstruction and the divergence from the prior."""
    torch.manual_seed(0)
    net = Coder()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    low = torch.randn(512, 4) @ torch.randn(4, 64)
    x, loss = torch.sigmoid(low), torch.zeros(())
    with watch(net, optimizer, say=None, budget=0.5) as eye:
        for _ in range(6):
            for part in torch.randperm(512).split(32):
                scores, mean, log_variance = net(x[part])
                divergence = 0.5 * (log_variance.exp() + mean.square() - 1.0 - log_variance)
                loss = reconstruction(scores, x[part]) + divergence.sum(1).mean()
                optimizer.zero_grad()
                eye.loss(loss).backward()
                optimizer.step()
            eye.validation(float(loss.detach()))
    return eye.history


def summed(scores: Tensor, x: Tensor) -> Tensor:
    """Reconstruction over all pixels, one number each row."""
    return F.binary_cross_entropy_with_logits(scores, x, reduction="none").sum(1).mean()


def test_the_chance_of_one_term_is_not_that_of_a_sum_of_losses() -> None:
    history = evidence(summed)
    assert history.setting.chance_loss is None and history.setting.loss_kind == ""
    assert history.steps.loss[0] > 10


def test_a_loss_with_a_small_penalty_keeps_its_chance() -> None:
    torch.manual_seed(0)
    net = nn.Linear(8, 4)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    with watch(net, optimizer, say=None, budget=0.5) as eye:
        for _ in range(60):
            x = torch.randn(32, 8)
            penalty = 1e-3 * net.weight.square().sum()
            loss = F.cross_entropy(net(x), x[:, :4].argmax(1)) + penalty
            optimizer.zero_grad()
            eye.loss(loss).backward()
            optimizer.step()
    assert eye.history.setting.loss_kind == "cross-entropy"
    assert eye.history.setting.chance_loss == pytest.approx(math.log(4), rel=0.1)


def ranking(scores: Tensor, y: Tensor) -> Tensor:
    """All pairs of a batch: every row is compared with every other."""
    above = (y[:, None] > y).float()
    return (above * F.softplus(-(scores - scores.T))).sum() / above.sum().clamp_min(1.0)


def spread(scores: Tensor, y: Tensor) -> Tensor:
    """The mistake: scores [N, 1] against targets [N]."""
    return (scores - y).square().mean()


@pytest.mark.parametrize(("loss_fn", "said"), [(ranking, False), (spread, True)])
def test_rows_that_are_compared_with_each_other_are_meant(
    loss_fn: Callable[[Tensor, Tensor], Tensor], said: bool
) -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 8)
    found = check(nn.Linear(8, 1), loss_fn, [(x, x[:, 0])])
    assert ("loss-broadcast" in severe(tuple(found))) == said


def hardest(embedded: Tensor, y: Tensor) -> Tensor:
    """Triplets of the hardest rows: distances within a batch, labels against labels."""
    apart, same = torch.cdist(embedded, embedded), y[:, None] == y
    far, near = apart.masked_fill(~same, -9.0).amax(1), apart.masked_fill(same, 9.0).amin(1)
    return F.relu(far - near + 0.3).mean()


def test_a_loss_of_distances_is_not_held_against_equal_outputs() -> None:
    torch.manual_seed(0)
    y = torch.randint(0, 4, (192,))
    x = torch.randn(192, 8) + 2 * torch.randn(4, 8)[y]
    batches = [(x[i::4], y[i::4]) for i in range(4)]
    found = severe(tuple(check(nn.Linear(8, 8), hardest, batches)))
    assert not found & {"initial-loss-off", "loss-broadcast"}
