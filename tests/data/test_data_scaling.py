"""Every way to scale, against scikit-learn and closed forms."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from goodfit.data import (
    Dataset,
    Preparation,
    dataset,
    encode,
    fit,
    from_arrays,
    in_words,
    input_module,
    prepared_shape,
)
from goodfit.data.rotating import MOST_FEATURES, TURNINGS
from goodfit.data.scaling import BY_CHANNEL, SCALINGS
from goodfit.errors import DataError
from goodfit.explaining import explain
from goodfit.recipe import Prepare
from goodfit.recipe.inputs import TURNING

RNG = np.random.default_rng(3)
TRAIN, REST = np.arange(0, 80, 2), np.arange(1, 80, 2)
MIXED = RNG.normal(size=(80, 5)) @ RNG.normal(size=(5, 5)) * [1, 10, 100, 1, 3] + 7
IMAGES = (RNG.random((80, 3, 4, 5)) ** 2 * 255).astype(np.uint8)
SIGNALS = np.cumsum(RNG.normal(size=(80, 2, 6)), axis=2) + np.array([[3], [70]])
SITES = RNG.choice(["x", "y", "z"], 80)
INPUTS = {
    "table": pd.DataFrame(MIXED, columns=list("abcde")).assign(site=SITES),
    "columns": MIXED,
    "images": IMAGES,
    "signals": SIGNALS,
}
FITTING = {
    "table": [*SCALINGS, *TURNINGS],
    "columns": [*SCALINGS, *TURNINGS],
    "images": [*SCALINGS, *TURNINGS],
    "signals": [*SCALINGS, *TURNINGS],
}
NOT_FITTING = [(kind, how) for kind in ("table", "columns") for how in (*BY_CHANNEL, "mean-image")]
NOT_FITTING.append(("signals", "mean-image"))
CASES = [(kind, how) for kind in INPUTS for how in FITTING[kind] if (kind, how) not in NOT_FITTING]
REFERENCES = {
    "standardise": StandardScaler(),
    "centre": StandardScaler(with_std=False),
    "min-max": MinMaxScaler(),
    "robust": RobustScaler(),
}


def data_of(kind: str) -> Dataset:
    return from_arrays(INPUTS[kind], np.arange(80) % 4)


def prepared(data: Dataset, preparation: Preparation, rows: np.ndarray) -> np.ndarray:
    return input_module(preparation)(torch.from_numpy(encode(data, preparation)[rows])).numpy()


def make(scale: str, **fields: object) -> Prepare:
    return Prepare.model_validate({"scale": scale, **fields})


@pytest.mark.parametrize("how", REFERENCES)
def test_columns_are_scaled_as_by_scikit_learn(how: str) -> None:
    data, reference = data_of("columns"), REFERENCES[how].fit(MIXED[TRAIN])
    found = prepared(data, fit(data, TRAIN, make(how)), REST)
    np.testing.assert_allclose(found, reference.transform(MIXED[REST]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("how", REFERENCES)
@pytest.mark.parametrize("kind", ["bytes", "floats"])
def test_images_are_scaled_by_channel_as_by_scikit_learn(how: str, kind: str) -> None:
    images = IMAGES if kind == "bytes" else (IMAGES / 7).astype(np.float32)
    data = from_arrays(images, np.arange(80) % 4)
    found = prepared(data, fit(data, TRAIN, make(how)), REST)
    for channel in range(3):
        column = images[TRAIN, channel].reshape(-1, 1).astype(float)
        expected = (
            REFERENCES[how]
            .fit(column)
            .transform(images[REST, channel].reshape(-1, 1).astype(float))
        )
        np.testing.assert_allclose(found[:, channel].ravel(), expected[:, 0], rtol=1e-5, atol=1e-5)


def test_mean_image_and_channel_mean_are_those_of_the_notes() -> None:
    data = data_of("images")
    found = prepared(data, fit(data, TRAIN, make("mean-image")), REST)
    np.testing.assert_allclose(found, IMAGES[REST] - IMAGES[TRAIN].mean(axis=0), atol=1e-4)
    found = prepared(data, fit(data, TRAIN, make("channel-mean")), REST)
    means = IMAGES[TRAIN].mean(axis=(0, 2, 3), keepdims=True)
    np.testing.assert_allclose(found, IMAGES[REST] - means, atol=1e-4)


def test_channels_of_a_signal_share_their_numbers() -> None:
    data = data_of("signals")
    found = prepared(data, fit(data, TRAIN, make("channel-standardise")), REST)
    train = SIGNALS[TRAIN]
    mean, std = train.mean(axis=(0, 2), keepdims=True), train.std(axis=(0, 2), keepdims=True)
    np.testing.assert_allclose(found, (SIGNALS[REST] - mean) / std, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("components", [3, 0.8, None])
@pytest.mark.parametrize("of", ["correlation", "covariance"])
def test_pca_is_that_of_scikit_learn_up_to_sign(components: float | None, of: str) -> None:
    data = data_of("columns")
    preparation = fit(data, TRAIN, make("pca", components=components, pca_of=of))
    variances = MIXED[TRAIN].var(axis=0)
    size = np.sqrt(variances if of == "correlation" else variances.mean())
    reference = PCA(components).fit(MIXED[TRAIN] / size)
    expected = reference.transform(MIXED[REST] / size)
    found = prepared(data, preparation, REST)
    assert found.shape == expected.shape
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, rtol=1e-3, atol=1e-4)
    assert preparation.projection is not None
    share = reference.explained_variance_ratio_.sum()
    assert preparation.projection.share == pytest.approx(share, rel=1e-6)


def test_by_default_columns_count_alike_and_pixels_by_their_variance() -> None:
    table, images = data_of("columns"), data_of("images")
    assert fit(table, TRAIN, make("pca")) == fit(table, TRAIN, make("pca", pca_of="correlation"))
    assert fit(images, TRAIN, make("pca")) == fit(images, TRAIN, make("pca", pca_of="covariance"))


def test_the_numeric_columns_of_a_table_are_turned_and_the_others_kept() -> None:
    data = data_of("table")
    found = prepared(data, fit(data, TRAIN, make("pca", components=2)), REST)
    reference = make_pipeline(StandardScaler(), PCA(2)).fit(MIXED[TRAIN])
    expected = reference.transform(MIXED[REST])
    np.testing.assert_allclose(np.abs(found[:, :2]), np.abs(expected), rtol=1e-3, atol=1e-4)
    sites = pd.get_dummies(INPUTS["table"]["site"]).to_numpy(float)
    np.testing.assert_array_equal(found[:, 2:], sites[REST])


@pytest.mark.parametrize("kind", ["columns", "images", "signals"])
@pytest.mark.parametrize("how", ["whiten", "zca"])
def test_whitened_training_rows_have_the_identity_as_covariance(kind: str, how: str) -> None:
    data, rows = data_of(kind), np.arange(80)
    found = prepared(data, fit(data, rows, make(how, eps=0.0)), rows).reshape(80, -1)
    np.testing.assert_allclose(np.cov(found.T, ddof=0), np.eye(found.shape[1]), atol=5e-3)


def test_zca_is_the_inverse_root_of_the_covariance() -> None:
    data = data_of("columns")
    found = prepared(data, fit(data, TRAIN, make("zca", eps=0.1)), REST)
    centre, size = MIXED[TRAIN].mean(axis=0), MIXED[TRAIN].std(axis=0)
    covariance = np.cov(((MIXED[TRAIN] - centre) / size).T, ddof=0)
    values, vectors = np.linalg.eigh(covariance + 0.1 * np.eye(5))
    root = vectors @ np.diag(values**-0.5) @ vectors.T
    np.testing.assert_allclose(found, (MIXED[REST] - centre) / size @ root, rtol=1e-4, atol=1e-4)


def test_eps_is_what_whitening_divides_by_more() -> None:
    data = data_of("columns")
    projections = [fit(data, TRAIN, make("whiten", eps=eps)).projection for eps in (0.0, 0.5)]
    plain, damped = (p.matrix.numbers() for p in projections if p is not None)
    turned = fit(data, TRAIN, make("pca")).projection
    assert turned is not None
    spread = 1 / np.linalg.norm(plain, axis=0) ** 2
    np.testing.assert_allclose(damped, turned.matrix.numbers() / np.sqrt(spread + 0.5), rtol=1e-4)


@pytest.mark.parametrize(("kind", "how"), CASES)
def test_stored_and_read_it_prepares_alike_and_as_its_shape_says(kind: str, how: str) -> None:
    data = data_of(kind)
    preparation = fit(data, TRAIN, make(how))
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    assert again == preparation
    expected, found = (prepared(data, each, REST) for each in (preparation, again))
    assert expected.tobytes() == found.tobytes()
    assert found.shape[1:] == prepared_shape(preparation)
    assert found.dtype == np.float32
    assert in_words(preparation, make(how))


@pytest.mark.parametrize(("kind", "how"), CASES)
def test_rows_outside_the_training_part_change_nothing(kind: str, how: str) -> None:
    data, changed = data_of(kind), INPUTS[kind].copy()
    if isinstance(changed, pd.DataFrame):
        changed.loc[REST, list("abcde")] = 1e9
        changed.loc[REST, "site"] = "new"
    else:
        changed[REST] = 200
    other = from_arrays(changed, np.arange(80) % 4)
    assert fit(other, TRAIN, make(how)) == fit(data, TRAIN, make(how))


@pytest.mark.parametrize(("kind", "how"), CASES)
def test_what_is_constant_in_training_stays_finite(kind: str, how: str) -> None:
    values = INPUTS[kind].copy()
    if isinstance(values, pd.DataFrame):
        values.loc[TRAIN, "a"] = 5.0
    else:
        values[TRAIN, 0] = 5
    data = from_arrays(values, np.arange(80) % 4)
    found = prepared(data, fit(data, TRAIN, make(how)), np.arange(80))
    assert np.isfinite(found).all()
    if kind in ("table", "columns") and how not in ("none", *TURNINGS):
        assert (found[TRAIN, 0] == 0).all()


@pytest.mark.parametrize(("kind", "how"), NOT_FITTING)
def test_ways_for_images_are_refused_for_columns(kind: str, how: str) -> None:
    with pytest.raises(DataError, match="can be scaled by") as caught:
        fit(data_of(kind), TRAIN, make(how))
    assert "standardise" in caught.value.do


@pytest.mark.parametrize(("train", "asked"), [(TRAIN, 6), (TRAIN[:4], 4)])
def test_more_components_than_directions_are_refused(train: np.ndarray, asked: int) -> None:
    with pytest.raises(DataError, match="more components than") as caught:
        fit(data_of("columns"), train, make("pca", components=asked))
    assert f"at most {asked - 1}" in caught.value.do
    fit(data_of("columns"), train, make("pca", components=asked - 1))


def test_one_column_cannot_be_turned() -> None:
    frame = pd.DataFrame({"a": np.arange(80.0), "b": ["x", "y"] * 40})
    data = from_arrays(frame, np.arange(80) % 4)
    with pytest.raises(DataError, match="at least two columns") as caught:
        fit(data, TRAIN, make("pca"))
    assert caught.value.given == "1 column of numbers"


def test_a_huge_matrix_is_refused_before_it_is_made() -> None:
    images = np.zeros((20, 3, 200, 200), np.uint8)
    images[10:] = 1
    with pytest.raises(DataError, match="huge matrix") as caught:
        fit(from_arrays(images, np.arange(20) % 4), np.arange(20), make("zca"))
    assert "120,000 x 120,000, 57,600 MB" in str(caught.value.given)
    assert f"{MOST_FEATURES:,}" in caught.value.do


@pytest.mark.parametrize("how", TURNINGS)
def test_blocks_of_rows_give_the_same_statistics(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_of("images")
    whole = prepared(data, fit(data, TRAIN, make(how, components=9)), REST)
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 3000)
    in_blocks = prepared(data, fit(data, TRAIN, make(how, components=9)), REST)
    np.testing.assert_allclose(in_blocks, whole, rtol=1e-4, atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.99))
def test_a_share_keeps_the_fewest_components_that_hold_it(seed: int, share: float) -> None:
    x = np.random.default_rng(seed).normal(size=(30, 4)) @ np.diag([5.0, 2.0, 1.0, 0.2])
    data = from_arrays(x, np.arange(30) % 3)
    how = make("pca", components=share, pca_of="covariance")
    projection = fit(data, np.arange(30), how).projection
    assert projection is not None
    ratios = PCA().fit(x).explained_variance_ratio_
    assert projection.share >= share - 1e-9
    assert ratios[: projection.num_components - 1].sum() < share


@pytest.mark.parametrize("how", [*SCALINGS, *TURNINGS])
def test_each_way_is_explained_and_in_the_recipe(how: str) -> None:
    assert make(how).scale == how
    assert "(a preparation)" in explain(how)


def test_the_recipe_knows_the_ways_that_turn() -> None:
    assert tuple(TURNINGS) == TURNING
