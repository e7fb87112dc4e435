"""Counted noise: what it depends on, how it is distributed, and dropout that is made of it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor, nn

from goodfit.nets import (
    Dropout,
    draw_noise,
    noise_from,
    recording_noise,
    uniform_noise,
    with_counted_dropout,
)
from goodfit.seeds import mix

INTEGERS = st.integers(-(2**63), 2**64 - 1)


def test_no_two_of_a_hundred_thousand_draws_share_a_seed() -> None:
    """Seeds, steps and layers as a long run counts them; 63 bits give a chance of 5e-10."""
    seeds = {
        mix(seed, step, layer) for seed in range(10) for step in range(2500) for layer in range(4)
    }
    assert len(seeds) == 100_000


def test_seeds_of_different_streams_do_not_meet() -> None:
    short = {mix(i) for i in range(1000)} | {mix(i, j) for i in range(100) for j in range(100)}
    assert len(short) == 11_000


@given(st.lists(INTEGERS, min_size=1, max_size=4))
def test_a_seed_is_one_that_torch_takes(numbers: list[int]) -> None:
    seed = mix(*numbers)
    assert 0 <= seed < 2**63
    assert mix(*numbers) == seed
    torch.Generator().manual_seed(seed)


@given(st.lists(INTEGERS, min_size=1, max_size=4), st.data())
def test_one_bit_more_or_less_changes_about_half_of_a_seed(
    numbers: list[int], data: st.DataObject
) -> None:
    """Avalanche: of 63 bits, 31.5 change on average, and practically never under 8."""
    place = data.draw(st.integers(0, len(numbers) - 1))
    changed = list(numbers)
    changed[place] ^= 1 << data.draw(st.integers(0, 62))
    assert (mix(*numbers) ^ mix(*changed)).bit_count() >= 8


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=4, unique=True))
def test_order_and_number_of_the_numbers_matter(numbers: list[int]) -> None:
    assert mix(*numbers) != mix(*reversed(numbers))
    assert mix(*numbers) != mix(*numbers, 0)


def test_bits_of_counted_seeds_are_balanced() -> None:
    """Each bit is set in half of 20,000 seeds, to five standard errors."""
    seeds = [mix(0, step) for step in range(20_000)]
    for bit in range(63):
        share = sum(seed >> bit & 1 for seed in seeds) / len(seeds)
        assert share == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(len(seeds)))


def test_noise_is_uniform() -> None:
    """Kolmogorov-Smirnov, over many draws joined: what dropout sees in a run."""
    joined = torch.cat([draw_noise((50,), seed=3, step=step, layer=0) for step in range(400)])
    assert joined.dtype == torch.float32
    assert float(joined.min()) >= 0.0
    assert float(joined.max()) < 1.0
    assert stats.kstest(joined.double().numpy(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("other", [{"seed": 1}, {"step": 1}, {"layer": 1}])
def test_noise_of_other_counts_is_independent(other: dict[str, int]) -> None:
    """Correlation of 20,000 pairs within five standard errors of 0."""
    counts = {"seed": 0, "step": 0, "layer": 0}
    one = draw_noise((20_000,), **counts)
    two = draw_noise((20_000,), **{**counts, **other})
    correlation = float(torch.corrcoef(torch.stack([one, two]))[0, 1])
    assert abs(correlation) < 5.0 / math.sqrt(20_000)


def test_drawing_leaves_torch_s_generator() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = draw_noise((3,), seed=0, step=0, layer=0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(draw_noise((3,), seed=0, step=0, layer=0), first)


def test_noise_comes_from_outside_in_the_order_of_asking() -> None:
    given_noise = [torch.full((2,), 0.25), torch.full((3,), 0.5)]
    with noise_from(given_noise):
        assert torch.equal(uniform_noise(torch.zeros(2)), given_noise[0])
        with noise_from([torch.ones(1)]):
            assert torch.equal(uniform_noise(torch.zeros(1)), torch.ones(1))
        assert torch.equal(uniform_noise(torch.zeros(3)), given_noise[1])


def test_shapes_are_recorded_in_the_order_of_asking() -> None:
    net = nn.Sequential(Dropout(0.5), nn.Linear(4, 3), nn.Sequential(nn.ReLU(), Dropout(0.5)))
    with recording_noise() as shapes:
        net(torch.zeros(2, 4))
    assert shapes == [(2, 4), (2, 3)]


def test_a_layer_on_its_own_draws_from_torch_s_generator() -> None:
    layer, x = Dropout(0.5), torch.ones(100)
    torch.manual_seed(4)
    first = layer(x)
    assert not torch.equal(layer(x), first)
    torch.manual_seed(4)
    assert torch.equal(layer(x), first)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_keeps_the_expectation_and_drops_its_share(rate: float) -> None:
    """Means over 40,000 draws, within five standard errors of the closed form."""
    torch.manual_seed(0)
    count, value = 40_000, 2.0
    layer, x = Dropout(rate), torch.full((40_000,), value)
    dropped = layer(x)
    share = float((dropped == 0.0).float().mean())
    assert share == pytest.approx(rate, abs=5 * math.sqrt(rate * (1 - rate) / count) + 1e-9)
    spread = value * math.sqrt(rate / (1 - rate) / count)
    assert float(dropped.mean()) == pytest.approx(value, abs=5 * spread + 1e-6)
    assert dropped[dropped != 0.0].unique().tolist() == pytest.approx([value / (1 - rate)])
    assert torch.equal(layer.eval()(x), x)


def test_dropout_drops_where_the_noise_is_under_the_rate() -> None:
    with noise_from([torch.tensor([0.0, 0.29, 0.31, 0.99])]):
        found = Dropout(0.3)(torch.ones(4))
    assert found.tolist() == pytest.approx([0.0, 0.0, 1 / 0.7, 1 / 0.7])


def test_noise_at_the_rate_is_kept_so_that_a_rate_of_zero_drops_nothing() -> None:
    with noise_from([torch.tensor([0.0, 0.5]), torch.tensor([0.0, 0.5])]):
        assert Dropout(0.0)(torch.ones(2)).tolist() == [1.0, 1.0]
        assert Dropout(0.5)(torch.ones(2)).tolist() == [0.0, 2.0]


def test_dropout_passes_its_mask_to_the_gradient() -> None:
    x = torch.ones(3, requires_grad=True)
    with noise_from([torch.tensor([0.0, 0.6, 0.4])]):
        Dropout(0.5)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 2.0, 0.0]


class Nested(nn.Module):
    """One dropout layer in two places, one deeper down, and two of other kinds."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.Dropout(0.5)
        self.body = nn.Sequential(nn.Linear(4, 4), shared, nn.Sequential(nn.Dropout(0.1)))
        self.again = shared
        self.by_channel = nn.Dropout1d(0.5)
        self.all = nn.Dropout(1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.again(self.body(x)) + self.all(x)


def test_dropout_layers_are_replaced_wherever_they_stand() -> None:
    net = Nested()
    keys, found = list(net.state_dict()), with_counted_dropout(net)
    assert found is net
    assert list(net.state_dict()) == keys
    layers = [name for name, layer in net.named_modules() if type(layer) is Dropout]
    assert layers == ["body.1", "body.2.0"]
    assert net.again is net.body[1]
    assert type(net.by_channel) is nn.Dropout1d
    rates = [buffer.item() for name, buffer in net.named_buffers() if name.endswith("rate")]
    assert rates == pytest.approx([0.5, 0.1])


def test_a_rate_of_one_gives_zeros() -> None:
    net = with_counted_dropout(nn.Sequential(nn.Dropout(1.0)))
    assert net(torch.ones(3)).tolist() == [0.0, 0.0, 0.0]


def test_all_noise_of_a_replaced_network_is_counted() -> None:
    """With the same noise it gives the same numbers, wherever torch's generator stands."""
    net = with_counted_dropout(Nested())
    with recording_noise() as shapes:
        net(torch.ones(2, 4))
    assert shapes == [(2, 4)] * 3
    noise = [torch.rand(2, 4) for _ in shapes]
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        with noise_from(noise):
            results.append(net(torch.ones(2, 4)))
    assert torch.equal(*results)


def test_a_network_that_is_a_dropout_layer_is_replaced_too() -> None:
    found = with_counted_dropout(nn.Dropout(0.3).eval())
    assert type(found) is Dropout
    assert not found.training
    assert found.extra_repr() == "rate=0.3"


@pytest.mark.parametrize("training", [True, False])
def test_replaced_layers_keep_their_mode(training: bool) -> None:
    net = with_counted_dropout(nn.Sequential(nn.Dropout(0.3)).train(training))
    assert [layer.training for layer in net] == [training]  # pyright: ignore[reportGeneralTypeIssues]
