"""What a confusion matrix says, class by class and in words."""

from __future__ import annotations

from typing import NamedTuple

from ..records import Scores
from .words import count

MAX_CLASSES = 20


class Pair(NamedTuple):
    """``num`` of ``of`` rows of class ``true`` were called ``predicted``."""

    true: str
    predicted: str
    num: int
    of: int

    def __str__(self) -> str:
        return (
            f"{self.num:,} of {count(self.of, 'row')} of {self.true} were called {self.predicted}"
        )


class ClassResult(NamedTuple):
    """One class: its rows, the share found (recall), the share of calls that were right."""

    name: str
    num_rows: int
    recall: float | None
    precision: float | None
    worst: Pair | None


def confused_pairs(scores: Scores, limit: int = 10) -> list[Pair]:
    """Return the most frequent mistakes, the most frequent first.

    Example:
        >>> scores = Scores(part="validation", num_rows=9, values={}, classes=("a", "b"),
        ...                 confusion=((4, 2), (0, 3)))
        >>> print(confused_pairs(scores)[0])
        2 of 6 rows of a were called b
    """
    pairs = [pair for row in range(len(scores.confusion)) for pair in _mistakes(scores, row)]
    return sorted(pairs, key=lambda pair: pair.num, reverse=True)[:limit]


def class_results(scores: Scores) -> list[ClassResult]:
    """Return recall, precision and the worst mistake of each class, in class order."""
    called = [sum(column) for column in zip(*scores.confusion, strict=True)]
    return [_class_result(scores, index, called[index]) for index in range(len(called))]


def commonest_share(scores: Scores) -> float | None:
    """Return the accuracy of always naming the commonest class of this part."""
    rows = [sum(row) for row in scores.confusion]
    return max(rows) / sum(rows) if sum(rows) else None


def _class_result(scores: Scores, index: int, num_called: int) -> ClassResult:
    right, num_rows = scores.confusion[index][index], sum(scores.confusion[index])
    mistakes = _mistakes(scores, index)
    return ClassResult(
        name=scores.classes[index],
        num_rows=num_rows,
        recall=right / num_rows if num_rows else None,
        precision=right / num_called if num_called else None,
        worst=max(mistakes, key=lambda pair: pair.num, default=None),
    )


def _mistakes(scores: Scores, row: int) -> list[Pair]:
    counts, names = scores.confusion[row], scores.classes
    return [
        Pair(names[row], names[column], num, sum(counts))
        for column, num in enumerate(counts)
        if num and column != row
    ]
