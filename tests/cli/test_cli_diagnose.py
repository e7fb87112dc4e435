"""check, diagnose and explain on the command line: words, JSON, exit codes for CI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import Said, here

from goodfit.checks import CHECKS
from goodfit.data.checks import DATA_CHECKS
from goodfit.diagnosis import RULES

FALLING = "loss\n" + "".join(f"{2.3 * 0.97**step:.5f}\n" for step in range(200))
LOST = "loss\n" + "2.3\n" * 40 + "nan\n" * 10
BEFORE = (*DATA_CHECKS, *CHECKS)
NAMES = [part.__name__.replace("_", "-") for part in (*BEFORE, *RULES)]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Said:
        return here(monkeypatch, capsys, *words)

    return call


def test_check_gives_every_verdict_and_no_run(say, tmp_path: Path) -> None:
    said = say("check", "iris")
    assert said.code == 0 and said.err == "" and not list(tmp_path.iterdir())
    assert f"of {len(BEFORE)} passed" in said.out
    assert all(name in said.out for name in NAMES[: len(BEFORE)])


def test_check_takes_a_recipe_file_and_assignments(say, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('data = "wine"\n[prepare]\nscale = "none"\n')
    said = say("check", "r.toml", "--json")
    found = [v["finding"]["rule"] for v in json.loads(said.out)["verdicts"] if v["finding"]]
    assert said.code == 0 and "input-out-of-scale" in found
    assert say("check", "r.toml", "--fail-on", "warning").code == 1
    fine = say("check", "r.toml", "--set", "prepare.scale=standardise", "--fail-on", "warning")
    assert fine.code == 0


def test_diagnose_of_losses_says_what_was_found_and_not_seen(say, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(LOST)
    said = say("diagnose", "l.csv")
    assert said.code == 0 and "loss-not-finite" in said.out and "To do:" in said.out
    assert "Not seen: layers, gradients" in said.out
    assert say("diagnose", "l.csv", "--fail-on", "error").code == 1


def test_a_falling_loss_is_silent(say, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(FALLING)
    assert say("diagnose", "l.csv", "--fail-on", "warning").code == 0


def test_diagnose_in_json_and_with_every_verdict(say, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(LOST)
    told = json.loads(say("diagnose", "l.csv", "--json").out)
    assert [verdict["check"] for verdict in told["verdicts"]] == NAMES[len(BEFORE) :]
    assert told["findings"][0]["rule"] == "loss-not-finite"
    assert all(name in say("diagnose", "l.csv", "--all").out for name in NAMES[len(BEFORE) :])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("diagnose", "nowhere"), "nothing at this path"),
        (("check", "none.toml"), "none.toml"),
        (("check", "irsi"), "irsi"),
        (("explain", "dedunits"), 'Did you mean "dead-units"?'),
    ],
    ids=" ".join,
)
def test_mistakes_are_told_in_words(words: tuple[str, ...], told: str, say) -> None:
    said = say(*words)
    assert said.code == 2 and told in said.err and "Traceback" not in said.err


@pytest.mark.parametrize("name", NAMES)
def test_every_check_and_rule_is_explained(name: str, say) -> None:
    said = say("explain", name)
    assert said.code == 0 and said.out.startswith(f"{name} (") and len(said.out) > 80


def test_explain_lists_the_catalogue(say) -> None:
    assert set(NAMES) <= set(say("explain").out.split())
