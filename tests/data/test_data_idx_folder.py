"""Any set of four IDX files under MNIST's names, and NPY files, which hold no labels."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import idx_bytes

from goodfit.data import fashion, load
from goodfit.errors import DataError
from goodfit.recipe import DataSource

NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "t10k": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
RNG = np.random.default_rng(0)
DIGITS = {
    "train": (RNG.integers(0, 256, (40, 9, 7), np.uint8), (np.arange(40) % 10).astype(np.uint8)),
    "t10k": (RNG.integers(0, 256, (20, 9, 7), np.uint8), (np.arange(20) % 10).astype(np.uint8)),
}
KINDS = {"uint8": 0x08, "int32": 0x0C, "float32": 0x0D}


def written(
    folder: Path,
    parts: dict[str, tuple[np.ndarray, np.ndarray]],
    *,
    zipped: bool = False,
    dotted: bool = False,
) -> Path:
    for part, arrays in parts.items():
        for name, values in zip(NAMES[part], arrays, strict=True):
            content = idx_bytes(values, kind=KINDS[values.dtype.name])
            name = name.replace("-idx", ".idx") if dotted else name
            path = folder / (f"{name}.gz" if zipped else name)
            path.write_bytes(gzip.compress(content) if zipped else content)
    return folder


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_by_its_path_or_as_idx_is_read_alike(
    tmp_path: Path, zipped: bool, dotted: bool
) -> None:
    folder = str(written(tmp_path, DIGITS, zipped=zipped, dotted=dotted))
    wanted = np.concatenate([DIGITS["train"][0], DIGITS["t10k"][0]])[:, None]
    for source in (DataSource(path=folder), DataSource(path="idx", folder=folder)):
        data = load(source)
        assert (data.task, data.input_kind) == ("classification", "image")
        np.testing.assert_array_equal(np.asarray(data.inputs), wanted)
        assert data.fixed_test is not None and data.fixed_test.tolist() == list(range(40, 60))
        assert (data.target == [*np.arange(40) % 10, *np.arange(20) % 10]).all()


def test_only_fashion_mnist_by_name_has_the_names_of_clothes(tmp_path: Path) -> None:
    folder = str(written(tmp_path, DIGITS))
    numbers = tuple(map(str, range(10)))
    assert load(DataSource(path=folder)).classes == numbers
    assert load(DataSource(path="idx", folder=folder)).classes == numbers
    assert load(DataSource(path="fashion-mnist", folder=folder)).classes == fashion.CLASSES


def test_labels_may_be_any_whole_numbers_in_their_order(tmp_path: Path) -> None:
    labels = np.array([2, 10, 47, 100] * 10, np.int32)
    written(tmp_path, {part: (x, labels[: len(x)]) for part, (x, _) in DIGITS.items()})
    data = load(DataSource(path=str(tmp_path)))
    assert data.classes == ("2", "10", "47", "100")
    assert (np.array([2, 10, 47, 100])[data.target][:40] == labels).all()


@pytest.mark.parametrize(
    ("shape", "dtype", "wanted"),
    [
        ((9, 7, 3), "uint8", (3, 9, 7)),
        ((3, 9, 7), "uint8", (3, 9, 7)),
        ((9, 7), "float32", (1, 9, 7)),
    ],
    ids=["channels last", "channels first", "floats"],
)
def test_colours_and_other_types(
    tmp_path: Path, shape: tuple[int, ...], dtype: str, wanted: tuple[int, ...]
) -> None:
    x = {
        part: RNG.integers(0, 256, (len(y), *shape)).astype(dtype)
        for part, (_, y) in DIGITS.items()
    }
    written(tmp_path, {part: (x[part], y) for part, (_, y) in DIGITS.items()})
    data = load(DataSource(path=str(tmp_path)))
    assert data.input_kind == "image" and np.asarray(data.inputs).shape == (60, *wanted)
    first = x["train"].transpose(0, 3, 1, 2) if shape[-1] == 3 else x["train"].reshape(40, *wanted)
    np.testing.assert_array_equal(np.asarray(data.inputs)[:40], first)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "fewer labels": ({"train": (DIGITS["train"][0], DIGITS["t10k"][1])}, "one label for each"),
    "sizes": ({"t10k": (DIGITS["t10k"][0][:, 1:], DIGITS["t10k"][1])}, "differ in size"),
    "flat": ({"t10k": (DIGITS["t10k"][0][:, 0], DIGITS["t10k"][1])}, "three axes or four"),
    "halves": (
        {"train": (DIGITS["train"][0], DIGITS["train"][1].astype(np.float32))},
        "whole numbers",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_files_that_do_not_fit_are_told(tmp_path: Path, case: str) -> None:
    change, what = WRONG[case]
    written(tmp_path, DIGITS | change)
    with pytest.raises(DataError, match=what) as caught:
        load(DataSource(path=str(tmp_path)))
    assert str(tmp_path) in str(caught.value.given) and "one source" in caught.value.do


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (written(tmp_path, DIGITS) / "t10k-labels-idx1-ubyte").unlink()
    for source in (
        DataSource(path=str(tmp_path)),
        DataSource(path="idx", folder=str(tmp_path)),
    ):
        with pytest.raises(DataError, match="lacks IDX files") as caught:
            load(source)
        assert str(caught.value.given).endswith("without t10k-labels-idx1-ubyte")


def test_a_target_of_idx_files_is_refused(tmp_path: Path) -> None:
    folder = str(written(tmp_path, DIGITS))
    for source in (
        DataSource(path=folder, target="y"),
        DataSource(path="idx", folder=folder, target="y"),
    ):
        with pytest.raises(DataError, match="their labels"):
            load(source)


def test_an_npy_file_says_how_labels_come_to_it(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.arange(60.0).reshape(20, 3))
    with pytest.raises(DataError, match="without a target") as caught:
        load(DataSource(path=str(path)))
    assert "np.savez" in caught.value.do and "data=(x, y)" in caught.value.do
    np.savez(tmp_path / "data.npz", x=np.load(path), y=np.arange(20) % 2)
    assert load(DataSource(path=str(tmp_path / "data.npz"))).num_rows == 20
