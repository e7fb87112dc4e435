"""Run a network aside: its modes, buffers and torch's generator are then as they were before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def restoring(network: nn.Module) -> Iterator[None]:
    """Put modes, buffers and the state of random generators back on leaving.

    Example:
        >>> net = nn.BatchNorm1d(2)
        >>> with restoring(net):
        ...     _ = net.eval(), net.running_mean.fill_(7.0)
        >>> net.training, net.running_mean.tolist()
        (True, [0.0, 0.0])
    """
    modes = [(module, module.training) for module in network.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in network.buffers()]
    devices = {p.device for p in network.parameters() if p.device.type == "cuda"}
    try:
        with torch.random.fork_rng(devices=sorted(devices, key=str)):
            yield
    finally:
        for module, mode in modes:
            module.training = mode
        for buffer, value in buffers:
            # By ``data``: a write that counts as a change fails a backward that needs the buffer.
            if not torch.equal(buffer, value):
                buffer.data.copy_(value)
