"""The words in the terminal: the facts, plain in pipes, whole on narrow screens."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import SAMPLES, make_diabetes, make_digits, make_hostile, make_many_classes
from rich.console import Console

from goodfit.report import Contents, print_card, print_checked, print_summary, print_verdicts

Print = Callable[[Contents, Console], None]
PRINTS: dict[str, Print] = {
    "card": lambda contents, console: print_card(contents.card, contents.sizes, console),
    "verdicts": lambda contents, console: print_verdicts(contents.verdicts, console),
    "checked": lambda contents, console: print_checked(contents.verdicts, console),
    "summary": lambda contents, console: print_summary(contents, console),
}


def printed(show: Print, contents: Contents, *, width: int = 100, terminal: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system="truecolor" if terminal else None,
    )
    show(contents, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def words(text: str) -> str:
    return " ".join(text.split())


def test_card_says_what_the_data_is() -> None:
    text = words(printed(PRINTS["card"], make_digits()))
    assert "digits: 1,797 rows, classification of digit" in text
    assert "10 classes, 174 to 183 rows each" in text
    assert "1,257 train, 270 validation, 270 test (sealed)" in text
    assert "3 of 64 pixels are the same in every row." in text
    assert "25 to 346, mean 152.1" in words(printed(PRINTS["card"], make_diabetes()))


def test_verdicts_say_what_to_do() -> None:
    text = words(printed(PRINTS["verdicts"], make_digits()))
    assert "passed first-loss: The first loss is 2.34" in text
    assert "found gradients: 1 of 6 parameters gets no gradient." in text
    assert "not judged batch-mixing" in text


def test_checked_counts_what_passed_and_says_what_to_do() -> None:
    text = words(printed(PRINTS["checked"], make_digits()))
    assert "gradients: 1 of 6 parameters gets no gradient. To do: Keep the best" in text
    assert text.endswith("found something, 1 could not judge") and "first-loss" not in text


def test_summary_ends_with_the_next_command() -> None:
    folder = Path("runs/digits")

    def show(contents: Contents, console: Console) -> None:
        print_summary(contents, console, folder=folder, report=folder / "report.html")

    text = words(printed(show, make_digits()))
    assert text.startswith("Accuracy 98.1 % on validation (270 rows); the test part is sealed")
    assert "8 27 92.6 % 100.0 % 1 (2)" in text
    assert text.endswith(
        "run runs/digits report runs/digits/report.html next goodfit test runs/digits"
    )
    assert "goodfit test" not in words(printed(show, make_diabetes()))


def test_summary_of_many_classes_names_the_worst_pairs() -> None:
    text = printed(PRINTS["summary"], make_many_classes())
    assert text.count("were called") == 5
    assert "precision" not in text


@pytest.mark.parametrize("width", [24, 40, 80])
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("show", PRINTS)
def test_no_line_is_wider_than_the_terminal(show: str, name: str, width: int) -> None:
    text = printed(PRINTS[show], SAMPLES[name](), width=width)
    assert max(map(len, text.splitlines()), default=0) <= width


@pytest.mark.parametrize("show", PRINTS)
def test_pipes_get_plain_text_and_terminals_get_colour(show: str) -> None:
    assert "\x1b" not in printed(PRINTS[show], make_digits())
    assert "\x1b[" in printed(PRINTS[show], make_digits(), terminal=True)


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in printed(PRINTS["verdicts"], make_digits(), terminal=True)


@pytest.mark.parametrize("show", PRINTS)
def test_names_cannot_steer_the_terminal(show: str) -> None:
    assert "\x1b" not in printed(PRINTS[show], make_hostile())


def test_names_are_not_markup() -> None:
    digits = make_digits()
    card = replace(digits.card, source="[red]houses[/red].csv")
    assert "[red]houses[/red].csv" in printed(PRINTS["card"], replace(digits, card=card))
