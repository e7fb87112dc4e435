"""What one learns from a search, as one HTML file that asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..diagnosis.studies import advice_of
from ..diagnosis.trials import Axis, Reading, read
from ..records import Finding, StudyRecord
from .html import shell, templates
from .study_axes import stage_roles
from .study_charts import (
    MOST_PLOTS,
    MOST_POINTS,
    curves_chart,
    drawn_trials,
    isolation_charts,
)
from .study_parallel import parallel_chart, width_of
from .study_tables import MAX_ROWS, NUM_BEST, heats, stage_rows, trial_rows
from .study_words import (
    by_importance,
    group_reasons,
    judged_among,
    left_share,
    left_unjudged,
    metric_inside,
    reasons,
    short_names,
    study_headline,
    study_tiles,
)
from .words import percent, score_word

STAGE_MARKS = ("circles", "triangles", "squares", "diamonds", "upturned triangles")


def study_html(
    study: StudyRecord,
    importances: Mapping[str, float],
    findings: Sequence[Finding] | None = None,
    *,
    created: str = "",
    space_toml: str = "",
) -> str:
    """Return the report of a search as one self-contained HTML page.

    ``importances`` gives each searched name's share in [0, 1] of what explains the values (empty
    where there are too few trials to tell); ``findings`` are the advice, by default what
    :func:`~goodfit.diagnosis.advice_of` says; ``created`` is a date as it should be read;
    ``space_toml`` the space that was searched. Of thousands of trials the best and an even sample
    are drawn, and the page says so.

    Example:
        >>> from goodfit.records import Trial
        >>> trials = (Trial(0, {"optimizer.lr": 0.01}, seed=0, state="done", value=0.9),)
        >>> page = study_html(StudyRecord("first", "random", "accuracy", True, 0, trials), {})
        >>> page.startswith("<!doctype html>"), "Accuracy 90.00 % on validation" in page
        (True, True)
    """
    advice = advice_of(study, importances) if findings is None else tuple(findings)
    view = _view(study, importances) | {
        "findings": advice,
        "created": created,
        "space_toml": space_toml,
    }
    return templates().get_template("study.html").render(view)


def _view(study: StudyRecord, importances: Mapping[str, float]) -> dict[str, Any]:
    """Return every name that the templates use, but for what the caller says."""
    reading, axes = read(study, importances), by_importance(study, importances)
    names = short_names([axis.name for axis in axes])
    isolation = isolation_charts(reading, axes, names)
    parallel, curves = parallel_chart(reading, axes, names), curves_chart(reading)
    return {
        **shell(study.name, study.name, study.seed, study.trials[:50], styles=STYLES),
        "study": study,
        "headline": study_headline(study),
        "tiles": study_tiles(study),
        "axes": axes,
        "names": names,
        "word": score_word(study.metric),
        "metric": metric_inside(study),
        "bars": _bars(study, axes, importances),
        "left_unjudged": left_unjudged(study, importances),
        "isolation": isolation,
        "parallel": parallel,
        "parallel_width": width_of(len(axes)),
        "curves": curves,
        "charts": [chart for chart in (*isolation, parallel, curves) if chart is not None],
        "heats": heats(reading, importances),
        "stages": stage_rows(study),
        "reasons": reasons(study),
        "group_reasons": group_reasons(study),
        "left_share": left_share(study),
        **_rows(reading, [axis.name for axis in axes]),
        **_keys(reading, axes),
    }


STYLES = ("page.css", "study.css")


def _rows(reading: Reading, names: Sequence[str]) -> dict[str, Any]:
    rows = trial_rows(reading, names)
    return {"best_rows": rows[:NUM_BEST], "rows": rows, "max_rows": MAX_ROWS}


def _bars(
    study: StudyRecord, axes: Sequence[Axis], importances: Mapping[str, float]
) -> list[tuple[str, float, str]]:
    """Return importances in number and words, the largest first; empty where none are known."""
    known = [axis.name for axis in axes if axis.name in importances]
    return [
        (name, importances[name], percent(importances[name], 0) + judged_among(study, name))
        for name in known
    ]


def _keys(reading: Reading, axes: Sequence[Axis]) -> dict[str, Any]:
    """Return what the charts of single values need said beside them."""
    study = reading.study
    stages = sorted({trial.stage for trial in study.trials})
    known = {stage.number: stage.name for stage in study.stages}
    named = [known.get(stage) or f"stage {stage}" for stage in stages]
    marks = [STAGE_MARKS[k % len(STAGE_MARKS)] for k in range(len(stages))]
    drawn = len(drawn_trials(reading))
    return {
        "stage_keys": list(zip(stage_roles(len(stages)), named, marks, strict=True)),
        "has_halved": any(trial.state == "halved" for trial in study.trials),
        "thinned": f"{drawn:,} of {len(study.trials):,} trials are drawn: the best, and an even "
        "sample of the others."
        if len(study.trials) > MOST_POINTS
        else "",
        "left_out": max(0, len(axes) - MOST_PLOTS),
    }
