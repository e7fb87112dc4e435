"""``goodfit predict``: rows of every kind of file against the model's own answers; what is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from cli_helpers import here
from PIL import Image
from torch import nn

import goodfit as gf
from goodfit.data import READERS
from goodfit.data.asked import FRAMES

RNG = np.random.default_rng(0)
TINY = gf.Recipe(data="given", net=gf.MLP(hidden=(4,)), epochs=1)
Goodfit = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def goodfit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Goodfit:
    return lambda *words: here(monkeypatch, capsys, *words)


def with_data(path: Path, **more: object) -> gf.Recipe:
    source = gf.DataSource.model_validate({"path": str(path), **more})
    return TINY.model_copy(update={"data": source})


# Tables


def rows(num: int, seed: int) -> pd.DataFrame:
    """Return a table with gaps, a text column whose texts are mostly numbers, and a target."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=num).round(3)
    room = rng.choice(["1", "2", "12", "roof"], size=num)
    frame = pd.DataFrame({"size": size, "room": room, "age": rng.integers(1, 9, num)})
    frame.loc[::7, "room"] = None
    frame.loc[::9, "size"] = np.nan
    return frame.assign(kind=np.where(size + (room == "1") > 0.5, "big, old", "new"))


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    folder = tmp_path_factory.mktemp("classes")
    rows(120, 0).to_csv(folder / "t.csv", index=False)
    recipe = with_data(folder / "t.csv", target="kind")
    recipe = recipe.model_copy(update={"epochs": 20, "optimizer": gf.AdamW(lr=0.05)})
    return gf.train(recipe, out=folder / "run")


@pytest.fixture(scope="module")
def quantity(tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    folder = tmp_path_factory.mktemp("quantity")
    frame = rows(120, 0).assign(price=RNG.normal(size=120) * 1e6)
    frame.to_parquet(folder / "t.parquet")
    return gf.train(with_data(folder / "t.parquet", target="price"), out=folder / "run")


def expected(run: gf.Run, inputs: object) -> pd.DataFrame:
    """Return the answers by the two older ways, which a run has for arrays and tables."""
    told = pd.DataFrame({"prediction": run.predict(inputs)})
    if run.card.task == "classification":
        told[[f"p_{name}" for name in run.card.classes]] = run.predict_proba(inputs)
    return told


def read_back(path: Path) -> pd.DataFrame:
    told = pd.read_csv(path)
    floats = told.select_dtypes("float64").columns
    return told.astype(dict.fromkeys(floats, np.float32))


@pytest.mark.parametrize("form", ["new.csv", "new.tsv", "new.csv.gz", "new.parquet"])
@pytest.mark.parametrize("with_target", [True, False])
def test_a_file_of_rows_is_answered_as_the_model_answers(
    form: str, with_target: bool, tmp_path: Path, classes: gf.Run, goodfit: Goodfit
) -> None:
    frame = rows(30, 1)
    given = frame if with_target else frame.drop(columns="kind")[["age", "size", "room"]]
    if form.endswith("parquet"):
        given.to_parquet(tmp_path / form)
    else:
        given.to_csv(tmp_path / form, index=False, sep="\t" if "tsv" in form else ",")
    out = tmp_path / "told.csv"
    said = goodfit("predict", classes.folder.path, tmp_path / form, "--out", out)
    assert said == (0, f"30 rows of {tmp_path / form}, answered in {out}\n", "")
    told = read_back(out)
    assert list(told.pop("row")) == [*range(1, 31)]
    pd.testing.assert_frame_equal(
        told, expected(classes, frame), check_dtype=False, check_exact=True
    )
    assert {*told["prediction"]} == {"big, old", "new"}


def test_a_text_column_stays_text_where_new_rows_hold_numbers_only(
    tmp_path: Path, classes: gf.Run, goodfit: Goodfit
) -> None:
    known = pd.DataFrame({"size": [0.5, 0.5], "room": ["1", None], "age": [3, 3]})
    known.to_csv(tmp_path / "new.csv", index=False)
    assert pd.read_csv(tmp_path / "new.csv")["room"].dtype == np.float64
    out = tmp_path / "made" / "told.csv"
    assert goodfit("predict", classes.folder.path, tmp_path / "new.csv", "--out", out)[0] == 0
    told = read_back(out).drop(columns="row")
    pd.testing.assert_frame_equal(
        told, expected(classes, known), check_dtype=False, check_exact=True
    )
    unknown = expected(classes, known.assign(room=["1.0", None]))
    assert not np.allclose(told["p_new"], unknown["p_new"])


def test_quantities_are_written_to_the_last_bit(
    tmp_path: Path, quantity: gf.Run, goodfit: Goodfit
) -> None:
    frame = rows(20, 2)
    frame.to_parquet(tmp_path / "new.parquet")
    out = tmp_path / "told.csv"
    told = goodfit("predict", quantity.folder.path, tmp_path / "new.parquet", "--out", out)
    assert told[0] == 0 and out.read_text().startswith("row,prediction\n1,")
    assert np.array_equal(read_back(out)["prediction"], quantity.predict(frame))


# Arrays and images


def test_arrays_are_answered_with_or_without_a_target(tmp_path: Path, goodfit: Goodfit) -> None:
    x, y = RNG.normal(size=(60, 3)), np.arange(60) % 2
    np.savez(tmp_path / "t.npz", x=x, y=y)
    run = gf.train(with_data(tmp_path / "t.npz"), out=tmp_path / "run")
    for number, arrays in enumerate(({"x": x, "y": y}, {"x": x, "more": y}, {"of_any_name": x})):
        np.savez(tmp_path / "new.npz", **arrays)  # pyright: ignore[reportArgumentType]
        out = tmp_path / f"{number}.csv"
        assert goodfit("predict", tmp_path / "run", tmp_path / "new.npz", "--out", out)[0] == 0
        told = read_back(out).drop(columns="row")
        pd.testing.assert_frame_equal(told, expected(run, x), check_dtype=False, check_exact=True)
        assert told["prediction"].dtype == np.int64


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    folder = tmp_path_factory.mktemp("pictures")
    for name, colour in (("cat", 40), ("dog", 200)):
        (folder / "t" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.clip(RNG.normal(colour, 60, (6, 9, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "t" / name / f"{number}.png")
    return gf.train(with_data(folder / "t"), out=folder / "run")


def draw(folder: Path, *names: str, shape: tuple[int, ...] = (6, 9, 3)) -> np.ndarray:
    """Save images under these names, and return them as ``[N, C, H, W]`` of three colours."""
    images = [RNG.integers(0, 256, shape, dtype=np.uint8) for _ in names]
    for name, pixels in zip(names, images, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    threes = [p if p.ndim == 3 else np.repeat(p[:, :, None], 3, axis=2) for p in images]
    return np.stack(threes).transpose(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (("b.png", "a.png"), ""),
        (("x/b.png", "x/a.png", "y/c.png"), ""),
        (("only.png",), "only.png"),
    ],
    ids=["a folder", "folders in a folder", "one image"],
)
@pytest.mark.parametrize("shape", [(6, 9, 3), (6, 9)], ids=["colour", "grey"])
def test_images_are_answered_by_name(
    names: tuple[str, ...],
    asked: str,
    shape: tuple[int, ...],
    tmp_path: Path,
    pictures: gf.Run,
    goodfit: Goodfit,
) -> None:
    images = draw(tmp_path / "new", *names, shape=shape)
    (tmp_path / "new" / "notes.txt").write_text("no image")
    order = np.argsort(names)
    out = tmp_path / "told.csv"
    words = ("predict", pictures.folder.path, tmp_path / "new" / asked, "--out", out)
    assert goodfit(*words)[0] == 0
    told = read_back(out)
    assert list(told.pop("file")) == sorted(names)
    pd.testing.assert_frame_equal(
        told, expected(pictures, images[order]), check_dtype=False, check_exact=True
    )


def test_the_pixels_of_a_built_in_set_have_units_of_their_own(
    tmp_path: Path, goodfit: Goodfit
) -> None:
    run = gf.train(with_data(Path("digits")), out=tmp_path / "run")
    images = draw(tmp_path / "new", "a.png", shape=(8, 8))[:, :1]
    code, _, err = goodfit("predict", tmp_path / "run", tmp_path / "new")
    assert code == 2 and "Give an NPZ file with an array x of shape [N, 1, 8, 8]." in err
    np.savez(tmp_path / "new.npz", x=images)
    code, told, _ = goodfit("predict", tmp_path / "run", tmp_path / "new.npz", "--json")
    (answer,) = json.loads(told)["answers"]
    assert code == 0 and answer["prediction"] == run.predict(images)[0]


def test_pixels_that_are_no_numbers_are_refused_as_in_training(
    tmp_path: Path, pictures: gf.Run, goodfit: Goodfit
) -> None:
    np.savez(tmp_path / "new.npz", x=np.full((2, 3, 6, 9), np.nan))
    code, _, err = goodfit("predict", pictures.folder.path, tmp_path / "new.npz")
    assert code == 2 and "Some pixels are not finite numbers" in err and "324 NaN" in err


def test_a_run_on_loaders_takes_arrays_as_they_are(tmp_path: Path, goodfit: Goodfit) -> None:
    x = torch.from_numpy(RNG.normal(size=(40, 3, 2)).astype(np.float32))
    y = x.flatten(1)[:, :2] * 3.0
    batches = [(x[:20], y[:20]), (x[20:], y[20:])]
    net = gf.OwnNet(make=f"{__name__}:make_net")
    recipe = TINY.model_copy(update={"net": net})
    run = gf.train(recipe, batches=batches, validation=batches, out=tmp_path / "run")
    np.savez(tmp_path / "new.npz", x=x.numpy())
    out = tmp_path / "told.csv"
    assert goodfit("predict", tmp_path / "run", tmp_path / "new.npz", "--out", out)[0] == 0
    told = read_back(out)
    assert list(told) == ["row", "prediction_1", "prediction_2"]
    assert np.array_equal(told.iloc[:, 1:], run.predict(x))
    np.savez(tmp_path / "new.npz", x=x.numpy()[:, :2])
    code, _, err = goodfit("predict", tmp_path / "run", tmp_path / "new.npz")
    assert code == 2 and "samples of shape [3, 2]" in err and "[40, 2, 2]" in err


def make_net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 2))


# Words


def test_without_out_the_first_rows_are_printed_and_how_many_there_are(
    tmp_path: Path, classes: gf.Run, goodfit: Goodfit
) -> None:
    frame = rows(1234, 1)
    frame.to_csv(tmp_path / "new.csv", index=False)
    code, told, err = goodfit("predict", classes.folder.path, tmp_path / "new.csv")
    assert (code, err) == (0, "")
    lines = [line.split() for line in told.splitlines()]
    assert "1,234 rows of" in told and "--out predictions.csv" in told and "The first 10" in told
    assert lines[-11][:2] == ["row", "prediction"] and lines[-1][0] == "10"
    assert float(lines[-10][-1]) == pytest.approx(classes.predict_proba(frame)[0, 1], rel=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]
    frame[:4].to_csv(tmp_path / "new.csv", index=False)
    code, told, _ = goodfit("predict", classes.folder.path, tmp_path / "new.csv")
    assert "All of them" in told and "--out" not in told


def test_json_is_all_of_the_output(tmp_path: Path, classes: gf.Run, goodfit: Goodfit) -> None:
    rows(12, 1).to_csv(tmp_path / "new.csv", index=False)
    code, out, err = goodfit("predict", classes.folder.path, tmp_path / "new.csv", "--json")
    answers = json.loads(out)["answers"]
    assert (code, err, len(answers)) == (0, "", 12)
    assert list(answers[0]) == ["row", "prediction", "p_big, old", "p_new"]
    told = np.array([answer["p_new"] for answer in answers], np.float32)
    assert np.array_equal(told, classes.predict_proba(rows(12, 1))[:, 1])


def make_bad(folder: Path, name: str) -> Path:
    """Make a file that cannot be answered by the run on a table, and return it."""
    path, frame = folder / name, rows(9, 3)
    if name == "nothing-known.csv":
        pd.DataFrame({"a": [1], "sizes": [2]}).to_csv(path, index=False)
    elif name == "header.csv":
        frame[:0].to_csv(path, index=False)
    elif name == "header.parquet":
        frame[:0].to_parquet(path)
    elif name == "twice.parquet":
        arrays = [pa.array([1.0]) for _ in range(4)]
        pq.write_table(pa.table(arrays, names=["size", "age", "size", "room"]), path)
    elif name == "array.npz":
        np.savez(path, x=np.ones((2, 3)))
    elif name == "folder":
        path.mkdir()
    elif name == "texts.csv":
        frame.assign(size="big").to_csv(path, index=False)
    elif name == "empty.csv":
        path.write_text("")
    elif name != "gone.csv":
        frame.drop(columns="size").to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gone.csv", ("no such file or folder", "gone.csv", "to do:")),
        ("one-less.csv", ('The column "size" is missing', "room, age", "empty where it is")),
        ("nothing-known.csv", ("Columns are missing: size, age, room.", 'did you mean "sizes"')),
        ("header.csv", ("no rows", "header.csv", "Export")),
        ("header.parquet", ("no rows", "header.parquet", "Export")),
        ("twice.parquet", ("Two columns have the same name", '"size"', "Rename one")),
        ("array.npz", ("trained on a table", "array.npz", ".csv, .tsv, .parquet")),
        ("folder", ("trained on a table", "folder", ".parquet")),
        ("texts.csv", ('"size" held numbers in training', '"big"', "Turn it into numbers")),
        ("empty.csv", ("The file is empty", "empty.csv", "header line")),
    ],
)
def test_what_cannot_be_answered_is_told_and_nothing_is_written(
    name: str, words: tuple[str, ...], tmp_path: Path, classes: gf.Run, goodfit: Goodfit
) -> None:
    bad, out = make_bad(tmp_path, name), tmp_path / "told.csv"
    out.write_text("as before")
    code, told, err = goodfit("predict", classes.folder.path, bad, "--out", out)
    assert (code, told) == (2, "") and err.startswith("goodfit: ") and "Traceback" not in err
    assert all(word in err for word in words), err
    assert out.read_text() == "as before"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda at: draw(at, "new/a.png", shape=(5, 9, 3)), ("another size", "9x5", "9x6")),
        (lambda at: (at / "new").mkdir(), ("holds no images", "new", "Name a folder")),
        (lambda at: rows(3, 0).to_csv(at / "new", index=False), ("trained on images", "NPZ")),
    ],
    ids=["size", "empty folder", "table"],
)
def test_images_that_do_not_fit_are_told(
    make: Callable[[Path], object],
    words: tuple[str, ...],
    tmp_path: Path,
    pictures: gf.Run,
    goodfit: Goodfit,
) -> None:
    make(tmp_path)
    code, told, err = goodfit("predict", pictures.folder.path, tmp_path / "new")
    assert (code, told) == (2, "") and all(word in err for word in words), err


def test_colours_are_told_where_training_had_none(tmp_path: Path, goodfit: Goodfit) -> None:
    for name in ("cat", "dog"):
        draw(tmp_path / "t", *(f"{name}/{number}.png" for number in range(12)), shape=(4, 4))
    gf.train(with_data(tmp_path / "t"), out=tmp_path / "run")
    draw(tmp_path, "new.png", shape=(4, 4, 3))
    code, _, err = goodfit("predict", tmp_path / "run", tmp_path / "new.png")
    assert code == 2 and "has colours, and those of training had none" in err


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.ones((0, 3))}, ("no rows", "shape [0, 3]")),
        ({"a": np.ones((2, 3)), "b": np.ones((2, 3))}, ("which array", "keys a, b", "x (or")),
        ({"y": np.ones(2)}, ("which array", "keys y")),
        ({"x": np.ones((2, 4))}, ("samples of shape [3]", "[2, 4]")),
        ({"x": np.array(["a", "b"])}, ("must be numbers",)),
        ({"x": np.array([{}, {}])}, ("cannot be read as NPZ", "never unpickles")),
    ],
    ids=["no rows", "no name", "a target alone", "shape", "texts", "objects"],
)
def test_arrays_that_do_not_fit_are_told(
    arrays: dict[str, np.ndarray], words: tuple[str, ...], tmp_path: Path, goodfit: Goodfit
) -> None:
    recipe = TINY.model_copy(update={"data": gf.DataSource(path="mine")})
    data = (RNG.normal(size=(40, 3)), np.arange(40) % 2)
    gf.train(recipe, data=data, out=tmp_path / "run")
    np.savez(tmp_path / "new.npz", **arrays)  # pyright: ignore[reportArgumentType]
    code, told, err = goodfit("predict", tmp_path / "run", tmp_path / "new.npz")
    assert (code, told) == (2, "") and all(word in err for word in words), err


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("told.parquet", ("written as CSV", "ends in .csv")),
        ("new.csv", ("would replace the rows", "another file")),
        ("new.csv/told.csv", ("is a file, not a folder", "told.csv")),
    ],
)
def test_an_out_that_cannot_be_written_is_told(
    out: str, words: tuple[str, ...], tmp_path: Path, classes: gf.Run, goodfit: Goodfit
) -> None:
    rows(9, 3).to_csv(tmp_path / "new.csv", index=False)
    before = (tmp_path / "new.csv").read_bytes()
    said = goodfit("predict", classes.folder.path, tmp_path / "new.csv", "--out", tmp_path / out)
    assert said[0] == 2 and all(word in said[2] for word in words), said[2]
    assert (tmp_path / "new.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


def test_no_run_is_told(tmp_path: Path, goodfit: Goodfit) -> None:
    code, _, err = goodfit("predict", tmp_path / "gone", tmp_path / "new.csv")
    assert code == 2 and "gone" in err and "Traceback" not in err


def test_every_table_that_training_reads_is_read() -> None:
    assert {*FRAMES} == {*READERS} - {".npz"}
