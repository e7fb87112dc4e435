"""What the commands on studies do; apart from the others, since Optuna takes a while to import."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from . import studies
from .commands import print_json, recipe_of
from .data.folds import FoldKind
from .diagnosis.trials import not_judged
from .errors import SearchError
from .recipe import read_space
from .records import Severity
from .report import print_folds, print_study

ROOT = Path("studies")


def search(
    file: Path,
    assignments: Sequence[str],
    *,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> list[Severity]:
    """Search a space; returns the severities of what was found."""
    space = read_space(file, assignments)
    root = ROOT if out is None else None
    with _bar(as_json, quiet) as teller:
        study = studies.search(space, out=out, root=root, teller=teller, **options)
    _show_study(study, as_json)
    _check_any_counts(study)
    return [finding.severity for finding in study.findings]


def cross_validate(
    file: Path | None,
    assignments: Sequence[str],
    *,
    folds: int,
    kind: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Score a recipe on K folds that were held out in turn."""
    found = studies.cross_validate(
        recipe_of(file, assignments), folds=folds, kind=cast(FoldKind, kind), out=out
    )
    if as_json:
        print_json(found.to_json())
        return
    console = Console()
    print_folds(found, console)
    if out is not None:
        told = f"report  {out / studies.REPORT}"
        console.print(told, highlight=False, markup=False, soft_wrap=True)


def resume(path: Path, *, cluster: str | None, as_json: bool, quiet: bool) -> None:
    """Go on with a study."""
    with _bar(as_json, quiet) as teller:
        study = studies.resume_study(path, cluster=cluster, teller=teller)
    _show_study(study, as_json)
    _check_any_counts(study)


def report(path: Path) -> None:
    """Write a study's page again."""
    sys.stdout.write(f"{studies.write_report(path)}\n")


def _bar(as_json: bool, quiet: bool) -> AbstractContextManager[studies.Silent]:
    if as_json or quiet or not sys.stderr.isatty():
        return nullcontext(studies.Silent())
    return studies.Bar()


def _show_study(study: studies.Study, as_json: bool) -> None:
    if as_json:
        record, weights = study.record.to_json(), study.importances
        findings = [finding.to_json() for finding in study.findings]
        left = {"not_judged": not_judged(study.record, weights)}
        print_json({**record, "importances": weights, **left, "findings": findings})
        return
    console = Console()
    print_study(study.record, study.importances, study.findings, console)
    console.print(f"study   {study.path}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"report  {study.report}", highlight=False, markup=False, soft_wrap=True)
    if study.best is not None:
        best = study.path / "best.toml"
        next_word = f"next    goodfit train --recipe {best}"
        console.print(next_word, highlight=False, markup=False, soft_wrap=True)


def _check_any_counts(study: studies.Study) -> None:
    """Raise where no trial gave a value: the search has found nothing."""
    if study.best is not None:
        return
    often = Counter(trial.why for trial in study.trials).most_common(1)
    raise SearchError(
        "No trial gave a value: there is no best one.",
        given="".join(f"{num} of {len(study.trials)} trials: {why}" for why, num in often),
        do="Train one of them alone to see why (goodfit train --recipe FILE), then search around "
        "what works.",
    )
