"""Watch a Lightning Trainer: ``Trainer(callbacks=[GoodfitCallback()])``."""

from __future__ import annotations

from typing import Any

import lightning  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn

from .framed import Framed, only_loss_module, told_metrics


class GoodfitCallback(Framed, lightning.Callback):
    """Watches the training of a ``LightningModule``; read ``findings`` and ``history`` after it.

    Every step's loss, looks by layer, tallies, the validation's metrics. Works with Lightning's
    closures, gradient clipping and accumulation, and several optimisers.
    """

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Hang the hooks."""
        loss_fn = only_loss_module(pl_module)
        self._tells = loss_fn is None
        watch = self.open(_network_of(pl_module), list(trainer.optimizers), loss_fn)
        steps = trainer.estimated_stepping_batches
        per_epoch = trainer.num_training_batches / max(trainer.accumulate_grad_batches, 1)
        finite = per_epoch != float("inf")
        watch.know(
            num_steps=int(steps) if 0 < steps < float("inf") else 0,
            steps_per_epoch=int(-(-per_epoch // 1)) if finite else 0,
        )
        if trainer.gradient_clip_val and trainer.gradient_clip_algorithm in (None, "norm"):
            watch.know(max_grad_norm=float(trainer.gradient_clip_val))

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Tensor) -> None:
        """Tell the loss, where no loss module could be hooked."""
        if self._tells:
            # Lightning divides by the number of accumulated batches.
            self.watched.loss(loss * trainer.accumulate_grad_batches)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Tell the validation's loss and metrics, those logged with names that begin with val."""
        if trainer.sanity_checking or self.watch is None:
            return
        loss, metrics = told_metrics(trainer.callback_metrics, "val")
        if loss is not None:
            self.watched.validation(loss, **metrics)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Take the hooks away."""
        self.shut()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Take the hooks away, whatever stopped the training."""
        self.shut()


def _network_of(pl_module: nn.Module) -> nn.Module:
    """Return what ``training_step`` calls: the module, or its only part with parameters."""
    forward = type(pl_module).forward
    if forward is not lightning.LightningModule.forward:
        return pl_module
    parts = [part for part in pl_module.children() if any(True for _ in part.parameters())]
    return parts[0] if len(parts) == 1 else pl_module
