"""What the data looks like: counts against numpy's and scikit-learn's, samples, nothing sealed."""

from __future__ import annotations

import base64
import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from sklearn.metrics import mutual_info_score

from goodfit.data import from_arrays, load, split
from goodfit.data.checks import Rows
from goodfit.data.drawing import bars_of, bits_told, draw_data
from goodfit.recipe import DataSource, Prepare, Split
from goodfit.records import Gallery, Histograms, Sheet, Table

RNG = np.random.default_rng(0)


def rows_of(x: Any, y: Any, **options: Any) -> Rows:
    data = from_arrays(x, y, **options)
    return Rows(data, split(data, Split(), seed=0))


def part(sheet: Sheet, kind: type, title: str) -> Any:
    (found,) = [p for p in sheet.parts if isinstance(p, kind) and p.title == title]
    return found


FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(arrays(np.float64, st.integers(1, 200), elements=FLOATS | st.just(np.nan)))
@settings(max_examples=80, deadline=None)
def test_every_value_stands_in_a_bar_or_is_told_of(values: np.ndarray) -> None:
    drawn = bars_of("x", values)
    told = dict(word.split(" ")[::-1] for word in drawn.note.split(", ") if word)
    left = sum(int(told.get(word, "0").replace(",", "")) for word in ("missing", "beyond"))
    assert sum(drawn.counts) + left == len(values)
    assert len(drawn.names or drawn.edges[1:]) == len(drawn.counts)


def test_bars_are_numpys_histogram() -> None:
    values = RNG.normal(size=500)
    drawn = bars_of("x", values)
    counts, edges = np.histogram(values, bins=20)
    assert drawn.counts == tuple(counts) and drawn.edges == pytest.approx(edges)


def test_a_far_value_does_not_squeeze_the_others() -> None:
    values = np.append(RNG.normal(size=1000), 1e6)
    drawn = bars_of("x", values)
    assert max(drawn.counts) < 300 and drawn.edges[-1] < 10.0 and "beyond" in drawn.note


def test_numbers_that_float64_hardly_tells_apart_are_drawn_with_the_far_ones() -> None:
    close = np.repeat([1.0, np.nextafter(1.0, 2.0)], 3000)
    drawn = bars_of("x", np.append(close, np.arange(100.0, 130.0)))
    assert sum(drawn.counts) == 6030 and drawn.edges[-1] == 129.0


def test_bits_are_those_of_scikit_learn_for_many_rows() -> None:
    x = RNG.integers(0, 6, 200_000)
    y = np.where(RNG.random(200_000) < 0.4, x % 3, RNG.integers(0, 3, 200_000))
    assert bits_told(x, y) == pytest.approx(mutual_info_score(x, y) / np.log(2), abs=2e-4)


def test_chance_tells_nothing() -> None:
    told = [bits_told(RNG.integers(0, 10, 300), RNG.integers(0, 3, 300)) for _ in range(200)]
    plain = [mutual_info_score(RNG.integers(0, 10, 300), RNG.integers(0, 3, 300)) for _ in range(9)]
    assert np.mean(told) < 0.02 < np.mean(plain) / np.log(2)


def test_a_table_draws_all_of_its_columns_each_in_its_manner() -> None:
    num = 300
    frame = pd.DataFrame(
        {
            "size": RNG.normal(size=num),
            "flag": np.arange(num) % 3 == 0,
            "site": np.array(["n", "s", "e"])[np.arange(num) % 3],
            "day": pd.date_range("2020-01-01", periods=num).strftime("%Y-%m-%d"),
        }
    )
    frame.loc[::10, "size"] = np.nan
    rows = rows_of(frame, np.arange(num) % 3, prepare=Prepare(dates="parts"))
    inputs = part(draw_data(rows), Histograms, "Inputs")
    by_name = {drawn.name: drawn for drawn in inputs.histograms}
    assert list(by_name) == ["size", "flag", "site", "day"]
    assert by_name["flag"].names == ("0", "1") and set(by_name["site"].names) == {"n", "s", "e"}
    assert by_name["day"].names[0].startswith("2020-0") and len(by_name["day"].counts) == 20
    assert "missing" in by_name["size"].note and "tells 1.58 bits" in by_name["site"].note
    assert "takes 1.58 bits" in inputs.caption and "all 210 training rows" in inputs.caption


def test_of_many_features_the_telling_ones_are_drawn_and_the_rest_is_counted() -> None:
    x, y = RNG.normal(size=(400, 30)), np.arange(400) % 2
    x[:, 17] += 3 * y
    x[:, 4] = (x[:, 4] + 2 * y) ** 3
    inputs = part(draw_data(rows_of(x, y)), Histograms, "Inputs")
    names = [drawn.name for drawn in inputs.histograms]
    assert names[:2] == ["input 17", "input 4"] and len(names) == 12
    assert "The 12 of 30 inputs" in inputs.caption and "18 are left out" in inputs.caption


def test_regression_draws_its_target_without_the_sealed_rows() -> None:
    x, y = RNG.normal(size=(300, 3)), RNG.normal(size=300)
    rows = rows_of(x, y)
    drawn = draw_data(rows)
    (target,) = part(drawn, Histograms, "Target").histograms
    assert sum(target.counts) == 300 - len(rows.parts.test)
    moved = rows.dataset.target.copy()
    moved[rows.parts.test] = 1e6
    other = Rows(dataclasses.replace(rows.dataset, target=moved), rows.parts)
    assert draw_data(other) == drawn


def test_class_counts_are_those_of_each_part() -> None:
    rows = rows_of(RNG.normal(size=(200, 3)), np.repeat(["a", "b"], [150, 50]))
    table = part(draw_data(rows), Table, "Rows of each class, by part")
    assert table.columns == ("class", "train", "validation", "test", "all", "share in %")
    for code, row in enumerate(table.rows):
        counts = [int((rows.dataset.target[p] == code).sum()) for p in rows.parts.rows().values()]
        assert row[1:4] == tuple(counts) and row[4] == sum(counts)


def test_of_many_classes_the_commonest_and_the_rarest_are_listed() -> None:
    labels = np.repeat(np.arange(60), np.arange(60) + 3)
    rows = rows_of(RNG.normal(size=(len(labels), 2)), [f"c{label:02d}" for label in labels])
    table = part(draw_data(rows), Table, "Rows of each class, by part")
    assert len(table.rows) == 40 and table.rows[0][0] == "c59" and table.rows[-1][0] == "c00"
    assert "of 60 classes" in table.caption


def test_the_sheet_of_images_holds_training_images_of_each_class() -> None:
    data = load(DataSource(path="digits"))
    rows = Rows(data, split(data, Split(), seed=0))
    shown = part(draw_data(rows), Gallery, "Images of each class")
    assert shown.names == data.classes and {len(row) for row in shown.pictures} == {8}
    of_train = {
        (255.0 * data.inputs[row, 0] / 16).round().astype(np.uint8).tobytes(): int(data.target[row])
        for row in rows.parts.train
    }
    for code, row in enumerate(shown.pictures):
        for png in row:
            pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))
            assert of_train[pixels.tobytes()] == code


def test_large_images_are_made_small_and_a_quantity_is_cut_into_quarters() -> None:
    images = RNG.integers(0, 256, (40, 100, 70, 3), dtype=np.uint8)
    shown = part(draw_data(rows_of(images, RNG.normal(size=40))), Gallery, "Images by target")
    assert shown.names[0] == "lowest quarter" and len(shown.names) == 4
    assert Image.open(io.BytesIO(base64.b64decode(shown.pictures[0][0]))).size == (34, 48)


def test_only_a_sample_of_a_memory_mapped_array_is_read(tmp_path: Path) -> None:
    class Counting(np.memmap):
        read = 0

        def __getitem__(self, index: Any) -> Any:
            found = super().__getitem__(index)
            Counting.read += np.asarray(found).size
            return found

    images = np.zeros((20_000, 1, 12, 12), np.uint8)
    images[:] = RNG.integers(0, 256, (20_000, 1, 1, 1))
    rows = rows_of(images, np.arange(20_000) % 4)
    path = tmp_path / "images"
    images.tofile(path)
    mapped = np.memmap(path, np.uint8, "r", shape=images.shape).view(Counting)
    rows = Rows(dataclasses.replace(rows.dataset, inputs=mapped), rows.parts)
    pixels = part(draw_data(rows), Histograms, "Pixels")
    assert "2,000 of 14,000 training rows" in pixels.caption
    # The sample once, split by channel a second time; and the pictures.
    assert 0 < Counting.read < 0.3 * images.size
