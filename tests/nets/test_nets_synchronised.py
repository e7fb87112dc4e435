"""Synchronised batch norm: two real processes against one batch norm on the whole batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn

from goodfit.nets import SyncBatchNorm

# Uneven on purpose: the second worker has the smaller part of the batch.
SIZES = (7, 4)
SHAPE = (3, 5, 2)


def net(momentum: float | None, *, synchronised: bool) -> nn.Sequential:
    """A norm between two layers, in double precision, with weights that are not 1 and 0."""
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, momentum=momentum), nn.Tanh())
    nn.init.normal_(made[1].get_parameter("weight"))
    nn.init.normal_(made[1].get_parameter("bias"))
    made = made.double()
    return SyncBatchNorm.convert(made) if synchronised else made  # pyright: ignore[reportReturnType]


def batches() -> list[Tensor]:
    """Two whole batches ``[11, 3, 5, 2]``, far from mean 0."""
    draw = torch.Generator().manual_seed(1)
    whole = (sum(SIZES), *SHAPE)
    return [3.0 + 2.0 * torch.randn(whole, generator=draw).double() for _ in range(2)]


def passed(made: nn.Module, parts: list[Tensor]) -> dict[str, Tensor]:
    """Outputs, gradients and averages after two steps' passes; the loss is a sum over rows."""
    outputs, inputs = [], []
    for part in parts:
        x = part.clone().requires_grad_()
        y = made(x)
        (y.square() * torch.arange(1.0, 5.0)[:, None, None]).sum().backward()
        outputs.append(y.detach())
        inputs.append(x.grad)
    grads = {name: p.grad for name, p in made.named_parameters() if p.grad is not None}
    averages = dict(made.named_buffers())
    return {"y": torch.cat(outputs), "dx": torch.cat(inputs), **grads, **averages}


def work(rank: int, folder: str, momentum: float | None) -> None:
    """One worker: its part of each batch, then its results in a file."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=len(SIZES)
    )
    start = sum(SIZES[:rank])
    parts = [batch[start : start + SIZES[rank]] for batch in batches()]
    torch.save(passed(net(momentum, synchronised=True), parts), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.parametrize("momentum", [0.1, None])
def test_two_workers_are_one_batch_norm_on_the_whole_batch(
    tmp_path: Path, momentum: float | None
) -> None:
    spawn(work, args=(str(tmp_path), momentum), nprocs=len(SIZES))
    found = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    whole = passed(net(momentum, synchronised=False), batches())
    for name, wanted in whole.items():
        parts = [one[name] for one in found]
        if name in ("y", "dx"):
            halves = [part.split(size) for part, size in zip(parts, SIZES, strict=True)]
            got = torch.cat([half[step] for step in range(2) for half in halves])
        elif name.startswith("1.running") or name.endswith("tracked"):
            torch.testing.assert_close(parts[0], parts[1], rtol=0, atol=0)
            got = parts[0]
        else:
            got = parts[0] + parts[1]
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


def test_alone_it_is_torchs_batch_norm() -> None:
    parts = batches()
    ours, torchs = (passed(net(0.1, synchronised=way), parts) for way in (True, False))
    for name, wanted in torchs.items():
        torch.testing.assert_close(ours[name], wanted, rtol=0, atol=0)


def test_converting_keeps_parameters_averages_and_mode() -> None:
    old = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, eps=0.1, momentum=None), nn.ReLU())
    old(torch.randn(5, 2))
    before = dict(old[1].state_dict())
    weight = old[1].weight
    made = SyncBatchNorm.convert(old.eval())
    assert isinstance(old[1], SyncBatchNorm)
    assert made is old
    assert old[1].weight is weight
    assert not old[1].training
    assert (old[1].eps, old[1].momentum) == (0.1, None)
    for name, value in old[1].state_dict().items():
        torch.testing.assert_close(value, before[name])
    assert isinstance(SyncBatchNorm.convert(nn.BatchNorm1d(3)), SyncBatchNorm)


def test_inputs_without_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \[N, C"):
        SyncBatchNorm(3)(torch.zeros(3))
