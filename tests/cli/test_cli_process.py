"""The command line as real processes: the main job, its exit codes, and being interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_helpers import ENVIRONMENT, Said, bits, command, real

import goodfit as gf

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")


class Digits:
    """The main job with default settings: what it said, and how long it took."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        began = time.monotonic()
        self.trained = real("train", "digits", cwd=cwd)
        self.wall_s = time.monotonic() - began
        self.tested = real("test", "runs/digits-1", "--json", cwd=cwd)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    return Digits(tmp_path_factory.mktemp("digits"))


def test_digits_reach_97_percent_on_the_sealed_part_untouched(digits: Digits) -> None:
    assert (digits.trained.code, digits.trained.err) == (0, "")
    assert (digits.tested.code, digits.tested.err) == (0, "")
    scores = json.loads(digits.tested.out)["test"]
    print(f"goodfit train digits: {digits.wall_s:.1f} s, {scores['values']}")
    assert scores["num_rows"] == 270 and scores["values"]["accuracy"] >= 0.97


def test_the_run_lies_where_it_says(digits: Digits) -> None:
    names = {path.name for path in (digits.cwd / "runs" / "digits-1").iterdir()}
    assert names >= {"recipe.toml", "report.html", "best.safetensors", "history.jsonl"}
    assert [path.name for path in digits.cwd.iterdir()] == ["runs"]
    assert "runs/digits-1" in digits.trained.out


def test_the_terminal_shows_data_checks_scores_and_the_next_step(digits: Digits) -> None:
    for words in (
        "1,797",
        "270 test (sealed)",
        "passed",
        "Accuracy",
        "Log loss",
        "the test part is sealed",
        "report.html",
        "goodfit test runs/digits-1",
    ):
        assert words in digits.trained.out


def test_a_report_is_written_again_after_the_test(digits: Digits) -> None:
    page = digits.cwd / "runs" / "digits-1" / "report.html"
    page.unlink()
    said = real("report", "runs/digits-1", cwd=digits.cwd)
    assert (said.code, said.out, said.err) == (0, "runs/digits-1/report.html\n", "")
    assert "the test part is sealed" not in page.read_text(encoding="utf-8")


def test_a_second_test_is_an_error_without_a_traceback(digits: Digits) -> None:
    said = real("test", "runs/digits-1", cwd=digits.cwd)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("goodfit: The test part of runs/digits-1 was opened before")
    assert "Traceback" not in said.err


def test_json_is_all_of_the_output_and_has_the_records(tmp_path: Path) -> None:
    options = ("--set", "epochs=2", "--set", "net.hidden=[4]", "--out", tmp_path / "run")
    said = real("train", "iris", "--json", *options)
    assert (said.code, said.err) == (0, "")
    [line] = said.out.splitlines()
    told = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    run = gf.load(tmp_path / "run")
    assert told["validation"]["values"] == run.scores.values and told["test"] is None
    assert told["card"]["source"] == "iris" and told["sizes"]["train"] == run.sizes.train
    assert told["history"]["epochs"]["epoch"] == [1, 2]
    assert 'kind = "mlp"' in told["recipe_toml"] and told["info"]["executor"] == "traced"


def test_recipe_file_assignments_and_source_come_together(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('data = "iris"\nseed = 3\nepochs = 9\n[net]\nhidden = [4]\n')
    options = ("--set", "epochs=1", "--set", "net.activation=tanh", "--out", "run", "--quiet")
    said = real("train", "wine", "--recipe", "r.toml", *options, cwd=tmp_path)
    assert said.code == 0, said.err
    recipe = gf.recipe.read(tmp_path / "run" / "recipe.toml")
    assert (recipe.data.path, recipe.seed, recipe.epochs) == ("wine", 3, 1)
    assert recipe.net == gf.MLP(hidden=(4,), activation="tanh")
    assert "178 rows" not in said.out and "Accuracy" in said.out


def test_a_file_of_any_name_is_read(tmp_path: Path) -> None:
    rows = "".join(f"{number},{number % 2}\n" for number in range(40))
    name = "häuser 😀 'n' \"co\".csv"
    (tmp_path / name).write_text(f"größe,ziel\n{rows}", encoding="utf-8")
    said = real("train", name, "--target", "ziel", "--set", "epochs=1", cwd=tmp_path)
    assert said.code == 0, said.err
    run = gf.load(next((tmp_path / "runs").iterdir()))
    assert run.recipe.data == gf.DataSource(path=name, target="ziel")


def test_runs_that_start_together_take_folders_of_their_own(tmp_path: Path) -> None:
    words = command("train", "iris", "--quiet", "--set", "epochs=1", "--set", "net.hidden=[4]")
    both = [
        subprocess.Popen(words, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=240)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["iris-1", "iris-2"]
    assert bits(tmp_path / "runs" / "iris-1") == bits(tmp_path / "runs" / "iris-2")


# Help and version

HELP = """
import sys
from goodfit.cli import main
sys.argv = ["goodfit", *sys.argv[1:]]
try:
    main()
finally:
    heavy = {"torch", "numpy", "pandas", "sklearn", "bokeh"} & set(sys.modules)
    print("loaded:", sorted(heavy))
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["train", "--help"],
        ["resume", "-h"],
        ["test", "-h"],
        ["report", "-h"],
        ["version"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP, *words],
        capture_output=True,
        check=True,
        env=ENVIRONMENT,
        text=True,
    )
    assert done.stdout.endswith("loaded: []\n")
    assert "Usage" in done.stdout or gf.__version__ in done.stdout


def test_the_version_is_printed_alone() -> None:
    assert real("version") == Said(0, f"{gf.__version__}\n", "")


def test_the_installed_command_is_the_module() -> None:
    installed = Path(sys.executable).with_name("goodfit")
    done = subprocess.run([installed, "version"], capture_output=True, check=True, text=True)
    assert done.stdout == real("version").out


@pytest.mark.parametrize("module", ["goodfit", "goodfit.cli"])
def test_both_modules_run_the_command_line(module: str) -> None:
    words = [sys.executable, "-m", module, "version"]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert done.stdout.strip() == gf.__version__


# On a terminal


@needs_posix
def test_a_terminal_shows_progress_and_a_pipe_does_not(tmp_path: Path) -> None:
    shown, hidden = os.openpty()
    options = ("--set", "epochs=40", "--set", "net.hidden=[4]", "--out", tmp_path / "run")
    words = command("train", "iris", *options)
    process = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=hidden)
    os.close(hidden)
    bar = b""
    while piece := _read(shown):
        bar += piece
    assert process.stdout is not None and b"epoch" not in process.stdout.read()[:400]
    assert process.wait() == 0
    process.stdout.close()
    os.close(shown)
    told = bar.decode()
    assert re.search(r"100 %.*loss \d.*lr \d.*validation \d.*accuracy \d", told)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side has closed
        return b""


# Interrupted

LONG = (
    *("digits", "--quiet", "--set", "net.kind=mlp", "--set", "net.norm=batch", "--set"),
    *("net.dropout=0.2", "--set", "epochs=60", "--set", "early_stopping.enabled=false"),
)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    said = real("train", *LONG, "--out", out)
    assert said.code == 0, said.err
    return bits(out)


def interrupt(process: subprocess.Popen[str], number: int, ready: Path) -> Said:
    """Send a signal when ``ready`` holds something, and return how the process ended."""
    until = time.monotonic() + 200
    while not (ready.exists() and ready.stat().st_size):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(number)
    out, err = process.communicate(timeout=200)
    return Said(process.returncode, out, err)


def begun(*arguments: object) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(*arguments), env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True
    )


@needs_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda value: value.name)
def test_a_signal_saves_and_says_how_to_go_on_to_the_same_bits(
    number: signal.Signals, tmp_path: Path, unbroken: dict[str, str]
) -> None:
    out = tmp_path / "my run"
    said = interrupt(begun("train", *LONG, "--out", out), number, out / "history.jsonl")
    assert said.code == 130 and said.out == "" and "Traceback" not in said.err
    told = re.search(rf"Stopped by {number.name} after step (\d+); everything is saved\.", said.err)
    assert told and int(told[1]) > 0
    assert f"goodfit resume '{out}'" in said.err
    assert any(int(path.stem[5:]) == int(told[1]) for path in (out / "checkpoints").iterdir())
    again = real("resume", out, "--quiet")
    assert again.code == 0 and "Accuracy" in again.out and "of 60 epochs" in again.out
    assert bits(out) == unbroken
    assert gf.load(out).info.num_resumes == 1


@needs_posix
def test_a_signal_before_training_says_so_and_the_run_goes_on(
    tmp_path: Path, unbroken: dict[str, str]
) -> None:
    out = tmp_path / "run"
    process = begun("train", *LONG, "--out", out)
    said = interrupt(process, signal.SIGINT, out / "recipe.toml")
    assert said.code == 130 and "Traceback" not in said.err
    assert f"goodfit resume {out}" in said.err
    assert real("resume", out, "--quiet").code == 0 and bits(out) == unbroken
