"""What is measured on one training batch: its metric, sure mistakes, a fingerprint."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# Rows count as wrong and sure when their target got under a tenth of an equal share.
SURE = 0.1
PRINT_BYTES = 256


@dataclass(frozen=True)
class Batch:
    """A training batch as the loss saw it: the kind of loss, outputs, targets.

    ``fresh`` says that its inputs differ from those of the look before, ``flattened`` that rows
    of the loss are places within rows of the network, as the words of a text.
    """

    kind: str
    outputs: Tensor
    targets: Tensor
    fresh: bool = True
    flattened: bool = False


def batch_metric(batch: Batch) -> Mapping[str, Tensor]:
    """Return the batch's metric as ``batch_metric``."""
    found = metric_of(batch.kind, batch.outputs.detach(), batch.targets.detach())
    return {} if found is None else {"batch_metric": found}


def wrong_and_sure(batch: Batch) -> Mapping[str, Tensor]:
    """Return the share of sure mistakes as ``wrong_and_sure``."""
    found = sure_mistakes(batch.kind, batch.outputs.detach(), batch.targets.detach())
    return {} if found is None else {"wrong_and_sure": found}


def metric_of(kind: str, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """Return accuracy or R2 by the kind of loss, by row or over all; None where it has neither.

    The mean of what is returned is the metric.

    Example:
        >>> float(metric_of("mse", torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])))
        1.0
    """
    if kind in ("cross-entropy", "nll") and not targets.is_floating_point():
        return outputs.argmax(1) == targets
    if kind == "binary-cross-entropy" and outputs.shape == targets.shape:
        bound = 0.0 if outputs.min() < 0 or outputs.max() > 1 else 0.5
        return (outputs > bound) == (targets > 0.5)
    if kind in ("mse", "l1", "huber") and outputs.shape == targets.shape and len(targets) > 1:
        spread = (targets - targets.mean()).square().sum()
        return 1.0 - (outputs - targets).square().sum() / spread
    return None


def sure_mistakes(kind: str, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """Return which rows gave their target under a tenth of an equal share of probability.

    ``-log p > log(10 C)`` for C classes. None for other losses and for soft targets.

    Example:
        >>> logits = torch.tensor([[9.0, 0.0], [9.0, 0.0]])
        >>> sure_mistakes("cross-entropy", logits, torch.tensor([0, 1])).tolist()
        [False, True]
    """
    if kind not in ("cross-entropy", "nll") or targets.is_floating_point() or outputs.dim() < 2:
        return None
    logs = F.log_softmax(outputs, 1) if kind == "cross-entropy" else outputs
    return F.nll_loss(logs, targets, reduction="none") > math.log(outputs.shape[1] / SURE)


def fingerprint(batch: Tensor) -> int:
    """Return a number by which a batch is known again, from bytes in its middle.

    On the CPU 0.5 us, on a device one transfer. Not a checksum: two batches that agree there
    pass for the same, so judge by several.

    Example:
        >>> a = torch.arange(600.0).view(10, 60)
        >>> fingerprint(a) == fingerprint(a.clone()), fingerprint(a) == fingerprint(a + 1)
        (True, False)
    """
    if batch.layout is not torch.strided or batch.is_nested:
        # Sparse tensors are known by the numbers that they hold; in COO some may stand twice.
        batch = (batch._values if batch.layout is torch.sparse_coo else batch.values)().detach()
    if not batch.is_contiguous() or batch.device.type != "cpu":
        return hash(tuple(batch.detach().reshape(-1)[: PRINT_BYTES // 4].tolist()))
    total = batch.numel() * batch.element_size()
    row = total // len(batch) if batch.dim() and len(batch) else total
    start = max(0, min(total // 2 + row // 2, total - PRINT_BYTES))
    return hash(ctypes.string_at(batch.data_ptr() + start, min(PRINT_BYTES, total)))
