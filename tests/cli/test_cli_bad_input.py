"""Everything that a person can get wrong: words and exit code 2, no traceback, nothing left."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from cli_helpers import Said, here
from PIL import Image

from goodfit import MLP, Recipe, train

QUICK = ("--set", "epochs=1", "--set", "net.hidden=[4]", "--out", "out")
Make = Callable[[], list[object]]


class Problem(NamedTuple):
    """What makes it, and what has to be said: what is wrong, what was given, what to do."""

    make: Make
    what: str
    given: str
    do: str


class Decision(NamedTuple):
    """What makes it, and the note that tells what was decided."""

    make: Make
    note: str


def table(rows: int = 40, **columns: object) -> pd.DataFrame:
    """Return a small table of two classes; given columns replace or join its own."""
    rng = np.random.default_rng(0)
    kind = np.array(["a", "b"])[np.arange(rows) % 2]
    size = rng.normal(size=rows) + 3.0 * (kind == "b")
    return pd.DataFrame({"size": size, "age": rng.normal(size=rows), "kind": kind, **columns})


def from_table(target: str = "kind", rows: int = 40, **columns: object) -> Make:
    def make() -> list[object]:
        table(rows, **columns).to_csv("t.csv", index=False)
        return ["t.csv", "--target", target, *QUICK]

    return make


def from_text(text: str, name: str = "t.csv", target: str = "kind") -> Make:
    def make() -> list[object]:
        Path(name).write_text(text, encoding="utf-8")
        return [name, "--target", target, *QUICK]

    return make


def from_bytes(data: bytes, name: str, *more: object) -> Make:
    def make() -> list[object]:
        Path(name).write_bytes(data)
        return [name, *more, *QUICK]

    return make


def plainly(*arguments: object) -> Make:
    return lambda: [*arguments, *QUICK]


def images(sizes: dict[str, list[tuple[int, int]]], *, broken: str = "") -> Make:
    def make() -> list[object]:
        rng = np.random.default_rng(0)
        for name, shapes in sizes.items():
            Path("pictures", name).mkdir(parents=True)
            for number, shape in enumerate(shapes):
                pixels = rng.integers(0, 256, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(Path("pictures", name, f"{number}.png"))
        if broken:
            whole = Path("pictures", broken).read_bytes()
            Path("pictures", broken).write_bytes(whole[: len(whole) // 2])
        return ["pictures", *QUICK]

    return make


def npz(**arrays: np.ndarray) -> Make:
    def make() -> list[object]:
        np.savez("t.npz", **arrays)  # pyright: ignore[reportArgumentType]
        return ["t.npz", *QUICK]

    return make


def recipe(text: str | bytes) -> Make:
    def make() -> list[object]:
        Path("r.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return ["--recipe", "r.toml", "--out", "out"]

    return make


def own_net(code: str, name: str = "make") -> Make:
    def make() -> list[object]:
        module = f"bad_nets_{zlib.crc32(code.encode())}"  # Python reads a module only once
        Path(f"{module}.py").write_text(code, encoding="utf-8")
        kind = ("--set", "net.kind=own", "--set", f"net.make={module}:{name}")
        return ["iris", *kind, "--set", "epochs=1", "--out", "out"]

    return make


EIGHT = [(8, 8)] * 10
ONES, ZEROS = np.ones(40), np.zeros((40, 3))

PROBLEMS = {
    "a missing file": Problem(
        plainly("none.csv", "--target", "y"), "no such file", "none.csv", "built-in set"
    ),
    "a misspelt set": Problem(plainly("digitz"), "no such file", "digitz", '"digits"'),
    "a misspelt file": Problem(
        lambda: [*from_table()()[1:], "tt.csv"], "no such file", "tt.csv", '"t.csv"'
    ),
    "an empty file": Problem(from_text(""), "The file is empty", "t.csv", "Export it again"),
    "a header alone": Problem(from_text("size,kind\n"), "no rows", "t.csv", "Export it again"),
    "a wrong target": Problem(
        from_table("knd"), "no such target column", 'target "knd"', 'did you mean "kind"?'
    ),
    "no target": Problem(
        lambda: ["t.csv", *from_table()()[3:]], "which column to learn", "size, age", "--target"
    ),
    "a target of a built-in set": Problem(
        plainly("iris", "--target", "x"), "has its own target", 'target = "x"', "Leave target out"
    ),
    "one class only": Problem(
        from_table(kind="a"), "only one value", "'a' in all 40 rows", "another class"
    ),
    "one value only": Problem(from_table("age", age=3.5), "only one value", "3.5", "or value"),
    "an infinite target": Problem(
        from_table("age", age=np.r_[np.inf, np.arange(39.0)]),
        "target is infinite",
        "data row 1 ",
        "leave the target of them empty",
    ),
    "a target that is mostly missing": Problem(
        from_table("age", age=np.r_[np.arange(10.5), np.full(29, np.nan)]),
        "More than half of the rows",
        "missing in 29 of 40 rows",
        "Fill the target in",
    ),
    "three rows": Problem(from_table(rows=3), "too few rows", "3 rows", "Collect more data"),
    "a class for each row": Problem(
        from_table(kind=[f"k{number}" for number in range(40)]),
        "40 different values in 40 rows",
        "holds texts",
        "Name another target",
    ),
    "texts to regress on": Problem(
        lambda: [*from_table()(), "--set", "task=regression"],
        "needs a target of numbers",
        '"kind" holds texts',
        "classification",
    ),
    "nothing but constants": Problem(
        from_table(size=1, age="x"), "No column of the table", '"size"', "Add a column"
    ),
    "inputs that never vary": Problem(
        npz(x=ZEROS, y=np.arange(40) % 2), "inputs are equal", "[40, 3]", "Check how"
    ),
    "a ragged file": Problem(
        from_text("size,kind\n1,a\n2,b,3\n"), "cannot be read as CSV", "line 3", "Correct the line"
    ),
    "no text": Problem(
        from_bytes(b"\x00\x01\x02" * 50, "t.csv", "--target", "kind"),
        "not UTF-8 text",
        "zero byte",
        "CSV UTF-8",
    ),
    "no parquet": Problem(
        from_text("size,kind\n1,a\n", "t.parquet"),
        "cannot be read as Parquet",
        "t.parquet",
        "again",
    ),
    "no npz": Problem(
        from_bytes(b"PK\x03\x04", "t.npz"), "cannot be read as NPZ", "t.npz", "np.savez"
    ),
    "an npz without a target": Problem(npz(x=ZEROS), "lacks the inputs", "keys x", "Name the"),
    "an npz of objects": Problem(
        npz(x=ZEROS, y=np.array([{}] * 40, dtype=object)), "NPZ", "never unpickles", "np.savez"
    ),
    "a target of another length": Problem(
        npz(x=np.arange(80.0).reshape(40, 2), y=np.arange(30) % 2),
        "different numbers of rows",
        "40 rows of inputs, 30 of target",
        "one target for each row",
    ),
    "a file of another kind": Problem(
        from_text("x", "t.xlsx"), "this kind are not read", "t.xlsx", ".csv, "
    ),
    "images of several sizes": Problem(
        images({"a": EIGHT, "b": [*EIGHT, (9, 8)]}),
        "images differ in size",
        "10.png",
        "to one size",
    ),
    "a broken image": Problem(
        images({"a": EIGHT, "b": EIGHT}, broken="b/3.png"), "damaged", "3.png", "Replace the file"
    ),
    "images of one class": Problem(
        images({"a": EIGHT}), "only one value", "'a' in all 10 rows", "another class"
    ),
    "an empty folder": Problem(
        images({"a": []}), "no images in class folders", "pictures", "Make one sub-folder"
    ),
    "an absent set": Problem(
        plainly("fashion-mnist", "--folder", "nowhere"),
        "nowhere to be found",
        "nowhere, no",
        "GOODFIT_DATA",
    ),
    "no recipe and no source": Problem(
        lambda: ["--out", "out"], "nothing to train on", "neither SOURCE", "goodfit train digits"
    ),
    "a missing recipe": Problem(
        lambda: ["--recipe", "none.toml", "--out", "out"], "no such recipe", "none.toml", "TOML"
    ),
    "a binary recipe": Problem(recipe(b"\xff\xfe\x00"), "not UTF-8", "r.toml", "TOML"),
    "a recipe that is no TOML": Problem(
        recipe("data: iris\n"), "r.toml is not valid TOML", "line 1", "Correct the named line"
    ),
    "a wrong name in a recipe": Problem(
        recipe('data = "iris"\n[net]\nhiden = [3]\n'),
        'r.toml, line 3: A recipe has no field "net.hiden"',
        "net.hiden = [3]",
        '"hidden"',
    ),
    "a wrong name on the command line": Problem(
        plainly("iris", "--set", "optimizer.lrr=1"),
        '--set optimizer.lrr=1: A recipe has no field "optimizer.lrr"',
        "optimizer.lrr = 1",
        'did you mean "lr"?',
    ),
    "an assignment without a value": Problem(
        plainly("iris", "--set", "optimizer.lr"), "NAME=VALUE", "optimizer.lr", "optimizer.lr=0.01"
    ),
    "parts that are all of it": Problem(
        plainly("iris", "--set", "split.test=0.9"), "stay under 1", "0.9", "smaller"
    ),
    "parts that leave too little": Problem(
        lambda: [*from_table(rows=8)(), "--set", "split.test=0.8"],
        "too few rows",
        "8 rows",
        "smaller",
    ),
    "a convolution on a table": Problem(
        lambda: ["iris", "--set", "net.kind=cnn", "--out", "out"], "needs images", "[4]", '"mlp"'
    ),
    "a convolution that is too deep": Problem(
        lambda: ["digits", "--set", "net={kind='cnn', channels=[4,4,4,4]}", "--out", "out"],
        "4 blocks halve the image to nothing",
        "8 x 8",
        "at most 3",
    ),
    "a network that cannot be imported": Problem(
        own_net("", "absent"), "cannot be imported", ":absent", "no function or class"
    ),
    "a network of another kind": Problem(
        own_net("def make(i, o):\n    return 3\n"), "did not return", "int", "return the module"
    ),
    "a network that does not fit": Problem(
        own_net("import torch\ndef make(i, o):\n    return torch.nn.Linear(9, o)\n"),
        "fails on a batch",
        "[16, 4]",
        "first layer",
    ),
    "more components than columns": Problem(
        lambda: [*from_table()(), "--set", "prepare={scale='pca', components=3}"],
        "more components than the training rows have directions",
        "components = 3; 2 columns",
        "at most 2",
    ),
    "components of columns that are equal": Problem(
        lambda: [
            *from_table(twin=table()["age"])(),
            *["--set", "prepare={scale='whiten', components=3}"],
        ],
        "more components",
        "differ in 2 directions",
        "at most 2",
    ),
    "batch norm of one row": Problem(
        lambda: ["iris", "--set", "batch_size=1", "--set", "net={kind='mlp', norm='batch'}"],
        "Batch norm learns nothing from a batch of one row",
        "batch_size = 1",
        "batch_size to 2 or more",
    ),
    "batch norm of one image": Problem(
        lambda: ["digits", "--set", "batch_size=1", "--set", "net={kind='mlp', norm='batch'}"],
        "Batch norm learns nothing",
        "batch_size = 1",
        '"layer"',
    ),
    "CutMix on a table": Problem(
        lambda: [*from_table()(), "--set", "augment.mix=cutmix"],
        "images",
        "table data",
        '"mixup"',
    ),
    "images as vectors for a convolution": Problem(
        lambda: ["digits", "--set", "prepare.scale=pca", "--set", "net.kind=cnn"],
        "convolutional network needs images",
        "inputs of shape [",
        '"zca" keeps them images',
    ),
    "a missing column to group by": Problem(
        lambda: [*from_table(patient=np.arange(40) // 4)(), "--set", "split.group=patiemt"],
        "no such column to split by",
        'split.group = "patiemt"',
        'Did you mean "patient"?',
    ),
    "a group that is missing": Problem(
        lambda: [
            *from_table(patient=[None, *["p", "q", "r"] * 13])(),
            "--set",
            "split.group=patient",
        ],
        'lack the group "patient"',
        "1 of 40 rows, the first in data row 1",
        "Fill it in",
    ),
    "fewer groups than parts": Problem(
        lambda: [*from_table(patient=np.arange(40) // 20)(), "--set", "split.group=patient"],
        "fewer groups than parts",
        "2, for 3 parts",
        "more different values",
    ),
    "a time that is none": Problem(
        lambda: [
            *from_table(when=["2024-01-01"] * 20 + ["31.12.2024"] * 20)(),
            *["--set", "split.time=when"],
        ],
        "are no times",
        "'31.12.2024' in data row 21, 20 such rows",
        "2024-12-31",
    ),
    "a group of an array": Problem(
        lambda: [
            *npz(x=np.arange(80.0).reshape(40, 2), y=np.arange(40) % 2)(),
            "--set",
            "split.group=patient",
        ],
        "Only a table has a column to split by",
        'split.group = "patient"',
        "Arrays(x, y, groups=...)",
    ),
    "a quantity with commas": Problem(
        lambda: [
            *from_table("price", price=[f"{number},5" for number in range(40)])(),
            *["--set", "task=regression"],
        ],
        "needs a target of numbers",
        'numbers written as in "0,5"',
        "Correct the texts",
    ),
    "a factory that fails": Problem(
        own_net("def make(i, o):\n    return 1 / 0\n"),
        "division by zero",
        "[4]",
        "Let the factory take",
    ),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, without this machine's own data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("GOODFIT_DATA", raising=False)
    monkeypatch.setenv("GOODFIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def goodfit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    return lambda *arguments: here(monkeypatch, capsys, *arguments)


def check_told(said: Said, what: str, given: str, do: str) -> None:
    """See that an error has its three parts, each with the words that it needs."""
    assert said.code == 2 and "Traceback" not in said.err
    problem, _, rest = said.err.partition("\n  given: ")
    value, _, advice = rest.partition("\n  to do: ")
    assert problem.startswith("goodfit: ") and what in problem
    assert value and given in value
    assert advice.strip() and do in advice


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_problem_is_told_and_nothing_is_left(case: str, goodfit) -> None:
    make, what, given, do = PROBLEMS[case]
    said = goodfit("train", *make())
    check_told(said, what, given, do)
    assert not Path("out").exists() and not Path("runs").exists()


HOLES = np.r_[np.nan, np.nan, np.inf, np.arange(37.0)]

DECISIONS = {
    "labels written as floats": Decision(
        from_table(kind=np.arange(40) % 2 + 0.0),
        '"kind" holds 2 different whole numbers written as decimals, taken as classes',
    ),
    "missing and infinite features": Decision(from_table(age=HOLES), 'Column "age"'),
    "a missing label": Decision(
        from_table(kind=[None, *["a", "b"] * 19, "a"]), '1 row without a target ("kind") was left'
    ),
    "a missing quantity": Decision(from_table("age", age=np.r_[np.nan, np.arange(39.0)]), "1 row"),
    "a constant column": Decision(from_table(country="here"), 'Column "country"'),
    "a column of texts": Decision(
        from_table(name=[f"n{number}" for number in range(40)]), 'Column "name" is ignored'
    ),
    "an empty column": Decision(
        from_table(empty=np.full(40, np.nan)), 'Column "empty" is ignored: it has no values'
    ),
    "a column of dates": Decision(
        lambda: [
            table(when=pd.date_range("2020-01-01", periods=40)).to_parquet("t.parquet"),
            *["t.parquet", "--target", "kind", *QUICK],
        ][1:],
        'Column "when" is ignored: it holds dates',
    ),
    "repeated rows": Decision(from_table(size=1.0, age=np.arange(40) % 4), "duplicate-rows"),
    "a rare class": Decision(
        from_table(kind=["b"] * 2 + ["a"] * 38), 'class "b" has 2 of the 3 rows'
    ),
    "a class of one row": Decision(
        from_table(kind=["b"] + ["a"] * 39),
        'The split is not stratified: class "b" has 1 of the 3 rows that three parts need',
    ),
    "numbers with thousands separators": Decision(
        from_table(sold=[f"1,{number}00" for number in range(100, 140)]),
        'numbers are written as in "1,10000"',
    ),
    "dates that cannot be read": Decision(
        from_table(when=pd.date_range("2020-01-01", periods=40).strftime("%d.%m.%Y")),
        "dates-not-used",
    ),
    "missing values in an array": Decision(
        npz(x=np.c_[HOLES, np.arange(40.0)], y=np.arange(40) % 2), "Missing input values: 2"
    ),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_a_decision_is_noted_and_the_run_goes_on(case: str, goodfit) -> None:
    said = goodfit("train", *DECISIONS[case].make())
    assert said.code == 0, said.err
    assert DECISIONS[case].note in said.out and said.err == ""
    assert Path("out", "report.html").exists()


def test_a_loss_that_explodes_is_told_in_the_summary(goodfit) -> None:
    explode = ("--set", "optimizer={kind='sgd', lr=1e30}", "--set", "schedule.kind=constant")
    said = goodfit("train", "iris", *explode, "--out", "out")
    assert said.code == 0 and "not a number" in said.out
    assert "no longer a finite number" in Path("out", "report.html").read_text(encoding="utf-8")


FOLDS = {
    "more folds than rows of a class": (
        "--folds=9",
        "more folds than rows of the rarest class",
        'class "b" has 8 rows',
        "--folds 8",
    ),
    "more folds than rows": ("--folds=50", "So many folds", "folds = 50, stratified", "Take 2 to"),
    "one fold": ("--folds=1", "So many folds", "folds = 1, stratified", "Take 2 to"),
    "no such folds": ("--kind=stratifed", "no such folds", "stratifed", '"stratified"'),
    "folds by groups without any": ("--kind=grouped", "nothing to make grouped", "", "split.group"),
}


@pytest.mark.parametrize("case", FOLDS)
def test_folds_that_cannot_be_made_are_told(case: str, goodfit) -> None:
    option, *words = FOLDS[case]
    make = from_table(kind=["b"] * 9 + ["a"] * 31)()
    check_told(goodfit("cross-validate", *make[:-2], option), *words)


# Run folders


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "iris-1"
    train(Recipe(data="iris", net=MLP(hidden=(4,)), epochs=1), out=path)
    return path


def test_a_run_folder_that_exists_is_left_alone(goodfit, run: Path) -> None:
    before = sorted(path.name for path in run.iterdir())
    said = goodfit("train", "iris", "--out", run)
    check_told(said, "holds a run already", f"--out {run}", f"goodfit resume {run}")
    assert sorted(path.name for path in run.iterdir()) == before


def test_a_folder_with_other_files_is_left_alone(goodfit) -> None:
    Path("mine").mkdir()
    Path("mine", "thesis.txt").write_text("mine")
    check_told(goodfit("train", "iris", "--out", "mine"), "other files", "--out mine", "--out")
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


def test_a_folder_below_a_file_is_told(goodfit) -> None:
    Path("mine").write_text("mine")
    said = goodfit("train", "iris", "--set", "epochs=1", "--out", "mine/run")
    check_told(said, "not a folder", "mine/run", "another folder")
    assert Path("mine").read_text() == "mine"


@pytest.mark.parametrize("command", ["resume", "test", "report"])
def test_what_is_no_run_is_told(command: str, goodfit, run: Path) -> None:
    check_told(goodfit(command, "none"), "no run folder", "none", "goodfit train")
    check_told(goodfit(command, "."), "it has no recipe.toml", ".", "goodfit train")
    near = run.parent / "iris-2"
    check_told(goodfit(command, near), "no run folder", str(near), '"iris-1"')


def test_a_second_look_at_the_test_part_is_refused(goodfit, run: Path) -> None:
    assert goodfit("test", run).code == 0
    check_told(goodfit("test", run), "was opened before, at ", "scores-test.json", "honest test")


def test_a_wrong_word_on_the_command_line_is_told(goodfit) -> None:
    said = goodfit("trian", "iris")
    assert said.code == 2 and "trian" in said.err and "Traceback" not in said.err
    said = goodfit("train", "iris", "--epochs", "3")
    assert said.code == 2 and "--epochs" in said.err


# No space left


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system; the tests say how small."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not _mount(disk, "size=16k"):
        pytest.skip("mounting a small disk is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def _mount(disk: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("size", ["16k", "40k", "100k", "400k"])
def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(
    size: str, disk: Path, goodfit
) -> None:
    """From the first files to the report, which is the largest."""
    assert _mount(disk, f"remount,size={size}")
    said = goodfit("train", "iris", "--set", "epochs=30", "--out", disk / "run")
    check_told(said, "No space is left on the disk", str(disk / "run"), "goodfit resume")
    assert not list(disk.rglob("*.tmp"))
    assert _mount(disk, "remount,size=20m")
    again = goodfit("resume", disk / "run", "--quiet")
    assert again.code == 0 and "Accuracy" in again.out
    assert goodfit("test", disk / "run").code == 0
