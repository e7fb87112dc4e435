"""What a run says in the terminal: the data, the checks, the summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..records import DataCard, Finding, SplitSizes, Verdict
from .confusion import confused_pairs
from .contents import Contents
from .words import headline, score_word, seconds

_MARKS = {
    "passed": "[green]ok[/]",
    "found": "[yellow]found[/]",
    "not-judged": "[dim]not judged[/]",
}
_COLOURS = {"info": "cyan", "warning": "yellow", "error": "red"}
MOST_PAIRS = 3


def print_card(card: DataCard, sizes: SplitSizes, console: Console) -> None:
    """Print what the data is, and how it was split."""
    shape = " x ".join(map(str, card.input_shape))
    target = f"{len(card.classes)} classes" if card.classes else f"a quantity, {card.target}"
    console.print(f"[bold]{escape(card.source)}[/]: {card.num_rows:,} rows of {shape}; {target}")
    console.print(
        f"{sizes.train:,} rows train, {sizes.validation:,} validate, {sizes.test:,} lie sealed"
    )
    for note in card.notes:
        console.print(f"  - {escape(note)}", highlight=False)


def print_verdicts(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print each check's verdict, and in full what was found."""
    table = Table.grid(padding=(0, 2))
    for verdict in verdicts:
        table.add_row(_MARKS[verdict.outcome], verdict.check, escape(verdict.because))
    console.print(table)
    for verdict in verdicts:
        if verdict.finding is not None:
            print_finding(verdict.finding, console)


def print_finding(finding: Finding, console: Console) -> None:
    """Print a finding: what was seen, why it matters, what to do."""
    console.print(f"[{_COLOURS[finding.severity]}]{escape(str(finding))}[/]", highlight=False)


def print_summary(contents: Contents, console: Console, *, folder: Path) -> None:
    """Print scores, the commonest mistakes, where everything lies, and the next command."""
    console.print()
    console.print(f"[bold]{escape(headline(contents))}[/]", highlight=False)
    console.print(_scores(contents))
    for scores in contents.scored[-1:]:
        for pair in confused_pairs(scores, MOST_PAIRS):
            console.print(f"  {escape(str(pair))}", highlight=False)
    _print_end(contents, console)
    console.print(f"Report: {folder / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    if contents.test is None and contents.sizes.test:
        line = f"The test part is sealed. Open it once: goodfit test {folder}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _scores(contents: Contents) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for scores in contents.scored:
        table.add_column(f"{scores.part} ({scores.num_rows:,} rows)", justify="right")
    for key in contents.scored[0].values if contents.scored else ():
        row = [score_word(key).show(scores.values[key]) for scores in contents.scored]
        table.add_row(score_word(key).label, *row)
    return table


def _print_end(contents: Contents, console: Console) -> None:
    history, info = contents.history, contents.info
    if info is None:
        return
    console.print(
        f"{len(history.epochs.epoch)} epochs in {seconds(info.train_s)}, best {history.best_epoch}; "
        f"steps {info.executor}: {info.executor_reason}",
        highlight=False,
        markup=False,
    )
    for note in history.notes:
        console.print(f"Note: {note}", highlight=False, markup=False)
