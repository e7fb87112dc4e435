"""Rows that lack values are answered, and what training did not see of it is said."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import goodfit as gf
from goodfit.cli import app
from goodfit.errors import DataError, GapsWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = (X[:, 0] > 0).astype(int)
TINY = gf.Recipe(data="made", net=gf.MLP(hidden=(4,)), epochs=1)


def frame_of(x: np.ndarray) -> pd.DataFrame:
    texts = [None if np.isnan(value) else "north" if value > 0 else "south" for value in x[:, 2]]
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "site": texts})


def with_gaps(*places: tuple[int, int], num: int = 8) -> np.ndarray:
    x = X[:num].copy()
    for row, column in places:
        x[row, column] = np.nan
    return x


@pytest.fixture(scope="module", params=["table", "array"])
def whole(request: pytest.FixtureRequest) -> tuple[gf.Run, bool]:
    is_table = request.param == "table"
    return gf.train(TINY, data=(frame_of(X) if is_table else X, Y)), is_table


def said(run: gf.Run, inputs: object) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(run.predict(inputs)) == 8
    assert {warning.category for warning in caught} <= {GapsWarning}
    return [str(warning.message) for warning in caught]


def test_rows_of_which_nothing_is_known_are_named(whole: tuple[gf.Run, bool]) -> None:
    run, is_table = whole
    x = with_gaps(*((row, column) for row in (1, 4) for column in range(3)))
    empty, new = said(run, frame_of(x) if is_table else x)
    assert empty == "Nothing is known of rows 2, 5: the answer is that of a usual row."
    assert ('"a"' if is_table else '"0"') + " in rows 2, 5" in new


def test_a_gap_where_training_had_none_is_named(whole: tuple[gf.Run, bool]) -> None:
    run, is_table = whole
    x = with_gaps((6, 1), (7, 2))
    (told,) = said(run, frame_of(x) if is_table else x)
    first, second = ("b", "site") if is_table else ("1", "2")
    assert f'"{first}" in row 7; "{second}" in row 8.' in told


def test_whole_rows_and_gaps_that_training_had_are_answered_in_silence(
    whole: tuple[gf.Run, bool],
) -> None:
    run, is_table = whole
    assert not said(run, frame_of(X[:8]) if is_table else X[:8])
    holes = X.copy()
    holes[::3] = np.where(RNG.random((40, 3)) < 0.5, np.nan, X[::3])
    holes[::3, 0] = np.where(RNG.random(40) < 0.5, np.nan, 1.0)
    holes[0] = [np.nan, 1.0, np.nan]
    trained = gf.train(TINY, data=(frame_of(holes) if is_table else holes, Y))
    x = with_gaps((6, 0), (7, 2))
    assert not said(trained, frame_of(x) if is_table else x)


def test_the_command_line_says_it_beside_the_answers(
    tmp_path: Path,
) -> None:
    run = gf.train(TINY, data=(frame_of(X), Y))
    frame_of(with_gaps((3, 0))).to_csv(tmp_path / "new.csv", index=False)
    told = CliRunner().invoke(app, ["predict", str(run.folder.path), str(tmp_path / "new.csv")])
    assert told.exit_code == 0
    assert told.stderr.startswith('Note: Values are missing where training had none missing: "a"')


def test_pixels_that_are_no_numbers_are_refused() -> None:
    images = RNG.random((40, 1, 6, 6)).astype(np.float32)
    run = gf.train(TINY, data=(images, np.arange(40) % 2))
    images[0, 0, 0, 0] = np.nan
    for asked in (images, images[:, 0]):
        with pytest.raises(DataError, match="Some pixels are not finite numbers"):
            run.predict(asked)
