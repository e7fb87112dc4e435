"""Scores on one part, all of them scikit-learn's."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from ..records import Scores, Task

Floats = NDArray[np.floating]


def score(
    part: Literal["validation", "test"],
    *,
    task: Task,
    outputs: Floats,
    target: NDArray,
    classes: tuple[str, ...] = (),
) -> Scores:
    """Score a model's outputs on one part.

    Args:
        part: Which part this is.
        task: "classification": ``outputs`` are probabilities ``[N, C]``, ``target`` class codes
            ``[N]``; "regression": both are quantities ``[N]`` in the target's own unit.
        outputs: What the model gave.
        target: What is true.
        classes: The classes' names.

    Returns:
        Accuracy, log loss and the confusion matrix, or MAE, RMSE and R2. Outputs that are not
        finite give NaN scores.

    Example:
        >>> found = score("validation", task="regression", outputs=np.array([1.0, 3.0]),
        ...               target=np.array([1.0, 2.0]))
        >>> found.values["mae"]
        0.5
    """
    if task == "classification":
        return _classification(part, outputs, target, classes)
    return _regression(part, outputs.reshape(-1), target.reshape(-1))


def _classification(part, outputs: Floats, target: NDArray, classes: tuple[str, ...]) -> Scores:
    codes = np.arange(outputs.shape[1])
    predicted = outputs.argmax(axis=1)
    confusion = metrics.confusion_matrix(target, predicted, labels=codes)
    accuracy = log_loss = np.nan
    if np.isfinite(outputs).all():
        accuracy = metrics.accuracy_score(target, predicted)
        probabilities = outputs.astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        log_loss = metrics.log_loss(target, probabilities, labels=codes)
    return Scores(
        part=part,
        num_rows=len(target),
        values={"accuracy": float(accuracy), "log_loss": float(log_loss)},
        classes=classes,
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def _regression(part, outputs: Floats, target: NDArray) -> Scores:
    values = {"mae": np.nan, "rmse": np.nan, "r2": np.nan}
    if np.isfinite(outputs).all():
        values = {
            "mae": metrics.mean_absolute_error(target, outputs),
            "rmse": metrics.root_mean_squared_error(target, outputs),
            "r2": metrics.r2_score(target, outputs) if len(target) > 1 else np.nan,
        }
    return Scores(
        part=part,
        num_rows=len(target),
        values={name: float(value) for name, value in values.items()},
    )
