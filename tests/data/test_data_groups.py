"""Splits by groups and by time, sizes in rows, and what a wrong column is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import goodfit as gf
from goodfit.data import Dataset, Parts, describe, from_arrays, load, split
from goodfit.errors import DataError, RecipeError
from goodfit.recipe import DataSource, Recipe, Split, read, validate, write

SHARES = st.one_of(st.floats(0.05, 0.4), st.integers(1, 5))


def make(num_rows: int, **by: Any) -> Dataset:
    return Dataset(
        name="x",
        inputs=np.arange(num_rows)[:, None],
        target=np.arange(num_rows) % 2,
        task="classification",
        input_kind="array",
        classes=("a", "b"),
        **by,
    )


def check_partition(parts: Parts, num_rows: int) -> None:
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together) == list(range(num_rows))
    assert min(len(part) for part in parts.rows().values()) >= 1


@settings(max_examples=200)
@given(
    groups=st.lists(st.integers(-4, 9), min_size=12, max_size=60).filter(lambda g: len({*g}) > 2),
    shares=st.tuples(SHARES, SHARES),
    seed=st.integers(0, 99),
)
def test_no_group_stands_in_two_parts(
    groups: list[int], shares: tuple[float, float], seed: int
) -> None:
    data = make(len(groups), groups=np.array(groups))
    how = Split(validation=shares[0], test=shares[1])
    parts = split(data, how, seed=seed)
    check_partition(parts, len(groups))
    held = [set(np.array(groups)[part]) for part in parts.rows().values()]
    assert sum(map(len, held)) == len(set(groups))
    again = split(data, how, seed=seed)
    assert all((again.rows()[name] == rows).all() for name, rows in parts.rows().items())


@settings(max_examples=200)
@given(
    times=st.lists(st.integers(0, 30), min_size=12, max_size=60).filter(lambda t: len({*t}) > 2),
    shares=st.tuples(SHARES, SHARES),
)
def test_what_trains_is_earlier_than_what_validates_and_tests(
    times: list[int], shares: tuple[float, float]
) -> None:
    values = np.array(times, np.float64)
    how = Split(validation=shares[0], test=shares[1])
    parts = split(make(len(times), times=values), how, seed=0)
    check_partition(parts, len(times))
    assert values[parts.train].max() < values[parts.validation].min()
    assert values[parts.validation].max() < values[parts.test].min()


def test_different_times_are_cut_at_the_exact_sizes() -> None:
    times = np.random.default_rng(0).permutation(100).astype(float)
    parts = split(make(100, times=times), Split(validation=0.2, test=7), seed=0)
    assert (times[parts.test] >= 93).all()
    assert parts.sizes == gf.SplitSizes(train=73, validation=20, test=7)


def test_many_groups_come_near_their_sizes_and_shares() -> None:
    rng = np.random.default_rng(0)
    data = make(3000, groups=rng.integers(0, 300, 3000))
    parts = split(data, Split(validation=0.2, test=300), seed=1)
    assert abs(parts.sizes.validation - 600) < 15
    assert abs(parts.sizes.test - 300) < 15
    assert abs(data.target[parts.validation].mean() - 0.5) < 0.03
    assert parts.notes == ("The split keeps 300 groups together.",)
    other = split(data, Split(validation=0.2, test=300), seed=2)
    assert set(other.test) != set(parts.test)


def test_a_class_of_few_groups_is_trained_on() -> None:
    """Class 1 stands in 2 of 12 groups; a blind draw trains without it now and then."""
    groups = np.repeat(np.arange(12), 5)
    data = Dataset(
        name="x",
        inputs=np.arange(60)[:, None],
        target=(groups < 2).astype(np.int64),
        task="classification",
        input_kind="array",
        classes=("a", "b"),
        groups=groups,
    )
    for seed in range(50):
        parts = split(data, Split(validation=0.3, test=0.3), seed=seed)
        assert set(data.target[parts.train]) == {0, 1}


@given(num_rows=st.integers(20, 90), held=st.tuples(st.integers(1, 8), st.integers(1, 8)))
def test_sizes_are_rows(num_rows: int, held: tuple[int, int]) -> None:
    parts = split(make(num_rows), Split(validation=held[0], test=held[1]), seed=0)
    check_partition(parts, num_rows)
    assert (parts.sizes.validation, parts.sizes.test) == held


def test_sizes_and_columns_survive_a_file(tmp_path: Path) -> None:
    recipe = Recipe(data="x.csv", split=Split(validation=40, test=0.25, group="g", as_input=True))
    path = tmp_path / "recipe.toml"
    path.write_text(write(recipe))
    assert read(path) == recipe
    assert isinstance(read(path).split.validation, int)


TABLE = pd.DataFrame(
    {
        "dose": np.arange(60) * 1.5,
        "patient": [f"p{row // 3}" for row in range(60)],
        "seen": [f"2024-{1 + row // 28:02}-{1 + row % 28:02}" for row in range(60)],
        "ill": np.arange(60) % 2,
    }
)


def read_table(tmp_path: Path, how: Split, table: pd.DataFrame = TABLE) -> Dataset:
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    return load(DataSource(path=str(path), target="ill"), how=how)


def test_the_column_of_the_split_is_no_input(tmp_path: Path) -> None:
    data = read_table(tmp_path, Split(group="patient"))
    assert isinstance(data.inputs, pd.DataFrame)
    assert "patient" not in data.inputs
    assert data.groups is not None
    assert len(np.unique(data.groups)) == 20
    note = next(column.note for column in describe(data).columns if column.name == "patient")
    assert note == "is no input: it says which rows stay together in the split"


def test_the_column_of_the_split_is_an_input_if_asked(tmp_path: Path) -> None:
    data = read_table(tmp_path, Split(group="patient", as_input=True))
    assert isinstance(data.inputs, pd.DataFrame)
    assert "patient" in data.inputs
    assert data.groups is not None


def test_dates_of_text_are_times(tmp_path: Path) -> None:
    data = read_table(tmp_path, Split(time="seen"))
    assert data.times is not None
    assert (np.diff(data.times) == 86400).sum() >= 57
    assert split(data, Split(time="seen", test=5), seed=3).test.tolist() == [55, 56, 57, 58, 59]


@pytest.mark.parametrize(
    "dates",
    [
        pd.Series(pd.date_range("2020-01-01", periods=4)),
        pd.Series(pd.date_range("2020-01-01", periods=4, tz="Europe/Rome")),
        pd.Series(pd.date_range("2020-01-01", periods=4).date),
        pd.Series(pd.timedelta_range("1 day", periods=4)),
        pd.Series(pd.period_range("2020-01", periods=4, freq="M")),
        pd.Series([1.5, 2.5, 3.5, 4.5]),
        pd.Series([1, 2, 3, 4]),
    ],
    ids=lambda dates: str(dates.dtype),
)
def test_times_of_every_type_keep_their_order(dates: pd.Series) -> None:
    x = np.arange(4.0)
    data = from_arrays(np.tile(x, 4), np.tile([0, 1], 8), times=pd.concat([dates] * 4))
    assert data.times is not None
    assert (np.diff(data.times[:4]) > 0).all()


def test_rows_without_a_target_take_their_group_with_them() -> None:
    target = pd.Series(["a", "b", None, "a"] * 5)
    data = from_arrays(np.arange(20), target, groups=np.arange(20) // 4)
    assert data.groups is not None
    assert data.groups.tolist() == sorted([0, 1, 2, 3, 4] * 3)


def test_a_run_with_groups_from_python_keeps_them_together() -> None:
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=(120, 3)), np.arange(120) // 6
    data = gf.Arrays(torch.from_numpy(x), (x[:, 0] > 0).astype(int), groups=groups)
    checked = gf.check_recipe(Recipe(data="memory"), data=data)
    assert not [finding for finding in checked if finding.severity == "error"]


def wrong(tmp_path: Path, how: Split, **changes: object) -> DataError:
    with pytest.raises(DataError) as caught:
        data = read_table(tmp_path, how, TABLE.assign(**changes))
        split(data, how, seed=0)
    return caught.value


def test_an_unknown_column_is_told_the_nearest(tmp_path: Path) -> None:
    error = wrong(tmp_path, Split(group="patent"))
    assert error.given == 'split.group = "patent"'
    assert error.do == 'Did you mean "patient"?'
    assert "target cannot be one" in wrong(tmp_path, Split(time="ill")).what


def test_too_few_groups_or_times_are_refused(tmp_path: Path) -> None:
    error = wrong(tmp_path, Split(group="patient"), patient=["a", "b"] * 30)
    assert "fewer groups than parts" in error.what
    assert error.given == "2, for 3 parts"
    error = wrong(tmp_path, Split(time="seen"), seen=["2024-01-01", "2024-01-02"] * 30)
    assert "fewer different times than parts" in error.what


def test_a_row_without_a_time_or_group_is_named(tmp_path: Path) -> None:
    seen = TABLE["seen"].where(TABLE.index != 4)
    error = wrong(tmp_path, Split(time="seen"), seen=seen)
    assert error.given == "1 of 60 rows, the first in data row 5"
    patient = TABLE["patient"].where(TABLE.index > 1)
    error = wrong(tmp_path, Split(group="patient"), patient=patient)
    assert error.given == "2 of 60 rows, the first in data row 1"


@pytest.mark.parametrize("odd", ["n/k", "31/12/2024", "12:30"])
def test_a_text_that_is_no_time_is_named(tmp_path: Path, odd: str) -> None:
    seen = TABLE["seen"].where(TABLE.index != 7, odd)
    error = wrong(tmp_path, Split(time="seen"), seen=seen)
    assert str(error.given) == f"\"seen\" is '{odd}' in data row 8, 1 such rows in all"
    assert "2024-12-31" in error.do


def test_an_infinite_time_is_refused(tmp_path: Path) -> None:
    dose = TABLE["dose"].where(TABLE.index != 0, np.inf)
    assert "are no times" in wrong(tmp_path, Split(time="dose"), dose=dose).what


def test_images_and_arrays_have_no_columns() -> None:
    with pytest.raises(DataError) as caught:
        load(DataSource(path="digits"), how=Split(group="writer"))
    assert "Only a table" in caught.value.what
    assert "groups=" in caught.value.do


def test_two_ways_at_once_are_refused() -> None:
    x, y = np.arange(20.0), np.arange(20) % 2
    table = pd.DataFrame({"x": x, "g": y})
    with pytest.raises(DataError, match="by one thing"):
        from_arrays(table, y, how=Split(group="g"), groups=y)
    with pytest.raises(DataError, match="by one thing"):
        from_arrays(table, y, groups=y, times=x)
    with pytest.raises(DataError, match="not one value for each row"):
        from_arrays(x, y, groups=y[:5])
    with pytest.raises(RecipeError) as caught:
        validate({"data": "x.csv", "split": {"group": "a", "time": "b"}})
    assert caught.value.do == "Leave one of them out."


def test_an_official_test_part_has_no_groups() -> None:
    data = make(20, groups=np.arange(20) // 2, fixed_test=np.array([18, 19]))
    with pytest.raises(DataError, match="official test part"):
        split(data, Split(), seed=0)


def test_sizes_that_leave_nothing_to_train_on_are_refused() -> None:
    for by in ({}, {"groups": np.arange(20) // 2}, {"times": np.arange(20.0)}):
        with pytest.raises(DataError) as caught:
            split(make(20, **by), Split(validation=10, test=10), seed=0)
        assert "too few rows to train on" in caught.value.what


@pytest.mark.parametrize("value", [0, -3, 1.0, 2.5, float("nan"), True, "some"])
def test_what_is_neither_a_fraction_nor_rows_is_refused(value: object) -> None:
    with pytest.raises(RecipeError, match=r"split\.test: should be a"):
        validate({"data": "x.csv", "split": {"test": value}})
