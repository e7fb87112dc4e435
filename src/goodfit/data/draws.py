"""The ways of drawing parts: at random, stratified, by groups, by time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import DataError

# Of so many draws of groups, the one whose parts come nearest to what was asked for is taken.
NUM_TRIES = 32


@dataclass(frozen=True, eq=False)
class Wanted:
    """What to draw: ``totals`` are the rows of each held-out part, validation first.

    ``labels`` are int64 ``[N]``, one class in regression; ``by`` are groups or times ``[N]``.
    """

    labels: np.ndarray
    totals: list[int]
    by: np.ndarray | None = None
    stratify: bool = True


Draw = Callable[[Wanted, np.random.Generator], list[np.ndarray]]


def random(task: Wanted, rng: np.random.Generator) -> list[np.ndarray]:
    """Cut one permutation of the rows into the held-out parts and the rest.

    Each row is as likely as another to be held out, but for one row of each class, which trains.
    Used for regression, with ``split.stratify = false``, and where a class has under 3 rows.
    Notes n3, Proper Methodology.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> [len(part) for part in random(Wanted(np.zeros(10, int), [2, 3]), rng)]
        [2, 3, 5]
    """
    order = rng.permutation(len(task.labels))
    _, first_of_class = np.unique(task.labels[order], return_index=True)
    order = np.concatenate([np.delete(order, first_of_class), order[first_of_class]])
    return np.split(order, np.cumsum(task.totals))


def stratified(task: Wanted, rng: np.random.Generator) -> list[np.ndarray]:
    """Cut a permutation of each class's rows, so that each part has each class's share.

    Of a class with ``n_c`` of N rows, a part of n rows has ``n n_c / N``, off by less than one;
    each class stands in the training part. Notes n3, Proper Methodology.

    Example:
        >>> rng, labels = np.random.default_rng(0), np.array([0] * 8 + [1] * 4)
        >>> [labels[part].sum().item() for part in stratified(Wanted(labels, [3, 3]), rng)]
        [1, 1, 2]
    """
    labels = task.labels
    members = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    counts = np.array([len(rows) for rows in members])
    cuts = [np.zeros_like(counts)]
    for total in task.totals:
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


def grouped(task: Wanted, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw whole groups into the held-out parts: no group stands in two of them.

    Rows of one patient, writer or scene resemble each other; where they stand in two parts, the
    score says how well they are remembered. A permutation of the groups is cut where the parts
    come nearest to their sizes; of 32 permutations that one is taken whose training part lacks
    the fewest classes, and whose sizes and (stratified) shares of classes are nearest to those
    asked for, the sum of absolute differences over N. Notes n3, Proper Methodology.

    Raises:
        DataError: there are fewer groups than parts.

    Example:
        >>> task = Wanted(np.zeros(6, int), [2, 2], np.array([0, 0, 1, 1, 2, 2]))
        >>> sorted(part.tolist() for part in grouped(task, np.random.default_rng(0)))
        [[0, 1], [2, 3], [4, 5]]
    """
    groups, sizes = _of_groups(task, "groups")
    tries = [_deal(rng.permutation(len(sizes)), sizes, task.totals) for _ in range(NUM_TRIES)]
    best = min((part_of_group[groups] for part_of_group in tries), key=lambda p: _badness(p, task))
    return _places(best, len(task.totals))


def by_time(task: Wanted, _rng: np.random.Generator) -> list[np.ndarray]:
    """Let the earliest rows train, later ones validate, and the latest test: nothing is drawn.

    What is to predict the future is judged on rows later than all that it was trained on. Rows
    of one time stay together, so that sizes may differ by as many; a class that occurs late only
    is not trained on. Notes n3, Proper Methodology.

    Raises:
        DataError: there are fewer different times than parts.

    Example:
        >>> task = Wanted(np.zeros(4, int), [1, 1], np.array([3.0, 1.0, 4.0, 2.0]))
        >>> [part.tolist() for part in by_time(task, np.random.default_rng(0))]
        [[0], [2], [1, 3]]
    """
    return cut_by_time(task)


def cut_by_time(task: Wanted) -> list[np.ndarray]:
    """Return the rows of each held-out part, earlier ones first, and what is earlier than all.

    Example:
        >>> times = np.array([3.0, 1.0, 4.0, 2.0])
        >>> [part.tolist() for part in cut_by_time(Wanted(np.zeros(4, int), [2], times))]
        [[0, 2], [1, 3]]
    """
    times, sizes = _of_groups(task, "different times")
    part_of_time = _deal(np.arange(len(sizes))[::-1], sizes, task.totals[::-1])
    parts = _places(part_of_time[times], len(task.totals))
    return [*parts[-2::-1], parts[-1]]


def _of_groups(task: Wanted, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's group as 0, 1, ... in order, and the rows of each."""
    assert task.by is not None
    _, groups, sizes = np.unique(task.by, return_inverse=True, return_counts=True)
    if len(sizes) <= len(task.totals):
        raise DataError(
            f"There are fewer {what} than parts.",
            given=f"{len(sizes)}, for {len(task.totals) + 1} parts",
            do="Split by a column with more different values, or leave it out of the split.",
        )
    return groups, sizes


def _deal(order: np.ndarray, sizes: np.ndarray, totals: list[int]) -> np.ndarray:
    """Return the part of each group: held-out parts in turn, cut where rows come nearest to it."""
    part_of_group = np.full(len(order), len(totals))
    rows, start = np.cumsum(sizes[order]), 0
    for part, total in enumerate(totals):
        before = rows[start - 1] if start else 0
        last = len(order) - (len(totals) - part)
        stop = start + 1 + int(np.abs(rows[start:last] - before - total).argmin())
        part_of_group[order[start:stop]] = part
        start = stop
    return part_of_group


def _badness(part_of_row: np.ndarray, task: Wanted) -> tuple[int, float]:
    """Return how many classes are not trained on, and how far off sizes and shares are."""
    num_parts, num_classes = len(task.totals) + 1, int(task.labels.max()) + 1
    cells = np.bincount(part_of_row * num_classes + task.labels, minlength=num_parts * num_classes)
    counts = cells.reshape(num_parts, num_classes)
    all_rows, held = counts.sum(0), counts[:-1]
    off = np.abs(held.sum(1) - task.totals).sum()
    if task.stratify:
        off += np.abs(held - np.outer(task.totals, all_rows / all_rows.sum())).sum()
    return int(((counts[-1] == 0) & (all_rows > 0)).sum()), float(off / all_rows.sum())


def _places(part_of_row: np.ndarray, last: int) -> list[np.ndarray]:
    return [np.flatnonzero(part_of_row == part) for part in range(last + 1)]


DRAWS: Mapping[str, Draw] = {
    "random": random,
    "stratified": stratified,
    "grouped": grouped,
    "by-time": by_time,
}
