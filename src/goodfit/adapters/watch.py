"""Watch any torch loop: hooks on network, loss and optimiser, a history out of them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from ..errors import GoodfitError
from ..probes import Batch, Movement, Observer, Seen, hook_outputs, sampled, stride_of
from ..probes.losses import Judged, LossFacts, facts_of, judged_by
from ..records import History
from .batches import Batches
from .schedule import Schedule
from .setting import Prior
from .steps import NAN, Epochs, Steps
from .tallies import Counts

LOWER_IS_BETTER = ("loss", "error", "mse", "mae", "rmse", "perplexity")
PRESENCE_S = 6e-6
MODES_DIFFER = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)


class Watch:
    """What :func:`watch` gives: the context of a loop that is watched."""

    def __init__(
        self,
        module: nn.Module,
        optimizer: Optimizer | Sequence[Optimizer],
        loss_fn: Any = None,
        *,
        budget: float = 0.02,
    ) -> None:
        self.module = module
        self.optimizers = [optimizer] if isinstance(optimizer, Optimizer) else list(optimizer)
        self.loss_fn = loss_fn
        self.counts, self.steps, self.epochs = Counts(), Steps(), Epochs()
        self.batches, self.prior = Batches(self.counts), Prior()
        self.observer = Observer(module)
        self.schedule = Schedule(budget, PRESENCE_S)
        self.unseen: dict[str, None] = {}
        self.metric_name = ""
        self.steps_told = 0
        self._handles: list[RemovableHandle] = []
        self._look_handles: list[RemovableHandle] = []
        self._seen: Seen | None = None
        self._before: Tensor | None = None
        self._gradient: tuple[int, Tensor] | None = None
        self._judged: Judged | None = None
        self._loss_args: tuple[Any, Any] | None = None
        self._facts = facts_of(loss_fn) if isinstance(loss_fn, nn.Module) else None
        self._reached: set[str] = set()
        self._differ = any(isinstance(m, MODES_DIFFER) for m in module.modules())
        self._backwards = 0
        self._cost_s = 0.0

    # -- the context ---------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if not self.optimizers:
            raise GoodfitError("There is no optimiser to watch.", do="Pass the one that steps.")
        self._hang(self.module.register_forward_hook(self._forward, with_kwargs=True))
        if isinstance(self.loss_fn, nn.Module):
            self._hang(self.loss_fn.register_forward_hook(self._loss, with_kwargs=True))
        for optimizer in self.optimizers:
            self._hang(optimizer.register_step_pre_hook(self._before_step))
        self._count_foreign()
        self._arm()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._disarm()
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hang(self, handle: RemovableHandle) -> None:
        self._handles.append(handle)

    # -- what the loop tells -------------------------------------------------------------------

    def loss(self, loss: Tensor) -> Tensor:
        """Tell the loss of a training batch, where no loss module could be hooked.

        Call it before ``backward`` and what the loss was computed from is known too. Returns the
        loss, so that it can stand in the loop: ``watch.loss(F.cross_entropy(...)).backward()``.
        """
        if self._seen is not None:
            self._judged = judged_by(loss)
        self._heard(loss)
        return loss

    def validation(self, loss: float | Tensor, **metrics: float | Tensor) -> None:
        """Tell the loss and the metrics of a validation, after each epoch or as often as made.

        The first metric is the one that rules read.
        """
        name = self.metric_name or next(iter(metrics), "")
        self.metric_name = name
        step = len(self.steps)
        self.epochs.add(
            step,
            train_loss=self.steps.mean_since(self.epochs.last_step),
            validation_loss=float(loss),
            metric=float(metrics[name]) if name in metrics else NAN,
            clean_loss=NAN,
            clean_metric=NAN,
        )
        self.batches.evaluation()

    @property
    def history(self) -> History:
        """Everything that was measured so far, as a record."""
        optimizer = self.optimizers[0]
        num_parameters = sum(p.numel() for p in self.module.parameters())
        lower = any(word in self.metric_name.lower() for word in LOWER_IS_BETTER)
        return History(
            metric=self.metric_name,
            metric_up=not lower,
            steps=self.steps.record(),
            epochs=self.epochs.record(),
            looks=self.observer.looks(),
            tallies=self.counts.record(),
            setting=self.prior.record(optimizer, num_parameters),
            steps_per_epoch=self.epochs.every(),
            unseen=tuple(self.unseen),
        )

    def save(self, path: str | Path) -> None:
        """Write the history as JSON, which ``goodfit diagnose`` reads."""
        Path(path).write_text(json.dumps(self.history.to_json()), encoding="utf-8")

    # -- hooks that are always there: every microsecond counts ---------------------------------

    def _forward(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if not torch.is_grad_enabled():
            if self._differ:
                self.counts.count("train-evaluating", module.training)
            self.batches.evaluation()
        elif self.batches.wanted(self._seen is not None):
            inputs = _any_tensor((args, kwargs))
            if inputs is not None:
                self.batches.seen(inputs)

    def _loss(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if torch.is_grad_enabled() and output.requires_grad:
            self._heard(output)
            if self._seen is not None:
                self._loss_args = (args, kwargs)

    def _heard(self, loss: Tensor) -> None:
        value = loss.detach() if loss.numel() == 1 else loss.detach().mean()
        on_host = value.device.type == "cpu"
        self.steps.heard(value.item() if on_host else value, self.module.training)

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self._seen is not None:
            began = time.perf_counter()
            self._before = sampled(self.parameters, self.stride)
            self._cost_s += time.perf_counter() - began
        self.steps.close(optimizer.param_groups[0]["lr"])
        if self._differ:
            self.counts.count("eval-training", not self.module.training)
        if len(self.steps) + 1 == self.schedule.next_step:
            self._arm()

    # -- looks ---------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Hang the hooks of the next step's look."""
        if self._seen is not None:
            return
        began = time.perf_counter()
        named = [(n, p) for n, p in self.module.named_parameters() if p.requires_grad]
        self.names = [name for name, _ in named]
        self.parameters = [p for _, p in named]
        self.stride = stride_of(sum(p.numel() for p in self.parameters))
        self._seen = self.observer.begin()
        self._look_handles = hook_outputs(self.observer.places, self._seen)
        if self.parameters:
            self._look_handles.append(self.parameters[-1].register_hook(self._backward))
        last = self.optimizers[-1]
        self._look_handles.append(last.register_step_post_hook(self._after_step))
        self._backwards, self._cost_s = 0, time.perf_counter() - began

    def _disarm(self) -> None:
        for handle in self._look_handles:
            handle.remove()
        self._look_handles.clear()
        self._seen = self._before = self._judged = self._loss_args = None

    def _backward(self, gradient: Tensor) -> None:
        """A backward pass has come to the watched parameter, its gradient not yet added."""
        self._backwards += 1
        self.counts.count("backward-per-step", self._backwards > 1)
        if self._backwards == 1 and len(self.steps):
            held = self.parameters[-1].grad
            self.counts.count("old-gradients", held is not None and bool(held.any()))

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self._before is None or self._seen is None:
            return
        began, step = time.perf_counter(), len(self.steps)
        self._look(step)
        self._disarm()
        self.schedule.looked(step, self._cost_s + time.perf_counter() - began)
        if step + 1 == self.schedule.next_step:
            self._arm()

    def _look(self, step: int) -> None:
        assert self._seen is not None and self._before is not None
        gradients = [p.grad for p in self.parameters]
        previous = self._gradient
        moved = Movement(
            self.parameters,
            gradients,
            self._before,
            previous[1] if previous is not None and previous[0] == step - 1 else None,
            self.stride,
        )
        batch = self._batch()
        total = self.observer.look(step, self._seen, self.names, moved, batch)
        self._gradient = (step, moved.gradient)
        self.steps.grad_norm[step] = total["grad_norm"]
        self.counts.count("still-weights", total["update_norm"] == 0.0)
        self._count_unreached(gradients)

    def _batch(self) -> Batch | None:
        """Return the batch of the look, and take its targets down."""
        judged = self._judged or self._judged_by_module()
        if judged is None or judged.outputs is None or judged.targets is None:
            return None
        outputs, targets = judged.outputs, judged.targets
        self.prior.see(judged.facts, outputs, targets)
        if judged.facts.kind in ("cross-entropy", "nll") and len(targets) >= 4:
            same = not targets.is_floating_point() and bool((targets == targets.flatten()[0]).all())
            self.counts.count("one-class", same)
        return Batch(judged.facts.kind, outputs.detach(), targets.detach(), self.batches.fresh)

    def _judged_by_module(self) -> Judged | None:
        if self._loss_args is None:
            return None
        args, kwargs = self._loss_args
        outputs = args[0] if args else kwargs.get("input")
        targets = args[1] if len(args) > 1 else kwargs.get("target")
        if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
            return None
        return Judged(self._facts or LossFacts(), outputs, targets)

    # -- parameters ----------------------------------------------------------------------------

    def _count_foreign(self) -> None:
        held = {id(p) for o in self.optimizers for g in o.param_groups for p in g["params"]}
        own = [p for p in self.module.parameters() if p.requires_grad]
        self.counts.set("foreign-parameters", sum(id(p) not in held for p in own), len(own))

    def _count_unreached(self, gradients: Sequence[Tensor | None]) -> None:
        for name, gradient in zip(self.names, gradients, strict=True):
            if gradient is not None and name not in self._reached and bool(gradient.any()):
                self._reached.add(name)
        missing = len(self.names) - len(self._reached)
        self.counts.set("unreached-parameters", missing, len(self.names))


def _any_tensor(value: object) -> Tensor | None:
    """Return the first tensor in what a network was given, whatever its type."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next((t for t in map(_any_tensor, value) if t is not None), None)
    return None


def watch(
    module: nn.Module,
    optimizer: Optimizer | Sequence[Optimizer],
    loss_fn: Any = None,
    *,
    budget: float = 0.02,
) -> Watch:
    """Watch a training loop; with no other change to it than this context.

    Args:
        module: The network that is trained.
        optimizer: The optimiser that steps, or several.
        loss_fn: The loss module. A plain function cannot be hooked: pass nothing, and tell each
            loss by ``watch.loss(loss)``.
        budget: Share of the loop's wall time that watching may take.

    Example:
        >>> net = nn.Linear(2, 1)
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        >>> loss_fn = nn.MSELoss()
        >>> with watch(net, optimizer, loss_fn) as watching:
        ...     for _ in range(3):
        ...         optimizer.zero_grad()
        ...         loss_fn(net(torch.ones(8, 2)), torch.ones(8, 1)).backward()
        ...         _ = optimizer.step()
        >>> watching.history.steps.step
        (1, 2, 3)
    """
    return Watch(module, optimizer, loss_fn, budget=budget)
