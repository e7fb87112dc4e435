"""NPZ files and data in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from goodfit.data import fingerprint, from_arrays, load
from goodfit.errors import DataError
from goodfit.recipe import DataSource

LABELS = np.arange(12) % 2


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, *shape), dtype=np.uint8)


@pytest.mark.parametrize(
    ("x", "kind", "shape"),
    [
        (pixels()[:].astype(float), "array", (12, 1)),
        (pixels(5), "array", (12, 5)),
        (pixels(8, 9), "image", (12, 1, 8, 9)),
        (pixels(3, 8, 9), "image", (12, 3, 8, 9)),
        (pixels(8, 9, 3), "image", (12, 3, 8, 9)),
        (pixels(8, 9, 1), "image", (12, 1, 8, 9)),
        (pixels(7, 8, 9), "array", (12, 7, 8, 9)),
        (pixels(8, 9) / 255, "array", (12, 8, 9)),
        (pixels(1, 8, 9) / 255, "image", (12, 1, 8, 9)),
        (pixels(2, 3, 4, 5), "array", (12, 2, 3, 4, 5)),
    ],
)
def test_layout(x: np.ndarray, kind: str, shape: tuple[int, ...]) -> None:
    data = from_arrays(x, LABELS)
    assert isinstance(data.inputs, np.ndarray)
    assert (data.input_kind, data.inputs.shape) == (kind, shape)
    assert data.inputs.flags.c_contiguous
    if kind == "image":
        assert data.inputs.dtype == (np.uint8 if x.dtype == np.uint8 else np.float32)


def test_channels_last_keeps_the_pixels() -> None:
    x = pixels(8, 5, 3)
    assert (np.asarray(from_arrays(x, LABELS).inputs) == np.moveaxis(x, -1, 1)).all()


@pytest.mark.parametrize(("x_key", "y_key"), [("x", "y"), ("X", "Y"), ("X", "y")])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path: Path, x_key: str, y_key: str, save: object) -> None:
    x = pixels(5)
    save(tmp_path / "a.npz", **{x_key: x, y_key: LABELS, "z": [1]})  # pyright: ignore
    data = load(DataSource(path=str(tmp_path / "a.npz")))
    assert (np.asarray(data.inputs) == x).all()
    assert (data.target == LABELS).all()
    assert any("these keys were not read: z." in note for note in data.notes)


def test_npz_target_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=pixels(5), y=LABELS, weight=np.linspace(0, 1, 12))
    data = load(DataSource(path=str(tmp_path / "a.npz"), target="weight"))
    assert (data.task, data.target_name) == ("regression", "weight")


def test_npz_of_text_labels_and_foreign_byte_order(tmp_path: Path) -> None:
    x = np.arange(24.0).reshape(12, 2)
    np.savez(tmp_path / "a.npz", x=x.astype(">f8"), y=np.array(["cat", "dog"])[LABELS])
    data = load(DataSource(path=str(tmp_path / "a.npz")))
    assert data.classes == ("cat", "dog")
    assert np.asarray(data.inputs).dtype.isnative
    assert fingerprint(data) == fingerprint(from_arrays(x, LABELS))


def test_tensors_frames_and_lists_mean_the_same() -> None:
    x = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    prints = {
        fingerprint(data)
        for data in (
            from_arrays(x, LABELS),
            from_arrays(torch.from_numpy(x).requires_grad_(), torch.from_numpy(LABELS)),
            from_arrays(x[:, ::-1][:, ::-1], LABELS[:, None].tolist()),
            from_arrays(np.asfortranarray(x), pd.Series(LABELS, index=range(12, 0, -1))),
            from_arrays(x.astype(">f4"), pd.DataFrame({"y": LABELS})),
        )
    }
    assert len(prints) == 1


def test_nothing_is_copied_where_nothing_need_be() -> None:
    x = pixels(3, 8, 8)
    assert np.shares_memory(np.asarray(from_arrays(x, LABELS).inputs), x)


def test_a_memory_map_stays_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", pixels(3, 8, 8))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(np.asarray(from_arrays(mapped, LABELS).inputs), mapped)


def test_bfloat16_and_booleans_become_numbers() -> None:
    x = torch.arange(12.0).reshape(12, 1)
    assert np.asarray(from_arrays(x.bfloat16(), LABELS).inputs).tolist() == x.tolist()
    flags = np.stack([LABELS > 0, LABELS < 1], axis=1)
    assert np.asarray(from_arrays(flags, LABELS).inputs).dtype == np.uint8


def test_a_frame_is_a_table_with_any_index_and_names() -> None:
    frame = pd.DataFrame({0: range(12), "b": list("xyz") * 4}, index=range(50, 62))
    data = from_arrays(frame, pd.Series(LABELS, name="label"))
    assert (data.input_kind, data.target_name) == ("table", "label")
    assert [column.name for column in data.columns] == ["0", "b"]
    assert frame.columns.tolist() == [0, "b"]


def test_rows_without_a_target_are_left_out_of_the_inputs() -> None:
    y = np.where(np.arange(12) < 3, np.nan, np.arange(12) / 7)
    for x in (np.arange(12.0), pd.DataFrame({"a": range(12)})):
        data = from_arrays(x, y)
        assert np.asarray(data.inputs).ravel().tolist() == list(range(3, 12))
        assert len(data.target) == 9


def test_missing_and_infinite_values_are_counted() -> None:
    x = np.ones((12, 2)) * np.arange(12)[:, None]
    x[0, 0], x[1, 1], x[2, 1] = np.nan, np.inf, 1e39
    assert from_arrays(x, LABELS).notes[-2:] == (
        "Missing input values: 1; each takes its feature's mean.",
        "Infinite input values: 2; they are treated as missing.",
    )


@pytest.mark.parametrize(
    ("x", "y", "what"),
    [
        (np.zeros((12, 2)), LABELS, "All rows of the inputs are equal"),
        (np.full((12, 2), np.nan), LABELS, "All rows of the inputs are equal"),
        (pixels(3)[:11], LABELS, "different numbers of rows"),
        (np.zeros((12, 0)), LABELS, "at least one in each row"),
        (np.zeros((0, 3)), LABELS[:0], "There are no rows."),
        (torch.zeros(0, 3), LABELS[:0], "There are no rows."),
        ([], [], "There are no rows."),
        (pixels(3)[:0], LABELS[:0], "There are no rows."),
        (np.float64(3.0), LABELS, "must be numbers"),
        (np.array(["a"] * 12), LABELS, "must be numbers"),
        (np.array([object()] * 12), LABELS, "must be numbers"),
        (np.arange(12) * 1j, LABELS, "must be numbers"),
        ([[1], [2, 3]], LABELS, "cannot be made an array"),
        (torch.eye(12).to_sparse(), LABELS, "cannot be made an array"),
        (pixels(3), np.eye(12), "one value for each row"),
        (pixels(3), np.float64(1.0), "one value for each row"),
        (pixels(3), np.zeros(12, [("a", int)]), "one value for each row"),
        (np.where(pixels(1, 4, 4) > 9, 1.0, np.nan), LABELS, "not finite numbers"),
        (np.where(pixels(1, 4, 4) > 9, 1.0, 1e300), LABELS, "not finite numbers"),
    ],
)
def test_wrong_arrays_are_refused(x: object, y: object, what: str) -> None:
    with pytest.raises(DataError) as caught:
        from_arrays(x, y)  # pyright: ignore[reportArgumentType]
    assert what in caught.value.what
    assert caught.value.given
    assert caught.value.do
