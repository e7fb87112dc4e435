"""A recipe file in the place of the data, with a network of the user's by its import path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cli_helpers import here

from goodfit.recipe import OwnNet, read

OWN = """from torch import nn


def make_net():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_nets.py").write_text(OWN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def test_train_takes_a_recipe_file_and_a_path_for_a_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.toml").write_text(
        'data = "digits"\nnet = "my_nets:make_net"\noptimizer = "sgd"\nepochs = 1\n'
    )
    said = here(monkeypatch, capsys, "train", "own.toml", "--out", "run", "--quiet")
    assert (said.code, said.err) == (0, "")
    made = read(folder / "run" / "recipe.toml")
    assert made.net == OwnNet(make="my_nets:make_net")
    assert made.optimizer.kind == "sgd"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my_nets:other", ("cannot be imported", "my_nets was found", "make_net")),
        ("no_such_file:make_net", ("cannot be imported", "no_such_file", "Run from the folder")),
        ("my_nets:nn", ("my_nets:nn failed", "factory")),
    ],
)
def test_a_wrong_path_is_told(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    words: tuple[str, ...],
) -> None:
    said = here(monkeypatch, capsys, "train", "digits", "--set", f"net={name}", "--quiet")
    assert said.code == 2
    assert all(word in said.err for word in words)
    assert "Traceback" not in said.err


def test_a_recipe_file_that_is_not_there_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = here(monkeypatch, capsys, "train", "gone.toml")
    assert said.code == 2
    assert "gone.toml" in said.err
