"""``goodfit show augment``: pictures of the draws, shares that add up, tables refused."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from goodfit.cli import app
from goodfit.records import Pictures, Sheet
from goodfit.shows.augment import whole_percents

COMMAND = ["show", "augment", "digits", "--set", "augment.mix=cutmix", "--json"]


def test_originals_then_draws_with_the_shares_of_their_classes() -> None:
    sheet = Sheet.from_json(json.loads(CliRunner().invoke(app, COMMAND).output))
    parts = [part for part in sheet.parts if isinstance(part, Pictures)]
    assert [len(part.png_base64) for part in parts] == [8] * 6
    first = np.asarray(Image.open(io.BytesIO(base64.b64decode(parts[0].png_base64[0]))))
    assert first.shape == (8, 8) and first.max() > 200
    assert parts[1].png_base64 != parts[0].png_base64
    told = [words for part in parts[1:] for words in part.captions]
    mixed = [words for words in told if "%" in words]
    assert mixed and all(re.fullmatch(r"\d: \d+ %(, \d: \d+ %)+", words) for words in mixed)
    assert {sum(map(int, re.findall(r"(\d+) %", words))) for words in mixed} == {100}


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12).filter(lambda found: sum(found) > 0))
def test_whole_percents_sum_to_a_hundred_and_are_off_by_less_than_one(found: list[float]) -> None:
    shares = [share / sum(found) for share in found]
    percents = whole_percents(shares)
    assert sum(percents) == 100
    assert all(abs(p - 100.0 * share) < 1.0 for p, share in zip(percents, shares, strict=True))


def test_command_writes_a_page(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    told = CliRunner().invoke(app, [*COMMAND[:-1], "--out", str(out)])
    assert told.exit_code == 0
    assert out.read_text(encoding="utf-8").count("data:image/png;base64,") == 48


def test_a_recipe_file_stands_in_the_place_of_the_data(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('data = "digits"\n[augment]\nmix = "cutmix"\n')
    told = CliRunner().invoke(app, ["show", "augment", str(recipe), "--json"])
    assert told.output == CliRunner().invoke(app, COMMAND).output


def test_nothing_to_draw_is_said() -> None:
    told = CliRunner().invoke(app, ["show", "augment", "digits"])
    assert "nothing to draw" in str(told.exception)
    table = CliRunner().invoke(app, ["show", "augment", "wine", "--set", "augment.mix=mixup"])
    assert "nothing to draw" in str(table.exception)
