"""The trained model as a plain module, and what it gives on a part."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from goodfit.evaluation import Model, outputs_of


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Adds(nn.Module):
    def __init__(self, term: float) -> None:
        super().__init__()
        self.term = term

    def forward(self, x: Tensor) -> Tensor:
        return x + self.term


def test_a_model_prepares_then_predicts_then_scales() -> None:
    model = Model(Adds(1.0), Times(10.0), Adds(0.5))
    assert model(torch.tensor([2.0])).item() == 30.5


def test_a_model_has_the_network_s_weights_and_nothing_else() -> None:
    model = Model(nn.Identity(), nn.Linear(2, 1), nn.Identity())
    assert list(model.state_dict()) == ["net.weight", "net.bias"]


def test_outputs_of_blocks_are_those_of_the_whole() -> None:
    torch.manual_seed(0)
    net, x, y = nn.Linear(3, 2), torch.randn(10, 3), torch.arange(10)
    outputs, target = outputs_of(net, zip(x.split(4), y.split(4), strict=True))
    torch.testing.assert_close(outputs, net(x).detach())
    assert torch.equal(target, y)
    assert not outputs.requires_grad


def test_outputs_are_taken_in_evaluation_mode() -> None:
    """Dropout and batch statistics play no part, and running averages stay."""
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.9))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    x = 5.0 + torch.randn(6, 3)
    outputs, _ = outputs_of(net, [(x, torch.zeros(6))])
    torch.testing.assert_close(outputs, x / (1.0 + 1e-5) ** 0.5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_each_layer_gets_its_mode_back() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3).eval(), nn.Sequential(nn.Dropout(0.5)))
    modes = [module.training for module in net.modules()]
    outputs_of(net, [(torch.zeros(2, 3), torch.zeros(2))])
    assert [module.training for module in net.modules()] == modes
    assert modes == [True, False, True, True]
