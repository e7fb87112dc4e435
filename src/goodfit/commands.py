"""What the commands do; ``cli.py`` declares them without importing any of this."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from . import explaining, pipeline
from .errors import GapsWarning, RecipeError, RunError
from .recipe import Recipe, Views, read, validate
from .records import DataCard, Finding, GradientCheck, Severity, Sheet, SplitSizes, Table, Verdict
from .report import print_sheet, words
from .report.terminal import (
    counted,
    print_card,
    print_checked,
    print_findings,
    print_summary,
    print_verdicts,
)
from .runs import write_out

ROOT = Path("runs")
FIRST_ROWS, FIRST_COLUMNS = 10, 12


def train(
    file: Path | None, assignments: Sequence[str], *, out: Path | None, as_json: bool, quiet: bool
) -> list[Severity]:
    """Train by a recipe file, by assignments such as ``data.path="digits"``, or by both.

    Returns the severities of what was found.
    """
    recipe = recipe_of(file, assignments)
    root = ROOT if out is None else None
    run = pipeline.train(recipe, out=out, root=root, listener=_listener(as_json, quiet))
    _show(run, as_json)
    return [finding.severity for finding in run.findings]


def check(file: Path | None, assignments: Sequence[str], *, as_json: bool) -> list[Severity]:
    """Make the checks before training; returns the severities of what was found."""
    checked = pipeline.check_recipe(recipe_of(file, assignments))
    if as_json:
        print_json({"verdicts": [v.to_json() for v in checked.verdicts]})
    else:
        console = Console()
        print_verdicts([v for v in checked.verdicts if not v.finding], console)
        console.print()
        print_findings(checked.findings, console)
        console.print(counted(checked.verdicts), style="dim", highlight=False)
    return [finding.severity for finding in checked.findings]


def gradient_check(file: Path | None, assignments: Sequence[str], *, as_json: bool) -> bool:
    """Compare gradients with differences of the loss, and print it; False where they differ."""
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as bar:
        task = bar.add_task("gradient check")
        found = pipeline.check_gradient(
            recipe_of(file, assignments),
            on_number=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print_json(found.to_json())
        return found.verdict != "wrong"
    console = Console()
    for line in _gradient_lines(found):
        console.print(words.clean(line), highlight=False, markup=False)
    return found.verdict != "wrong"


def _gradient_lines(found: GradientCheck) -> Iterator[str]:
    for name, error in found.errors.items():
        yield f"{name}: largest relative error {error:.1e}"
    for name in found.not_compared:
        yield f"{name}: not compared, all numbers at kinks"
    where = " where it could be compared" if found.not_compared and found.errors else ""
    pair = f"{found.written:.6g} written, {found.measured:.6g} measured"
    worst = f"; worst at {found.worst}: {pair}" if found.errors else ""
    yield f"The gradient is {found.verdict}{where}{worst}."
    yield (
        f"{found.compared} numbers, {found.kinks} at kinks, {found.forward_passes} forward passes."
    )


def diagnose(path: Path, *, every: bool, as_json: bool) -> list[Severity]:
    """Judge a run, a watched history or a table; returns the severities of what was found."""
    found = pipeline.diagnose(path)
    if as_json:
        verdicts = [verdict.to_json() for verdict in found.verdicts]
        findings = [finding.to_json() for finding in found.findings]
        print_json({"source": found.source, "findings": findings, "verdicts": verdicts})
        return [finding.severity for finding in found.findings]
    console = Console()
    if every:
        print_verdicts(found.verdicts, console)
        console.print()
    print_findings(found.findings, console)
    for word in found.history.unseen:
        console.print(f"Not seen: {words.clean(word)}.", style="dim", highlight=False, markup=False)
    console.print(counted(found.verdicts), style="dim", highlight=False)
    return [finding.severity for finding in found.findings]


def explain(name: str | None) -> None:
    """Print what a check, rule or part of a recipe means, or the names of all."""
    sys.stdout.write(explaining.names() if name is None else explaining.explain(name))


def resume(path: Path, *, as_json: bool, quiet: bool) -> None:
    """Go on with a run."""
    _show(pipeline.resume(path, listener=_listener(as_json, quiet)), as_json)


def test(path: Path, *, views: str | None, as_json: bool) -> None:
    """Open the sealed test part."""
    _show(pipeline.test(path, views=cast("Views | None", views)), as_json)


def report(path: Path) -> None:
    """Write the report again."""
    sys.stdout.write(f"{pipeline.report(path)}\n")


def predict(path: Path, rows: Path, *, out: Path | None, as_json: bool) -> None:
    """Answer the rows of a file by a run: print the first, or write all as CSV."""
    if out is not None:
        _check_out(out, rows)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GapsWarning)
        answers = pipeline.predict(path, rows)
    for warning in caught:
        print(f"Note: {words.clean(str(warning.message))}", file=sys.stderr)
    if out is not None:
        write_out(out, answers.to_csv(index=False, lineterminator="\n"))
    console = Console()
    if as_json:
        print_json({"answers": answers.to_dict(orient="records")})
    elif out is None:
        print_sheet(_first_of(answers, rows), console)
    else:
        told = f"{len(answers):,} rows of {rows}, answered in {out}"
        console.print(words.clean(told), highlight=False, markup=False, soft_wrap=True)


def _check_out(out: Path, rows: Path) -> None:
    if out.suffix.lower() != ".csv":
        raise RunError(
            "Answers are written as CSV.", given=out, do="Name a file that ends in .csv."
        )
    if out.exists() and rows.exists() and out.samefile(rows):
        raise RunError("The answers would replace the rows.", given=out, do="Name another file.")


def _first_of(answers: pd.DataFrame, rows: Path) -> Sheet:
    """Return the first rows and columns as they are printed."""
    shown = answers.iloc[:FIRST_ROWS, :FIRST_COLUMNS]
    left_out = ["rows"] * (len(answers) > FIRST_ROWS)
    left_out += ["columns"] * (answers.shape[1] > FIRST_COLUMNS)
    table = Table(
        title=f"The first {len(shown)}" if left_out else "All of them",
        columns=tuple(shown.columns),
        rows=tuple(tuple(_shown(value) for value in row) for row in shown.to_numpy(object)),
    )
    more = f"; all {' and '.join(left_out)}: --out predictions.csv" if left_out else ""
    said = f"{len(answers):,} rows of {rows} answered{more}."
    return Sheet(title="Answers", headline=said, parts=(table,))


def _shown(value: Any) -> str | float:
    """Return a probability or quantity as a number, which is rounded, and all else as it is."""
    return float(value) if isinstance(value, float | np.floating) else str(value)


class Teller(pipeline.Listener):
    """Prints the data card and the verdicts as they come; draws progress on a terminal."""

    def __init__(self) -> None:
        self.progress, self.early_word = sys.stderr.isatty(), True
        self.console = Console()

    def on_card(self, card: DataCard, sizes: SplitSizes) -> None:
        """Print what the data is."""
        print_card(card, sizes, self.console)

    def on_folder(self, path: Path) -> None:
        """Say where the run lies."""
        self.console.print(f"Run folder: {path}", highlight=False, markup=False)

    def on_verdicts(self, verdicts: tuple[Verdict, ...]) -> None:
        """Print what the checks say."""
        print_checked(verdicts, self.console)

    def on_finding(self, finding: Finding) -> None:
        """Print an early word, in one line."""
        at = f"step {finding.step:,}" if finding.step is not None else "early"
        said = f"{at}: {finding.severity}: {finding.rule}: {finding.meaning}"
        self.console.print(words.clean(said), highlight=False, markup=False, soft_wrap=True)


def recipe_of(file: Path | None, assignments: Sequence[str]) -> Recipe:
    """Return the recipe of a file, of assignments, or of both."""
    if file is not None:
        return read(file, assignments)
    if not any(assignment.startswith("data") for assignment in assignments):
        raise RecipeError(
            "There is nothing to train on.",
            given="neither SOURCE nor --recipe",
            do="Try: goodfit train digits",
        )
    return validate({}, assignments)


def _listener(as_json: bool, quiet: bool) -> pipeline.Listener:
    return pipeline.Listener() if as_json or quiet else Teller()


def _show(run: pipeline.Run, as_json: bool) -> None:
    contents = pipeline.contents(run)
    if as_json:
        print_json(contents.to_json())
        return
    console = Console()
    for note in _notes(run):
        console.print(f"Note: {note}", highlight=False, markup=False, soft_wrap=True)
    print_summary(contents, console, folder=run.folder.path, report=run.folder.report)


def print_json(values: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(_finite(values)) + "\n")


def _notes(run: pipeline.Run) -> list[str]:
    """Return what was noted while training, and why the steps ran slower than they might."""
    wanted, info = run.recipe.engine.mode, run.info
    slower = info.executor == "eager" and wanted != "eager"
    return [
        *map(words.clean, run.history.notes),
        *([f"{words.clean(info.executor_reason)}."] if slower else []),
    ]


def _finite(value: Any) -> Any:
    """Replace NaN and infinities by null: JSON has none."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and value - value != 0.0 else value
