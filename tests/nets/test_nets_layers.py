"""Norms and dropout against the notes' formulas, maxout against its definition."""

from __future__ import annotations

import math
from typing import cast, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from goodfit.explaining import explain
from goodfit.nets import ACTIVATIONS, DROPOUTS, NORMS, Maxout, build_net, noise_from
from goodfit.recipe import CNN, MLP, Net
from goodfit.recipe.networks import DropoutForm, Norm

EPS, KEEP = 1e-5, 0.9


def test_every_norm_and_dropout_of_a_recipe_is_there_and_explained() -> None:
    assert {"none", *NORMS} == set(get_args(get_args(Norm)[0]))
    assert set(DROPOUTS) == set(get_args(get_args(DropoutForm)[0]))
    for name in (*ACTIVATIONS, *NORMS, *DROPOUTS):
        text = explain(name)
        assert "``" in text and ("otes n" in text or "20" in text), name


def normalised(x: Tensor, dims: tuple[int, ...], gamma: Tensor, beta: Tensor) -> Tensor:
    """``y = gamma (x - E[x]) / sqrt(Var[x]) + beta``, as the notes have it."""
    mean = x.mean(dims, keepdim=True)
    variance = (x - mean).square().mean(dims, keepdim=True)
    shape = (1, -1, *[1] * (x.dim() - 2))
    return gamma.view(shape) * (x - mean) / (variance + EPS).sqrt() + beta.view(shape)


@pytest.mark.parametrize("shape", [(9, 5), (6, 5, 4, 3)])
@pytest.mark.parametrize("name", NORMS)
def test_norms_are_the_notes_formulas(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = NORMS[name](5, images=len(shape) == 4).double()
    gamma, beta = (nn.init.normal_(parameter) for parameter in layer.parameters())
    x = 3.0 + 2.0 * torch.randn(shape, dtype=torch.float64)
    places = tuple(range(2, len(shape)))
    dims = (0, *places) if name == "batch" else (1, *places)
    torch.testing.assert_close(layer(x), normalised(x, dims, gamma, beta))


@pytest.mark.parametrize("shape", [(9, 5), (6, 5, 4, 3)])
def test_batch_norm_evaluates_by_moving_averages(shape: tuple[int, ...]) -> None:
    """``r <- 0.9 r + 0.1 E[x]``, from 0 and 1; the variance is the unbiased one."""
    torch.manual_seed(1)
    layer = NORMS["batch"](5, images=len(shape) == 4).double()
    dims = (0, *range(2, len(shape)))
    mean, variance = torch.zeros(5).double(), torch.ones(5).double()
    for _ in range(4):
        x = 1.0 + torch.randn(shape, dtype=torch.float64)
        layer(x)
        mean = KEEP * mean + (1 - KEEP) * x.mean(dims)
        variance = KEEP * variance + (1 - KEEP) * x.var(dims, unbiased=True)
    x = torch.randn(shape, dtype=torch.float64)
    wide = (1, 5, *[1] * (len(shape) - 2))
    expected = (x - mean.view(wide)) / (variance.view(wide) + EPS).sqrt()
    torch.testing.assert_close(layer.eval()(x), expected)


def test_layer_norm_does_not_mix_rows_and_batch_norm_does() -> None:
    x, other = torch.randn(4, 3, 5, 5), torch.randn(4, 3, 5, 5)
    other[0] = x[0]
    for name, mixes in (("batch", True), ("layer", False)):
        layer = NORMS[name](3, images=True)
        assert torch.allclose(layer(x)[0], layer(other)[0], atol=1e-6) != mixes


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("form", DROPOUTS)
def test_what_dropout_gives_in_training_is_on_average_what_it_gives_in_evaluation(
    form: str, rate: float
) -> None:
    """The mean of 400,000 draws lies within 4.5 standard errors of the evaluation's output."""
    x, num = torch.tensor([-1.0, 0.3, 2.0]), 400_000
    layer = DROPOUTS[form](rate)
    noise = torch.rand(num, 3, generator=torch.Generator().manual_seed(5))
    with noise_from([noise]):
        trained = layer.train()(x.expand(num, 3)).double()
    evaluated = layer.eval()(x).double()
    errors = trained.std(0) / math.sqrt(num)
    assert bool(((trained.mean(0) - evaluated).abs() < 4.5 * errors).all())
    wanted = x.double() * (1.0 if form == "inverted" else 1.0 - rate)
    torch.testing.assert_close(evaluated, wanted, rtol=1e-6, atol=0.0)


@given(st.floats(0.0, 0.95), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_one_form_of_dropout_is_the_other_over_the_share_that_is_kept(
    rate: float, seed: int
) -> None:
    noise = torch.rand(8, 5, generator=torch.Generator().manual_seed(seed))
    x, given_ = torch.randn(8, 5, generator=torch.Generator().manual_seed(seed + 1)), []
    for train in (True, False):
        for form in DROPOUTS.values():
            with noise_from([noise]):
                given_.append(form(rate).train(train)(x))
        inverted, at_test = given_[-2:]
        torch.testing.assert_close(inverted * (1.0 - rate), at_test, rtol=1e-4, atol=1e-6)


def test_maxout_is_the_largest_of_its_affine_functions() -> None:
    net = MLP(hidden=(4,), activation="maxout", pieces=3)
    module = cast(nn.Sequential, build_net(net, input_shape=(5,), num_outputs=2, seed=0))
    first, x = cast(nn.Linear, module[0]), torch.randn(7, 5)
    pieces = [x @ first.weight[j::3].T + first.bias[j::3] for j in range(3)]
    torch.testing.assert_close(module[:2](x), torch.stack(pieces).amax(0))


def test_maxout_of_images_takes_channels_side_by_side() -> None:
    x = torch.randn(2, 6, 3, 3)
    torch.testing.assert_close(Maxout(2)(x), torch.maximum(x[:, ::2], x[:, 1::2]))


def kinds(net: Net) -> list[str]:
    module = build_net(net, input_shape=(1, 8, 8), num_outputs=3, seed=0)
    return [type(layer).__name__ for layer in module.children()]


def test_norms_stand_before_or_after_the_activation() -> None:
    assert kinds(MLP(hidden=(8,), norm="batch"))[1:4] == ["Linear", "BatchNorm1d", "ReLU"]
    after = MLP(hidden=(8,), norm="layer", norm_place="after", dropout=0.1, dropout_form="at-test")
    assert kinds(after)[1:5] == ["Linear", "ReLU", "LayerNorm", "DropoutAtTest"]
    images = CNN(channels=(4,), norm_place="after")
    assert kinds(images)[1:5] == ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d"]
    assert kinds(CNN(channels=(4,), norm="layer"))[1:4] == ["Conv2d", "GroupNorm", "ReLU"]
