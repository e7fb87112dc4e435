"""Whatever is wrong with the data: a DataError, with what, given and what to do."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from goodfit.data import describe, load
from goodfit.errors import DataError
from goodfit.recipe import DataSource

ROWS = "a,b,y\n" + "".join(f"{n},t{n % 3},{n % 2}\n" for n in range(12))


def text(content: str, name: str = "a.csv") -> Callable[[Path], Path]:
    return raw(content.encode(), name)


def raw(content: bytes, name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def npz(**arrays: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / "a.npz", **arrays)  # pyright: ignore[reportArgumentType]
        return folder / "a.npz"

    return write


def npy_named_npz(folder: Path) -> Path:
    np.save(folder / "a.npy", np.zeros(9))
    return (folder / "a.npy").rename(folder / "a.npz")


def cut_npz(folder: Path) -> Path:
    path = npz(x=np.zeros((20, 3)), y=np.arange(20) % 2)(folder)
    path.write_bytes(path.read_bytes()[:-100])
    return path


def cut_parquet(folder: Path) -> Path:
    path = folder / "a.parquet"
    pd.DataFrame({"y": range(20)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    return path


def one_class_of_images(folder: Path) -> Path:
    (folder / "cat").mkdir()
    for number in range(9):
        Image.new("L", (4, 4), number).save(folder / "cat" / f"{number}.png")
    return folder


def missing(folder: Path) -> Path:
    text(ROWS, "houses.csv")(folder)
    return folder / "house.csv"


BAD = {
    "missing file": (missing, "y", "no such file", "house.csv", '/houses.csv"?'),
    "other ending": (text(ROWS, "a.xlsx"), "y", "not read", "a.xlsx", ".parquet"),
    "empty csv": (text(""), "y", "empty", "a.csv", "Export"),
    "empty gzip": (raw(gzip.compress(b""), "a.csv.gz"), "y", "empty", "a.csv", "Export"),
    "header only": (text("a,y\n"), "y", "no rows", "columns a, y", "Export"),
    "no target": (text(ROWS), None, "which column", "columns a, b, y", "--target"),
    "wrong target": (text(ROWS), "y2", "no such target", 'target "y2"', 'mean "y"'),
    "ragged line": (text(ROWS + "1,2,3,4\n"), "y", "as CSV", "line 14", "Correct"),
    "long lines": (text("a,y\n" + "1,2,3\n" * 9), "y", "as CSV", "Length", "Correct"),
    "open quote": (text(ROWS + '1,"b,1\n'), "y", "as CSV", "EOF", "Correct"),
    "binary csv": (raw(bytes(range(256)) * 9, "a.csv"), "y", "not UTF-8", "zero byte", "UTF-8"),
    "latin-1 csv": (raw(ROWS.encode() + b"1,\xe9,1", "a.csv"), "y", "not UTF-8", "0xe9", "UTF-8"),
    "utf-16 csv": (raw(ROWS.encode("utf-16"), "a.csv"), "y", "not UTF-8", "zero byte", "UTF-8"),
    "cut gzip": (
        raw(gzip.compress(ROWS.encode() * 99)[:-60], "a.csv.gz"),
        "y",
        "as CSV",
        "ended before",
        "again",
    ),
    "one class": (text(ROWS.replace(",1\n", ",0\n")), "y", "only one value", '"y" is', "Add rows"),
    "three rows": (text("a,y\n1,0\n2,1\n3,0\n"), "y", "at least 8", "3 rows", "Collect"),
    "inf target": (text("a,y\n" + "1,2.5\n" * 8 + "3,inf\n"), "y", "infinite", "row 9", "Correct"),
    "half without target": (
        text("a,y\n" + "1,\n" * 9 + "1,1\n" * 8),
        "y",
        "More than half",
        "9 of 17",
        "Fill",
    ),
    "no usable column": (
        text("id,y\n" + "".join(f"n{n},{n % 2}\n" for n in range(12))),
        "y",
        "No column",
        '"id" is ignored',
        "Add a column",
    ),
    "target alone": (text("y\n" + "0\n1\n" * 6), "y", "No column", "no columns", "Add a column"),
    "text as parquet": (text(ROWS, "a.parquet"), "y", "as Parquet", "a.parquet", "again"),
    "cut parquet": (cut_parquet, "y", "as Parquet", "a.parquet", "again"),
    "empty parquet": (text("", "a.parquet"), "y", "as Parquet", "a.parquet", "again"),
    "pickle in npz": (
        npz(x=np.array([{}] * 9), y=np.arange(9) % 2),
        None,
        "as NPZ",
        "never unpickles",
        "np.savez",
    ),
    "pickled labels": (
        npz(x=np.arange(9), y=np.array([None, "a", 1] * 3)),
        None,
        "as NPZ",
        "never unpickles",
        "np.savez",
    ),
    "pickle as npz": (raw(b"\x80\x04K\x01.", "a.npz"), None, "as NPZ", "never", "np.savez"),
    "wrong keys": (npz(a=[1], b=[2]), None, "lacks the inputs", "keys a, b", "Name the arrays"),
    "no keys": (npz(), None, "lacks the inputs", "(none)", "Name the arrays"),
    "wrong npz target": (npz(x=[1], price=[2]), "prize", "no such target", "keys", '"price"'),
    "npz lengths": (npz(x=np.arange(9), y=np.arange(8)), None, "different numbers", "9", "one"),
    "npz one-hot": (npz(x=np.arange(9), y=np.eye(9)), None, "one value", "[9, 9]", "argmax"),
    "npy as npz": (npy_named_npz, None, "as NPZ", "one array", "np.savez"),
    "cut npz": (cut_npz, None, "as NPZ", "a.npz", "np.savez"),
    "empty npz": (text("", "a.npz"), None, "as NPZ", "a.npz", "np.savez"),
    "empty folder": (lambda folder: folder, None, "no images", "0 sub-folders", "sub-folder"),
    "one class of images": (one_class_of_images, None, "only one value", "'cat'", "Add rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_refused_with_reason_and_remedy(tmp_path: Path, name: str) -> None:
    make, target, what, seen, do = BAD[name]
    with pytest.raises(DataError) as caught:
        load(DataSource(path=str(make(tmp_path)), target=target))
    assert what in caught.value.what
    assert seen in str(caught.value.given)
    assert do in caught.value.do
    assert caught.value.what[0].isupper()
    assert caught.value.what.endswith((".", ":"))


NOTED = {
    "NaN in features": ("a,y\n" + "1,0\n,1\n3,1\n" * 5, None),
    "inf in features": ("a,y\n" + "1,0\ninf,1\n3,1\n" * 5, "infinite values (5)"),
    "NaN in target": ("a,y\n" + "1,0\n2,\n3,1\n" * 5, '5 rows without a target ("y")'),
    "text column": ("a,t,y\n" + "1,u,0\n2,v,1\n" * 5, None),
    "free text": (
        "a,t,y\n" + "".join(f"{n},word {n // 2},{n % 2}\n" for n in range(120)),
        "60 different texts",
    ),
    "identifier": ("a,t,y\n" + "".join(f"{n},n{n},{n % 2}\n" for n in range(9)), "identifier"),
    "numbers as text": ("a,t,y\n" + "1,2,0\n2,?,1\n3,4,0\n" * 5, '"?" is not'),
    "constant column": ("a,c,y\n" + "1,7,0\n2,7,1\n" * 5, '"c" is ignored: it has one value'),
    "labels as floats": ("a,y\n" + "1,0.0\n2,1.0\n" * 5, "written as decimals"),
    "whole-number labels": ("a,y\n" + "1,0\n2,1\n" * 5, "taken as classes"),
    "booleans": ("a,f,y\n" + "1,true,0\n2,false,1\n" * 5, None),
}


@pytest.mark.parametrize("name", NOTED)
def test_doubtful_data_is_read_and_the_decision_noted(tmp_path: Path, name: str) -> None:
    content, note = NOTED[name]
    path = text(content)(tmp_path)
    card = describe(load(DataSource(path=str(path), target="y")))
    assert note is None or any(note in each for each in card.notes)
    assert card.task == "classification"


def read_or_refuse(path: Path, target: str | None) -> None:
    """Only a DataError may come out."""
    try:
        load(DataSource(path=str(path), target=target))
    except DataError as error:
        assert error.what
        assert error.do


def parquet_bytes(folder: Path) -> bytes:
    frame = pd.DataFrame({"a": range(12), "b": list("xyz") * 4, "y": [0, 1] * 6})
    frame.to_parquet(folder / "seed.parquet")
    return (folder / "seed.parquet").read_bytes()


def npz_bytes(folder: Path) -> bytes:
    np.savez_compressed(folder / "seed.npz", x=np.arange(24.0).reshape(12, 2), y=[0, 1] * 6)
    return (folder / "seed.npz").read_bytes()


def image_bytes(folder: Path) -> bytes:
    Image.new("RGB", (5, 4), (1, 2, 3)).save(folder / "seed.png")
    return (folder / "seed.png").read_bytes()


SEEDS: dict[str, Callable[[Path], bytes]] = {
    "a.csv": lambda _folder: ROWS.encode(),
    "a.csv.gz": lambda _folder: gzip.compress(ROWS.encode()),
    "a.parquet": parquet_bytes,
    "a.npz": npz_bytes,
    "cat/0.png": image_bytes,
}


@pytest.mark.parametrize("name", SEEDS)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(place=st.floats(0, 1), value=st.binary(min_size=1, max_size=4), keep=st.floats(0.2, 1))
@example(place=0.0, value=b"\0", keep=1.0)
def test_damaged_bytes_never_raise_anything_else(
    tmp_path: Path, name: str, place: float, value: bytes, keep: float
) -> None:
    content = bytearray(SEEDS[name](tmp_path))
    start = int(place * len(content))
    content[start : start + len(value)] = value
    path = tmp_path / "data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content[: int(len(content) * keep) or 1])
    is_image = name.endswith(".png")
    source = path.parents[1] if is_image else path
    read_or_refuse(source, None if is_image or name.endswith(".npz") else "y")
