"""Files of a person's own, the whole way: NPZ, CSV, Parquet, folders of images."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pipeline_helpers import expected_scores, rows_of, take

import goodfit as gf

FAST = gf.Recipe(data="x", net=gf.MLP(hidden=(16,)), epochs=25, optimizer=gf.AdamW(lr=0.01))


def from_file(path: Path, target: str | None = None, **changes: object) -> gf.Recipe:
    source = gf.DataSource(path=str(path), target=target)
    return FAST.model_copy(update={"data": source, **changes})


@pytest.fixture(scope="module")
def houses() -> pd.DataFrame:
    """Prices that area and district decide; some areas are missing, one column says nothing."""
    rng = np.random.default_rng(0)
    area, district = rng.uniform(40, 200, 300), rng.choice(["north", "south", "harbour"], 300)
    extra = pd.Series(district).map({"north": 0.0, "south": 50_000.0, "harbour": 200_000.0})
    frame = pd.DataFrame({"area": area, "district": district, "country": "here"})
    frame["price"] = 2_000.0 * area + extra + rng.normal(0, 2_000, 300)
    frame.loc[rng.choice(300, 20, replace=False), "area"] = np.nan
    frame.loc[rng.choice(300, 10, replace=False), "district"] = None
    return frame


@pytest.fixture(scope="module", params=["csv", "parquet"])
def priced(
    request: pytest.FixtureRequest, houses: pd.DataFrame, tmp_path_factory
) -> tuple[gf.Run, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("houses")
    path = folder / f"houses.{request.param}"
    houses.to_csv(path, index=False) if request.param == "csv" else houses.to_parquet(path)
    read = pd.read_csv(path) if request.param == "csv" else pd.read_parquet(path)
    return gf.train(from_file(path, "price"), out=folder / "run"), read


def test_a_regression_is_scored_in_the_targets_own_unit(priced) -> None:
    run, houses = priced
    rows = rows_of(run.folder.path, "validation")
    expected = expected_scores(run, houses.iloc[rows], houses["price"].to_numpy()[rows])
    assert run.scores.values == pytest.approx(expected, rel=1e-4)
    assert 1_000 < run.scores.values["mae"] < 0.5 * houses["price"].std()
    assert run.scores.values["r2"] > 0.7


def test_predictions_are_prices(priced) -> None:
    run, houses = priced
    predicted = run.predict(houses)
    assert predicted.shape == (300,) and predicted.dtype == np.float32
    assert predicted.min() > 50_000 and predicted.max() < 900_000
    assert np.corrcoef(predicted, houses["price"])[0, 1] > 0.8


def test_the_card_says_what_was_decided_about_the_columns(priced) -> None:
    run, _ = priced
    kinds = {column.name: column.kind for column in run.card.columns}
    assert kinds == {"area": "numeric", "district": "categorical", "country": "constant"}
    assert run.card.num_missing == 30 and any('"country"' in note for note in run.card.notes)


def test_an_unknown_category_and_a_missing_value_are_predicted(priced) -> None:
    run, _ = priced
    odd = pd.DataFrame({"area": [np.nan, 100.0], "district": ["elsewhere", None]})
    assert np.isfinite(run.predict(odd)).all()


def test_a_quantity_has_no_chances(priced) -> None:
    run, houses = priced
    with pytest.raises(gf.DataError, match="no class probabilities") as caught:
        run.predict_proba(houses)
    assert caught.value.do == "Use predict."


def test_the_test_part_is_scored_in_the_same_unit(priced) -> None:
    run, houses = priced
    tested = gf.test(run.folder.path)
    rows = rows_of(run.folder.path, "test")
    expected = expected_scores(run, houses.iloc[rows], houses["price"].to_numpy()[rows])
    assert tested.test_scores is not None
    assert tested.test_scores.values == pytest.approx(expected, rel=1e-4)


def test_an_npz_file_of_images_trains_a_convolution(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 120)
    images = rng.integers(0, 60, (120, 8, 8), dtype=np.uint8)
    images[labels == 1, :, :4] += 150
    np.savez(tmp_path / "bright.npz", x=images, y=labels)
    net = gf.CNN(channels=(4,))
    run = gf.train(from_file(tmp_path / "bright.npz", net=net, epochs=4), out=tmp_path / "run")
    assert run.card.input_kind == "image" and run.card.input_shape == (1, 8, 8)
    assert run.scores.values["accuracy"] == 1.0
    assert np.array_equal(run.predict(images[:, None]), labels)


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two kinds, in colour and in grey, of one size."""
    folder, rng = tmp_path_factory.mktemp("pictures") / "stripes", np.random.default_rng(0)
    for name, axis in (("across", 0), ("down", 1)):
        (folder / name).mkdir(parents=True)
        for number in range(30):
            lines = (np.arange(12) // 2 % 2 * 200)[:, None] + rng.integers(0, 50, (12, 12))
            picture = lines if axis == 0 else lines.T
            Image.fromarray(picture.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


def test_a_folder_of_images_trains_by_class(stripes: Path, tmp_path: Path) -> None:
    run = gf.train(from_file(stripes, net=gf.CNN(channels=(4,)), epochs=6), out=tmp_path / "run")
    assert run.card.classes == ("across", "down") and run.card.num_rows == 60
    assert run.scores.values["accuracy"] == 1.0
    pictures = [np.asarray(Image.open(stripes / name / "0.png")) for name in ("across", "down")]
    assert run.predict(np.stack(pictures)[:, None]).tolist() == ["across", "down"]


def test_a_picture_that_changed_is_noticed(stripes: Path, tmp_path: Path) -> None:
    shutil.copytree(stripes, tmp_path / "stripes")
    gf.train(from_file(tmp_path / "stripes", epochs=1), out=tmp_path / "run")
    Image.new("L", (12, 12)).save(tmp_path / "stripes" / "down" / "0.png")
    for again in (gf.test, gf.resume):
        with pytest.raises(gf.RunError, match="not what it was"):
            again(tmp_path / "run")


def test_rows_that_are_scored_are_rows_of_the_file(houses: pd.DataFrame, tmp_path: Path) -> None:
    """Rows without a target are left out; the split counts those that are left."""
    holed = houses.assign(price=houses["price"].where(houses.index % 10 != 0))
    holed.to_csv(tmp_path / "holed.csv", index=False)
    run = gf.train(from_file(tmp_path / "holed.csv", "price", epochs=2), out=tmp_path / "run")
    left = holed.dropna(subset="price").reset_index(drop=True)
    rows = rows_of(run.folder.path, "validation")
    expected = expected_scores(run, take(left, rows), left["price"].to_numpy()[rows])
    assert run.card.num_rows == len(left) == 270
    assert run.scores.values == pytest.approx(expected, rel=1e-3)
