"""Rows that train, that validate, and that test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..recipe.inputs import Split
from ..records import SplitSizes
from .dataset import Dataset, row_keys
from .draws import DRAWS, Wanted

# A class can stand in each of the three parts.
MIN_ROWS_TO_STRATIFY = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """Sorted int64 row indices, disjoint and complete; notes say how they were drawn."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...] = ()

    def rows(self) -> dict[str, np.ndarray]:
        """Row numbers by part."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def sizes(self) -> SplitSizes:
        """Number of rows in each part."""
        return SplitSizes(
            train=len(self.train), validation=len(self.validation), test=len(self.test)
        )


def split(dataset: Dataset, how: Split, *, seed: int) -> Parts:
    """Draw the parts in one of the ways of :data:`DRAWS`; the same seed gives the same rows.

    By time where the data has times, by groups where it has groups; otherwise stratified, or at
    random: without ``how.stratify``, in regression, or with a class of fewer than 3 rows. Sizes
    are numbers of rows, or fractions times N, rounded, and 1 at least. Where the data has an
    official test part, that is taken, and the validation fraction is one of the rest.

    Raises:
        DataError: the training part would have fewer rows than there are classes, there are fewer
            groups or times than parts, or an official test part does not go with them.

    Example:
        >>> x, y = np.zeros((20, 1)), np.arange(20) % 2
        >>> data = Dataset(name="toy", inputs=x, target=y, task="classification",
        ...                input_kind="array", classes=("a", "b"))
        >>> parts = split(data, Split(validation=0.2, test=0.2), seed=0)
        >>> parts.sizes
        SplitSizes(train=12, validation=4, test=4)
        >>> np.bincount(y[parts.test]).tolist()
        [2, 2]
    """
    rows, fixed = np.arange(dataset.num_rows, dtype=np.int64), dataset.fixed_test
    free = rows if fixed is None else np.setdiff1d(rows, fixed)
    shares = (how.validation, how.test) if fixed is None else (how.validation,)
    labels = _labels(dataset, free)
    totals = _totals(len(free), shares, num_classes=len(np.unique(labels)))
    name, notes = _way(dataset, how, labels)
    by = {"grouped": dataset.groups, "by-time": dataset.times}.get(name)
    if by is not None and fixed is not None:
        raise _not_with_official_test(name)
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = DRAWS[name](Wanted(labels, totals, by, how.stratify), rng)
    parts = [np.sort(free[places]) for places in drawn]
    test = parts[1] if fixed is None else np.sort(fixed)
    return Parts(train=parts[-1], validation=parts[0], test=test, notes=notes)


def _way(dataset: Dataset, how: Split, labels: np.ndarray) -> tuple[str, tuple[str, ...]]:
    """Return the name of the draw, and what should be known about it."""
    if dataset.times is not None:
        return "by-time", ("The split goes by time: the latest rows test.",)
    if dataset.groups is not None:
        num_groups = len(np.unique(dataset.groups))
        return "grouped", (f"The split keeps {num_groups:,} groups together.",)
    if not how.stratify or dataset.task == "regression":
        return "random", ()
    why_plain = _why_plain(dataset, labels)
    return ("random", (why_plain,)) if why_plain else ("stratified", ())


def _not_with_official_test(name: str) -> DataError:
    return DataError(
        "The data has an official test part, which is not drawn again.",
        given=f"a split that is {name}",
        do="Leave split.group and split.time out.",
    )


def num_shared(dataset: Dataset, parts: Parts) -> int:
    """Count validation and test rows whose inputs equal those of a training row.

    Example:
        >>> data = Dataset(name="toy", inputs=np.array([[0.0], [1.0], [0.0]]),
        ...                target=np.zeros(3), task="regression", input_kind="array")
        >>> num_shared(data, Parts(train=np.array([0]), validation=np.array([1]),
        ...                        test=np.array([2])))
        1
    """
    keys = row_keys(dataset.inputs)
    held = np.concatenate([parts.validation, parts.test])
    return int(np.isin(keys[held], keys[parts.train]).sum())


def _labels(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Return the class of each row; a quantity has one class."""
    if dataset.task == "classification":
        return dataset.target[rows]
    return np.zeros(len(rows), np.int64)


def _totals(num_rows: int, shares: tuple[float, ...], *, num_classes: int) -> list[int]:
    """Return the number of rows of each held-out part; a share under 1 is a fraction."""
    totals = [int(share) if share >= 1 else max(1, round(num_rows * share)) for share in shares]
    num_train = num_rows - sum(totals)
    if num_train < num_classes:
        raise DataError(
            "The split leaves too few rows to train on.",
            given=f"{num_rows} rows, {sum(totals)} of them held out, {num_classes} needed",
            do="Make split.validation and split.test smaller.",
        )
    return totals


def _why_plain(dataset: Dataset, labels: np.ndarray) -> str:
    """Say why a stratified draw is impossible, if it is."""
    if dataset.task == "regression":
        return ""
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() >= MIN_ROWS_TO_STRATIFY:
        return ""
    return (
        f'The split is not stratified: class "{dataset.classes[classes[counts.argmin()]]}" has '
        f"{counts.min()} of the {MIN_ROWS_TO_STRATIFY} rows that three parts need."
    )
