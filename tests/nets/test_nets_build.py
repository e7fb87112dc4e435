"""Networks from a recipe: counts in closed form, seeds, and errors that say what to do."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from goodfit import recipe as recipes
from goodfit.errors import NetError
from goodfit.nets import ACTIVATIONS, ChannelsLast, Dropout, build_net
from goodfit.recipe import CNN, MLP, Net, OwnNet


def build(net: Net, shape: tuple[int, ...] = (1, 8, 8), *, seed: int = 0) -> nn.Module:
    return build_net(net, input_shape=shape, num_outputs=5, seed=seed)


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def dense(fan_in: int, fan_out: int) -> int:
    return fan_in * fan_out + fan_out


def conv(fan_in: int, fan_out: int) -> int:
    return 9 * fan_in * fan_out + fan_out


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (MLP(hidden=()), dense(64, 5)),
        (MLP(hidden=(7,)), dense(64, 7) + dense(7, 5)),
        (MLP(hidden=(7, 3), norm="layer"), dense(64, 7) + 14 + dense(7, 3) + 6 + dense(3, 5)),
        (MLP(hidden=(7,), norm="batch", dropout=0.5), dense(64, 7) + 14 + dense(7, 5)),
        (CNN(channels=(3,), norm="none"), conv(1, 3) + dense(3 * 16, 5)),
        (CNN(channels=(3, 4), norm="none"), conv(1, 3) + conv(3, 4) + dense(4 * 4, 5)),
        (CNN(channels=(3,), norm="batch"), conv(1, 3) - 3 + 6 + dense(3 * 16, 5)),
    ],
)
def test_the_number_of_parameters(net: Net, expected: int) -> None:
    assert count(build(net)) == expected


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (MLP(), (11,)),
        (MLP(), (3, 4, 5)),
        (CNN(channels=(2, 3)), (3, 9, 7)),
        (CNN(channels=(2,), dropout=0.3), (1, 2, 2)),
    ],
)
def test_outputs_have_one_number_per_class(net: Net, shape: tuple[int, ...]) -> None:
    module = build(net, shape)
    assert module(torch.randn(6, *shape)).shape == (6, 5)


@pytest.mark.parametrize("net", [MLP(), CNN()])
def test_the_same_seed_gives_the_same_weights(net: Net) -> None:
    one, same, other = (build(net, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    weights = [name for name in one if name.endswith("weight") and one[name].dim() > 1]
    assert all(not torch.equal(one[name], other[name]) for name in weights)


def test_building_leaves_torch_s_generator() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    build(MLP())
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_do_not_depend_on_torch_s_generator() -> None:
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(build(MLP()).state_dict()["1.weight"])
    assert torch.equal(*found)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_activation_is_the_one_that_was_asked_for(name: str) -> None:
    asked = {"activation": name}
    for net in (MLP.model_validate(asked), CNN.model_validate(asked)):
        kinds = [type(layer) for layer in build(net).children()]
        assert kinds.count(type(ACTIVATIONS[name]())) == 2


def test_every_activation_of_a_recipe_is_built() -> None:
    allowed = recipes.Activation.__args__
    assert set(ACTIVATIONS) == set(allowed)


def test_dropout_stands_where_the_recipe_says() -> None:
    rates = [layer.rate for layer in build(MLP(dropout=0.25)).children() if _drops(layer)]
    assert rates == [torch.tensor(0.25)] * 2
    assert not any(_drops(layer) for layer in build(MLP()).children())
    assert sum(_drops(layer) for layer in build(CNN(dropout=0.25)).children()) == 1


def _drops(layer: nn.Module) -> bool:
    return isinstance(layer, Dropout)


def test_images_of_one_channel_are_laid_out_channels_last() -> None:
    """Torch calls such an image laid out either way; only a copy changes its strides."""
    x = torch.randn(2, 1, 4, 4)
    laid_out = ChannelsLast()(x)
    assert torch.equal(laid_out, x)
    assert laid_out.stride() == (16, 1, 4, 1)
    assert x.stride() == (16, 16, 4, 1)


def test_images_with_batches_of_their_own_are_laid_out_as_well() -> None:
    """Rows of a population that have seeds of their own bring ``[K, N, C, H, W]``."""
    x = torch.randn(3, 2, 5, 4, 4)
    laid_out = torch.func.vmap(ChannelsLast())(x)
    assert torch.equal(laid_out, x)
    assert laid_out[0].stride() == (80, 1, 20, 5)


def error_of(net: Net, shape: tuple[int, ...] = (1, 8, 8)) -> NetError:
    with pytest.raises(NetError) as caught:
        build(net, shape)
    return caught.value


def test_a_convolution_on_a_table_is_an_error_with_words() -> None:
    error = error_of(CNN(), (13,))
    assert error.what == "A convolutional network needs images."
    assert error.given == "inputs of shape [13]"
    assert 'net.kind = "mlp"' in error.do


@pytest.mark.parametrize(("shape", "most"), [((1, 8, 8), 3), ((3, 4, 100), 2), ((1, 5, 5), 2)])
def test_too_many_blocks_are_an_error_that_says_how_many_fit(
    shape: tuple[int, ...], most: int
) -> None:
    error = error_of(CNN(channels=(2,) * (most + 1)), shape)
    assert error.what == f"{most + 1} blocks halve the image to nothing."
    assert error.given == f"images of {shape[1]} x {shape[2]}"
    assert error.do == f"Take at most {most} entries in net.channels."
    build(CNN(channels=(2,) * most), shape)


NETS = """
    from torch import nn

    def make(input_shape, num_outputs):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, num_outputs))

    class Fixed(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Flatten(), nn.Linear(64, 5))

    def not_a_module(input_shape, num_outputs):
        return "a string"

    def fails(input_shape, num_outputs):
        raise KeyError("no such layer")
"""


FILES = {
    "own_nets": NETS,
    "own_broken": "def make(:\n",
    "own_raises": "raise RuntimeError('not today')\n",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run from a folder with nets of a user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    yield
    for name in FILES:
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("factory", ["make", "Fixed"])
def test_a_network_of_the_user_s_own_is_made_by_its_factory(factory: str) -> None:
    net = build(OwnNet(make=f"own_nets:{factory}"), seed=3)
    assert count(net) == dense(64, 5)
    again = build(OwnNet(make=f"own_nets:{factory}"), seed=3)
    assert torch.equal(net.state_dict()["1.weight"], again.state_dict()["1.weight"])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("make", "what", "do"),
    [
        ("own_nets", "An own network is named as package.module:factory.", "my_nets:make_net"),
        ("no_such_file:make", "No module named 'no_such_file'", "Run from the folder"),
        ("own_nets:mak", "has no attribute 'mak'", 'own_nets was found; did you mean "make'),
        (":make", "cannot be imported", "Run from the folder"),
        ("own_broken:make", "own_broken.py, line 1", "Mend own_broken"),
        ("own_raises:make", "RuntimeError: not today (", "Mend own_raises"),
        ("own_nets:not_a_module", "did not return a torch.nn.Module", "return the module"),
        (
            "own_nets:fails",
            "own_nets:fails failed: KeyError: 'no such layer' (",
            "Let the factory take",
        ),
    ],
)
def test_an_own_network_that_cannot_be_made_is_an_error_with_words(
    make: str, what: str, do: str
) -> None:
    error = error_of(OwnNet(make=make))
    assert what in error.what
    assert do in error.do


@pytest.mark.usefixtures("here")
def test_the_file_and_line_that_failed_are_named() -> None:
    line = 1 + textwrap.dedent(NETS).split("\n").index('    raise KeyError("no such layer")')
    assert f"own_nets.py, line {line})" in error_of(OwnNet(make="own_nets:fails")).what
    assert "own_raises.py, line 1)" in error_of(OwnNet(make="own_raises:make")).what


@pytest.mark.usefixtures("here")
def test_what_a_factory_returned_instead_is_named() -> None:
    assert error_of(OwnNet(make="own_nets:not_a_module")).given == "str"
