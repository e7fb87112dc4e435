"""What the checks of the data look at: all rows, and the parts that they were split into."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..columns import as_numbers, as_texts, column_of
from ..dataset import Dataset, row_keys
from ..split import Parts
from .copies import MOST_FEATURES, are_rich, are_told_apart

MOST_JUDGED, MOST_IMAGES = 2_000, 200


@dataclass(frozen=True, eq=False)
class Rows:
    """A dataset and its parts. Targets of the test part are looked at for their classes only."""

    dataset: Dataset
    parts: Parts

    @cached_property
    def keys(self) -> np.ndarray:
        """uint64 ``[N]``, equal for rows of equal inputs."""
        return row_keys(self.dataset.inputs)

    @cached_property
    def first_of_kind(self) -> np.ndarray:
        """Rows that equal no earlier one, in order."""
        return np.sort(np.unique(self.keys, return_index=True)[1])

    @cached_property
    def has_copies_only(self) -> bool:
        """Whether equal rows must be copies: by two columns nearly every different row is told.

        Judged on up to 2,000 different rows; rows of few different values can be equal by chance.
        Of images, the equal ones (200 of them) must have 16 different pixel values in the median.
        """
        inputs, some = self.dataset.inputs, spread_over(self.first_of_kind, MOST_JUDGED)
        if self.dataset.input_kind == "image":
            return self._are_rich_images
        if inputs[:1].size > MOST_FEATURES:
            return False
        return are_told_apart(self.features(some))

    @property
    def _are_rich_images(self) -> bool:
        images = self.dataset.inputs
        again = np.setdiff1d(np.arange(len(images)), self.first_of_kind, assume_unique=True)
        assert isinstance(images, np.ndarray), "a table holds no images"
        return are_rich(images[spread_over(again, MOST_IMAGES)])

    @cached_property
    def open_rows(self) -> np.ndarray:
        """Rows whose target may be looked at: those that train and that validate."""
        return np.concatenate([self.parts.train, self.parts.validation])

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Names of the features: a table's columns, or places such as ``3`` and ``0, 5, 5``."""
        inputs = self.dataset.inputs
        if isinstance(inputs, pd.DataFrame):
            return tuple(map(str, inputs.columns))
        return tuple(", ".join(map(str, place)) for place in np.ndindex(inputs.shape[1:]))

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Return the inputs of rows as float64 ``[M, D]``; a category is a number, NaN missing."""
        inputs = self.dataset.inputs
        if isinstance(inputs, pd.DataFrame):
            frame = inputs.take(rows, axis=0)
            return np.stack([_numbers(column_of(frame, name)) for name in self.places], axis=1)
        flat = inputs[rows].reshape(len(rows), -1).astype(np.float64)
        return np.where(np.isfinite(flat), flat, np.nan)


def _numbers(values: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return as_numbers(values)
    codes = pd.factorize(as_texts(values))[0].astype(np.float64)
    return np.where(codes < 0, np.nan, codes)


def spread_over(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most ``most`` of the rows, evenly spread.

    Example:
        >>> spread_over(np.arange(10), 4).tolist()
        [0, 2, 5, 7]
    """
    if len(rows) <= most:
        return rows
    return rows[np.arange(most) * len(rows) // most]
