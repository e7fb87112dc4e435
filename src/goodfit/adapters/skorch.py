"""Watch a skorch net: ``NeuralNetClassifier(..., callbacks=[GoodfitCallback()])``."""

from __future__ import annotations

from typing import Any

from skorch.callbacks import Callback  # pyright: ignore[reportMissingImports]

from .framed import Framed


class GoodfitCallback(Framed, Callback):
    """Watches ``fit``; read ``findings`` and ``history`` after it.

    Validation loss and accuracy are those that skorch writes into its history.
    """

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Hang the hooks."""
        watch = self.open(net.module_, net.optimizer_, net.criterion_)
        # skorch takes the logarithm before a NLLLoss: the net computes its loss itself.
        watch.eyes.judging.replay = lambda outputs, targets: net.get_loss(outputs, targets)

    def on_epoch_end(
        self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any
    ) -> None:
        """Tell the validation's loss and accuracy."""
        row = net.history[-1]
        metrics = {"accuracy": row["valid_acc"]} if "valid_acc" in row else {}
        if "valid_loss" in row:
            self.watched.validation(row["valid_loss"], **metrics)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Take the hooks away."""
        self.shut()
