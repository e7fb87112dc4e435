"""Folds: each row held out once, beside scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import model_selection

from goodfit.data import Dataset
from goodfit.data.folds import FOLDS, Fold, FoldKind, fold_rows
from goodfit.errors import DataError

LABELS = st.lists(st.integers(0, 3), min_size=12, max_size=80)
NUMS = st.integers(2, 5)


def make(
    target: np.ndarray, *, groups: np.ndarray | None = None, times: np.ndarray | None = None
) -> Dataset:
    return Dataset(
        name="x",
        inputs=np.zeros((len(target), 1)),
        target=target,
        task="classification",
        input_kind="array",
        classes=("a", "b", "c", "d"),
        groups=groups,
        times=times,
    )


def folds_of(data: Dataset, num: int, kind: FoldKind, seed: int = 0) -> tuple[Fold, ...]:
    rows = np.arange(data.num_rows)
    taken, folds = fold_rows(data, rows, num=num, kind=kind, seed=seed)
    assert taken == kind
    again = fold_rows(data, rows, num=num, kind=kind, seed=seed)[1]
    assert all((a.held == b.held).all() for a, b in zip(folds, again, strict=True))
    if kind != "time":
        assert sorted(np.concatenate([fold.held for fold in folds])) == rows.tolist()
        for fold in folds:
            assert sorted([*fold.train, *fold.held]) == rows.tolist()
    return folds


@given(labels=LABELS, num=NUMS, seed=st.integers(0, 9))
def test_plain_folds_have_scikit_learns_sizes(labels: list[int], num: int, seed: int) -> None:
    folds = folds_of(make(np.array(labels)), num, "plain", seed)
    theirs = model_selection.KFold(num).split(labels)
    assert sorted(len(f.held) for f in folds) == sorted(len(held) for _, held in theirs)


@given(labels=LABELS, num=NUMS, seed=st.integers(0, 9))
def test_stratified_folds_share_each_class_as_scikit_learn_does(
    labels: list[int], num: int, seed: int
) -> None:
    """Within one row of its share, as StratifiedKFold promises; sizes within one too."""
    target = np.array(labels)
    if np.bincount(target)[[*set(labels)]].min() < num:
        with pytest.raises(DataError, match="more folds than rows of the rarest class"):
            folds_of(make(target), num, "stratified", seed)
        return
    folds = folds_of(make(target), num, "stratified", seed)
    sizes = [len(fold.held) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for label in set(labels):
        counts = [(target[fold.held] == label).sum() for fold in folds]
        assert max(counts) - min(counts) <= 1
    theirs = list(model_selection.StratifiedKFold(num).split(target, target))
    for label in set(labels):
        mine = sorted((target[fold.held] == label).sum() for fold in folds)
        assert mine == sorted((target[held] == label).sum() for _, held in theirs)


@given(groups=st.lists(st.integers(0, 9), min_size=12, max_size=80), num=NUMS)
def test_grouped_folds_are_as_even_as_scikit_learns(groups: list[int], num: int) -> None:
    by = np.array(groups)
    data = make(np.zeros(len(groups), int), groups=by)
    if len(set(groups)) < num:
        with pytest.raises(DataError, match="So many folds"):
            fold_rows(data, np.arange(len(groups)), num=num)
        return
    folds = folds_of(data, num, "grouped")
    assert sum(len(set(by[fold.held])) for fold in folds) == len(set(groups))
    theirs = model_selection.GroupKFold(num).split(by, groups=by)
    assert sorted(len(f.held) for f in folds) == sorted(len(held) for _, held in theirs)


@given(num_rows=st.integers(12, 80), num=NUMS, seed=st.integers(0, 9))
def test_folds_by_time_are_scikit_learns(num_rows: int, num: int, seed: int) -> None:
    times = np.random.default_rng(seed).permutation(num_rows).astype(float)
    folds = folds_of(make(np.zeros(num_rows, int), times=times), num, "time")
    theirs = model_selection.TimeSeriesSplit(num).split(times)
    for fold, (train, held) in zip(folds, theirs, strict=True):
        assert sorted(times[fold.train]) == train.tolist()
        assert sorted(times[fold.held]) == held.tolist()


@given(times=st.lists(st.integers(0, 9), min_size=12, max_size=60).filter(lambda t: len({*t}) > 4))
def test_rows_of_one_time_stay_together(times: list[int]) -> None:
    values = np.array(times, float)
    for fold in folds_of(make(np.zeros(len(times), int), times=values), 4, "time"):
        assert values[fold.train].max() < values[fold.held].min()


def test_auto_takes_what_the_data_has() -> None:
    target, some = np.arange(20) % 2, np.arange(20) // 2
    rows = np.arange(4, 20)
    for data, kind in (
        (make(target), "stratified"),
        (make(target, groups=some), "grouped"),
        (make(target, times=some.astype(float)), "time"),
    ):
        taken, folds = fold_rows(data, rows, num=3)
        assert taken == kind
        assert {*np.concatenate([f.held for f in folds])} <= {*rows}


@pytest.mark.parametrize("kind", ["grouped", "time"])
def test_what_the_data_lacks_is_told(kind: FoldKind) -> None:
    column = {"grouped": "split.group", "time": "split.time"}[kind]
    with pytest.raises(DataError, match=f"(?s)nothing to make {kind} folds by.*--set {column}="):
        fold_rows(make(np.zeros(20, int)), np.arange(20), num=3, kind=kind)


@pytest.mark.parametrize("num", [0, 1, 21])
def test_too_few_and_too_many_folds_are_refused(num: int) -> None:
    with pytest.raises(DataError) as caught:
        fold_rows(make(np.zeros(20, int)), np.arange(20), num=num, kind="plain")
    assert caught.value.given == f"folds = {num}, plain, of 20 rows"
    assert caught.value.do == "Take 2 to 20 folds."


def test_every_kind_is_explained() -> None:
    for fold in FOLDS.values():
        assert "otes n3" in (fold.__doc__ or "")
