"""What a target is taken for."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from goodfit.data.target import read_target
from goodfit.errors import DataError

MANY = 40


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["b", "a"] * 20, "classification", ("a", "b")),
        ([True, False] * 20, "classification", ("False", "True")),
        (pd.Categorical(["hi", "lo"] * 20, ["lo", "mid", "hi"]), "classification", ("lo", "hi")),
        ([0, 1] * 20, "classification", ("0", "1")),
        ([10, 2] * 20, "classification", ("2", "10")),
        ([0.0, 1.0] * 20, "classification", ("0", "1")),
        ([0.5, 1.0] * 20, "regression", ()),
        (list(range(8)) * 5, "classification", tuple("01234567")),
        (list(range(10)) * 4, "regression", ()),
        (list(range(20)) * 5, "classification", tuple(map(str, range(20)))),
        (list(range(21)) * 5, "regression", ()),
        ([Decimal("1.5"), Decimal("2.5")] * 4, "regression", ()),
        (pd.array([1, 2] * 4, dtype="Int64"), "classification", ("1", "2")),
    ],
)
def test_auto_decides_by_the_values(values: object, task: str, classes: tuple[str, ...]) -> None:
    target = read_target(pd.Series(values), name="y")
    assert (target.task, target.classes) == (task, classes)
    assert target.values.dtype == (np.int64 if classes else np.float64)


def test_codes_name_the_classes() -> None:
    labels = ["pear", "fig", "apple", "fig"] * 3
    target = read_target(pd.Series(labels), name="y")
    assert [target.classes[code] for code in target.values] == labels


def test_labels_as_floats_are_classes_and_a_note_says_so() -> None:
    target = read_target(pd.Series([0.0, 1.0, 2.0] * 5), name="grade")
    assert target.classes == ("0", "1", "2")
    assert target.notes == (
        '"grade" holds 3 different whole numbers written as decimals, taken as classes; '
        'set task = "regression" if they are a quantity.',
    )


def test_whole_numbers_taken_as_a_quantity_are_noted() -> None:
    target = read_target(pd.Series(range(30)), name="age")
    assert target.notes[0].startswith('"age" holds 30 different whole numbers, taken as a quan')


def test_the_given_task_wins() -> None:
    whole = pd.Series([1, 2] * 10)
    assert read_target(whole, name="y", task="regression").values.tolist() == [1.0, 2.0] * 10
    assert read_target(pd.Series([True, False] * 4), name="y", task="regression").task
    many = pd.Series(list(range(30)) * 2)
    assert len(read_target(many, name="y", task="classification").classes) == 30
    halves = pd.Series([0.5, 1.5] * 10)
    assert read_target(halves, name="y", task="classification").classes == ("0.5", "1.5")


def test_rows_without_a_target_are_left_out_and_counted() -> None:
    target = read_target(pd.Series(["a", None, "b", "a"] * 4), name="y")
    assert target.kept.tolist() == [True, False, True, True] * 4
    assert len(target.values) == 12
    assert target.notes == ('4 rows without a target ("y") were left out.',)


def test_missing_labels_in_whole_numbers_do_not_make_them_a_quantity() -> None:
    values = pd.Series([0, 1, None, 1, 0] * 4, dtype="float64")
    assert read_target(values, name="y").classes == ("0", "1")


@pytest.mark.parametrize(
    ("values", "task", "what", "given"),
    [
        (["a", None, None] * 9, "auto", "More than half", '"y" is missing in 18 of 27 rows'),
        ([1, 2, 3], "auto", "at least 8", "3 rows"),
        ([], "auto", "at least 8", "0 rows"),
        (["a"] * 9, "auto", "only one value", "'a' in all 9 rows"),
        ([2.5] * 9, "auto", "only one value", "'2.5' in all 9 rows"),
        ([1] * 9, "regression", "only one value", "'1' in all 9 rows"),
        ([*range(8), np.inf], "auto", "infinite", "inf in data row 9"),
        ([None, *range(8), -np.inf, np.inf], "regression", "infinite", "-inf in data row 10"),
        ([0.0, 1e300] * 5, "auto", "too large for float32", "1e+300 in data row 2"),
        (["1", "2", "3", "?"] * 3, "regression", "target of numbers", 'but "?" is not'),
        ([f"name {n}" for n in range(9)], "auto", "too many for classes", 'instance "name 0"'),
        (np.arange(9) / 7, "classification", "9 different values in 9 rows", "holds numbers"),
        (pd.date_range("2020", periods=9), "auto", "neither numbers nor labels", "holds dates"),
        ([[1], [2]] * 5, "auto", "neither numbers nor labels", "other types"),
        ([1j, 2j] * 5, "auto", "neither numbers nor labels", "other types"),
    ],
)
def test_impossible_targets_are_refused(values: object, task: str, what: str, given: str) -> None:
    with pytest.raises(DataError) as caught:
        read_target(pd.Series(values, dtype=None), name="y", task=task)  # pyright: ignore
    assert what in caught.value.what
    assert given in str(caught.value.given)
    assert caught.value.do
