"""Fit a preparation on the training rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from ..errors import DataError
from ..recipe.inputs import FOR_TABLES, Prepare
from .columns import LARGEST
from .dataset import Dataset, row_blocks
from .filling import IMPUTERS
from .preparation import (
    ArrayPreparation,
    ImagePreparation,
    Preparation,
    Projection,
    TargetScale,
    prepared_shape,
)
from .rotating import TURNINGS, centre_and_scale, check_size, project
from .scaling import Sample, axes_of, standardise
from .tabular import fit_table


def fit(dataset: Dataset, train_rows: np.ndarray, prepare: Prepare) -> Preparation:
    """Fit centre, scale, fill values and categories on the training rows alone.

    Table columns: a missing number takes the median, and centre and scale are those of the
    filled column; categories are those seen. Images: by channel, in raw pixel units. Arrays:
    by feature; a missing value takes the mean. What each way to scale computes stands with
    it, in scaling and rotating. A quantity to learn is always standardised.

    Args:
        dataset: Where the rows are.
        train_rows: int64 ``[M]`` row indices.
        prepare: How to scale the inputs.

    Raises:
        DataError: a table has no value at all in the training rows, or the inputs are of a kind
            or size that cannot be scaled so.

    Example:
        >>> data = Dataset(name="toy", inputs=np.array([[0.0], [2.0], [9.0]]),
        ...                target=np.array([1.0, 3.0, 7.0]), task="regression",
        ...                input_kind="array")
        >>> fit(data, np.array([0, 1]), Prepare()).inputs.centre
        (1.0,)
    """
    _check_fields(dataset, prepare)
    _check_kind(dataset, prepare)
    preparation = _fit_inputs(dataset, train_rows, prepare)
    if prepared_shape(preparation) == (0,):
        raise DataError(
            "No column has a value in the training rows.",
            given=f"{dataset.name}, {len(train_rows):,} training rows",
            do="Fill the columns in, or train on more rows.",
        )
    is_quantity = dataset.task == "regression"
    target = _fit_target(dataset.target[train_rows]) if is_quantity else None
    return replace(preparation, target=target)


def _check_fields(dataset: Dataset, prepare: Prepare) -> None:
    """Refuse fields that would be ignored: those for tables, elsewhere; gaps, of images."""
    if dataset.input_kind == "table":
        return
    names = ("impute", *FOR_TABLES) if dataset.input_kind == "image" else FOR_TABLES
    default = Prepare()
    for name in names:
        if getattr(prepare, name) != getattr(default, name):
            raise DataError(
                f"prepare.{name} plays no part for {dataset.input_kind}s.",
                given=f"{name} = {getattr(prepare, name)!r}",
                do="Leave it out"
                + (", or give a DataFrame." if dataset.input_kind == "array" else "."),
            )


def _check_kind(dataset: Dataset, prepare: Prepare) -> None:
    """Refuse ways to scale that need other inputs than these."""
    num_axes = dataset.inputs.ndim if isinstance(dataset.inputs, np.ndarray) else 2
    needs_image = prepare.scale == "mean-image" and dataset.input_kind != "image"
    needs_channels = prepare.scale.startswith("channel-") and num_axes < 3
    if needs_image or needs_channels:
        what = "images" if needs_image else "images, or arrays [N, C, ...],"
        raise DataError(
            f'Only {what} can be scaled by "{prepare.scale}".',
            given=f"a table of {dataset.inputs.shape[1]} columns"
            if num_axes == 2
            else f"an array of shape {list(dataset.inputs.shape)}",
            do='Take prepare.scale = "centre" or "standardise": they go by column or feature.',
        )


def _fit_inputs(dataset: Dataset, train_rows: np.ndarray, prepare: Prepare) -> Preparation:
    if isinstance(dataset.inputs, pd.DataFrame):
        return fit_table(dataset.inputs.iloc[train_rows], dataset.columns, prepare)
    fit_scale = _fit_image if dataset.input_kind == "image" else _fit_array
    if prepare.scale not in TURNINGS:
        return Preparation(inputs=fit_scale(dataset.inputs, train_rows, prepare))
    check_size(dataset.inputs.shape[1:])
    inputs = fit_scale(dataset.inputs, train_rows, prepare)
    return Preparation(
        inputs=inputs, projection=_fit_projection(dataset.inputs, train_rows, inputs, prepare)
    )


def _fit_image(images: np.ndarray, train_rows: np.ndarray, prepare: Prepare) -> ImagePreparation:
    sample = Sample(images, train_rows, _axes(images, prepare.scale, is_image=True))
    centre, scale = centre_and_scale(sample, prepare)
    _, channels, height, width = images.shape
    return ImagePreparation(
        shape=(channels, height, width),
        centre=tuple(centre.ravel().tolist()),
        scale=tuple(scale.ravel().tolist()),
    )


def _fit_array(array: np.ndarray, train_rows: np.ndarray, prepare: Prepare) -> ArrayPreparation:
    if prepare.impute not in (None, "mean"):
        return _fit_filled(array[train_rows].astype(np.float64), prepare)
    by_feature = Sample(array, train_rows)
    axes = _axes(array, prepare.scale, is_image=False)
    sample = by_feature if axes == (0,) else Sample(array, train_rows, axes)
    centre, scale = centre_and_scale(sample, prepare)
    return ArrayPreparation(
        shape=array.shape[1:],
        fill=tuple(by_feature.moments.mean.ravel().tolist()),
        centre=_by_feature(centre, array.shape[1:]),
        scale=_by_feature(scale, array.shape[1:]),
    )


def _fit_filled(train: np.ndarray, prepare: Prepare) -> ArrayPreparation:
    """Fit on a copy of the training rows whose gaps are filled, as scikit-learn's pipelines do."""
    flat = np.where(np.abs(train) <= LARGEST, train, np.nan).reshape(len(train), -1)
    fill = np.zeros(flat.shape[1])
    for place, column in enumerate(flat.T):
        present = column[~np.isnan(column)]
        if len(present):
            fill[place] = IMPUTERS[prepare.impute or "mean"](present)
    filled = np.where(np.isnan(flat), fill, flat).reshape(train.shape)
    fitted = _fit_array(filled, np.arange(len(train)), prepare.model_copy(update={"impute": None}))
    return replace(fitted, fill=tuple(fill.tolist()))


def _axes(values: np.ndarray, how: str, *, is_image: bool) -> tuple[int, ...]:
    if how in TURNINGS:
        return (0,)
    return axes_of(how, is_image=is_image, num_axes=values.ndim)


def _by_feature(numbers: np.ndarray, shape: tuple[int, ...]) -> tuple[float, ...]:
    """Repeat numbers by channel for every place, flattened; others stay."""
    if numbers.shape != shape:
        numbers = np.broadcast_to(numbers.reshape(-1, *[1] * (len(shape) - 1)), shape)
    return tuple(numbers.ravel().tolist())


def _fit_projection(
    values: np.ndarray,
    train_rows: np.ndarray,
    inputs: ImagePreparation | ArrayPreparation,
    prepare: Prepare,
) -> Projection:
    num_features = values[:1].size
    centre, scale = np.array(inputs.centre), np.array(inputs.scale)
    fill = np.array(inputs.fill) if isinstance(inputs, ArrayPreparation) else centre

    def blocks() -> Iterator[np.ndarray]:
        for part in row_blocks(len(train_rows), row_bytes=8 * num_features):
            block = values[train_rows[part]].reshape(-1, num_features).astype(np.float64)
            yield (np.where(np.abs(block) <= LARGEST, block, fill) - centre) / scale

    return project(blocks(), num_features=num_features, prepare=prepare)


def _fit_target(target: np.ndarray) -> TargetScale:
    centre, scale = standardise(Sample(target[:, None], np.arange(len(target))))
    return TargetScale(centre=float(centre[0]), scale=float(scale[0]))
