"""The data card."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from goodfit.data import describe, fingerprint, from_arrays, load
from goodfit.recipe import DataSource
from goodfit.records import DataCard

FRAME = pd.DataFrame(
    {
        "size": [1.0, 2.0, np.nan, np.inf] * 10,
        "kind": ["a", "b", "c", "a"] * 10,
        "id": [f"n{n}" for n in range(40)],
        "one": [1] * 40,
    }
)
LABELS = pd.Series(["no", "yes"] * 20, name="bought")


def test_a_table() -> None:
    data = from_arrays(FRAME, LABELS, name="shop")
    card = describe(data)
    assert (card.source, card.task, card.input_kind) == ("shop", "classification", "table")
    assert (card.num_rows, card.input_shape, card.target) == (40, (4,), "bought")
    assert (card.classes, card.class_counts) == (("no", "yes"), (20, 20))
    assert [column.kind for column in card.columns] == [
        "numeric",
        "categorical",
        "ignored",
        "constant",
    ]
    assert card.num_missing == 20
    assert card.fingerprint == fingerprint(data)
    assert card.num_duplicates == FRAME[["size", "kind"]].assign(y=LABELS).duplicated().sum()
    assert card.target_mean is None


def test_every_decision_is_a_note() -> None:
    assert describe(from_arrays(FRAME, LABELS)).notes == (
        'Column "size" has infinite values (10), which are treated as missing.',
        'Column "id" is ignored: its text is another one in every row, as in an identifier.',
        'Column "one" is ignored: it has one value only.',
    )


def test_a_quantity_is_measured() -> None:
    card = describe(load(DataSource(path="diabetes")))
    target = load(DataSource(path="diabetes")).target
    assert (card.target_low, card.target_high) == (25.0, 346.0)
    assert card.target_mean == pytest.approx(target.mean())
    assert card.target_std == pytest.approx(target.std())
    assert (card.classes, card.class_counts) == ((), ())


def test_measures_are_those_of_the_rows_that_may_be_seen() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0] + [90.0] * 7, "b": list("xyxzzzzzzz")})
    data = from_arrays(frame, np.array([0.5, 1.5, 2.5, *range(80, 87)]), task="regression")
    card = describe(data, np.array([0, 1, 2]))
    a, b = card.columns
    assert (a.low, a.mean, a.high, a.num_missing, a.num_distinct) == (1.0, 2.0, 3.0, 1, 2)
    assert (b.num_distinct, card.target_high, card.target_mean) == (2, 2.5, 1.5)
    assert (card.num_rows, card.num_described, card.input_shape) == (10, 3, (4,))


def test_missing_values_of_an_array() -> None:
    x = np.random.default_rng(0).normal(size=(12, 2))
    x[0, 0], x[1, 1] = np.nan, -np.inf
    card = describe(from_arrays(x, np.arange(12) % 2))
    assert (card.num_missing, card.input_shape, card.columns) == (2, (2,), ())


@pytest.mark.parametrize("as_frame", [False, True])
def test_duplicates_are_counted_with_their_target(as_frame: bool) -> None:
    x = np.array([[0.0], [0], [0], [1], [1], [2], [3], [4], [5]])
    y = np.array(["a", "a", "b", "a", "b", "a", "b", "a", "b"])
    card = describe(from_arrays(pd.DataFrame(x) if as_frame else x, y))
    assert card.num_duplicates == 1


def test_the_card_survives_json() -> None:
    card = describe(from_arrays(FRAME, LABELS))
    assert DataCard.from_json(json.loads(json.dumps(card.to_json()))) == card
