"""A study in words: its result in one sentence, its numbers, what became of its trials."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..diagnosis.trials import (
    Axis,
    axes_of,
    best_of,
    confirmed_first,
    has_left,
    is_partial,
    label,
    not_judged,
    ranked,
)
from ..records import Confirmed, StudyRecord, Trial
from .tiles import Tile
from .words import clean, count, number, percent, score_word, seconds

STATES = {"done": "done", "dropped": "dropped", "halved": "halved", "failed": "failed"}
MAX_REASONS = 8


class Reason(NamedTuple):
    """Why trials did not run to their end: how many, and the share of all."""

    state: str
    why: str
    num: int
    share: float


def shown(study: StudyRecord, value: float) -> str:
    """Write a value of the study's metric, fine enough to compare trials; a gap is a dash."""
    return metric_shown(study.metric, value)


def metric_shown(metric: str, value: float) -> str:
    """Write a value of a metric by its name.

    Example:
        >>> metric_shown("accuracy", 0.9722), metric_shown("rmse", 0.51234)
        ('97.22 %', '0.5123')
    """
    if not math.isfinite(value):
        return "–"
    return percent(value, 2) if metric == "accuracy" else number(value)


def mean_shown(study: StudyRecord, again: Confirmed) -> str:
    """Write a mean over new seeds with its spread, which one seed does not have."""
    if len(again.values) < 2:
        return shown(study, again.mean)
    mean = shown(study, again.mean)
    if study.metric == "accuracy" or "e" in mean:
        return f"{mean} ± {shown(study, again.spread)}"
    return f"{mean} ± {again.spread:,.{len(mean.partition('.')[2])}f}"


def metric_inside(study: StudyRecord) -> str:
    """Return the metric's name as it stands inside a sentence: accuracy, but RMSE."""
    word = score_word(study.metric).label
    return word.lower() if word[1:].islower() else word


def study_headline(study: StudyRecord) -> str:
    """Say the result of a search in one sentence.

    Example:
        >>> trials = (Trial(0, {}, seed=0, state="done", value=0.981),)
        >>> study_headline(StudyRecord("digits", "random", "accuracy", True, 0, trials))
        'Accuracy 98.10 % on validation: trial 0, the only one; with one seed.'
    """
    best, word = best_of(study), score_word(study.metric).label
    if best is None:
        return f"{_none_of(study)} gave a value: {_fates(study)}."
    of = "the only one" if len(study.trials) == 1 else f"the best of {len(study.trials):,}"
    known = confirmation(study, best)
    if known is None:
        value = shown(study, best.value)
        return f"{word} {value} on validation: trial {best.number}, {of}; with one seed."
    seeds = count(len(known.values), "seed")
    over = f"over {seeds}" if len(known.values) > 1 else "with a new seed"
    told = f"{word} {mean_shown(study, known)} on validation"
    return f"{told} {over}: trial {best.number}, {of}."


def confirmation(study: StudyRecord, trial: Trial) -> Confirmed | None:
    """Return what a trial gave with new seeds, where it was trained again."""
    return next((one for one in confirmed_first(study) if one.number == trial.number), None)


def study_tiles(study: StudyRecord) -> list[Tile]:
    """Return the numbers that sum a search up, the most important first."""
    return [*_best_tile(study), *_trial_tiles(study), _value_tile(study), _time_tile(study)]


def reasons(study: StudyRecord) -> list[Reason]:
    """Return why trials did not run to their end, the commonest reason first."""
    stopped = [t for t in study.trials if t.state != "done"]
    counted = Counter((trial.state, trial.why or trial.state) for trial in stopped).most_common()
    named, rest = counted[:MAX_REASONS], sum(num for _, num in counted[MAX_REASONS:])
    total = len(study.trials)
    found = [Reason(state, why, num, num / total) for (state, why), num in named]
    return found + ([Reason("other", "other reasons", rest, rest / total)] if rest else [])


def group_reasons(study: StudyRecord) -> tuple[list[str], str]:
    """Return each group's own reason, and what is the same for several groups.

    A reason is what a group was measured by, a colon, and what follows from it.
    """
    reasons = [group.reason for group in study.groups]
    if len(reasons) < 2:
        return reasons, ""
    if len(set(reasons)) == 1:
        return ["" for _ in reasons], reasons[0]
    parts = [reason.partition(": ") for reason in reasons]
    shared = {rest for _, _, rest in parts}
    if len(shared) == 1 and "" not in shared:
        return [own for own, _, _ in parts], shared.pop()
    return reasons, ""


def left_share(study: StudyRecord) -> float:
    """Return the share of trials that were dropped or failed."""
    return sum(map(has_left, study.trials)) / max(1, len(study.trials))


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return each name's last part (of a list's item the last two), or all where two share it.

    Example:
        >>> short_names(["optimizer.lr", "net.kind", "optimizer.kind"])
        {'optimizer.lr': 'lr', 'net.kind': 'net.kind', 'optimizer.kind': 'optimizer.kind'}
        >>> short_names(["optimizer.betas.0"])
        {'optimizer.betas.0': 'betas.0'}
    """
    last = {name: _last_part(name) for name in names}
    often = Counter(last.values())
    return {name: short if often[short] == 1 else name for name, short in last.items()}


def _last_part(name: str) -> str:
    parts = name.split(".")
    return ".".join(parts[-2:]) if parts[-1].isdecimal() else parts[-1]


def told(value: Any) -> str:
    """Write a searched value with three digits that count.

    Example:
        >>> told(0.00123456), told(1e-5), told(64), told(True)
        ('0.00123', '1e-5', '64', 'true')
    """
    return compact(value) if isinstance(value, float) else label(value)


def compact(value: float, digits: int = 3) -> str:
    """Write a number in few characters.

    Example:
        >>> compact(0.00025), compact(0.0025), compact(1e-5), compact(128.0)
        ('2.5e-4', '0.0025', '1e-5', '128')
    """
    told = f"{value:.{digits}g}" if not 0 < abs(value) < 1e-3 else f"{value:.{digits - 1}e}"
    mantissa, e, power = told.partition("e")
    if not e:
        return told
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(power)}"


def by_importance(study: StudyRecord, importances: Mapping[str, float]) -> list[Axis]:
    """Return the searched values, the most important first."""
    axes = axes_of(study)
    return sorted(axes.values(), key=lambda axis: -importances.get(axis.name, 0.0))


def judged_among(study: StudyRecord, name: str) -> str:
    """Say among which trials a value was judged, where not all have it; else nothing."""
    having = sum(name in trial.params for trial in ranked(study))
    return f" of {count(having, 'trial')} with it" if is_partial(study, name) else ""


def left_unjudged(study: StudyRecord, importances: Mapping[str, float]) -> str:
    """Say which values have no importance, and why; "" where all have one, or none."""
    names = not_judged(study, importances)
    why = "only in some trials, too few to judge" if names else ""
    return f"Not judged: {', '.join(map(clean, names))} ({why})." if names else ""


def _none_of(study: StudyRecord) -> str:
    return f"None of {count(len(study.trials), 'trial')}" if study.trials else "No trial"


def _fates(study: StudyRecord) -> str:
    often = Counter(STATES[trial.state] for trial in study.trials)
    return ", ".join(f"{num:,} {state}" for state, num in often.most_common()) or "none was run"


def _best_tile(study: StudyRecord) -> list[Tile]:
    best, title = best_of(study), f"Best {metric_inside(study)}"
    if best is None:
        return []
    known = confirmation(study, best)
    if known is None:
        return [Tile(title, shown(study, best.value), "one seed")]
    mean, _, spread = mean_shown(study, known).partition(" ± ")
    over = f"± {spread}, mean over {len(known.values)} seeds" if spread else "with a new seed"
    return [Tile(title, mean, f"{over}; {shown(study, best.value)} in the search")]


def _trial_tiles(study: StudyRecord) -> list[Tile]:
    stages = f" in {count(len(study.stages), 'stage')}" if len(study.stages) > 1 else ""
    told = f"{study.strategy}{stages}"
    left = percent(left_share(study), 0)
    return [
        Tile("Trials", f"{len(study.trials):,}", told),
        Tile("Dropped or failed", left, _fates(study)),
    ]


def _value_tile(study: StudyRecord) -> Tile:
    names = short_names(list(axes_of(study)))
    few = list(names.values())[:4]
    rest = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return Tile("Searched values", str(len(names)), ", ".join(few) + rest)


def _time_tile(study: StudyRecord) -> Tile:
    rate = 60 * len(study.trials) / study.seconds if study.seconds > 0 else 0.0
    pace = f"{rate:,.0f} trials a minute" if rate >= 1 else f"{number(rate)} trials a minute"
    preparing = f"; {seconds(study.preparing_s)} preparing" if study.preparing_s else ""
    return Tile("Time", seconds(study.seconds), pace + preparing)
