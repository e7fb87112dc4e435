"""Each initialiser against its closed form and torch's, and where biases start."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

import goodfit as gf
from goodfit.errors import GoodfitError
from goodfit.explaining import explain
from goodfit.nets import INITIALISERS, build_net
from goodfit.nets.initialisers import fans
from goodfit.pipeline.begin import Given, know_given, net_of
from goodfit.pipeline.prior import log_shares
from goodfit.recipe import CNN, MLP, Net, ResNet
from goodfit.recipe.networks import INIT_ALIASES, InitName
from goodfit.seeds import mix

FAN_IN, FAN_OUT = 400, 300
# Standard deviation, and the largest value where there is one, in closed form.
SPREADS: dict[str, tuple[float, float]] = {
    "torch": (1 / math.sqrt(3 * FAN_IN), 1 / math.sqrt(FAN_IN)),
    "small-normal": (0.01, math.inf),
    "large-normal": (1.0, math.inf),
    "xavier-uniform": (math.sqrt(2 / (FAN_IN + FAN_OUT)), math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "xavier-normal": (math.sqrt(2 / (FAN_IN + FAN_OUT)), math.inf),
    "xavier-fan-in": (1 / math.sqrt(FAN_IN), math.inf),
    "he-uniform": (math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
    "he-normal": (math.sqrt(2 / FAN_IN), math.inf),
    "orthogonal": (1 / math.sqrt(FAN_IN), math.inf),
}
TORCHS: dict[str, Callable[[Tensor], Tensor]] = {
    "xavier-uniform": nn.init.xavier_uniform_,
    "xavier-normal": nn.init.xavier_normal_,
    "he-uniform": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "he-normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "orthogonal": nn.init.orthogonal_,
}


def mlp(init: str, **more: object) -> nn.Module:
    net = MLP.model_validate({"hidden": (FAN_OUT, 20), "init": init, **more})
    return build_net(net, input_shape=(FAN_IN,), num_outputs=5, seed=0)


def first(module: nn.Module) -> nn.Linear:
    return next(layer for layer in module.modules() if isinstance(layer, nn.Linear))


def test_every_initialiser_of_a_recipe_is_there_measured_and_explained() -> None:
    names = get_args(InitName)
    assert set(INITIALISERS) == set(names) == {*SPREADS, "constant"}
    for name in names:
        assert len(explain(name)) > 80, name


@pytest.mark.parametrize("name", SPREADS)
def test_weights_have_the_standard_deviation_of_the_formula(name: str) -> None:
    """Of 120,000 draws: five standard errors are 1 %."""
    spread, largest = SPREADS[name]
    weight = first(mlp(name)).weight.detach().double()
    assert float(weight.std()) == pytest.approx(spread, rel=0.012)
    assert abs(float(weight.mean())) < 5 * spread / math.sqrt(weight.numel())
    assert float(weight.abs().max()) <= largest * (1 + 1e-6)
    assert not math.isfinite(largest) or float(weight.abs().max()) > 0.999 * largest


@pytest.mark.parametrize("name", TORCHS)
@pytest.mark.parametrize("shape", [(7, 11), (6, 4, 3, 3)])
def test_the_same_bits_as_torchs_function(name: str, shape: tuple[int, ...]) -> None:
    mine, theirs = torch.empty(shape), torch.empty(shape)
    torch.manual_seed(0)
    INITIALISERS[name](mine, *fans(mine))
    torch.manual_seed(0)
    TORCHS[name](theirs)
    torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=0.0)


def test_torchs_start_is_what_its_layers_draw_by_themselves() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(mix(0, 0x1717))
        plain = nn.Sequential(nn.Linear(400, 300), nn.Linear(300, 20), nn.Linear(20, 5))
    pairs = zip(mlp("torch").parameters(), plain.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", [name for name in INITIALISERS if name != "torch"])
@pytest.mark.parametrize("net", [MLP(), CNN(norm="none"), ResNet(norm="layer")])
def test_biases_of_all_other_starts_are_zero(name: str, net: Net) -> None:
    named = net.model_copy(update={"init": name})
    module = build_net(named, input_shape=(1, 8, 8), num_outputs=3, seed=0)
    layers = [m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert all(not m.bias.any() for m in layers if m.bias is not None)


def test_a_constant_start_makes_units_twins_and_a_check_says_so() -> None:
    recipe = gf.Recipe(data="iris", net=MLP(init="constant"))
    found = [finding.rule for finding in gf.check_recipe(recipe)]
    healthy = gf.check_recipe(recipe.model_copy(update={"net": MLP(init="he-normal")}))
    assert "symmetric-init" in found
    assert "symmetric-init" not in [finding.rule for finding in healthy]


def test_the_pieces_of_maxout_count_once_in_the_fan() -> None:
    weight = first(mlp("xavier-normal", activation="maxout", pieces=4)).weight.detach()
    assert weight.shape == (4 * FAN_OUT, FAN_IN)
    assert float(weight.std()) == pytest.approx(math.sqrt(2 / (FAN_IN + FAN_OUT)), rel=0.01)


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (MLP(bias=0.01), nn.Linear),
        (MLP(bias=0.01, norm="batch"), nn.BatchNorm1d),
        (MLP(bias=0.01, norm="layer", norm_place="after"), nn.Linear),
        (CNN(bias=0.01), nn.BatchNorm2d),
        (CNN(bias=0.01, norm="layer"), nn.GroupNorm),
    ],
)
def test_hidden_biases_start_slightly_positive(net: Net, expected: type) -> None:
    """At what is added last before the activation; the output's bias is left."""
    module = build_net(net, input_shape=(1, 8, 8), num_outputs=3, seed=0)
    *hidden, last = [m for m in module.modules() if hasattr(m, "bias") and m.bias is not None]
    for layer in hidden:
        assert equals(layer.bias, 0.01) == isinstance(layer, expected)
    assert not equals(last.bias, 0.01)


def equals(tensor: object, value: float) -> bool:
    assert isinstance(tensor, Tensor)
    return bool((tensor == value).all())


def test_the_last_bias_starts_at_the_classes_log_shares() -> None:
    shares = log_shares(torch.tensor([0] * 6 + [1] * 3 + [2]).numpy(), 3)
    net = MLP(init="small-normal", output_bias="prior")
    module = build_net(net, input_shape=(4,), num_outputs=3, seed=0, prior=shares)
    chances = module(torch.zeros(1, 4)).softmax(1)[0]
    torch.testing.assert_close(chances, torch.tensor([0.6, 0.3, 0.1]))


def test_a_class_that_training_has_not_starts_finite() -> None:
    assert torch.isfinite(log_shares(torch.tensor([0, 0, 2]).numpy(), 3)).all()


def last_bias(recipe: gf.Recipe, given: Given) -> Tensor:
    known = know_given(recipe, given)
    module = net_of(recipe, known, None)
    return [m for m in module.modules() if isinstance(m, nn.Linear)][-1].bias.detach()


def test_a_run_takes_the_shares_of_its_training_part() -> None:
    x, y = torch.randn(400, 3).numpy(), torch.tensor([0] * 300 + [1] * 100).numpy()
    recipe = gf.Recipe(data="given", net=MLP(output_bias="prior"))
    torch.testing.assert_close(
        last_bias(recipe, Given(data=(x, y))).exp(), torch.tensor([0.75, 0.25])
    )
    silent = recipe.model_copy(update={"net": MLP(output_bias="zero")})
    assert not last_bias(silent, Given(data=(x, y))).any()


def test_a_loaders_mean_is_where_its_quantity_starts() -> None:
    x, y = torch.randn(64, 3), 40.0 + torch.randn(64, 1)
    batches = [(x[:32], y[:32]), (x[32:], y[32:])]
    recipe = gf.Recipe(data="given", net=MLP(output_bias="prior"))
    found = last_bias(recipe, Given(batches=batches, validation=batches))
    torch.testing.assert_close(found, y.mean(0), rtol=1e-6, atol=0.0)


def test_the_check_of_the_prior_is_silent_where_the_bias_starts_there() -> None:
    """Planted: nine rows in ten are of one class."""
    torch.manual_seed(0)
    y = (torch.rand(600) < 0.1).long()
    x = torch.randn(600, 5) + y[:, None]
    recipe = gf.Recipe(data="given", net=MLP(init="he-normal"), batch_size=64)
    found = {}
    for start in ("zero", "prior"):
        asked = recipe.model_copy(update={"net": MLP(init="small-normal", output_bias=start)})
        checked = gf.check_recipe(asked, data=(x.numpy(), y.numpy()))
        found[start] = [finding.rule for finding in checked]
    assert "bias-not-from-prior" in found["zero"]
    assert "bias-not-from-prior" not in found["prior"]


def test_a_misspelt_initialiser_gets_the_nearest() -> None:
    with pytest.raises(GoodfitError) as caught:
        gf.recipe.validate({"data": "iris", "net": {"init": "xavier-unifrom"}})
    assert 'did you mean "xavier-uniform"?' in str(caught.value)


@pytest.mark.parametrize(("other", "name"), INIT_ALIASES.items())
def test_the_names_of_others_mean_ours(other: str, name: str) -> None:
    asked: Any = other
    net = MLP(hidden=(8,), init=asked)
    assert net.init == name
    assert explain(other).split("\n\n", 1)[1] == explain(name).split("\n\n", 1)[1]
