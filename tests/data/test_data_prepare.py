"""Fitted numbers and encoding, against scikit-learn."""

from __future__ import annotations

import json
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from goodfit.data import (
    Dataset,
    Preparation,
    dataset,
    encode,
    encoded_shape,
    fit,
    from_arrays,
    input_module,
    prepared_shape,
)
from goodfit.data.preparation import ArrayPreparation, ImagePreparation, TablePreparation
from goodfit.errors import DataError
from goodfit.recipe import Prepare

RNG = np.random.default_rng(0)
Scale = Literal["standardise", "min-max", "none"]
SCALERS = {
    "standardise": StandardScaler,
    "min-max": MinMaxScaler,
    "none": partial(FunctionTransformer, feature_names_out="one-to-one"),
}
NUMERIC, TEXTS = ["a", "b", "flag"], ["c", "d"]
TRAIN, REST = np.arange(0, 60, 2), np.arange(1, 60, 2)


def make_frame() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "a": RNG.normal(50, 10, 60),
            "c": RNG.choice(["x", "y", "z"], 60),
            "b": RNG.integers(0, 9, 60),
            "flag": RNG.integers(0, 2, 60).astype(bool),
            "d": RNG.choice(["p", "q"], 60),
        }
    )
    frame.loc[RNG.integers(0, 60, 9), "a"] = np.nan
    frame.loc[RNG.integers(0, 60, 9), "c"] = None
    frame.loc[[1, 3], "d"] = "only here"
    return frame


def make_table() -> Dataset:
    return from_arrays(make_frame(), np.arange(60) / 7)


def prepare(data: Dataset, preparation: Preparation, rows: np.ndarray) -> np.ndarray:
    encoded = encode(data, preparation)[rows]
    return input_module(preparation)(torch.from_numpy(encoded)).numpy()


@pytest.mark.parametrize("scale", SCALERS)
def test_a_table_is_prepared_as_by_scikit_learn(scale: Scale) -> None:
    data = make_table()
    preparation = fit(data, TRAIN, Prepare(scale=scale))
    frame = data.inputs
    assert isinstance(frame, pd.DataFrame)
    frame = frame.astype({"flag": float})
    reference = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), SCALERS[scale]()), NUMERIC),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXTS),
    ).fit(frame.iloc[TRAIN])
    for rows in (TRAIN, REST):
        # scikit-learn makes "missing" a category of its own; goodfit makes it all zeros.
        names = [str(name) for name in reference.get_feature_names_out()]
        kept = [name.endswith(("_None", "_nan")) is False for name in names]
        expected = np.asarray(reference.transform(frame.iloc[rows]))[:, kept]
        np.testing.assert_allclose(prepare(data, preparation, rows), expected, rtol=2e-6, atol=2e-6)


def test_unknown_and_missing_categories_are_all_zero() -> None:
    data = make_table()
    preparation = fit(data, TRAIN, Prepare())
    assert isinstance(preparation.inputs, TablePreparation)
    assert preparation.inputs.categorical[1].categories == ("p", "q")
    unknown = prepare(data, preparation, np.array([1, 3]))[:, -2:]
    assert (unknown == 0).all()


def test_statistics_do_not_see_other_rows() -> None:
    data = make_table()
    frame = data.inputs
    assert isinstance(frame, pd.DataFrame)
    other = frame.copy()
    other.loc[REST, "a"] = 1e6
    other.loc[REST, "c"] = "new"
    changed = from_arrays(other, np.where(np.isin(np.arange(60), REST), 1e6, data.target))
    assert fit(changed, TRAIN, Prepare()) == fit(data, TRAIN, Prepare())


@pytest.mark.parametrize("scale", SCALERS)
@pytest.mark.parametrize("kind", ["bytes", "floats"])
def test_images_are_scaled_by_channel(
    scale: Scale, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = RNG.integers(0, 200, (50, 3, 4, 5), dtype=np.uint8)
    if kind == "floats":
        images = (images / 255).astype(np.float32)
    data = from_arrays(images, np.arange(50) % 2)
    whole = fit(data, np.arange(30), Prepare(scale=scale))
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 1000)
    preparation = fit(data, np.arange(30), Prepare(scale=scale))
    assert isinstance(preparation.inputs, ImagePreparation)
    assert isinstance(whole.inputs, ImagePreparation)
    np.testing.assert_allclose(preparation.inputs.centre, whole.inputs.centre, rtol=1e-12)
    by_channel = images.transpose(0, 2, 3, 1).reshape(-1, 3).astype(np.float64)
    reference = SCALERS[scale]().fit(by_channel[: 30 * 20])
    expected = reference.transform(by_channel).reshape(50, 4, 5, 3).transpose(0, 3, 1, 2)
    found = prepare(data, preparation, np.arange(50))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.dtype == np.float32


@pytest.mark.parametrize("scale", SCALERS)
def test_arrays_are_scaled_by_feature_and_filled_with_the_mean(scale: Scale) -> None:
    values = RNG.normal(5, 3, (50, 2, 3))
    values[RNG.random(values.shape) < 0.1] = np.nan
    values[40, 0, 0] = np.inf
    data = from_arrays(values, np.arange(50) % 2)
    preparation = fit(data, np.arange(30), Prepare(scale=scale))
    flat = np.where(np.isinf(values), np.nan, values).reshape(50, 6)
    imputer, scaler = SimpleImputer().fit(flat[:30]), SCALERS[scale]().fit(flat[:30])
    expected = scaler.transform(imputer.transform(flat)).reshape(50, 2, 3)
    np.testing.assert_allclose(
        prepare(data, preparation, np.arange(50)), expected, rtol=1e-5, atol=1e-5
    )


def test_a_constant_feature_keeps_a_scale_of_one() -> None:
    x = np.stack([np.full(20, 0.1), np.arange(20.0), np.arange(20) * 1e-42], axis=1)
    for scale in ("standardise", "min-max"):
        inputs = fit(from_arrays(x, np.arange(20) % 2), np.arange(20), Prepare(scale=scale)).inputs
        assert isinstance(inputs, ArrayPreparation)
        assert (inputs.scale[0], inputs.scale[2]) == (1.0, 1.0)


@pytest.mark.parametrize("scale", SCALERS)
def test_extreme_numbers_stay_finite(scale: Scale) -> None:
    x = np.array([8e37, -8e37, 3e38, 1e300, -np.inf] * 4)
    for inputs in (x, pd.DataFrame({"a": x})):
        data = from_arrays(inputs, np.arange(20) % 2)
        for rows in (np.arange(1), np.arange(20)):
            preparation = fit(data, rows, Prepare(scale=scale))
            assert np.isfinite(prepare(data, preparation, np.arange(20))).all()


def test_a_feature_without_training_values_becomes_zero() -> None:
    x = np.arange(40.0).reshape(20, 2)
    x[:10, 0] = np.nan
    for inputs in (x, pd.DataFrame(x)):
        data = from_arrays(inputs, np.arange(20) % 2)
        for scale in ("standardise", "min-max", "none"):
            preparation = fit(data, np.arange(10), Prepare(scale=scale))
            assert (prepare(data, preparation, np.arange(10))[:, 0] == 0).all()


def test_a_table_without_any_training_value_is_refused() -> None:
    frame = pd.DataFrame({"c": [None] * 10 + ["x", "y"] * 5})
    with pytest.raises(DataError, match="No column has a value in the training rows"):
        fit(from_arrays(frame, np.arange(20) % 2), np.arange(10), Prepare())


def test_a_quantity_is_standardised_and_classes_are_not() -> None:
    data = make_table()
    target = fit(data, TRAIN, Prepare(scale="none")).target
    assert target is not None
    assert target.centre == pytest.approx(data.target[TRAIN].mean())
    assert target.scale == pytest.approx(data.target[TRAIN].std())
    classes = from_arrays(np.arange(20.0), np.arange(20) % 2)
    assert fit(classes, np.arange(20), Prepare()).target is None


def test_a_quantity_constant_in_training_keeps_a_scale_of_one() -> None:
    data = from_arrays(np.arange(20.0), np.where(np.arange(20) < 15, 0.1, 0.7))
    target = fit(data, np.arange(15), Prepare()).target
    assert target is not None
    assert target.scale == 1.0


@pytest.mark.parametrize(
    "data",
    [
        make_table(),
        from_arrays(RNG.integers(0, 9, (20, 3, 4, 4), dtype=np.uint8), np.arange(20) % 2),
        from_arrays(RNG.normal(size=(20, 2, 3)), np.arange(20) % 2),
    ],
    ids=["table", "image", "array"],
)
def test_json_and_shapes(data: Dataset) -> None:
    preparation = fit(data, np.arange(20), Prepare())
    text = json.dumps(preparation.to_json(), allow_nan=False)
    assert Preparation.from_json(json.loads(text)) == preparation
    encoded = encode(data, preparation)
    assert encoded.shape[1:] == encoded_shape(preparation)
    prepared = input_module(preparation)(torch.from_numpy(encoded))
    assert tuple(prepared.shape[1:]) == prepared_shape(preparation)
    assert torch.isfinite(prepared).all()


def test_encode_takes_new_frames() -> None:
    preparation = fit(make_table(), TRAIN, Prepare())
    frame = pd.DataFrame(
        {
            "d": ["q", None, "?"],
            "flag": [True, None, False],
            "a": [None, None, None],
            "extra": ["not", "looked", "at"],
            "b": [1, 2, 3],
            "c": ["x", "y", "z"],
        }
    )
    encoded = encode(frame, preparation)
    assert encoded.dtype == np.float32
    nan = np.nan
    expected = [[nan, 1, 1, 0, 1], [nan, 2, nan, 1, nan], [nan, 3, 0, 2, nan]]
    np.testing.assert_array_equal(encoded, expected)


def test_encode_understands_numbered_columns() -> None:
    frame = pd.DataFrame(RNG.normal(size=(20, 3)))
    data = from_arrays(frame, np.arange(20) % 2)
    preparation = fit(data, np.arange(20), Prepare())
    assert (encode(frame, preparation) == encode(data, preparation)).all()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda frame: frame.drop(columns="b"), 'The column "b" is missing.'),
        (lambda frame: frame.drop(columns="c"), 'The column "c" is missing.'),
        (lambda frame: frame.assign(a="text"), '"a" held numbers in training'),
        (lambda frame: frame.to_numpy(), "trained on a table"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(change: object, what: str) -> None:
    preparation = fit(make_table(), TRAIN, Prepare())
    with pytest.raises(DataError) as caught:
        encode(change(make_frame()), preparation)  # pyright: ignore[reportCallIssue]
    assert what in caught.value.what
    assert caught.value.given
    assert caught.value.do


def test_arrays_that_do_not_fit_are_refused() -> None:
    data = from_arrays(RNG.integers(0, 9, (20, 1, 4, 4), dtype=np.uint8), np.arange(20) % 2)
    preparation = fit(data, np.arange(20), Prepare())
    for wrong in (np.zeros((1, 5, 4)), np.zeros((2, 3, 4, 4)), pd.DataFrame({"a": [1]})):
        with pytest.raises(DataError, match=r"samples of shape \[1, 4, 4\]"):
            encode(wrong, preparation)


def test_images_of_one_channel_may_come_without_it() -> None:
    images = RNG.integers(0, 9, (20, 4, 4), dtype=np.uint8)
    preparation = fit(from_arrays(images, np.arange(20) % 2), np.arange(20), Prepare())
    assert np.array_equal(encode(images, preparation), images[:, None])


def test_encode_copies_no_bytes_and_makes_floats_of_other_pixels() -> None:
    data = from_arrays(RNG.integers(0, 9, (20, 1, 4, 4), dtype=np.uint8), np.arange(20) % 2)
    preparation = fit(data, np.arange(20), Prepare())
    assert np.shares_memory(encode(data, preparation), np.asarray(data.inputs))
    assert encode(np.zeros((2, 1, 4, 4)), preparation).dtype == np.float32
