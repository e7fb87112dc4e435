"""The data card, the checks and the result of a run, in a terminal or a pipe.

Words come as ``Text``, never as markup, so a class called ``[red]`` prints as it is. Colour is
rich's business: none in a pipe or under ``NO_COLOR``.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..records import CrossValidation, Curve, DataCard, Finding, Scores, SplitSizes, Verdict
from .confusion import MAX_CLASSES, ClassResult, class_results, confused_pairs
from .contents import Contents
from .sparks import blocks, lowest_to_highest
from .words import (
    STOPPED,
    clean,
    count,
    evidence_name,
    fold_cells,
    fold_keys,
    headline,
    number,
    one_input,
    percent,
    score_word,
    seconds,
)

OUTCOMES = {
    "passed": ("passed", "green"),
    "found": ("found", "yellow"),
    "not-judged": ("not judged", "dim"),
}
SEVERITIES = {"info": "blue", "warning": "yellow", "error": "red"}
MAX_PAIRS = 5


def print_card(card: DataCard, sizes: SplitSizes, console: Console) -> None:
    """Print what the data is and how it is split."""
    rows = [
        ("data", f"{card.source}: {count(card.num_rows, 'row')}, {card.task} of {card.target}"),
        ("input", one_input(card)),
        ("target", _target(card)),
        ("split", _split(sizes)),
        ("damage", _damage(card)),
        *(("note", note) for note in card.notes),
    ]
    print_pairs(rows, console)


def print_verdicts(verdicts: Iterable[Verdict], console: Console) -> None:
    """Print one line for each check or rule: what it says, or why it could not judge."""
    table = grid()
    for verdict in verdicts:
        word, style = OUTCOMES[verdict.outcome]
        table.add_row(plain_text(word, style), plain_text(f"{verdict.check}: {verdict.because}"))
    if table.row_count:
        console.print(table)


def print_checked(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print what the checks found, with what to do, and count the others in one line."""
    table = grid()
    for verdict in verdicts:
        if verdict.finding:
            said = f"{verdict.check}: {verdict.because} To do: {verdict.finding.remedy}"
            severity = verdict.finding.severity
            table.add_row(plain_text(severity, SEVERITIES[severity]), plain_text(said))
    if table.row_count:
        console.print(table)
    console.print(plain_text(counted(verdicts), "dim"))


def counted(verdicts: Sequence[Verdict]) -> str:
    """Say how many checks or rules found something, passed, or could not judge.

    Example:
        >>> counted([Verdict(check="a", outcome="passed", because="")] * 2)
        '2 of 2 passed'
    """
    outcomes = [verdict.outcome for verdict in verdicts]
    parts = [f"{outcomes.count('passed')} of {len(outcomes)} passed"]
    if "found" in outcomes:
        parts.append(f"{outcomes.count('found')} found something")
    if "not-judged" in outcomes:
        parts.append(f"{outcomes.count('not-judged')} could not judge")
    return ", ".join(parts)


def print_summary(
    contents: Contents,
    console: Console,
    *,
    folder: Path | None = None,
    report: Path | None = None,
) -> None:
    """Print the result of a run, where its files lie, and what to type next."""
    console.print(plain_text(headline(contents), "bold"))
    console.print(plain_text(_course(contents)))
    if contents.scored:
        console.print("", _score_table(contents.scored), "")
        _print_mistakes(contents.scored[-1], console)
    print_findings(contents.findings, console)
    print_pairs(_places(contents, folder, report), console)


def print_folds(found: CrossValidation, console: Console) -> None:
    """Print the scores of each fold, their mean and its standard error."""
    table = plain_table("fold", "rows", *(score_word(key).label for key in fold_keys(found)))
    for row in fold_cells(found):
        table.add_row(*row)
    console.print(plain_text(f"{len(found.folds)} {found.kind} folds; the test part is sealed"))
    console.print(table)


def _target(card: DataCard) -> str:
    if card.class_counts:
        fewest, most = min(card.class_counts), max(card.class_counts)
        classes = count(len(card.classes), "class", "classes")
        return f"{classes}, {fewest:,} to {most:,} rows each"
    if card.target_low is None or card.target_high is None:
        return card.target
    middle = "" if card.target_mean is None else f", mean {number(card.target_mean)}"
    return f"{number(card.target_low)} to {number(card.target_high)}{middle}"


def _split(sizes: SplitSizes) -> str:
    test = f"{sizes.test:,} test (sealed)" if sizes.test else "no test part"
    return f"{sizes.train:,} train, {sizes.validation:,} validation, {test}"


def _damage(card: DataCard) -> str:
    missing = count(card.num_missing, "missing value")
    return f"{missing}, {count(card.num_duplicates, 'duplicate row')}"


def _course(contents: Contents) -> str:
    history, info = contents.history, contents.info
    parts = [STOPPED[history.stopped]]
    if history.best_epoch is not None:
        ran = count(len(history.epochs.epoch), "epoch")
        parts.append(f"Best epoch {history.best_epoch:,} of {ran}.")
    if info is not None:
        parts.append(f"Trained in {seconds(info.train_s)} ({info.executor}).")
    return " ".join(parts)


def _score_table(scored: tuple[Scores, ...]) -> Table:
    table = plain_table("score", *(scores.part for scores in scored))
    for key in scored[0].values:
        word = score_word(key)
        values = [word.show(scores.values[key]) for scores in scored if key in scores.values]
        table.add_row(plain_text(word.label), *map(plain_text, values))
    return table


def _print_mistakes(scores: Scores, console: Console) -> None:
    """Print the classes of the part scored last, or the worst pairs of too many classes."""
    if scores.confusion and len(scores.classes) <= MAX_CLASSES:
        console.print(_class_table(class_results(scores)), "")
        return
    for pair in confused_pairs(scores, MAX_PAIRS):
        console.print(plain_text(str(pair)))


def _class_table(results: Iterable[ClassResult]) -> Table:
    table = plain_table("class", "rows", "recall", "precision", "taken for")
    for result in results:
        mistaken = f"{result.worst.predicted} ({result.worst.num:,})" if result.worst else ""
        shares = (_share(result.recall), _share(result.precision))
        cells = (result.name, f"{result.num_rows:,}", *shares, mistaken)
        table.add_row(*map(plain_text, cells))
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def print_findings(findings: Iterable[Finding], console: Console) -> None:
    """Print each finding: what was seen and where, what it means, what to do, and its picture."""
    table = grid()
    for finding in findings:
        head = plain_text(finding.severity, SEVERITIES[finding.severity])
        table.add_row(head, _finding(finding), end_section=True)
    if table.row_count:
        console.print(table, "")


def _finding(finding: Finding) -> Text:
    """Return a finding as a few lines."""
    step = [f"step {finding.step:,}"] if finding.step is not None else []
    lines = [
        ", ".join([finding.rule, *([finding.where] if finding.where else []), *step]),
        finding.meaning,
        ", ".join(f"{evidence_name(name)}: {_value(v)}" for name, v in finding.evidence.items()),
        f"To do: {finding.remedy}",
        f"Source: {finding.source}",
        _picture(finding.curve),
    ]
    return Text("\n").join(
        plain_text(line, style)
        for line, style in zip(lines, ("bold", "", "dim", "", "dim", ""), strict=True)
        if line
    )


def _picture(curve: Curve | None) -> str:
    if curve is None or not curve.x:
        return ""
    if curve.names:
        pairs = zip(curve.names, curve.y, strict=True)
        told = ", ".join(f"{name}: {number(value)}" for name, value in pairs)
        return f"{blocks(curve)}  {curve.y_label} by {curve.x_label} ({told})"
    ends = lowest_to_highest(curve.y)
    return f"{blocks(curve)}  {curve.y_label} by {curve.x_label}, {ends}"


def _value(value: float | int | str) -> str:
    return value if isinstance(value, str) else number(value)


def _places(contents: Contents, folder: Path | None, report: Path | None) -> list[tuple[str, str]]:
    rows = []
    if folder is not None:
        rows.append(("run", str(folder)))
    if report is not None:
        rows.append(("report", str(report)))
    if contents.test is None and contents.sizes.test:
        rows.append(("next", f"goodfit test {shlex.quote(str(folder or contents.name))}"))
    return rows


def print_pairs(rows: Iterable[tuple[str, str]], console: Console) -> None:
    """Print names and what they name, one pair a line."""
    table = grid()
    for name, value in rows:
        table.add_row(plain_text(name, "dim"), plain_text(value))
    console.print(table)


def grid() -> Table:
    """Return an empty table without titles."""
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))


def plain_table(first: str, *numbers: str) -> Table:
    """Return an empty table: one column of names, then columns of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first)
    for title in numbers:
        table.add_column(title, justify="right")
    return table


def plain_text(words: str, style: str = "") -> Text:
    """Return words as they are: never markup, nothing that steers a terminal."""
    return Text(clean(words), style=style, overflow="fold")
