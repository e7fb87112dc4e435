"""IDX files and Fashion-MNIST."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import idx_bytes

from goodfit.data import fashion, load
from goodfit.data.idx import read_idx
from goodfit.errors import DataError
from goodfit.recipe import DataSource

MakeFashion = Callable[..., Path]
# Read before any fixture changes the environment.
SHARED = Path(__file__).parents[3] / "shared" / "data"
REAL = Path(os.environ.get("GOODFIT_DATA", SHARED)) / "fashion-mnist"


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(0x08, "u1"), (0x09, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4"), (0x0E, "f8")],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_round_trip(tmp_path: Path, kind: int, dtype: str, zipped: bool) -> None:
    values = np.arange(-12, 12).astype(dtype).reshape(2, 3, 4)
    content = idx_bytes(values, kind=kind)
    (tmp_path / "a").write_bytes(gzip.compress(content) if zipped else content)
    found = read_idx(tmp_path / "a")
    assert found.dtype == values.dtype
    assert (found == values).all()


GOOD = idx_bytes(np.arange(100, dtype=np.uint8).reshape(10, 10))
ZIPPED = gzip.compress(GOOD)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x08", "not an IDX file"),
        (b"\0\0\x07\x01" + GOOD[4:], "not an IDX file"),
        (b"\0\0\x08\x00" + GOOD[4:], "not an IDX file"),
        (b"\0\0\x08\xff" + GOOD[4:], "not an IDX file"),
        (b"\x89PNG" + GOOD, "not an IDX file"),
        (GOOD[:7], "fewer bytes"),
        (GOOD[:-1], "fewer bytes"),
        (GOOD + b"\0", "more bytes"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "fewer bytes"),
        (gzip.compress(GOOD[:-1]), "fewer bytes"),
        (ZIPPED[:-12], "cannot be read to its end"),
        (ZIPPED[:30] + bytes(4) + ZIPPED[34:], "cannot be read to its end"),
        (ZIPPED[:2] + b"\x01" + ZIPPED[3:], "cannot be read to its end"),
    ],
)
def test_a_wrong_idx_file_says_what_is_wrong(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path / "labels")
    assert what in caught.value.what
    assert str(tmp_path / "labels") in str(caught.value.given)
    assert caught.value.do


@pytest.mark.parametrize("zipped", [False, True])
def test_train_then_test(tmp_path: Path, make_fashion: MakeFashion, zipped: bool) -> None:
    make_fashion(tmp_path, zipped=zipped)
    data = load(DataSource(path="fashion-mnist", folder=str(tmp_path)))
    assert (data.num_rows, data.input_kind, data.classes) == (60, "image", fashion.CLASSES)
    assert data.fixed_test is not None
    assert data.fixed_test.tolist() == list(range(40, 60))
    assert (data.target == np.arange(60) % 10).all()
    assert np.asarray(data.inputs).shape == (60, 1, 28, 28)


@pytest.mark.parametrize("place", ["data", "data/fashion-mnist", "cache/fashion-mnist", "debian"])
def test_places(
    tmp_path: Path, make_fashion: MakeFashion, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("GOODFIT_DATA", str(tmp_path / "data"))
    make_fashion(tmp_path / place)
    assert load(DataSource(path="fashion-mnist")).num_rows == 60


def test_the_cache_follows_the_desktop_standard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fashion.cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("GOODFIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert fashion.cache_folder() == Path("/xdg/goodfit")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert fashion.cache_folder() == Path("/home/ada/.cache/goodfit")


def test_a_folder_that_is_named_is_the_only_one(
    tmp_path: Path, make_fashion: MakeFashion, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_fashion(tmp_path / "debian")
    monkeypatch.setenv("GOODFIT_DATA", str(make_fashion(tmp_path / "data")))
    with pytest.raises(DataError, match="in the folder that was named") as caught:
        load(DataSource(path="fashion-mnist", folder=str(tmp_path / "mine")))
    assert caught.value.given == f"looked in\n    {tmp_path}/mine, no such folder"
    assert "leave it out" in caught.value.do
    (make_fashion(tmp_path / "mine") / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="in the folder that was named") as caught:
        load(DataSource(path="fashion-mnist", folder=str(tmp_path / "mine")))
    assert "without t10k-labels-idx1-ubyte" in str(caught.value.given)


def test_nowhere_lists_the_places_and_the_remedy(
    tmp_path: Path, make_fashion: MakeFashion, monkeypatch: pytest.MonkeyPatch
) -> None:
    (make_fashion(tmp_path / "mine") / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("GOODFIT_DATA", str(tmp_path / "mine"))
    with pytest.raises(DataError) as caught:
        load(DataSource(path="fashion-mnist"))
    given = str(caught.value.given)
    assert f"{tmp_path}/mine, without t10k-labels-idx1-ubyte" in given
    assert f"{tmp_path}/cache/fashion-mnist, no such folder" in given
    assert f"{tmp_path}/debian, no such folder" in given
    assert "dataset-fashion-mnist" in caught.value.do
    assert "github.com/zalandoresearch/fashion-mnist" in caught.value.do


@pytest.mark.parametrize(
    ("name", "values", "what"),
    [
        ("train-labels-idx1", np.zeros(39, np.uint8), "one label for each image"),
        ("train-labels-idx1", np.full(40, 10, np.uint8), "label 10, and the last class is 9"),
        ("train-labels-idx1", np.zeros((40, 1), np.uint8), "three axes and labels one"),
        ("t10k-images-idx3", np.zeros((20, 28), np.uint8), "three axes and labels one"),
        ("t10k-images-idx3", np.zeros((20, 27, 28), np.uint8), "differ in size"),
    ],
)
def test_files_that_do_not_fit(
    tmp_path: Path, make_fashion: MakeFashion, name: str, values: np.ndarray, what: str
) -> None:
    make_fashion(tmp_path, zipped=False)
    (tmp_path / f"{name}-ubyte").write_bytes(idx_bytes(values))
    with pytest.raises(DataError) as caught:
        load(DataSource(path="fashion-mnist", folder=str(tmp_path)))
    assert what in caught.value.what


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no Fashion-MNIST in {REAL}")
def test_the_real_files() -> None:
    data = load(DataSource(path="fashion-mnist", folder=str(REAL)))
    images = np.asarray(data.inputs)
    assert images.shape == (70_000, 1, 28, 28)
    assert np.bincount(data.target).tolist() == [7000] * 10
    assert images[:60_000].mean() / 255 == pytest.approx(0.2860, abs=1e-4)
    assert data.fixed_test is not None
    assert (data.fixed_test[0], len(data.fixed_test)) == (60_000, 10_000)
