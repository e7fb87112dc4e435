"""Which layers are taken over, frozen, scaled; held batch norms; what is told when nothing fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from goodfit.errors import NetError
from goodfit.nets import as_trained, build_net, frozen_names, rate_mask, take_over
from goodfit.nets.transfer import HeldBatchNorm, depths
from goodfit.recipe import CNN, MLP, Net, ResNet, Transfer


def build(net: Net, num_outputs: int = 5, seed: int = 0, shape: tuple = (1, 8, 8)) -> nn.Module:
    return build_net(net, input_shape=shape, num_outputs=num_outputs, seed=seed)


def transfer(**values: object) -> Transfer:
    return Transfer.model_validate({"source": "old.safetensors", **values})


@pytest.mark.parametrize("net", [MLP(norm="batch"), CNN(channels=(4, 6)), ResNet(channels=(4, 6))])
def test_all_but_an_output_of_another_shape_is_taken_over(net: Net) -> None:
    old, new = build(net, 7, seed=1), build(net, 5, seed=2)
    fresh = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    taken = take_over(new, old.state_dict(), transfer())
    now, theirs = new.state_dict(), old.state_dict()
    output = [name for name in now if now[name].shape != theirs[name].shape]
    assert len(output) == 2 and set(taken) == set(now) - set(output)
    assert all(torch.equal(now[name], theirs[name]) for name in taken)
    assert all(torch.equal(now[name], fresh[name]) for name in output)


def test_an_output_of_the_same_shape_is_taken_over_too() -> None:
    old, new = build(MLP(), seed=1), build(MLP(), seed=2)
    assert len(take_over(new, old.state_dict(), transfer())) == len(new.state_dict())


def test_named_layers_alone_are_taken_over() -> None:
    old, new = build(MLP(hidden=(8,) * 5), seed=1), build(MLP(hidden=(8,) * 5), seed=2)
    assert take_over(new, old.state_dict(), transfer(layers=["1"])) == ("1.weight", "1.bias")
    assert not torch.equal(new.state_dict()["11.weight"], old.state_dict()["11.weight"])


def test_other_shapes_are_an_error_that_lists_them_and_says_what_fits() -> None:
    old, new = build(MLP(hidden=(8, 6))), build(MLP(hidden=(8, 7)))
    with pytest.raises(NetError) as caught:
        take_over(new, old.state_dict(), transfer())
    assert caught.value.what == "The weights of old.safetensors do not fit this network."
    assert "3.weight is [6, 8] there, [7, 8] here; 3.bias is [6] there" in str(caught.value.given)
    assert 'transfer.layers = ["1"' in caught.value.do


def test_what_the_error_advises_can_be_done() -> None:
    old, new = build(MLP(hidden=(8, 6))), build(MLP(hidden=(8, 7)))
    with pytest.raises(NetError) as caught:
        take_over(new, old.state_dict(), transfer())
    layers = json.loads(caught.value.do.partition("transfer.layers = ")[2].rstrip("."))
    assert take_over(new, old.state_dict(), transfer(layers=layers))
    # Of the output layer the bias fits, and the weight does not.
    old, new = build(MLP(hidden=(8,))), build(MLP(hidden=(16,)))
    with pytest.raises(NetError) as caught:
        take_over(new, old.state_dict(), transfer())
    assert caught.value.do == "Make the network as it was there: nothing fits."


def test_a_run_of_other_sizes_is_told_with_them_and_with_its_table(tmp_path: Path) -> None:
    """The remedy names a file only where it is one."""
    old, new = build(MLP(hidden=(8,))), build(MLP(hidden=(16,)))
    (tmp_path / "recipe.toml").touch()
    for source, table in ((tmp_path, True), (tmp_path / "old.safetensors", False)):
        with pytest.raises(NetError) as caught:
            take_over(new, old.state_dict(), Transfer(source=str(source)))
        there = [f"{n} {list(w.shape)}" for n, w in old.state_dict().items() if w.dim() > 1]
        assert str(caught.value.given).endswith(f"There: {', '.join(there)}")
        assert (f"[net] table of {tmp_path / 'recipe.toml'}" in caught.value.do) == table


def test_a_missing_layer_is_named() -> None:
    old = build(MLP(hidden=(8,)), shape=(4,)).state_dict()
    with pytest.raises(NetError) as caught:
        take_over(build(MLP(hidden=(8, 6)), shape=(4,)), old, transfer(layers=["2"]))
    assert "2.weight is [5, 8] there, [6, 8] here" in str(caught.value.given)
    with pytest.raises(NetError, match="do not fit") as caught:
        take_over(build(CNN(norm="none")), {"conv.weight": torch.ones(3)}, transfer())
    assert "1.weight is missing there" in str(caught.value.given)
    assert caught.value.do == "Make the network as it was there: nothing fits."


@pytest.mark.parametrize(
    ("field", "value"),
    [("layers", ["seven"]), ("freeze", ["seven"]), ("lr_scale", {"seven": 0.1})],
)
def test_a_prefix_that_matches_nothing_gets_the_nearest(field: str, value: object) -> None:
    net = nn.Sequential()
    net.add_module("sevens", nn.Linear(2, 2))
    net.add_module("last", nn.Linear(2, 2))
    asked = transfer(**{field: value})
    with pytest.raises(NetError) as caught:
        take_over(net, net.state_dict(), asked)
        frozen_names(net, asked)
        rate_mask(net, asked)
    assert caught.value.what == 'No layer of the network begins with "seven".'
    assert f"transfer.{field}" in str(caught.value.given)
    assert caught.value.do == 'did you mean "sevens"?'


def test_freezing_all_is_an_error() -> None:
    with pytest.raises(NetError, match="Every layer is frozen") as caught:
        frozen_names(build(MLP()), transfer(freeze_first=3))
    assert "3 layers" in str(caught.value.given)


def test_layers_are_counted_by_matrices_with_their_norms() -> None:
    net = build(CNN(channels=(4, 6)))
    assert frozen_names(net, transfer(freeze_first=1)) == {
        "1.weight",
        *(f"2.{name}" for name in ("weight", "bias", "running_mean", "running_var")),
        "2.num_batches_tracked",
    }
    assert max(depths(net).values()) == 2


def test_the_longest_beginning_of_a_name_decides_the_rate() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)), nn.Linear(1, 1))
    mask = rate_mask(net, transfer(lr_scale={"0": 0.1, "0.1": 0.5}))
    assert mask is not None
    torch.testing.assert_close(mask, torch.tensor([0.1, 0.1, 0.5, 0.5, 1.0, 1.0]))


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("held", [True, False])
def test_a_held_norm_is_torchs_in_evaluation_and_else_in_training(
    held: bool, momentum: float | None
) -> None:
    twin = nn.BatchNorm2d(3, momentum=momentum).double()
    twin(3.0 + torch.randn(8, 3, 4, 4, dtype=torch.float64))
    norm, x = HeldBatchNorm(twin), torch.randn(5, 3, 4, 4, dtype=torch.float64)
    norm.held_by_transfer.fill_(float(held))  # pyright: ignore[reportCallIssue]
    before = {name: tensor.clone() for name, tensor in twin.state_dict().items()}
    torch.testing.assert_close(norm(x), twin.train(not held)(x))
    after = norm.state_dict()
    if held:
        assert all(torch.equal(after[name], before[name]) for name in before)
    torch.testing.assert_close(dict(after), dict(twin.state_dict()))
    torch.testing.assert_close(norm.eval()(x), twin.eval()(x))


def test_the_form_that_is_trained_has_the_same_names() -> None:
    net = build(CNN())
    made = as_trained(net, transfer(freeze_first=1))
    assert list(made.state_dict()) == list(net.state_dict())
    kinds = [type(layer).__name__ for layer in made.children()]
    assert kinds.count("HeldBatchNorm") == 1 and kinds.count("BatchNorm2d") == 1
