"""Prepared tensors, in memory and mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from goodfit.data import Dataset, dataset, encode, feed, fit, from_arrays, hold, input_module
from goodfit.errors import DataError
from goodfit.recipe import Prepare

RNG = np.random.default_rng(0)


def make_table() -> Dataset:
    frame = pd.DataFrame({"a": RNG.normal(size=50), "c": RNG.choice(["x", "y"], 50)})
    frame.loc[3] = [np.nan, None]
    return from_arrays(frame, np.linspace(1, 9, 50))


def make_array() -> Dataset:
    return from_arrays(RNG.normal(size=(50, 2, 3)), np.arange(50) % 2)


@pytest.mark.parametrize("make", [make_table, make_array])
@pytest.mark.parametrize("limit", [None, 0])
def test_all_rows_are_prepared(
    make: object, limit: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make()  # pyright: ignore[reportCallIssue]
    preparation = fit(data, np.arange(30), Prepare())
    expected = input_module(preparation)(torch.from_numpy(encode(data, preparation)))
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 100)
    held = hold(data, preparation, folder=tmp_path / "new", limit_bytes=limit)
    assert torch.equal(held.inputs, expected)
    assert not held.needs_input_module
    rows = torch.tensor([4, 1, 1])
    assert torch.equal(held.inputs.index_select(0, rows), expected[rows])
    files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert files == ([] if limit is None else ["prepared.f32"])
    assert bool(held.notes) == bool(files)


def test_the_limit_is_a_quarter_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_array()
    preparation = fit(data, np.arange(30), Prepare())
    num_bytes = 50 * 6 * 4
    for physical, num_notes in ((4 * num_bytes, 0), (4 * num_bytes - 4, 1)):
        monkeypatch.setattr(feed, "physical_bytes", lambda physical=physical: physical)
        assert len(hold(data, preparation, folder=tmp_path).notes) == num_notes


def test_the_note_says_where_the_rows_are(tmp_path: Path) -> None:
    data = make_array()
    preparation = fit(data, np.arange(30), Prepare())
    (note,) = hold(data, preparation, folder=tmp_path, limit_bytes=0).notes
    assert f"memory-mapped from {tmp_path}/prepared.f32." in note


def test_a_second_mapping_leaves_the_first_intact(tmp_path: Path) -> None:
    first, second = make_array(), make_array()
    held = [
        hold(data, fit(data, np.arange(30), Prepare()), folder=tmp_path, limit_bytes=0)
        for data in (first, second)
    ]
    again = hold(first, fit(first, np.arange(30), Prepare()), folder=tmp_path)
    assert torch.equal(held[0].inputs, again.inputs)
    assert not torch.equal(held[1].inputs, again.inputs)


def test_targets() -> None:
    table, array = make_table(), make_array()
    preparation = fit(table, np.arange(30), Prepare())
    quantity = hold(table, preparation, folder=Path()).target
    assert (quantity.shape, quantity.dtype) == ((50, 1), torch.float32)
    assert quantity[:30].mean().item() == pytest.approx(0, abs=1e-6)
    assert quantity[:30].std(correction=0).item() == pytest.approx(1, abs=1e-6)
    classes = hold(array, fit(array, np.arange(30), Prepare()), folder=Path()).target
    assert classes.dtype == torch.int64
    assert classes.tolist() == (np.arange(50) % 2).tolist()


def test_images_stay_bytes_and_are_not_copied() -> None:
    images = RNG.integers(0, 256, (20, 3, 4, 4), dtype=np.uint8)
    data = from_arrays(images, np.arange(20) % 2)
    held = hold(data, fit(data, np.arange(20), Prepare()), folder=Path(), limit_bytes=0)
    assert held.needs_input_module
    assert held.inputs.dtype == torch.uint8
    assert held.inputs.data_ptr() == images.ctypes.data


def test_a_read_only_memory_map_is_fed_from_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", RNG.integers(0, 256, (20, 3, 4, 4), dtype=np.uint8))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    data = from_arrays(mapped, np.arange(20) % 2)
    held = hold(data, fit(data, np.arange(20), Prepare()), folder=tmp_path)
    assert held.inputs.data_ptr() == mapped.ctypes.data


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    data = make_array()
    with pytest.raises(DataError) as caught:
        hold(data, fit(data, np.arange(30), Prepare()), folder=tmp_path / "file", limit_bytes=0)
    assert "cannot be written to disk" in caught.value.what
    assert "File exists" in str(caught.value.given)
