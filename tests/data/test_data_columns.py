"""What columns are taken for."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from goodfit.data.columns import as_numbers, examine, kind_of
from goodfit.data.spelling import odd_value
from goodfit.errors import DataError
from goodfit.records import Column

ROWS = 120


def only(values: object) -> Column:
    """Examine one column beside a usable one."""
    frame = pd.DataFrame({"a": values, "z": range(ROWS)})
    return examine(frame)[0]


@pytest.mark.parametrize(
    ("values", "kind", "note"),
    [
        (np.arange(ROWS) % 7, "numeric", ""),
        (np.arange(ROWS) % 2 == 0, "numeric", ""),
        ([True, None, False] * 40, "numeric", ""),
        ([Decimal(1), Decimal(2)] * 60, "numeric", ""),
        (pd.array([1, None, 3] * 40, dtype="Int64"), "numeric", ""),
        (["x", "y", None] * 40, "categorical", ""),
        (pd.Categorical([1, 2, 3] * 40), "categorical", ""),
        ([f"c{n % 50}" for n in range(ROWS)], "categorical", ""),
        ([f"c{n % 51}" for n in range(ROWS)], "ignored", "51 different texts, more than 50"),
        ([f"c{n}" for n in range(ROWS)], "ignored", "as in an identifier"),
        ([5.0] * ROWS, "constant", "has one value only"),
        ([5.0, None] * 60, "constant", "has one value only"),
        (["same"] * ROWS, "constant", "has one value only"),
        ([np.inf] * ROWS, "constant", "infinite or missing"),
        ([None] * ROWS, "ignored", "has no values"),
        ([np.nan] * ROWS, "ignored", "has no values"),
        (pd.date_range("2020", periods=ROWS), "ignored", "holds dates"),
        (pd.to_timedelta(np.arange(ROWS), unit="h"), "ignored", "holds dates"),
        ([datetime.date(2020, 1, 1 + n % 9) for n in range(ROWS)], "ignored", "holds dates"),
        ([[1], [2]] * 60, "ignored", "neither numbers nor texts"),
        ([1j, 2j] * 60, "ignored", "neither numbers nor texts"),
        ([b"x", b"y"] * 60, "ignored", "neither numbers nor texts"),
    ],
)
def test_kind_and_note(values: object, kind: str, note: str) -> None:
    column = only(values)
    assert column.kind == kind
    assert note in column.note
    assert bool(note) == bool(column.note)


def test_a_numeric_column_is_measured_over_its_finite_values() -> None:
    column = only([1.0, 2.0, 6.0, np.nan, np.inf, -np.inf] * 20)
    assert (column.low, column.high, column.mean) == (1.0, 6.0, 3.0)
    assert column.std == pytest.approx(np.std([1.0, 2.0, 6.0]))
    assert (column.num_missing, column.num_distinct) == (60, 3)
    assert column.note == "has infinite values (40), which are treated as missing"


def test_text_that_is_mostly_numbers_names_the_odd_value() -> None:
    column = only(["1.5", "2", "unknown"] * 40)
    assert column.kind == "categorical"
    assert column.note == ('is read as text: most of its values are numbers, but "unknown" is not')


def test_odd_value_is_the_commonest() -> None:
    assert odd_value(pd.Series(["1", "2", "3", "4", "x", "-", "-"])) == "-"
    assert odd_value(pd.Series(["1", "2"])) is None
    assert odd_value(pd.Series([None, None], dtype=object)) is None


def test_a_column_that_float32_would_round_is_noted() -> None:
    assert "float32" in only(1.7e9 + np.arange(ROWS)).note
    assert not only(1e4 + np.arange(ROWS)).note


def test_numbers_beyond_float32_are_missing() -> None:
    numbers = as_numbers(pd.Series([1e39, -1e39, 8e37, 1.0]))
    assert np.isnan(numbers).tolist() == [True, True, False, False]


def test_as_numbers_does_not_change_its_argument() -> None:
    values = pd.Series([1.0, np.inf])
    as_numbers(values)
    assert values.tolist() == [1.0, np.inf]


def test_kind_of_an_arrow_column() -> None:
    assert kind_of(pd.Series([1.5, None], dtype="float64[pyarrow]")) == "number"
    assert kind_of(pd.Series([1.5, None], dtype="object")) == "number"
    assert kind_of(pd.Series([None, None], dtype="object")) == "empty"


def test_no_usable_column_is_an_error_that_says_why() -> None:
    with pytest.raises(DataError) as caught:
        examine(pd.DataFrame({"id": ["a", "b"], "one": [1, 1]}))
    assert 'Column "one" is ignored: it has one value only.' in str(caught.value.given)


def test_two_columns_of_one_name_are_an_error() -> None:
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    with pytest.raises(DataError, match="same name"):
        examine(frame)
