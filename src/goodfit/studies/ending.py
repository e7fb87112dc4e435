"""The end of a search: its record, what matters, advice, the best recipe, the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from ..diagnosis import advice_of
from ..diagnosis.trials import best_of
from ..errors import SearchError
from ..recipe import Recipe, Space, read_space, write
from ..records import Finding, StudyRecord
from ..report import study_html
from ..runs import path_of, read_record, read_records, write_record, write_records, write_text
from .folder import StudyFolder, open_study
from .importance import importances
from .study import Study


def finish(space: Space, record: StudyRecord, folder: StudyFolder, url: str) -> Study:
    """Weigh, judge, write and draw what a search gave."""
    weights = importances(record, space)
    findings = advice_of(record, weights)
    best = best_recipe(space, record)
    write_record(folder.record, record)
    write_records(folder.findings, findings)
    if best is not None:
        write_text(folder.best, write(best))
    write_text(folder.report, page_of(folder, record, weights, findings))
    return Study(record, space, folder.path, url, best, weights, findings)


def page_of(
    folder: StudyFolder,
    record: StudyRecord,
    weights: Mapping[str, float],
    findings: tuple[Finding, ...],
) -> str:
    """Return the page of a study."""
    made = folder.settings.stat().st_mtime
    created = datetime.fromtimestamp(made).strftime("%d %B %Y, %H:%M")
    space = folder.space.read_text(encoding="utf-8")
    return study_html(record, weights, findings, created=created, space_toml=space)


def best_recipe(space: Space, record: StudyRecord) -> Recipe | None:
    """Return the best trial as a recipe of the study's full length, on the study's split."""
    trial = best_of(record)
    if trial is None:
        return None
    recipe = space.recipe(trial.params)
    split = recipe.split.model_copy(update={"seed": split_seed(recipe)})
    return recipe.model_copy(update={"split": split, "seed": trial.seed})


def load_study(path: Path | str) -> Study:
    """Return a finished study from its folder.

    Raises:
        SearchError: there is none, or it is not finished.
    """
    folder, settings = open_study(path_of(path))
    if not folder.record.exists():
        raise SearchError(
            "This study is not finished.",
            given=path,
            do=f"Go on: goodfit resume {shlex.quote(str(path))}",
        )
    again = f"Write it again: goodfit resume {shlex.quote(str(path))}"
    space, record = read_space(folder.space), read_record(folder.record, StudyRecord, do=again)
    url = settings.storage or folder.url
    from_disk = read_records(folder.findings, Finding, do=again)
    best = best_recipe(space, record)
    return Study(record, space, folder.path, url, best, importances(record, space), from_disk)


def write_report(path: Path | str) -> Path:
    """Write the page of a finished study again, and return its path."""
    study = load_study(path)
    folder = StudyFolder(study.path)
    page = page_of(folder, study.record, study.importances, study.findings)
    write_text(study.report, page)
    return study.report


def split_seed(recipe: Recipe) -> int:
    """Return the seed of the split that all trials share."""
    return recipe.seed if recipe.split.seed is None else recipe.split.seed
