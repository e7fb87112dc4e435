"""Watch Keras 3 on torch: ``model.fit(..., callbacks=[GoodfitCallback()])``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras  # pyright: ignore[reportMissingImports]
from torch import Tensor
from torch.optim import Optimizer

from ..errors import GoodfitError
from ..probes.losses import Judged, LossFacts
from .framed import Framed, told_metrics
from .parts import Parts

KINDS = {
    "SparseCategoricalCrossentropy": "cross-entropy",
    "CategoricalCrossentropy": "cross-entropy",
    "BinaryCrossentropy": "binary-cross-entropy",
    "MeanSquaredError": "mse",
    "MeanAbsoluteError": "l1",
    "Huber": "huber",
    "sparse_categorical_crossentropy": "cross-entropy",
    "categorical_crossentropy": "cross-entropy",
    "binary_crossentropy": "binary-cross-entropy",
    "mean_squared_error": "mse",
    "mse": "mse",
    "mean_absolute_error": "l1",
    "mae": "l1",
    "huber": "huber",
}


def layers_of(model: Any) -> Parts:
    """Return the innermost layers of a Keras model, which it does not register with torch."""
    layers = model._flatten_layers(include_self=False, recursive=True)
    inner = [one for one in layers if not list(one._flatten_layers(include_self=False))]
    return Parts({layer.name: layer for layer in inner})


class Applied(Optimizer):
    """A Keras optimiser as one of torch: its step is Keras's ``apply``, hooks around it."""

    def __init__(self, optimizer: Any, parameters: list[Tensor]) -> None:
        self.rate = optimizer
        super().__init__(parameters, {"lr": float(optimizer.learning_rate)})
        decay = getattr(optimizer, "weight_decay", None)
        momentum = getattr(optimizer, "momentum", getattr(optimizer, "beta_1", None))
        self.param_groups[0].update(weight_decay=decay, momentum=momentum)
        self.work: Callable[[], Any] = lambda: None

    def step(self, closure: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Apply the gradients."""
        return self.work()


class GoodfitCallback(Framed, keras.callbacks.Callback):
    """Watches ``fit`` on the torch backend; read ``findings`` and ``history`` after it."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Hang the hooks, on the network and around the optimiser's ``apply``."""
        if keras.backend.backend() != "torch":
            raise GoodfitError(
                "Only Keras on torch can be watched.",
                given=keras.backend.backend(),
                do='Set KERAS_BACKEND="torch" before keras is imported.',
            )
        model: Any = self.model
        # Keras's optimiser is no torch optimiser, and what it updates are the same parameters.
        applied = Applied(model.optimizer, [v.value for v in model.trainable_variables])
        self._restore = [_around_apply(model.optimizer, applied), self._around_loss(model)]
        watch = self.open(model, applied, network=layers_of(model))
        # Keras hands the mode from call to call, and sets none in its layers.
        watch.eyes.differ = False
        watch.know(optimizer=type(model.optimizer).__name__.lower())

    def _around_loss(self, model: Any) -> Callable[[], None]:
        """Listen to ``compute_loss``: Keras hands its tensors to no callback."""
        compute, kind = model.compute_loss, _kind_of(model)

        def listen(*args: Any, **kwargs: Any) -> Any:
            loss = compute(*args, **kwargs)
            if isinstance(loss, Tensor) and loss.requires_grad and self.watch is not None:
                self._hear(loss, kind, kwargs.get("y_pred"), kwargs.get("y"))
            return loss

        object.__setattr__(model, "compute_loss", listen)
        return lambda: object.__delattr__(model, "compute_loss")

    def _hear(self, loss: Tensor, kind: str, outputs: Any, targets: Any) -> None:
        watch = self.watched
        watch.loss(loss)
        if kind and isinstance(outputs, Tensor) and isinstance(targets, Tensor):
            watch.eyes.judge_as(Judged(LossFacts(kind), outputs, _hard(kind, targets)))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tell the validation's loss and metrics."""
        loss, metrics = told_metrics(logs or {}, "val_")
        if loss is not None:
            self.watched.validation(loss, **metrics)

    def on_train_end(self, logs: Any = None) -> None:
        """Take the hooks away."""
        self.shut()
        for restore in self._restore:
            restore()


def _around_apply(optimizer: Any, applied: Applied) -> Callable[[], None]:
    apply = optimizer.apply

    def step(*args: Any, **kwargs: Any) -> Any:
        applied.param_groups[0]["lr"] = float(optimizer.learning_rate)
        applied.work = lambda: apply(*args, **kwargs)
        return applied.step()

    object.__setattr__(optimizer, "apply", step)
    return lambda: object.__delattr__(optimizer, "apply")


def _kind_of(model: Any) -> str:
    loss = model.loss
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return KINDS.get(name, "")


def _hard(kind: str, targets: Tensor) -> Tensor:
    """Return class indices ``[N]`` where Keras has them as ``[N, 1]`` or as floats."""
    if kind != "cross-entropy" or (targets.dim() == 2 and targets.shape[1] > 1):
        return targets
    return targets.reshape(-1).long()
