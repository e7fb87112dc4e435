"""``goodfit show data``: the card of every kind of data, its findings, its page, its words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import goodfit as gf
from goodfit.cli import app
from goodfit.data import from_arrays, split
from goodfit.pipeline import contents, see_data
from goodfit.recipe import Split
from goodfit.records import Findings, Gallery, Histograms, Sheet, Table
from goodfit.report import render, sheet_html
from goodfit.shows.data import show_data

RNG = np.random.default_rng(0)


def shown(*arguments: object) -> Sheet:
    told = CliRunner().invoke(app, ["show", "data", *map(str, arguments), "--json"])
    assert told.exit_code == 0, told.exception
    return Sheet.from_json(json.loads(told.output))


def rules(sheet: Sheet) -> list[str]:
    (found,) = (part for part in sheet.parts if isinstance(part, Findings))
    return [finding.rule for finding in found.findings]


def table_file(folder: Path, **columns: object) -> Path:
    x = RNG.normal(size=(200, 2))
    kind = np.where(x.sum(1) + RNG.normal(size=200) > 0, "ill", "well")
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], **columns, "kind": kind})
    frame.to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


def test_a_table(tmp_path: Path) -> None:
    path = table_file(tmp_path, row=np.arange(200), site="north")
    sheet = shown(path, "--target", "kind")
    assert rules(sheet) == ["identifier-column", "constant-column"]
    titles = [part.title for part in sheet.parts]
    assert titles[:3] == ["What the checks found", "What it is", "Parts"]
    assert titles[3:] == ["Rows of each class", "Rows of each class, by part", "Inputs", "Columns"]
    parts = next(part for part in sheet.parts if part.title == "Parts")
    assert isinstance(parts, Table) and [row[1] for row in parts.rows] == [140, 30, 30]


def test_columns_and_target_tell_nothing_of_the_sealed_part() -> None:
    frame = pd.DataFrame({"a": RNG.normal(size=200), "b": RNG.integers(0, 9, 200).astype(float)})
    frame.loc[::7, "b"] = np.nan
    recipe = gf.Recipe(data="made", task="regression", epochs=1)
    target = frame["a"] + RNG.normal(size=200)
    seen = see_data(recipe, data=(frame, target))
    test, rows = seen.rows.parts.test, seen.rows.open_rows
    frame.loc[test, "a"], target[test] = 99.0 + np.arange(len(test)), 1e4
    seen = see_data(recipe, data=(frame, target))
    assert np.array_equal(seen.rows.parts.test, test)
    card, opened = seen.known.card, frame.iloc[rows]
    sheet = show_data(card, seen.known.sizes, seen.rows, seen.verdicts)
    columns = sheet.parts[-1]
    assert isinstance(columns, Table)
    for name, _, *counts, low, mean, high in columns.rows:
        own = opened[name]
        assert counts == [own.isna().sum(), own.nunique()]
        assert [low, mean, high] == pytest.approx([own.min(), own.mean(), own.max()])
    assert card.target_high == pytest.approx(target[rows].max())
    assert columns.caption.startswith("Of the 170 rows that train and validate")
    run = gf.train(recipe, data=(frame, target))
    page = run.folder.report.read_text(encoding="utf-8")
    assert "Of the 170 rows that train and validate" in page
    assert not re.search("<td[^>]*>(99|1e4|10,?000)", page)


def test_the_checks_of_what_comes_in_are_among_them(tmp_path: Path) -> None:
    x = RNG.normal(size=(400, 3))
    labels = np.where(np.arange(400) < 12, "rare", "usual")
    np.savez(tmp_path / "t.npz", x=100 + x, y=labels)
    recipe = tmp_path / "r.toml"
    recipe.write_text(f'data = {{ path = "{tmp_path / "t.npz"}" }}\n[prepare]\nscale = "none"\n')
    assert {"class-imbalance", "input-out-of-scale"} <= {*rules(shown(recipe))}
    y = np.arange(400) % 2
    parts = split(from_arrays(x, y), Split(), seed=0)
    x[parts.validation[:20]], x[parts.test[:20]] = x[parts.train[:20]], x[parts.train[20:40]]
    np.savez(tmp_path / "t.npz", x=x, y=y)
    assert {"split-overlap", "overlap-with-test"} <= {*rules(shown(tmp_path / "t.npz"))}


def test_a_recipe_file_stands_where_it_does_for_train(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('data = "iris"\n')
    assert shown(recipe) == shown("--recipe", recipe) == shown("iris")


def test_a_healthy_table_has_no_finding(tmp_path: Path) -> None:
    sheet = shown(table_file(tmp_path), "--target", "kind")
    assert rules(sheet) == [] and "nothing was found" in sheet.headline
    assert "Passed: missing-values" in sheet.parts[0].caption


@pytest.mark.parametrize("source", ["diabetes", "digits", "wine"])
def test_built_in_data(source: str) -> None:
    sheet = shown(source)
    kinds = {type(part) for part in sheet.parts}
    assert Histograms in kinds and (Gallery in kinds) == (source == "digits")
    assert rules(sheet) == []


def test_a_folder_of_images(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(20):
            pixels = RNG.integers(0, 256, (9, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    (gallery,) = (part for part in shown(tmp_path).parts if isinstance(part, Gallery))
    assert gallery.names == ("cat", "dog") and len(gallery.pictures[0]) == 8


def test_the_command_prints_words_and_writes_a_page(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    told = CliRunner().invoke(app, ["show", "data", "digits", "--out", str(out)])
    assert told.exit_code == 0
    for word in (
        "What the checks found",
        "nothing was found",
        "Rows of each class",
        "grey",
        "█",
        "sealed",
    ):
        assert word.lower() in told.output.lower(), word
    assert "base64" not in told.output
    page = out.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 80 and 'class="bars-svg"' in page
    assert "http" not in page.replace("http://www.w3.org", "").split("</style>")[1]


def bars_of(page: str) -> list[str]:
    """The classes' bars of a page: name, width, count and share of each."""
    listed = re.search(r'<ul class="bars" aria-label="Rows of each class">(.*?)</ul>', page, re.S)
    assert listed is not None
    return re.findall(r"<li>(.*?)</li>", re.sub(r"\s+", " ", listed[1]))


def test_the_bars_of_the_classes_are_those_of_a_report(tmp_path: Path) -> None:
    labels = np.repeat(["ill", "well", "odd"], [100, 60, 40])
    path = table_file(tmp_path, site=labels)
    bars = bars_of(sheet_html(shown(path, "--target", "site")))
    assert len(bars) == 3
    assert 'style="width:100.0%"' in bars[0] and "100 <small>50.0 %</small>" in bars[0]
    assert "odd" in bars[1] and 'style="width:40.0%"' in bars[1]
    recipe = gf.Recipe(data=gf.DataSource(path=str(path), target="site"), epochs=1)
    report = gf.train(recipe, out=tmp_path / "run").folder.report.read_text(encoding="utf-8")
    assert bars_of(report) == bars


def test_many_classes_are_folded_and_keep_one_scale(tmp_path: Path) -> None:
    counts = np.r_[np.full(24, 9), 90]
    path = tmp_path / "t.csv"
    kinds = np.repeat([f"k{place:02d}" for place in range(25)], counts)
    pd.DataFrame({"a": RNG.normal(size=len(kinds)), "kind": kinds}).to_csv(path, index=False)
    page = sheet_html(shown(path, "--target", "kind"))
    bars = bars_of(page)
    assert len(bars) == 20 and "5 more classes" in page
    assert all('style="width:10.0%"' in bar for bar in bars)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    path = table_file(tmp_path, **{name: np.arange(200) % 3})
    page = sheet_html(shown(path, "--target", "kind"))
    assert name not in page and "&lt;script&gt;" in page


def test_the_report_of_a_run_draws_the_same(tmp_path: Path) -> None:
    recipe = gf.Recipe(data="digits", epochs=1, net=gf.MLP(hidden=(4,)))
    run = gf.train(recipe, out=tmp_path / "run")
    page = run.folder.report.read_text(encoding="utf-8")
    assert page.count('<img src="data:image/png') == 80 and "Rows of each class, by part" in page
    again = gf.load(tmp_path / "run")
    assert again.drawn is not None and again.drawn == run.drawn
    (tmp_path / "run" / "drawn.json").unlink()
    bare = render(contents(gf.load(tmp_path / "run")))
    assert "bars-svg" not in bare.split("</style>")[1]
