"""What one learns from a search, in a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from ..diagnosis.trials import read
from ..records import Finding, StudyRecord
from .study_tables import Row, trial_rows
from .study_words import (
    by_importance,
    judged_among,
    left_share,
    left_unjudged,
    metric_inside,
    reasons,
    short_names,
    study_headline,
)
from .terminal import grid, plain_table, plain_text, print_findings, print_pairs
from .words import clean, count, percent, seconds

NUM_SHOWN, BAR_WIDTH, MOST_BARS = 5, 24, 12
WIDEST = 10_000


def print_study(
    study: StudyRecord,
    importances: Mapping[str, float],
    findings: Iterable[Finding],
    console: Console,
    *,
    places: Sequence[tuple[str, str]] = (),
) -> None:
    """Print the result of a search, its best trials, what matters, and what to do next.

    ``places`` are pairs of a name and what it names, such as where the study and its report lie
    and the next command; they come last.
    """
    found = tuple(findings)
    console.print(plain_text(study_headline(study), "bold"))
    console.print(plain_text(_course(study)))
    _print_best(study, importances, console)
    _print_importances(study, importances, console)
    _print_reasons(study, console)
    if found:
        console.print("")
        print_findings(found, console)
    elif places:
        console.print("")
    print_pairs(places, console)


def _course(study: StudyRecord) -> str:
    stages = f" in {count(len(study.stages), 'stage')}" if len(study.stages) > 1 else ""
    told = (
        f"{study.strategy}, {count(len(study.trials), 'trial')}{stages}, {seconds(study.seconds)}"
    )
    preparing = f" (preparing {seconds(study.preparing_s)})" if study.preparing_s else ""
    return f"{told}{preparing}; {percent(left_share(study))} of them dropped or failed."


def _print_best(study: StudyRecord, importances: Mapping[str, float], console: Console) -> None:
    names = [axis.name for axis in by_importance(study, importances)]
    rows = [
        row for row in trial_rows(read(study, importances), names, NUM_SHOWN) if row.value != "–"
    ]
    if not rows:
        return
    again = ["over seeds"] if any(row.again for row in rows) else []
    titles = [metric_inside(study), *again, *short_names(names).values(), "epochs"]
    table = plain_table("trial", *map(clean, titles))
    for row in rows:
        cells = [
            str(row.number),
            row.value,
            *([row.again] if again else []),
            *row.params,
            row.epochs,
        ]
        table.add_row(*(plain_text(cell, "bold" if row.best else "") for cell in cells))
    wide = console.options.update(max_width=WIDEST)
    if console.measure(table, options=wide).maximum > console.width:
        table = _narrow(rows, names)
    console.print("", table)


def _narrow(rows: Sequence[Row], names: Sequence[str]) -> Table:
    """Return each trial in words, for where a table of many columns does not fit."""
    table = grid()
    short = short_names(names).values()
    for row in rows:
        values = ", ".join(f"{n} {v}" for n, v in zip(short, row.params, strict=True) if v)
        again = f", over seeds {row.again}" if row.again else ""
        told = f"{row.value}{again}: {values or 'nothing searched'}; epochs {row.epochs}"
        table.add_row(
            plain_text(f"trial {row.number}", "bold" if row.best else ""), plain_text(told)
        )
    return table


def _print_importances(
    study: StudyRecord, importances: Mapping[str, float], console: Console
) -> None:
    axes = [axis.name for axis in by_importance(study, importances) if axis.name in importances]
    if not axes:
        return
    table = grid()
    width = min(BAR_WIDTH, max(4, console.width // 4))
    for name in axes[:MOST_BARS]:
        share = min(1.0, max(0.0, importances[name]))
        bar = "█" * round(width * share) or "▏"
        told = percent(share, 0) + judged_among(study, name)
        table.add_row(plain_text(name), plain_text(bar, "blue"), plain_text(told))
    head = plain_text("what matters (share of the spread explained)", "dim")
    console.print("", head, table, sep="\n")
    if len(axes) > MOST_BARS:
        console.print(plain_text(f"and {len(axes) - MOST_BARS} that explain less", "dim"))
    if left := left_unjudged(study, importances):
        console.print(plain_text(left))


def _print_reasons(study: StudyRecord, console: Console) -> None:
    rows = [
        (one.state, f"{count(one.num, 'trial')}{f': {one.why}' if one.why != one.state else ''}")
        for one in reasons(study)
    ]
    if rows:
        console.print("")
        print_pairs(rows, console)
