"""A run on a CSV of gaps, texts and dates: the model of the folder prepares raw rows by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

import goodfit as gf

PREDICT = """
import json, sys
import pandas as pd
import goodfit as gf
rows = pd.read_csv(sys.argv[2])
print(json.dumps(gf.load(sys.argv[1]).predict(rows).tolist()))
"""


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng, num = np.random.default_rng(0), 200
    frame = pd.DataFrame(
        {
            "area": rng.normal(80, 20, num).round(),
            "city": [f"city {number % 70}" for number in range(num)],
            "kind": rng.choice(["flat", "house"], num),
            "sold": pd.date_range("2022-03-01", periods=num, freq="5D").strftime("%Y-%m-%d"),
        }
    )
    frame["price"] = frame["area"] * 3 + np.arange(num) / 2 + (frame["kind"] == "house") * 50
    for name in ("area", "kind", "sold"):
        frame.loc[rng.choice(num, 20), name] = None
    path = tmp_path_factory.mktemp("csv") / "houses.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_fresh_process_predicts_raw_rows_alike(csv: Path, tmp_path: Path) -> None:
    prepare = gf.Prepare(
        scale="whiten", encode="auto", indicator=True, missing_category="own", dates="cyclic"
    )
    source = gf.DataSource(path=str(csv), target="price")
    run = gf.train(gf.Recipe(data=source, epochs=2, prepare=prepare), out=tmp_path / "run")
    rows = pd.read_csv(csv).drop(columns="price").iloc[:6]
    rows.loc[1] = [np.nan, "nowhere", None, "no date"]
    rows.to_csv(tmp_path / "rows.csv", index=False)
    command = [sys.executable, "-c", PREDICT, str(run.folder.path), str(tmp_path / "rows.csv")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == run.predict(rows).tolist()
    page = run.folder.report.read_text(encoding="utf-8")
    for words in ("whitening", "Hashed into 32 inputs each", "become numbers, sines and cosines"):
        assert words in page, words
    assert np.isfinite(run.predict(rows)).all()


def test_sealed_rows_change_nothing_of_a_run(csv: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(csv)
    recipe = gf.Recipe(
        data=gf.DataSource(path=str(tmp_path / "rows.csv"), target="price"),
        epochs=2,
        prepare=gf.Prepare(scale="pca", encode="auto", indicator=True, dates="parts"),
    )
    frame.to_csv(tmp_path / "rows.csv", index=False)
    first = gf.train(recipe, out=tmp_path / "first")
    test = load_file(tmp_path / "first" / "split.safetensors")["test"]
    frame.loc[test, ["area", "city", "kind"]] = [9e6, "nowhere", "castle"]
    frame.loc[test, "price"] *= -7.0
    frame.to_csv(tmp_path / "rows.csv", index=False)
    second = gf.train(recipe, out=tmp_path / "second")
    for name in ("preparation.json", "split.safetensors", "best.safetensors"):
        one, other = (tmp_path / run / name for run in ("first", "second"))
        assert one.read_bytes() == other.read_bytes(), name
    assert first.scores == second.scores


def test_whitened_images_get_a_dense_network_and_zca_a_convolution() -> None:
    ways = ((gf.Prepare(scale="whiten", eps=0.1), "mlp"), (gf.Prepare(scale="zca"), "cnn"))
    for prepare, kind in ways:
        run = gf.train(gf.Recipe(data="digits", epochs=1, prepare=prepare))
        assert run.recipe.net is not None
        assert run.recipe.net.kind == kind
