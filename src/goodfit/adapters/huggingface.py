"""Watch a Hugging Face Trainer: ``Trainer(..., callbacks=[GoodfitCallback()])``."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback  # pyright: ignore[reportMissingImports]

from .framed import Framed, told_metrics


class GoodfitCallback(Framed, TrainerCallback):
    """Watches the training of a model that gives its own loss; read ``findings`` after it.

    The loss is read from the model's output; a loss that the trainer computes beside the model
    (label smoothing, ``compute_loss_func``) is not seen, and the history says so.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Hang the hooks."""
        optimizer = kwargs["optimizer"]
        while hasattr(optimizer, "optimizer"):
            optimizer = optimizer.optimizer
        watch = self.open(kwargs["model"], optimizer)
        watch.eyes.pulse.gives_loss = True
        watch.eyes.judging.replay = lambda outputs, targets: outputs["loss"]
        watch.know(num_steps=int(state.max_steps), max_grad_norm=args.max_grad_norm or None)
        if state.num_train_epochs:
            watch.know(steps_per_epoch=round(state.max_steps / state.num_train_epochs))

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell the evaluation's loss and metrics."""
        loss, metrics = told_metrics(kwargs.get("metrics") or {}, "eval")
        timing = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time")
        metrics = {name: value for name, value in metrics.items() if name not in timing}
        if loss is not None and self.watch is not None:
            self.watched.validation(loss, **metrics)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the hooks away."""
        self.shut()
