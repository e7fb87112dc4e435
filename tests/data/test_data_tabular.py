"""Gaps, texts and dates of tables, against scikit-learn and pandas."""

from __future__ import annotations

import inspect
import json
import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from goodfit.data import (
    Dataset,
    Preparation,
    encode,
    encoded_shape,
    fit,
    from_arrays,
    in_words,
    input_module,
    prepared_shape,
)
from goodfit.data.encoders import ENCODERS
from goodfit.data.filling import IMPUTERS, MISSING
from goodfit.data.preparation import TablePreparation
from goodfit.data.preparations import PREPARATIONS
from goodfit.errors import DataError
from goodfit.explaining import FAMILIES, explain
from goodfit.recipe import Prepare

RNG = np.random.default_rng(5)
N, TRAIN, REST = 120, np.arange(0, 120, 2), np.arange(1, 120, 2)
DAYS = pd.Series(pd.date_range("2023-11-20 06:15", periods=N, freq="31h"))


def make_frame() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "size": RNG.integers(0, 5, N).astype(float),
            "rooms": RNG.normal(3, 1, N).round(1),
            "site": RNG.choice(["north", "south", "west"], N),
            "city": [f"city {number % 40}" for number in range(N)],
            "when": DAYS,
            "sold": DAYS.dt.strftime("%Y-%m-%d"),
        }
    )
    frame.loc[RNG.choice(TRAIN, 9), "size"] = np.nan
    frame.loc[RNG.choice(TRAIN, 9), "site"] = None
    frame.loc[[4, 9], "when"] = pd.NaT
    frame.loc[[3, 11], "site"] = "only here"
    return frame


FRAME = make_frame()


def table(*names: str) -> pd.DataFrame:
    return pd.DataFrame({name: FRAME[name] for name in names})


EVERYTHING = [
    make
    for encoder in ENCODERS
    for make in (
        {"encode": encoder, "dates": "parts", "indicator": True, "missing_category": "own"},
        {"encode": encoder, "dates": "cyclic", "impute": "mean", "scale": "whiten"},
        {"encode": encoder, "dates": "parts", "impute": "most-frequent", "scale": "robust"},
    )
]


def make(**fields: object) -> Prepare:
    return Prepare.model_validate({"scale": "none", **fields})


def data_of(prepare: Prepare, frame: pd.DataFrame = FRAME) -> Dataset:
    return from_arrays(frame, np.arange(len(frame)) / 7, prepare=prepare)


def prepared(frame: pd.DataFrame, preparation: Preparation) -> np.ndarray:
    encoded = encode(frame, preparation)
    assert encoded.shape[1:] == encoded_shape(preparation)
    found = input_module(preparation)(torch.from_numpy(encoded)).numpy()
    assert found.shape[1:] == prepared_shape(preparation)
    return found


def table_of(preparation: Preparation) -> TablePreparation:
    assert isinstance(preparation.inputs, TablePreparation)
    return preparation.inputs


@pytest.mark.parametrize("how", IMPUTERS)
@pytest.mark.parametrize("indicator", [True, False])
def test_gaps_are_filled_as_by_scikit_learn(how: str, indicator: bool) -> None:
    frame, prepare = table("size", "rooms"), make(impute=how, indicator=indicator)
    strategy = how.replace("-", "_")
    reference = SimpleImputer(strategy=strategy, add_indicator=indicator).fit(frame.iloc[TRAIN])
    found = prepared(frame, fit(data_of(prepare, frame), TRAIN, prepare))
    np.testing.assert_allclose(found, np.asarray(reference.transform(frame), float), rtol=1e-6)


@pytest.mark.parametrize("how", IMPUTERS)
def test_gaps_of_arrays_are_filled_as_by_scikit_learn(how: str) -> None:
    values = RNG.integers(0, 4, (N, 3)).astype(float)
    values[RNG.random((N, 3)) < 0.2] = np.nan
    prepare = make(impute=how)
    preparation = fit(from_arrays(values, np.arange(N) / 7), TRAIN, prepare)
    found = input_module(preparation)(torch.from_numpy(encode(values, preparation))).numpy()
    reference = SimpleImputer(strategy=how.replace("-", "_")).fit(values[TRAIN])
    np.testing.assert_allclose(found, np.asarray(reference.transform(values)), rtol=1e-6)


def test_one_hot_is_that_of_scikit_learn() -> None:
    frame, prepare = table("site"), make(missing_category="own")
    reference = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(frame.iloc[TRAIN])
    found = prepared(frame, fit(data_of(prepare, frame), TRAIN, prepare))
    np.testing.assert_array_equal(found, reference.transform(frame))


def test_ordinal_codes_are_those_of_scikit_learn() -> None:
    frame, prepare = table("site", "city"), make(encode="ordinal")
    reference = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1
    ).fit(frame.iloc[TRAIN])
    found = prepared(frame, fit(data_of(prepare, frame), TRAIN, prepare))
    np.testing.assert_array_equal(found, reference.transform(frame))


def test_hashes_are_those_of_scikit_learn() -> None:
    frame, prepare = table("city"), make(encode="hash", hash_size=7)
    found = prepared(frame, fit(data_of(prepare, frame), TRAIN, prepare))
    hasher = FeatureHasher(7, input_type="string")
    expected = hasher.transform([[text] for text in frame["city"]]).toarray()  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_array_equal(found, expected)
    assert {-1.0, 1.0} <= set(np.unique(found))


def test_auto_hashes_what_has_many_texts_only() -> None:
    prepare = make(encode="auto", max_categories=10, hash_size=16)
    found = table_of(fit(data_of(prepare, table("site", "city")), TRAIN, prepare))
    assert [column.hash_size for column in found.categorical] == [None, 16]


def test_one_hot_leaves_out_what_has_too_many_texts() -> None:
    frame = table("site", "city")
    assert list(data_of(make(max_categories=10), frame).inputs) == ["site"]
    assert list(data_of(make(max_categories=40), frame).inputs) == ["site", "city"]


@pytest.mark.parametrize("how", MISSING)
@pytest.mark.parametrize("encoder", ["one-hot", "ordinal", "hash"])
def test_missing_texts_become_what_is_said(how: str, encoder: str) -> None:
    prepare = make(missing_category=how, encode=encoder)
    frame = table("site")
    preparation = fit(data_of(prepare, frame), TRAIN, prepare)
    common = frame["site"].iloc[TRAIN].value_counts().index[0]
    missing, unknown, commonest = prepared(
        pd.DataFrame({"site": [None, "never seen", common]}), preparation
    )
    if how == "most-frequent":
        np.testing.assert_array_equal(missing, commonest)
    elif how == "own":
        assert missing.any()
        assert not (missing == commonest).all()
    else:
        nothing = [-1.0] if encoder == "ordinal" else np.zeros(len(missing))
        np.testing.assert_array_equal(missing, nothing)
    if encoder != "hash":
        assert (unknown == (-1.0 if encoder == "ordinal" else 0.0)).all()


@pytest.mark.parametrize("name", ["when", "sold"])
def test_dates_are_taken_apart_as_by_pandas(name: str) -> None:
    prepare = make(dates="parts", impute="mean")
    frame = table(name)
    preparation = fit(data_of(prepare, frame), TRAIN, prepare)
    dates = pd.DatetimeIndex(pd.to_datetime(frame[name]))
    expected = {
        "year": dates.year,
        "month": dates.month,
        "day": dates.day,
        "weekday": dates.day_of_week,
        "hour": dates.hour + dates.minute / 60,
        "days": (dates - dates[TRAIN].min()) / pd.Timedelta(days=1),
    }
    if name == "sold":
        del expected["hour"]  # no time of day: constant, and left out
    assert [column.name for column in table_of(preparation).numeric] == [
        f"{name}.{part}" for part in expected
    ]
    found = prepared(frame, preparation)
    for place, values in enumerate(expected.values()):
        values = np.asarray(values, float)
        filled = np.where(np.isnan(values), np.nanmean(values[TRAIN]), values)
        np.testing.assert_allclose(found[:, place], filled, rtol=1e-5, atol=1e-4)


def test_cyclic_dates_lie_on_circles_and_december_beside_january() -> None:
    prepare, frame = make(dates="cyclic"), table("sold")
    preparation = fit(data_of(prepare, frame), TRAIN, prepare)
    names = [column.name for column in table_of(preparation).numeric]
    days = pd.DataFrame({"sold": ["2023-12-05", "2024-01-05", "2024-07-05"]})
    found = pd.DataFrame(prepared(days, preparation), columns=names)
    months = found[["sold.month.sin", "sold.month.cos"]].to_numpy()
    np.testing.assert_allclose((months**2).sum(axis=1), 1.0, rtol=1e-5)
    assert np.linalg.norm(months[0] - months[1]) == pytest.approx(2 * np.sin(np.pi / 12), rel=1e-5)
    assert np.linalg.norm(months[1] - months[2]) == pytest.approx(2.0, rel=1e-5)


def test_times_with_zones_count_in_utc() -> None:
    zoned = table("when").assign(when=DAYS.dt.tz_localize("Europe/Oslo"))
    prepare = make(dates="parts")
    expected = zoned.assign(when=zoned["when"].dt.tz_convert("UTC").dt.tz_localize(None))
    found = [fit(data_of(prepare, each), TRAIN, prepare) for each in (zoned, expected)]
    assert found[0] == found[1]


def test_without_being_asked_dates_stay_out() -> None:
    data = data_of(make())
    assert {column.name: column.kind for column in data.columns}["when"] == "ignored"
    assert fit(data, TRAIN, make()) == fit(data, TRAIN, make(impute="median", hash_size=None))


def test_texts_of_which_one_is_no_date_stay_texts() -> None:
    frame = table("rooms").assign(sold=["2024-01-01", "2024-01-02", "soon"] * 40)
    kinds = {c.name: c.kind for c in data_of(make(dates="parts"), frame).columns}
    assert kinds == {"rooms": "numeric", "sold": "categorical"}


@pytest.mark.parametrize("fields", EVERYTHING, ids=str)
def test_stored_and_read_it_prepares_new_rows_alike(fields: dict[str, object]) -> None:
    prepare = make(**fields)
    preparation = fit(data_of(prepare), TRAIN, prepare)
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    assert again == preparation
    expected, found = (prepared(FRAME, each) for each in (preparation, again))
    assert expected.tobytes() == found.tobytes()
    assert np.isfinite(found).all()
    assert in_words(preparation, prepare)


@pytest.mark.parametrize("fields", EVERYTHING, ids=str)
def test_rows_outside_the_training_part_change_nothing(fields: dict[str, object]) -> None:
    prepare, other = make(**fields), FRAME.copy()
    other.loc[REST, ["size", "rooms"]] = 1e6
    other.loc[REST, ["site", "city"]] = "new"
    other.loc[REST, "when"] = pd.Timestamp("1999-09-09 09:09")
    other.loc[REST, "sold"] = "1999-09-09"
    expected = fit(data_of(prepare), TRAIN, prepare)
    assert fit(data_of(prepare, other), TRAIN, prepare) == expected


@cache
def fitted(number: int) -> Preparation:
    prepare = make(**EVERYTHING[number])
    return fit(data_of(prepare), TRAIN, prepare)


@pytest.mark.parametrize("case", range(len(EVERYTHING)))
@settings(max_examples=25)
@given(data=st.data())
def test_whatever_new_rows_hold_the_result_is_finite(case: int, data: st.DataObject) -> None:
    preparation = fitted(case)
    text = st.none() | st.text(max_size=5) | st.sampled_from(["north", "city 3"])
    number = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf])
    date = st.none() | st.datetimes().map(str) | st.sampled_from(["2024-01-01", "soon", ""])
    kinds = [*[number] * 2, *[text] * 2, *[date] * 2]
    row = {name: [data.draw(kind)] for name, kind in zip(FRAME, kinds, strict=True)}
    assert np.isfinite(prepared(pd.DataFrame(row), preparation)).all()


@pytest.mark.parametrize(
    "fields",
    [{"indicator": True}, {"encode": "hash"}, {"dates": "parts"}, {"missing_category": "own"}],
)
def test_fields_for_tables_are_refused_for_arrays(fields: dict[str, object]) -> None:
    data = from_arrays(RNG.normal(size=(N, 3)), np.arange(N) / 7)
    with pytest.raises(DataError, match="plays no part for arrays") as caught:
        fit(data, TRAIN, make(**fields))
    assert "DataFrame" in caught.value.do


def test_images_have_no_gaps_to_impute() -> None:
    images = RNG.integers(0, 99, (N, 1, 4, 4), dtype=np.uint8)
    with pytest.raises(DataError, match="impute plays no part for images"):
        fit(from_arrays(images, np.arange(N) / 7), TRAIN, make(impute="median"))


@pytest.mark.parametrize("name", PREPARATIONS)
def test_every_part_is_explained_and_can_be_chosen(name: str) -> None:
    assert f"{name} (a preparation)" in explain(name)
    fields = [
        field
        for field in ("scale", "impute", "missing_category", "encode", "dates")
        if name in Prepare.model_json_schema()["properties"][field].get("enum", [])
        or name in str(Prepare.model_json_schema()["properties"][field])
    ]
    assert fields or name in Prepare.model_fields


def test_all_that_is_done_to_data_names_its_source() -> None:
    words = ("a split", "folds", "a preparation", "an augmentation", "a view at test time")
    for name, part in (pair for word in words for pair in FAMILIES[word].items()):
        text = " ".join((inspect.getdoc(part) or "").split())
        assert re.search(r"[Nn]otes? n\d|Source:|scikit-learn's|sources", text), name
        assert re.search(r"\[[NCDK][^\]]*\]|[Rr]ows|columns?|texts?|date", text), name


def test_every_choice_of_the_recipe_is_explained() -> None:
    schema = Prepare.model_json_schema()["properties"]
    chosen = [
        choice
        for field in ("scale", "impute", "missing_category", "encode", "dates")
        for part in (schema[field], *schema[field].get("anyOf", []))
        for choice in part.get("enum", [])
    ]
    assert set(chosen) - set(PREPARATIONS) == {"ignore"}
