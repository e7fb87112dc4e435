"""A study in the terminal: the result first, plain in pipes, whole on narrow screens."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from study_made import IMPORTANCES, make_random, make_stages
from study_samples import SAMPLES

from goodfit.diagnosis import advice_of
from goodfit.diagnosis.trials import ranked
from goodfit.records import StudyRecord
from goodfit.report import print_study

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


def test_without_importances_nothing_is_said_to_matter() -> None:
    assert "what matters" not in printed(make_random(60), importances={})
