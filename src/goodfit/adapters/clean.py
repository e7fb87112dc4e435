"""Loss and metric on training rows in evaluation mode: without dropout, with running statistics.

The rows are those of batches that were looked at, held by reference, as the loop fed them (an
augmentation that the loop applied before the network is still in them).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..probes.baseline import simple_fits
from ..probes.batch import metric_of
from ..probes.clock import now_s
from ..probes.hooks import forward_of
from ..probes.layers import first_tensor, is_plain
from ..probes.losses import LossFacts
from ..probes.restore import restoring
from ..records import Baseline
from .parts import tensors_in
from .setting import task_of

NAN = float("nan")
MAX_ROWS, MAX_BATCHES, MAX_BYTES = 512, 16, 2**22


@dataclass(frozen=True)
class Held:
    """A training batch: what the network got, the targets, and their versions when held."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    targets: Tensor
    tensors: tuple[Tensor, ...]
    versions: tuple[int, ...]
    num_bytes: int
    shape: torch.Size | None

    @property
    def unchanged(self) -> bool:
        """Whether nothing was written into the batch since."""
        return self.versions == tuple(t._version for t in self.tensors)


class Clean:
    """Holds some training batches by reference, and evaluates the network on them.

    At most 512 rows, 16 batches or 4 MB, but always one batch.
    """

    def __init__(self, network: nn.Module, forward: Callable[..., Any]) -> None:
        self.network, self.forward = network, forward
        self.held: deque[Held] = deque()
        self.num_rows = self.num_bytes = 0
        self.row_s = 0.0
        self.stopped = False

    def hold(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        targets: Tensor,
        shape: torch.Size | None,
    ) -> None:
        """Hold one batch, and let the oldest go.

        ``shape`` is that in which the loss got the outputs, None where it gets them as they are.
        """
        if self.stopped:
            return
        tensors = (*tensors_in((args, kwargs)), targets)
        versions = tuple(tensor._version for tensor in tensors)
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        self._add(Held(args, kwargs, targets, tensors, versions, size, shape), 1)
        while len(self.held) > 1 and self._too_many():
            self._add(self.held.popleft(), -1)

    def stop(self) -> None:
        """Hold nothing any more: the network or its loss cannot be called with what was held."""
        self.held.clear()
        self.stopped = True

    def _add(self, held: Held, sign: int) -> None:
        self.num_rows += sign * len(held.targets)
        self.num_bytes += sign * held.num_bytes
        if sign > 0:
            self.held.append(held)

    def _too_many(self) -> bool:
        too_large = self.num_rows > MAX_ROWS or self.num_bytes > MAX_BYTES
        return too_large or len(self.held) > MAX_BATCHES

    def measure(
        self, loss_fn: Callable[..., Any], kind: str, within_s: float
    ) -> tuple[float, float]:
        """Return loss and metric on held rows, as many of the newest as take ``within_s``.

        By what a row took the last time; the first time on one batch. NaN where none can be paid.
        """
        held = [held for held in reversed(self.held) if held.unchanged]
        if not self.row_s:
            del held[1:]
        while held and self.row_s * sum(len(one.targets) for one in held) > within_s:
            held.pop()
        if not held:
            return NAN, NAN
        began, rows = now_s(), [len(one.targets) for one in held]
        with restoring(self.network), torch.no_grad():
            self.network.eval()
            pairs = [self._measure_one(one, loss_fn, kind) for one in held]
        self.row_s = (now_s() - began) / sum(rows)
        losses, metrics = zip(*pairs, strict=True)
        return _weighted(losses, rows), _weighted(metrics, rows)

    def simple_fits(self, facts: LossFacts) -> Baseline | None:
        """Return what simple fits of the held rows reach, where those are plain tensors.

        None under class weights: such a loss gives accuracy away; and where only some batches have
        mixed targets.
        """
        task, held = task_of(facts.kind), [held for held in self.held if held.unchanged]
        inputs = [x for one in held for x in tensors_in((one.args, one.kwargs))]
        if task is None or len(inputs) != len(held) or len({x.shape[1:] for x in inputs}) != 1:
            return None
        if not all(map(is_plain, inputs)):
            return None
        alike = len({one.targets.shape[1:] for one in held}) == 1
        if facts.weight is not None or facts.pos_weight is not None or not alike:
            return None
        targets = torch.cat([one.targets for one in held])
        if facts.kind == "binary-cross-entropy" and bool(((targets == 0) | (targets == 1)).all()):
            targets = targets.long()
        return simple_fits(torch.cat(inputs), targets, task)

    def _measure_one(
        self, one: Held, loss_fn: Callable[..., Any], kind: str
    ) -> tuple[float, float]:
        call = forward_of(loss_fn)
        # Keras says the mode with each call.
        mode = {"training": False} if "training" in one.kwargs else {}
        outputs = self.forward(*one.args, **{**one.kwargs, **mode})
        made = scores_of(outputs)
        if made is None or (one.shape is not None and made.numel() != one.shape.numel()):
            return NAN, NAN
        loss = call(outputs if one.shape is None else made.reshape(one.shape), one.targets)
        made = made if one.shape is None else made.reshape(one.shape)
        fits = made.shape[:1] == one.targets.shape[:1]
        metric = metric_of(kind, made, one.targets) if fits else None
        return float(loss), NAN if metric is None else float(metric.float().mean())


def scores_of(outputs: Any) -> Tensor | None:
    """Return a network's scores, also where it gives its own loss beside them."""
    found = outputs.get("logits") if isinstance(outputs, dict) else None
    return found if isinstance(found, Tensor) else first_tensor(outputs)


def _weighted(values: Sequence[float], rows: list[int]) -> float:
    return math.fsum(v * n for v, n in zip(values, rows, strict=True)) / sum(rows)
