"""Parts: disjoint, complete, seeded, in proportion."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data import Dataset, Parts, num_shared, split
from goodfit.errors import DataError
from goodfit.recipe import Split

FRACTIONS = st.floats(0.01, 0.4)


def make(target: np.ndarray, *, fixed_test: np.ndarray | None = None) -> Dataset:
    is_class = target.dtype == np.int64
    return Dataset(
        name="x",
        inputs=np.arange(len(target))[:, None],
        target=target,
        task="classification" if is_class else "regression",
        input_kind="array",
        classes=tuple(map(str, range(int(target.max()) + 1))) if is_class else (),
        fixed_test=fixed_test,
    )


def check_partition(parts: Parts, num_rows: int) -> None:
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together) == list(range(num_rows))
    for part in (parts.train, parts.validation, parts.test):
        assert part.dtype == np.int64
        assert len(part) >= 1
        assert (np.diff(part) > 0).all()


@given(num_rows=st.integers(8, 300), validation=FRACTIONS, test=FRACTIONS, seed=st.integers(0))
def test_plain_parts(num_rows: int, validation: float, test: float, seed: int) -> None:
    how = Split(validation=validation, test=test)
    data = make(np.linspace(0, 1, num_rows))
    parts = split(data, how, seed=seed)
    check_partition(parts, num_rows)
    assert parts.sizes.validation == max(1, round(num_rows * validation))
    assert parts.sizes.test == max(1, round(num_rows * test))
    again = split(data, how, seed=seed)
    assert all((a == b).all() for a, b in zip(_arrays(parts), _arrays(again), strict=True))


def _arrays(parts: Parts) -> tuple[np.ndarray, ...]:
    return parts.train, parts.validation, parts.test


@st.composite
def labels(draw: st.DrawFn, *, least: int) -> np.ndarray:
    counts = draw(st.lists(st.integers(least, 60), min_size=2, max_size=8))
    values = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(draw(st.integers(0, 99))).permutation(values)


@settings(max_examples=200)
@given(target=labels(least=10), validation=st.floats(0.02, 0.4), test=st.floats(0.02, 0.4))
def test_stratified_parts_are_within_one_row_of_each_share(
    target: np.ndarray, validation: float, test: float
) -> None:
    parts = split(make(target), Split(validation=validation, test=test), seed=3)
    check_partition(parts, len(target))
    assert not parts.notes
    counts = np.bincount(target)
    for part in (parts.validation, parts.test):
        found = np.bincount(target[part], minlength=len(counts))
        assert (np.abs(found - counts * len(part) / len(target)) < 1).all()


@settings(max_examples=200)
@given(target=labels(least=1), how=st.tuples(FRACTIONS, FRACTIONS), stratify=st.booleans())
def test_every_class_is_trained_on(
    target: np.ndarray, how: tuple[float, float], stratify: bool
) -> None:
    try:
        parts = split(
            make(target), Split(validation=how[0], test=how[1], stratify=stratify), seed=1
        )
    except DataError as error:
        assert "too few rows to train on" in error.what
        return
    check_partition(parts, len(target))
    assert set(target[parts.train]) == set(target)


def test_seeds_differ() -> None:
    data = make(np.linspace(0, 1, 100))
    first, second = (split(data, Split(), seed=seed) for seed in (0, 1))
    assert (first.train != second.train).any()


def test_the_draw_is_uniform() -> None:
    """Each row is tested in 20 % of 600 draws: 120, +- 5 standard deviations of 9.8."""
    target = np.arange(40) % 2
    for stratify in (True, False):
        how = Split(validation=0.2, test=0.2, stratify=stratify)
        counts = np.zeros(40)
        for seed in range(600):
            counts[split(make(target), how, seed=seed).test] += 1
        assert counts.min() > 71
        assert counts.max() < 169


def test_equal_classes_share_the_last_rows_at_random() -> None:
    target = np.repeat(np.arange(10), 5)
    how = Split(validation=0.1, test=0.1)
    tested = {
        label for seed in range(30) for label in target[split(make(target), how, seed=seed).test]
    }
    assert tested == set(range(10))


def test_a_rare_class_makes_the_split_plain_and_a_note_says_so() -> None:
    target = np.array([0] * 20 + [1] * 20 + [2] * 2)
    parts = split(make(target), Split(), seed=0)
    assert parts.notes == (
        'The split is not stratified: class "2" has 2 of the 3 rows that three parts need.',
    )
    assert not split(make(target), Split(stratify=False), seed=0).notes


def test_a_fixed_test_part_wins() -> None:
    target = np.arange(60) % 2
    fixed = np.array([59, 50, 7, 8])
    for data in (make(target, fixed_test=fixed), make(target / 2, fixed_test=fixed)):
        parts = split(data, Split(validation=0.25, test=0.5), seed=0)
        check_partition(parts, 60)
        assert parts.test.tolist() == [7, 8, 50, 59]
        assert parts.sizes.validation == 14


def test_too_few_training_rows_are_refused() -> None:
    target = np.arange(20) % 10
    with pytest.raises(DataError) as caught:
        split(make(target), Split(validation=0.45, test=0.45), seed=0)
    assert "20 rows, 18 of them held out, 10 needed" in str(caught.value.given)
    with pytest.raises(DataError):
        split(make(np.linspace(0, 1, 8)), Split(validation=0.5, test=0.49), seed=0)


def test_rows_that_stand_in_two_parts_are_counted() -> None:
    data = make(np.linspace(0, 1, 20))
    parts = split(data, Split(validation=0.2, test=0.2), seed=0)
    assert num_shared(data, parts) == 0
    inputs = np.asarray(data.inputs).copy()
    inputs[[parts.validation[0], parts.test[1]]] = inputs[parts.train[2]]
    assert num_shared(dataclasses.replace(data, inputs=inputs), parts) == 2
