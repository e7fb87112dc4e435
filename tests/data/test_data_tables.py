"""CSV and Parquet."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goodfit.data import READERS, files, load
from goodfit.errors import DataError
from goodfit.recipe import DataSource

FRAME = pd.DataFrame(
    {
        "area": [50.5, 80.0, np.nan, 120.0] * 5,
        "rooms": [2, 3, 3, 5] * 5,
        "heating": ["gas", "oil", None, "gas"] * 5,
        "price": np.arange(20) * 1.5,
    }
)


@pytest.mark.parametrize(
    "name", ["H.CSV", *(f"h{ending}" for ending in READERS if ending != ".npz")]
)
def test_every_format_gives_the_same_dataset(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        FRAME.to_parquet(path)
    else:
        FRAME.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    data = load(DataSource(path=str(path), target="price"))
    assert (data.task, data.input_kind, data.target_name) == ("regression", "table", "price")
    assert [column.kind for column in data.columns] == ["numeric", "numeric", "categorical"]
    assert isinstance(data.inputs, pd.DataFrame)
    assert np.isnan(np.asarray(data.inputs["area"])).sum() == 5
    assert data.inputs["heating"].dropna().tolist() == ["gas", "oil", "gas"] * 5
    assert data.target.tolist() == FRAME["price"].tolist()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_in_the_header(tmp_path: Path, separator: str) -> None:
    FRAME.to_csv(tmp_path / "h.csv", index=False, sep=separator)
    data = load(DataSource(path=str(tmp_path / "h.csv"), target="price"))
    assert [column.name for column in data.columns] == ["area", "rooms", "heating"]


def test_a_byte_order_mark_and_quotes_are_understood(tmp_path: Path) -> None:
    text = '"a, b",y\n' + "1.5,0\n2.5,1\n" * 5
    (tmp_path / "h.csv").write_text(text, encoding="utf-8-sig")
    assert load(DataSource(path=str(tmp_path / "h.csv"), target="y")).columns[0].name == "a, b"


def test_gzip_is_recognised_whatever_the_name(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_bytes(gzip.compress(FRAME.to_csv(index=False).encode()))
    assert load(DataSource(path=str(tmp_path / "h.csv"), target="price")).num_rows == 20


def test_a_saved_index_stays_a_column(tmp_path: Path) -> None:
    FRAME.set_index("rooms").to_parquet(tmp_path / "h.parquet")
    data = load(DataSource(path=str(tmp_path / "h.parquet"), target="price"))
    assert {column.name for column in data.columns} == {"area", "heating", "rooms"}


def test_parquet_keeps_categories_and_refuses_dates_and_lists(tmp_path: Path) -> None:
    frame = FRAME.assign(
        heating=FRAME["heating"].astype("category"),
        built=pd.date_range("2020", periods=20),
        tags=[[1, 2]] * 20,
    )
    frame.to_parquet(tmp_path / "h.parquet")
    data = load(DataSource(path=str(tmp_path / "h.parquet"), target="price"))
    kinds = {column.name: column.kind for column in data.columns}
    assert (kinds["heating"], kinds["built"], kinds["tags"]) == (
        "categorical",
        "ignored",
        "ignored",
    )
    assert 'Column "built" is ignored: it holds dates.' in data.notes


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_larger_than_memory_is_refused(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"h.{ending}"
    if ending == "csv":
        FRAME.to_csv(path, index=False)
    else:
        FRAME.to_parquet(path)
    monkeypatch.setattr(files, "physical_bytes", lambda: 100)
    with pytest.raises(DataError, match="larger than this machine's memory"):
        load(DataSource(path=str(path), target="price"))


def test_a_missing_target_names_the_columns_and_a_wrong_one_the_nearest(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "h.csv", index=False)
    with pytest.raises(DataError) as caught:
        load(DataSource(path=str(tmp_path / "h.csv")))
    assert caught.value.given == "columns area, rooms, heating, price"
    assert "--target" in caught.value.do
    with pytest.raises(DataError) as caught:
        load(DataSource(path=str(tmp_path / "h.csv"), target="Price"))
    assert caught.value.do == 'did you mean "price"?'


def test_many_columns_are_not_all_listed(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.zeros((2, 100)), columns=[f"c{n}" for n in range(100)])
    frame.to_csv(tmp_path / "h.csv", index=False)
    with pytest.raises(DataError) as caught:
        load(DataSource(path=str(tmp_path / "h.csv")))
    assert str(caught.value.given).endswith("c29 and 70 more")
