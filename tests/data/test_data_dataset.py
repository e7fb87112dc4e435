"""Fingerprints and row keys."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goodfit.data import Dataset, dataset, fingerprint
from goodfit.data.dataset import array_blocks, row_keys


def make(inputs: np.ndarray | pd.DataFrame, target: np.ndarray | None = None) -> Dataset:
    if target is None:
        target = np.zeros(len(inputs))
    return Dataset(name="x", inputs=inputs, target=target, task="regression", input_kind="array")


@pytest.mark.parametrize(
    "changed",
    [
        np.array([[1, 2], [3, 5]], np.int64),
        np.array([[1, 2], [3, 4]], np.int32),
        np.array([[1, 2, 3, 4]], np.int64),
        np.array([[3, 4], [1, 2]], np.int64),
    ],
    ids=["value", "type", "shape", "order"],
)
def test_fingerprint_sees_a_change_of(changed: np.ndarray) -> None:
    base = make(np.array([[1, 2], [3, 4]], np.int64))
    assert fingerprint(base) != fingerprint(make(changed))


def test_fingerprint_sees_the_target_and_not_the_name() -> None:
    base = make(np.eye(3))
    assert fingerprint(base) != fingerprint(make(np.eye(3), np.ones(3)))
    assert fingerprint(base) == fingerprint(dataclasses.replace(base, name="other"))


def test_fingerprint_of_a_table_sees_values_names_and_missing() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    others = [
        frame.assign(a=[1.0, 3.0]),
        frame.assign(b=["x", "z"]),
        frame.assign(a=[1.0, np.nan]),
        frame.rename(columns={"a": "c"}),
        frame.iloc[::-1],
    ]
    assert len({fingerprint(make(each)) for each in (frame, *others)}) == 6
    assert fingerprint(make(frame)) == fingerprint(make(frame.set_axis([7, 8], axis=0)))


@pytest.mark.parametrize(
    "inputs",
    [
        np.random.default_rng(0).normal(size=(50, 3)),
        np.asfortranarray(np.arange(150).reshape(50, 3)),
        pd.DataFrame({"a": range(50), "b": pd.Categorical(list("xyzxy") * 10)}),
    ],
    ids=["array", "fortran", "table"],
)
def test_fingerprint_does_not_depend_on_blocks(
    inputs: np.ndarray | pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fingerprint(make(inputs))
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 100)
    assert fingerprint(make(inputs)) == whole


def test_fingerprint_of_a_memory_map_is_that_of_the_array(tmp_path: Path) -> None:
    values = np.arange(12.0).reshape(4, 3)
    np.save(tmp_path / "x.npy", values)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert fingerprint(make(mapped)) == fingerprint(make(values))


def test_fingerprint_is_the_same_in_another_process() -> None:
    code = (
        "import numpy as np, pandas as pd; from goodfit.data import Dataset, fingerprint;"
        "print(fingerprint(Dataset(name='', inputs=pd.DataFrame({'a': ['x', 'y']}),"
        "target=np.zeros(2), task='regression', input_kind='table')))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    assert printed.stdout.strip() == fingerprint(make(pd.DataFrame({"a": ["x", "y"]})))


def test_row_keys_are_equal_exactly_for_equal_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).integers(0, 2, (60, 2, 2), dtype=np.uint8)
    flat = values.reshape(60, -1)
    expected = (flat[:, None] == flat[None]).all(-1)
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 16)
    for inputs in (values, pd.DataFrame(flat)):
        keys = row_keys(inputs)
        assert ((keys[:, None] == keys[None]) == expected).all()


def test_blocks_cover_all_rows_of_a_wide_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 8)
    blocks = list(array_blocks(np.zeros((3, 100))))
    assert [range(3)[block] for block in blocks] == [range(1), range(1, 2), range(2, 3)]
