"""Rows of the newer networks and layers are the runs that they are alone."""

from __future__ import annotations

import pytest
import torch
from engine_teams import IMAGES, TABLE, Row, make_team, plain_loop, worst_distance
from torch import nn

from goodfit.engine import Batch
from goodfit.nets import build_net, pack_parameters
from goodfit.recipe import CNN, MLP, Momentum, Net, ResNet

STEPS, TOLERANCE = 12, 1e-5
NETS: dict[str, tuple[Net, Batch]] = {
    "resnet": (ResNet(blocks=(1, 1), channels=(4, 6), dropout=0.2), IMAGES),
    "resnet-layer-after": (
        ResNet(blocks=(1,), channels=(4,), norm="layer", norm_place="after", activation="tanh"),
        IMAGES,
    ),
    "cnn-layer": (CNN(channels=(4, 6), norm="layer", activation="silu"), IMAGES),
    "cnn-maxout-batch": (CNN(channels=(4,), activation="maxout", norm_place="after"), IMAGES),
    "mlp-maxout": (MLP(hidden=(12, 8), activation="maxout", pieces=3, dropout=0.2), TABLE),
    "mlp-prelu": (MLP(hidden=(16,), activation="prelu", norm="layer"), TABLE),
    "mlp-after": (MLP(hidden=(16,), activation="tanh", norm="batch", norm_place="after"), TABLE),
    "mlp-dropout-at-test": (MLP(dropout=0.4, dropout_form="at-test", activation="elu"), TABLE),
}


def maker(net: Net):
    shape = (64,) if isinstance(net, MLP) else (1, 8, 8)

    def make() -> nn.Module:
        seed = int(torch.randint(1000, ()))
        return build_net(net, input_shape=shape, num_outputs=10, seed=seed)

    return make


@pytest.mark.parametrize("name", NETS)
def test_a_row_of_a_population_is_the_network_alone(name: str) -> None:
    net, data = NETS[name]
    rows = [Row(Momentum(lr=rate), net_seed=k, seed=7 + k) for k, rate in enumerate((0.01, 0.02))]
    together = make_team(maker(net), rows, data=data, own_batches=True)
    assert together.executor.kind == "traced", together.executor.reason
    together.run(STEPS)
    for k, row in enumerate(rows):
        alone = make_team(maker(net), [row], data=data)
        assert alone.executor.kind == "traced", alone.executor.reason
        alone.run(STEPS)
        assert worst_distance(together.population, alone.population, k) < TOLERANCE


@pytest.mark.parametrize("name", [name for name, (net, _) in NETS.items() if not net.dropout])  # pyright: ignore[reportAttributeAccessIssue]
def test_a_network_alone_is_the_plain_loop(name: str) -> None:
    net, data = NETS[name]
    row = Row(Momentum(lr=0.02))
    team = make_team(maker(net), [row], data=data)
    team.run(STEPS)
    plain, _ = plain_loop(
        maker(net),
        row,
        lambda net: torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9),
        STEPS,
        data=data,
    )
    expected = pack_parameters([plain])
    assert float((team.population.w - expected).norm() / expected.norm()) < TOLERANCE
