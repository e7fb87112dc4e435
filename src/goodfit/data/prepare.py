"""Fit a preparation on the training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..errors import DataError
from ..recipe.inputs import Prepare
from .columns import as_numbers, as_texts, column_of
from .dataset import Dataset
from .moments import Scale, centre_and_scale, moments
from .preparation import (
    ArrayPreparation,
    CategoricalColumn,
    ImagePreparation,
    NumericColumn,
    Preparation,
    TablePreparation,
    TargetScale,
    prepared_shape,
)


def fit(dataset: Dataset, train_rows: np.ndarray, prepare: Prepare) -> Preparation:
    """Fit centre, scale, fill values and categories on the training rows alone.

    Table columns: a missing number takes the median, and centre and scale are those of the
    filled column; categories are those seen. Images: by channel, in raw pixel units. Arrays:
    by feature; a missing value takes the mean. "standardise" takes mean and standard
    deviation (divisor N), "min-max" the low and the range, "none" 0 and 1. A quantity to
    learn is always standardised.

    Args:
        dataset: Where the rows are.
        train_rows: int64 ``[M]`` row indices.
        prepare: How to scale the inputs.

    Raises:
        DataError: a table has no value at all in the training rows.

    Example:
        >>> data = Dataset(name="toy", inputs=np.array([[0.0], [2.0], [9.0]]),
        ...                target=np.array([1.0, 3.0, 7.0]), task="regression",
        ...                input_kind="array")
        >>> fit(data, np.array([0, 1]), Prepare()).inputs.centre
        (1.0,)
    """
    if isinstance(dataset.inputs, pd.DataFrame):
        inputs = _fit_table(dataset, dataset.inputs.iloc[train_rows], prepare.scale)
    elif dataset.input_kind == "image":
        inputs = _fit_image(dataset.inputs, train_rows, prepare.scale)
    else:
        inputs = _fit_array(dataset.inputs, train_rows, prepare.scale)
    is_quantity = dataset.task == "regression"
    target = _fit_target(dataset.target[train_rows]) if is_quantity else None
    preparation = Preparation(inputs=inputs, target=target)
    if prepared_shape(preparation) == (0,):
        raise DataError(
            "No column has a value in the training rows.",
            given=f"{dataset.name}, {len(train_rows):,} training rows",
            do="Fill the columns in, or train on more rows.",
        )
    return preparation


def _fit_table(dataset: Dataset, frame: pd.DataFrame, how: Scale) -> TablePreparation:
    kinds = {column.name: column.kind for column in dataset.columns}
    names = [str(name) for name in frame.columns]
    return TablePreparation(
        numeric=tuple(
            _fit_numeric(name, as_numbers(column_of(frame, name)), how)
            for name in names
            if kinds[name] == "numeric"
        ),
        categorical=tuple(
            CategoricalColumn(name=name, categories=_categories(column_of(frame, name)))
            for name in names
            if kinds[name] == "categorical"
        ),
    )


def _fit_numeric(name: str, numbers: np.ndarray, how: Scale) -> NumericColumn:
    present = numbers[~np.isnan(numbers)]
    fill = float(np.median(present)) if len(present) else 0.0
    centre, scale = _fit_vector(np.where(np.isnan(numbers), fill, numbers), how)
    return NumericColumn(name=name, fill=fill, centre=centre, scale=scale)


def _categories(values: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(as_texts(values).dropna().unique()))


def _fit_vector(values: np.ndarray, how: Scale) -> tuple[float, float]:
    found = moments(values[:, None], np.arange(len(values)), axes=(0,))
    centre, scale = centre_and_scale(found, how)
    return float(centre[0]), float(scale[0])


def _fit_image(images: np.ndarray, train_rows: np.ndarray, how: Scale) -> ImagePreparation:
    centre, scale = centre_and_scale(moments(images, train_rows, axes=(0, 2, 3)), how)
    _, channels, height, width = images.shape
    return ImagePreparation(
        shape=(channels, height, width), centre=tuple(centre.tolist()), scale=tuple(scale.tolist())
    )


def _fit_array(array: np.ndarray, train_rows: np.ndarray, how: Scale) -> ArrayPreparation:
    found = moments(array, train_rows, axes=(0,))
    centre, scale = centre_and_scale(found, how)
    return ArrayPreparation(
        shape=array.shape[1:],
        fill=tuple(found.mean.ravel().tolist()),
        centre=tuple(centre.ravel().tolist()),
        scale=tuple(scale.ravel().tolist()),
    )


def _fit_target(target: np.ndarray) -> TargetScale:
    centre, scale = _fit_vector(target, "standardise")
    return TargetScale(centre=centre, scale=scale)
