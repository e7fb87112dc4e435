"""What a source's path may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from goodfit.data import BUILT_INS, load, sources
from goodfit.errors import DataError
from goodfit.recipe import DataSource

REFERENCES: dict[str, tuple[Callable[[], Any], str]] = {
    "digits": (datasets.load_digits, "classification"),
    "wine": (datasets.load_wine, "classification"),
    "breast-cancer": (datasets.load_breast_cancer, "classification"),
    "iris": (datasets.load_iris, "classification"),
    "diabetes": (lambda: datasets.load_diabetes(scaled=False), "regression"),
}


def test_every_built_in_set_has_a_reference() -> None:
    assert {*REFERENCES, "fashion-mnist"} == set(BUILT_INS)


@pytest.mark.parametrize("name", REFERENCES)
def test_built_in_sets_are_scikit_learns(name: str) -> None:
    fetch, task = REFERENCES[name]
    data, bunch = load(DataSource(path=name)), fetch()
    assert data.task == task
    assert (np.asarray(data.inputs).reshape(bunch.data.shape) == bunch.data).all()
    assert (data.target == bunch.target).all()
    if task == "classification":
        assert list(data.classes) == [str(label) for label in bunch.target_names]


def test_digits_are_images_of_bytes() -> None:
    images = np.asarray(load(DataSource(path="digits")).inputs)
    assert (images.shape, images.dtype, images.max()) == ((1797, 1, 8, 8), np.uint8, 16)


def test_a_built_in_name_wins_and_a_path_reaches_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load(DataSource(path="digits")).num_rows == 1797
    with pytest.raises(DataError, match="no images"):
        load(DataSource(path="./digits"))


def test_the_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").write_text("x,y\n" + "1,0\n2,1\n" * 5)
    assert load(DataSource(path="~/a.csv", target="y")).name == "~/a.csv"


@pytest.mark.parametrize(
    ("given", "do"),
    [
        ("digit", 'did you mean "digits"?'),
        ("fashion_mnist", 'did you mean "fashion-mnist"?'),
        ("house.csv", 'did you mean "houses.csv"?'),
        ("sub/hous.csv", 'did you mean "sub/house.csv"?'),
        ("zzz", "Check the path, or name a built-in set: digits, wine"),
        ("no/where/houses.csv", "There is no folder no/where either; check the path."),
    ],
)
def test_a_missing_source_is_answered_with_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, do: str
) -> None:
    (tmp_path / "houses.csv").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "house.csv").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        load(DataSource(path=given))
    assert caught.value.given == given
    assert caught.value.do.startswith(do)


def test_fields_that_would_be_ignored_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.touch()
    for source in (
        DataSource(path="iris", target="species"),
        DataSource(path="iris", folder="."),
        DataSource(path="fashion-mnist", target="label"),
        DataSource(path=str(tmp_path), target="label"),
        DataSource(path=str(table), target="y", folder="."),
    ):
        with pytest.raises(DataError) as caught:
            load(source)
        assert "out." in caught.value.do


def test_a_system_error_is_told_kindly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(path: Path, *, name: str, target: str | None) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.csv").touch()
    monkeypatch.setitem(sources.READERS, ".csv", refuse)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        load(DataSource(path=str(tmp_path / "a.csv"), target="y"))
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        load(DataSource(path="x" * 5000))
