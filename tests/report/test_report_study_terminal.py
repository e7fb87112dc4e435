"""A study in the terminal: the result first, plain in pipes, whole on narrow screens."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from study_made import IMPORTANCES, LR, confirm, make_random, make_stages
from study_samples import SAMPLES

from goodfit.diagnosis import advice_of
from goodfit.diagnosis.trials import axes_of, chosen_first, ranked
from goodfit.records import Confirmed, StudyRecord
from goodfit.report import print_study
from goodfit.report.study_words import mean_shown, short_names, told

PLACES = (("report", "studies/first/report.html"), ("next", "goodfit report studies/first"))


def printed(
    study: StudyRecord,
    *,
    width: int = 110,
    terminal: bool = False,
    importances: dict[str, float] = IMPORTANCES,
) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system="truecolor" if terminal else None,
    )
    advice = advice_of(study, importances)
    print_study(study, importances, advice, console, places=PLACES)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_result_comes_first_and_the_next_step_last() -> None:
    text = words(printed(make_stages()))
    assert text.startswith("Accuracy 98.42 % ± 0.34 % on validation over 3 seeds: trial 211")
    assert text.endswith("next goodfit report studies/first")
    order = ["coarse-to-fine, 256 trials", "over seeds", "what matters", "dropped 16", "To do:"]
    assert [text.index(word) for word in order] == sorted(text.index(word) for word in order)


def test_one_new_seed_has_no_spread() -> None:
    study = make_random(20)
    best = ranked(study)[0]
    study = replace(study, confirmed=(Confirmed(best.number, (1,), (0.9,), 0.9, 0.0),))
    text = words(printed(study))
    assert text.startswith("Accuracy 90.00 % on validation with a new seed: trial")
    assert "±" not in text and "90.00 % (1)" in text


def test_a_spread_has_the_decimals_of_its_mean() -> None:
    again = confirm(0, (0.51234, 0.52345))
    study = replace(make_random(20), metric="r2")
    assert mean_shown(study, again) == "0.5179 ± 0.0079"


def test_the_best_five_are_listed() -> None:
    study = make_random(60)
    lines = printed(study).splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("trial "))
    shown = [int(line.split()[0]) for line in lines[start + 1 : start + 6]]
    assert shown == [trial.number for trial in ranked(study)[:5]]
    assert not lines[start + 6].strip() or not lines[start + 6].split()[0].isdigit()


def test_bars_are_as_long_as_their_shares() -> None:
    lines = printed(make_random(60)).splitlines()
    bars = [line.count("█") for line in lines if "█" in line]
    assert bars == [round(24 * share) for share in IMPORTANCES.values()]


def test_narrow_terminals_get_the_same_values() -> None:
    wide, narrow = (words(printed(make_stages(), width=width)) for width in (120, 50))
    for word in ("98.42 % ± 0.34 %", "0.00442", "dropped 16 trials"):
        assert word in wide and word in narrow


@pytest.mark.parametrize("width", [24, 40, 80])
@pytest.mark.parametrize("name", SAMPLES)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    text = printed(SAMPLES[name](), width=width)
    assert max(map(len, text.splitlines()), default=0) <= width


@pytest.mark.parametrize("name", SAMPLES)
def test_names_cannot_steer_the_terminal(name: str) -> None:
    assert "\x1b" not in printed(SAMPLES[name]())
    assert "\x1b[" in printed(SAMPLES[name](), terminal=True)


def test_every_value_of_a_trial_is_shown() -> None:
    """Of nine values, some conditional, none is left out, whatever is known to matter."""
    study = SAMPLES["loss"]()
    best = chosen_first(study)[0]
    text = words(printed(study, width=80))
    line = text[text.index(f"trial {best.number} ") :].split(" trial ")[0]
    for name, value in best.params.items():
        assert f"{short_names(list(axes_of(study)))[name]} {told(value)}" in line


def test_what_was_not_judged_is_said() -> None:
    study = SAMPLES["loss"]()
    text = words(printed(study, importances={LR: 0.7, "optimizer.momentum": 0.2}))
    having = sum("optimizer.momentum" in trial.params for trial in ranked(study))
    assert f"20 % of {having} trials with it" in text
    start = text.index("Not judged: ")
    left = text[start : text.index("(only in some trials", start)]
    assert "optimizer.weight_decay" in left and LR not in left
    assert "Not judged" not in words(printed(make_random(60)))


def test_the_list_begins_with_the_trial_of_the_headline() -> None:
    study = make_random(40)
    first, second = (trial.number for trial in ranked(study)[:2])
    again = (confirm(first, (0.90, 0.92)), confirm(second, (0.95, 0.97)))
    lines = printed(replace(study, confirmed=again)).splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("trial "))
    assert [int(line.split()[0]) for line in lines[start + 1 : start + 3]] == [second, first]
    assert f"trial {second}, the best" in lines[0]


def test_without_importances_nothing_is_said_to_matter() -> None:
    assert "what matters" not in printed(make_random(60), importances={})
