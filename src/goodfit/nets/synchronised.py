"""Batch norm whose moments are those of all workers' batches together, on any device."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm


class SyncBatchNorm(_BatchNorm):
    """Batch norm over all workers' batches: ``y = gamma (x - E[x]) / sqrt(Var[x] + eps) + beta``.

    Moments are over all rows (and places) of ``x [N, C, ...]`` of all workers of a group of
    ``torch.distributed``, whose N may differ; the result is that of one batch norm on the whole
    batch. Each worker's gradient of gamma and beta is that of its own rows, to be summed over
    workers as any other gradient. torch's own class does the same but refuses the CPU. Where no
    group was begun, in a group of one, and in evaluation it is torch's batch norm.

    With ``x^ = (x - E[x]) / sqrt(Var[x] + eps)`` and means over all workers' rows, the gradient is
    ``dx = gamma / sqrt(Var[x] + eps) (dy - E[dy] - x^ E[dy x^])``. A step costs three sums over
    workers of C to 2 C numbers each: mean, variance in a second pass, and one in the backward pass.

    Ioffe and Szegedy, ICML 2015; notes n3, synchronised batch norm.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
        >>> type(SyncBatchNorm.convert(net)[1]).__name__
        'SyncBatchNorm'
    """

    group: distributed.ProcessGroup | None = None

    @classmethod
    def convert(cls, net: nn.Module, group: distributed.ProcessGroup | None = None) -> nn.Module:
        """Put a synchronised one in the place of each batch norm, with its weights and averages.

        ``group`` are the workers whose batches count together; None means all. The network is
        changed, and returned; parameters stay the ones that an optimiser may hold.
        """
        for name, module in list(net.named_modules()):
            if isinstance(module, _BatchNorm) and not isinstance(module, SyncBatchNorm):
                made = _of(module, group)
                if not name:
                    return made
                net.set_submodule(name, made)
        return net

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected [N, C, ...], got {list(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        """Return ``[N, C, ...]``; updates the moving averages, alike on all workers."""
        if not self.training or not _is_shared(self.group):
            return super().forward(input)
        self._check_input_dim(input)
        y, mean, variance, count = cast(
            tuple[Tensor, Tensor, Tensor, Tensor],
            _Normalise.apply(input, self.weight, self.bias, self.eps, self.group),
        )
        self._follow(mean, variance * count / (count - 1.0).clamp_min(1.0))
        return y

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        with torch.no_grad():
            counted = self.num_batches_tracked
            share = self.momentum
            if counted is not None:
                counted.add_(1)
                share = 1.0 / float(counted) if share is None else share
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), share or 0.0)
            self.running_var.lerp_(variance.to(self.running_var.dtype), share or 0.0)


def _is_shared(group: distributed.ProcessGroup | None) -> bool:
    ready = distributed.is_available() and distributed.is_initialized()
    return ready and distributed.get_world_size(group) > 1


def _of(module: _BatchNorm, group: distributed.ProcessGroup | None) -> SyncBatchNorm:
    made = SyncBatchNorm(
        module.num_features,
        eps=module.eps,
        momentum=module.momentum,
        affine=module.affine,
        track_running_stats=module.track_running_stats,
    )
    made.weight, made.bias = module.weight, module.bias
    made.running_mean, made.running_var = module.running_mean, module.running_var
    made.num_batches_tracked, made.group = module.num_batches_tracked, group
    return made.train(module.training)


class _Normalise(torch.autograd.Function):
    """Forward and backward pass with sums over workers."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        eps: float,
        group: distributed.ProcessGroup | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        axes, wide = _axes(x), x.to(torch.promote_types(x.dtype, torch.float32))
        rows = wide.new_full((1,), x.numel() // max(1, x.shape[1]))
        sums = torch.cat([wide.sum(axes), rows])
        distributed.all_reduce(sums, group=group)
        count, mean = sums[-1].clone(), sums[:-1] / sums[-1]
        centred = wide - _along(mean, x)
        variance = centred.square().sum(axes)
        distributed.all_reduce(variance, group=group)
        variance = variance / count
        scale = (variance + eps).rsqrt()
        normal = centred * _along(scale, x)
        ctx.save_for_backward(normal, scale, weight, count)
        ctx.group, ctx.has_bias = group, bias is not None
        ctx.mark_non_differentiable(mean, variance, count)
        y = normal if weight is None else normal * _along(weight, x)
        return (y if bias is None else y + _along(bias, x)).to(x.dtype), mean, variance, count

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, dy: Tensor, *_: Tensor
    ) -> tuple[Tensor | None, ...]:
        normal, scale, weight, count = ctx.saved_tensors
        axes, wide = _axes(dy), dy.to(normal.dtype)
        own = torch.stack([wide.sum(axes), (wide * normal).sum(axes)])
        sums = own.clone()
        distributed.all_reduce(sums, group=ctx.group)
        level, slope = (_along(part / count, dy) for part in sums)
        scale = scale if weight is None else scale * weight
        dx = _along(scale, dy) * (wide - level - normal * slope)
        d_weight = None if weight is None else own[1].to(weight.dtype)
        d_bias = own[0].to(dy.dtype) if ctx.has_bias else None
        return dx.to(dy.dtype), d_weight, d_bias, None, None


def _axes(x: Tensor) -> tuple[int, ...]:
    return (0, *range(2, x.dim()))


def _along(values: Tensor, x: Tensor) -> Tensor:
    """Return ``[C]`` as it stands along the channels of ``x``."""
    return values.reshape(1, -1, *[1] * (x.dim() - 2))
