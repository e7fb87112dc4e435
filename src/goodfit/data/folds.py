"""K folds: each row is held out once, and trains in all the other folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import DataError, nearest
from .dataset import Dataset
from .draws import Wanted, cut_by_time

FoldKind = Literal["auto", "plain", "stratified", "grouped", "time"]


@dataclass(frozen=True, eq=False)
class Fold:
    """Sorted int64 row numbers: those that train, and those that are held out."""

    train: np.ndarray
    held: np.ndarray


def fold_rows(
    dataset: Dataset, rows: np.ndarray, *, num: int, kind: FoldKind = "auto", seed: int = 0
) -> tuple[str, tuple[Fold, ...]]:
    """Cut ``rows`` into ``num`` folds, and return the kind that was taken with them.

    "auto" takes time where the data has times, grouped where it has groups, stratified for
    classes, and plain for quantities. The same seed gives the same folds.

    Raises:
        DataError: there are fewer rows, groups or times than folds, or rows of a class where folds
            are stratified; there is none of what is asked for, or there is no such kind.

    Example:
        >>> data = Dataset(name="toy", inputs=np.zeros((6, 1)), target=np.arange(6) % 2,
        ...                task="classification", input_kind="array", classes=("a", "b"))
        >>> kind, folds = fold_rows(data, np.arange(6), num=3)
        >>> kind, [data.target[fold.held].tolist() for fold in folds]
        ('stratified', [[0, 1], [0, 1], [0, 1]])
    """
    if kind not in ("auto", *FOLDS):
        raise DataError(
            "There are no such folds.", given=kind, do=nearest(kind, ["auto", *FOLDS]).capitalize()
        )
    kind = _kind(dataset) if kind == "auto" else kind
    by = {"grouped": dataset.groups, "time": dataset.times, "stratified": dataset.target}.get(kind)
    if kind != "plain" and (by is None or (kind == "stratified" and not dataset.classes)):
        raise DataError(
            f"The data has nothing to make {kind} folds by.",
            given=f'kind = "{kind}", a task of {dataset.task}',
            do=_do_instead(kind),
        )
    places = np.arange(len(rows)) if by is None else by[rows]
    num_distinct = len(np.unique(places)) if kind in ("grouped", "time") else len(rows)
    if not 2 <= num <= num_distinct - (kind == "time"):
        raise DataError(
            "So many folds cannot be made.",
            given=f"folds = {num}, {kind}, of {num_distinct:,} "
            + {"grouped": "groups", "time": "different times"}.get(kind, "rows"),
            do=f"Take 2 to {num_distinct - (kind == 'time'):,} folds.",
        )
    if kind == "stratified":
        _check_rarest(dataset, places, num)
    parts = FOLDS[kind](places, num, np.random.Generator(np.random.PCG64(seed)))
    if kind == "time":
        return kind, tuple(Fold(*_two(rows, parts < k, parts == k)) for k in range(1, num + 1))
    return kind, tuple(Fold(*_two(rows, parts != k, parts == k)) for k in range(num))


def _do_instead(kind: str) -> str:
    name = {"grouped": "split.group", "time": "split.time"}.get(kind)
    named = f"Name a column (--set {name}=COLUMN), or take" if name else "Take"
    return f"{named} plain folds (--kind plain)."


def _check_rarest(dataset: Dataset, labels: np.ndarray, num: int) -> None:
    """Refuse folds of which some would have no row of a class."""
    codes, counts = np.unique(labels, return_counts=True)
    rarest, fewest = codes[counts.argmin()], int(counts.min())
    if fewest < num:
        fewer = f"Take {fewest} folds (--folds {fewest})" if fewest > 1 else "Collect more of it"
        raise DataError(
            "There are more folds than rows of the rarest class: some would have none of it.",
            given=f'{num} stratified folds; class "{dataset.classes[rarest]}" has {fewest} rows'
            " outside the sealed test part",
            do=f"{fewer}, take plain folds (--kind plain), or leave the class out.",
        )


def _two(rows: np.ndarray, *chosen: np.ndarray) -> list[np.ndarray]:
    return [np.sort(rows[places]) for places in chosen]


def _kind(dataset: Dataset) -> FoldKind:
    if dataset.times is not None:
        return "time"
    if dataset.groups is not None:
        return "grouped"
    return "stratified" if dataset.classes else "plain"


def plain(places: np.ndarray, num: int, rng: np.random.Generator) -> np.ndarray:
    """Deal the rows at random: folds differ by one row at most. Notes n3, cross-validation.

    Example:
        >>> np.bincount(plain(np.arange(7), 3, np.random.default_rng(0))).tolist()
        [3, 2, 2]
    """
    return rng.permutation(np.arange(len(places)) % num)


def stratified(labels: np.ndarray, num: int, rng: np.random.Generator) -> np.ndarray:
    """Deal the rows of each class in turn: folds, and each class in them, differ by one at most.

    Rows are shuffled before. Notes n3, cross-validation.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> parts = stratified(labels, 2, np.random.default_rng(0))
        >>> [labels[parts == part].tolist() for part in (0, 1)]
        [[0, 0, 1], [0, 0, 1]]
    """
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    parts = np.empty(len(labels), np.int64)
    parts[order] = np.arange(len(labels)) % num
    return parts


def grouped(groups: np.ndarray, num: int, rng: np.random.Generator) -> np.ndarray:
    """Give each group, the largest first, to the fold that has the fewest rows.

    No group stands in two folds; which of equally large ones goes where is drawn. Notes n3,
    cross-validation.

    Example:
        >>> grouped(np.array([7, 7, 7, 8, 8, 9]), 2, np.random.default_rng(0)).tolist()
        [0, 0, 0, 1, 1, 1]
    """
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    part_of, rows = np.empty(len(sizes), np.int64), np.zeros(num, np.int64)
    for group in np.lexsort((rng.random(len(sizes)), -sizes)):
        part_of[group] = rows.argmin()
        rows[part_of[group]] += sizes[group]
    return part_of[codes]


def time(times: np.ndarray, num: int, _rng: np.random.Generator) -> np.ndarray:
    """Cut the rows by time into ``num`` + 1 blocks; each but the first is held out once.

    What is held out is predicted from all that is earlier, so the training parts grow. Blocks
    have ``N // (num + 1)`` rows, the first the rest; rows of one time stay together. Notes n3,
    cross-validation.

    Example:
        >>> time(np.array([5.0, 1.0, 2.0, 3.0, 4.0]), 2, np.random.default_rng(0)).tolist()
        [2, 0, 0, 0, 1]
    """
    size = max(1, len(times) // (num + 1))
    blocks = cut_by_time(Wanted(np.zeros(0, np.int64), [size] * num, times))
    parts = np.zeros(len(times), np.int64)
    for block, rows in enumerate([blocks[-1], *blocks[:-1]]):
        parts[rows] = block
    return parts


FOLDS: Mapping[str, Callable[[np.ndarray, int, np.random.Generator], np.ndarray]] = {
    "plain": plain,
    "stratified": stratified,
    "grouped": grouped,
    "time": time,
}
