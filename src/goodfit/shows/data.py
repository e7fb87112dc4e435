"""The data card as a sheet: what the data is, what it looks like, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable

from ..checks import in_order
from ..data.checks import Rows
from ..data.drawing import draw_data
from ..records import (
    Column,
    DataCard,
    Findings,
    Histogram,
    Histograms,
    Sheet,
    SplitSizes,
    Table,
    Verdict,
)
from ..report import words

MOST_COLUMNS = 40


def show_data(
    card: DataCard, sizes: SplitSizes, rows: Rows, verdicts: tuple[Verdict, ...]
) -> Sheet:
    """Draw what the data is, what the checks found with what to do, its parts, and its values.

    Histograms and images are those of :func:`goodfit.data.drawing.draw_data`: of a sample of the
    training part. What the checks say of the data as a whole is of every row, read in blocks.

    Example:
        >>> from goodfit.pipeline import see_data
        >>> from goodfit.recipe import Recipe
        >>> seen = see_data(Recipe(data="iris"))
        >>> sheet = show_data(seen.known.card, seen.known.sizes, seen.rows, seen.verdicts)
        >>> [part.title for part in sheet.parts][:3]
        ['What the checks found', 'What it is', 'Parts']
    """
    found = in_order(verdict.finding for verdict in verdicts if verdict.finding)
    columns = (_columns(card),) if card.columns else ()
    classes = (_classes(card),) if card.class_counts else ()
    return Sheet(
        title=f"Data: {card.source}",
        headline=_headline(card, len(found)),
        parts=(
            Findings(title="What the checks found", findings=found, caption=_rest(verdicts)),
            _facts(card),
            _parts(sizes),
            *classes,
            *draw_data(rows).parts,
            *columns,
        ),
    )


def _headline(card: DataCard, num_found: int) -> str:
    found = words.count(num_found, "finding") if num_found else "nothing was found"
    size = words.count(card.num_rows, "row")
    return f"{size}, {words.one_input(card)}; {card.task} of {card.target}; {found}."


def _rest(verdicts: Iterable[Verdict]) -> str:
    """Name the checks that found nothing, and say why some could not judge."""
    passed = [verdict.check for verdict in verdicts if verdict.outcome == "passed"]
    told = [f"Passed: {', '.join(passed)}."] if passed else []
    unjudged: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.outcome == "not-judged":
            unjudged.setdefault(verdict.because, []).append(verdict.check)
    told += [f"Not judged: {', '.join(names)} ({why})." for why, names in unjudged.items()]
    return " ".join(told)


def _facts(card: DataCard) -> Table:
    rows = [
        ("source", card.source),
        ("rows", f"{card.num_rows:,}"),
        ("task", f"{card.task} of {card.target}"),
        ("target", _target(card)),
        ("one input", words.one_input(card)),
        ("missing values", f"{card.num_missing:,}"),
        ("duplicate rows", f"{card.num_duplicates:,}, inputs and target equal to an earlier row"),
        *(("note", note) for note in card.notes),
    ]
    return Table(title="What it is", columns=("what", "as found"), rows=tuple(rows))


def _target(card: DataCard) -> str:
    if card.class_counts:
        fewest, most = min(card.class_counts), max(card.class_counts)
        num = words.count(len(card.classes), "class", "classes")
        return f"{num}, {fewest:,} to {most:,} rows each"
    low, high, mean, std = (
        words.number(value or 0.0)
        for value in (card.target_low, card.target_high, card.target_mean, card.target_std)
    )
    seen = ", of the rows that train and validate" if card.num_described else ""
    return f"{low} to {high}, mean {mean}, standard deviation {std}{seen}"


def _classes(card: DataCard) -> Histograms:
    """Return how many rows each class has, a bar each."""
    bars = Histogram(name=card.target, counts=card.class_counts, names=card.classes)
    return Histograms(title="Rows of each class", histograms=(bars,))


def _parts(sizes: SplitSizes) -> Table:
    told = {
        "train": "sets the weights",
        "validation": "chooses among them",
        "test": "sealed, opened once at the end",
    }
    counts = {part: int(getattr(sizes, part)) for part in told}
    total = max(1, sum(counts.values()))
    rows = ((part, counts[part], 100.0 * counts[part] / total, told[part]) for part in told)
    return Table(title="Parts", columns=("part", "rows", "share in %", "what for"), rows=(*rows,))


def _columns(card: DataCard) -> Table:
    left_out = len(card.columns) - MOST_COLUMNS
    more = f"The first {MOST_COLUMNS}; {left_out:,} more are not listed." * (left_out > 0)
    return Table(
        title="Columns",
        columns=("column", "kind", "missing", "distinct", "lowest", "mean", "highest"),
        rows=tuple(map(_column, card.columns[:MOST_COLUMNS])),
        caption=f"{words.described(card)} {more}".strip(),
    )


def _column(column: Column) -> tuple[str | float, ...]:
    numbers = (column.low, column.mean, column.high)
    told = ("" if value is None else value for value in numbers)
    counts = (column.num_missing, column.num_distinct)
    return (column.name, column.kind, *counts, *told)
