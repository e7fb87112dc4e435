"""Scores against values worked out by hand and against the definitions, for many shapes."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from goodfit.evaluation import score
from goodfit.records import Scores


def classify(outputs: list[list[float]], target: list[int]) -> Scores:
    return score(
        "validation",
        task="classification",
        outputs=np.array(outputs, dtype=np.float32),
        target=np.array(target),
        classes=tuple("abc"[: len(outputs[0])]),
    )


def regress(outputs: list[float], target: list[float]) -> Scores:
    return score("test", task="regression", outputs=np.array(outputs), target=np.array(target))


def test_classes_by_hand() -> None:
    found = classify(
        [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]], [0, 1, 1, 2]
    )
    assert found.values["accuracy"] == pytest.approx(3 / 4)
    expected = -(math.log(0.7) + math.log(0.5) + math.log(0.3) + math.log(0.8)) / 4
    assert found.values["log_loss"] == pytest.approx(expected, rel=1e-6)
    assert found.confusion == ((1, 0, 0), (1, 1, 0), (0, 0, 1))
    assert (found.part, found.num_rows, found.classes) == ("validation", 4, ("a", "b", "c"))


def test_quantities_by_hand() -> None:
    found = regress([2.0, 4.0, 9.0], [1.0, 4.0, 7.0])
    assert found.values["mae"] == pytest.approx(1.0)
    assert found.values["rmse"] == pytest.approx(math.sqrt(5 / 3))
    assert found.values["r2"] == pytest.approx(1.0 - 5.0 / 18.0)
    assert (found.part, found.num_rows, found.confusion) == ("test", 3, ())


def test_a_class_that_does_not_occur_has_a_row_and_a_column_of_zeros() -> None:
    found = classify([[0.9, 0.05, 0.05], [0.1, 0.0, 0.9]], [0, 2])
    assert found.confusion == ((1, 0, 0), (0, 0, 0), (0, 0, 1))
    assert found.values["accuracy"] == 1.0


def test_one_row_is_scored_where_that_is_possible() -> None:
    assert classify([[0.25, 0.75]], [1]).values["log_loss"] == pytest.approx(-math.log(0.75))
    found = regress([2.0], [3.0])
    assert (found.values["mae"], found.values["rmse"]) == (1.0, 1.0)
    assert math.isnan(found.values["r2"])


def test_a_sure_wrong_answer_costs_much_and_not_infinitely_much() -> None:
    loss = classify([[1.0, 0.0]], [1]).values["log_loss"]
    assert 10.0 < loss < math.inf


@st.composite
def predictions(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    num_rows, num_classes = draw(st.integers(1, 40)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    logits = rng.normal(size=(num_rows, num_classes)) * draw(st.sampled_from([0.1, 1.0, 20.0]))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities, rng.integers(num_classes, size=num_rows)


@given(predictions())
def test_classes_by_definition(given_: tuple[NDArray[np.float32], NDArray[np.int64]]) -> None:
    outputs, target = given_
    found = score("test", task="classification", outputs=outputs, target=target)
    predicted, confusion = outputs.argmax(axis=1), np.array(found.confusion)
    assert found.values["accuracy"] == pytest.approx(float((predicted == target).mean()))
    assert confusion.sum() == len(target)
    assert np.trace(confusion) == (predicted == target).sum()
    assert (confusion.sum(axis=1) == np.bincount(target, minlength=outputs.shape[1])).all()
    assert (confusion.sum(axis=0) == np.bincount(predicted, minlength=outputs.shape[1])).all()
    chosen = outputs[np.arange(len(target)), target].astype(np.float64)
    clipped = np.clip(chosen, np.finfo(np.float64).eps, 1.0)
    expected = -np.log(clipped).mean()
    assert found.values["log_loss"] == pytest.approx(expected, rel=1e-4, abs=1e-6)


@given(
    st.lists(
        st.tuples(st.floats(-1e3, 1e3, width=32), st.floats(-1e3, 1e3, width=32)),
        min_size=2,
        max_size=40,
    )
)
def test_quantities_by_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    outputs, target = (np.array(part, dtype=np.float32) for part in zip(*pairs, strict=True))
    column = score(
        "test", task="regression", outputs=outputs[:, None], target=target[:, None]
    ).values
    assert column == score("test", task="regression", outputs=outputs, target=target).values
    errors = outputs.astype(np.float64) - target.astype(np.float64)
    assert column["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-5)
    assert column["rmse"] == pytest.approx(np.sqrt(np.square(errors).mean()), rel=1e-5)
    assert column["r2"] == pytest.approx(metrics.r2_score(target, outputs), rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_outputs_that_are_not_finite_give_no_number(bad: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classes = classify([[0.5, 0.5], [bad, 0.5]], [0, 0])
        quantities = regress([1.0, bad], [1.0, 2.0])
    assert all(math.isnan(value) for value in classes.values.values())
    assert all(math.isnan(value) for value in quantities.values.values())
    assert set(classes.values) == {"accuracy", "log_loss"}
    assert set(quantities.values) == {"mae", "rmse", "r2"}
    assert sum(map(sum, classes.confusion)) == 2


def test_scores_survive_json() -> None:
    found = classify([[0.9, 0.1], [0.2, 0.8]], [0, 1])
    assert Scores.from_json(found.to_json()) == found


def test_outputs_are_left_as_they_were() -> None:
    outputs = np.array([[2.0, 2.0], [1.0, 3.0]])
    score("test", task="classification", outputs=outputs, target=np.array([0, 1]))
    assert outputs.tolist() == [[2.0, 2.0], [1.0, 3.0]]
