"""The trained model as a plain module: raw numbers in, predictions out."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Model(nn.Module):
    """Preprocessing, network and output scale in one ``nn.Module``.

    ``forward`` takes encoded inputs (see ``goodfit.data.encode``): raw images ``[N, C, H, W]``,
    arrays ``[N, ...]``, or a table's columns ``[N, D]`` with NaN for missing. It returns logits
    ``[N, C]`` for classes, or quantities ``[N, 1]`` in the target's own unit.
    """

    def __init__(self, prepare: nn.Module, net: nn.Module, output: nn.Module) -> None:
        super().__init__()
        self.prepare, self.net, self.output = prepare, net, output

    def forward(self, encoded: Tensor) -> Tensor:
        return self.output(self.net(self.prepare(encoded)))


def outputs_of(model: nn.Module, blocks: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return what a model gives on all blocks, and their targets: ``[N, C]``, ``[N, ...]``.

    The model is put into evaluation mode for this, and back.
    """
    training = [module for module in model.modules() if module.training]
    model.eval()
    with torch.inference_mode():
        pairs = [(model(x), y) for x, y in blocks]
    for module in training:
        module.training = True
    return torch.cat([output for output, _ in pairs]), torch.cat([y for _, y in pairs])
