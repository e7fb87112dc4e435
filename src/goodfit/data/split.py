"""Rows that train, that validate, and that test."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import DataError
from ..recipe.inputs import Split
from ..records import SplitSizes
from .dataset import Dataset, row_keys

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
    """Draw the parts at random from PCG64(``seed``): the same seed gives the same rows.

    Part sizes are the fractions times N, rounded, and 1 at least. When stratified, a class's
    rows in a part differ from its share by less than one; without, as in regression or with a
    class of fewer than 3 rows, rows are drawn plainly. Every class stands in the training
    part. Where the data has an official test part, that is taken, and the validation fraction
    is one of the rest.

    Raises:
        DataError: the training part would have fewer rows than there are classes.

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
    rng = np.random.Generator(np.random.PCG64(seed))
    rows, fixed = np.arange(dataset.num_rows, dtype=np.int64), dataset.fixed_test
    free = rows if fixed is None else np.setdiff1d(rows, fixed)
    fractions = (how.validation, how.test) if fixed is None else (how.validation,)
    labels = _labels(dataset, free)
    totals = _totals(len(free), fractions, num_classes=len(np.unique(labels)))
    why_plain = _why_plain(dataset, labels) if how.stratify else ""
    is_plain = why_plain or not how.stratify or dataset.task == "regression"
    drawn = (_plain if is_plain else _stratified)(labels, totals, rng)
    parts = [np.sort(free[places]) for places in drawn]
    test = parts[1] if fixed is None else np.sort(fixed)
    notes = (why_plain,) if why_plain else ()
    return Parts(train=parts[-1], validation=parts[0], test=test, notes=notes)


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


def _totals(num_rows: int, fractions: tuple[float, ...], *, num_classes: int) -> list[int]:
    """Return the number of rows of each held-out part."""
    totals = [max(1, round(num_rows * fraction)) for fraction in fractions]
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


def _plain(labels: np.ndarray, totals: list[int], rng: np.random.Generator) -> list[np.ndarray]:
    """Cut one permutation into the held-out parts and the rest, a row of each class in it."""
    order = rng.permutation(len(labels))
    _, first_of_class = np.unique(labels[order], return_index=True)
    order = np.concatenate([np.delete(order, first_of_class), order[first_of_class]])
    return np.split(order, np.cumsum(totals))


def _stratified(
    labels: np.ndarray, totals: list[int], rng: np.random.Generator
) -> list[np.ndarray]:
    """Cut a permutation of each class into the held-out parts and the rest."""
    members = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    counts = np.array([len(rows) for rows in members])
    cuts = [np.zeros_like(counts)]
    for total in totals:
        cuts.append(cuts[-1] + _share(counts, total, room=counts - cuts[-1] - 1, rng=rng))
    cuts.append(counts)
    return [
        np.concatenate([rows[a:b] for rows, a, b in zip(members, start, stop, strict=True)])
        for start, stop in pairwise(cuts)
    ]


def _share(
    counts: np.ndarray, total: int, *, room: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Share ``total`` rows among classes by size; largest remainders first, ties at random."""
    exact = counts * (total / counts.sum())
    given = np.minimum(np.floor(exact), room).astype(np.int64)
    while (short := total - given.sum()) > 0:
        able = np.flatnonzero(given < room)
        ranked = able[np.lexsort((rng.random(len(able)), (given - exact)[able]))]
        given[ranked[:short]] += 1
    return given
