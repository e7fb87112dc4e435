"""``goodfit show schedule``: rates against torch's own schedulers, the page, the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import goodfit as gf
from goodfit.cli import app
from goodfit.recipe import Cosine, Exponential, OnPlateau, Step
from goodfit.records import Chart, Sheet
from goodfit.report import sheet_html
from goodfit.shows import show_schedule

TWINS = (
    (Step(every=3, gamma=0.5), lambda opt: torch.optim.lr_scheduler.StepLR(opt, 3, 0.5)),
    (Exponential(gamma=0.9), lambda opt: torch.optim.lr_scheduler.ExponentialLR(opt, 0.9)),
)


@pytest.mark.parametrize(("schedule", "twin"), TWINS, ids=["step", "exponential"])
def test_the_drawn_rates_are_torchs(schedule, twin) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = twin(optimizer)
    wanted = []
    for _ in range(10):
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    (line,) = _chart(show_schedule([schedule], lr=0.1, epochs=10)).lines
    epochs = np.floor(np.asarray(line.x) + 1e-9).astype(int)
    np.testing.assert_allclose(line.y, np.asarray(wanted)[epochs], rtol=1e-12)


def test_a_plateau_is_drawn_for_a_loss_that_stands_still() -> None:
    sheet = show_schedule([OnPlateau(patience=2, factor=0.5)], lr=0.1, epochs=12)
    (line,) = _chart(sheet).lines
    epochs = np.floor(np.asarray(line.x) + 1e-9).astype(int)
    # The last fall is that of epoch 4; three more make one cut, and three more the next.
    wanted = np.asarray([0.1] * 8 + [0.05] * 3 + [0.025])
    np.testing.assert_allclose(line.y, wanted[epochs], rtol=1e-12)
    assert "stops falling after a third" in sheet.headline


def test_the_page_holds_chart_table_and_no_address() -> None:
    page = sheet_html(show_schedule([Cosine()], lr=0.1, epochs=5))
    assert "Rate by epoch" in page and "chart-sheet-0" in page and "<th scope" in page


def test_command_writes_a_page_and_prints_json(tmp_path: Path) -> None:
    out = tmp_path / "rates.html"
    told = CliRunner().invoke(app, ["show", "schedule", "--out", str(out)])
    assert told.exit_code == 0 and "one-cycle" in told.output
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    command = ["show", "schedule", "--set", "schedule.kind=step", "--json"]
    sheet = Sheet.from_json(json.loads(CliRunner().invoke(app, command).output))
    assert [line.name for line in _chart(sheet).lines] == ["step"]


@pytest.mark.parametrize(
    ("data", "batch_size", "rate"),
    [("digits", 320, 1.0), ("iris", 320, 0.1 * 106 / 32), ("iris", 16, 0.05)],
    ids=["as asked", "no larger than the training rows are many", "smaller"],
)
def test_a_rate_that_follows_the_batch_size_is_drawn_as_a_run_has_it(
    data: str, batch_size: int, rate: float, tmp_path: Path
) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        f'data = "{data}"\nbatch_size = {batch_size}\nepochs = 1\nschedule = "constant"\n'
        '[net]\nkind = "mlp"\nhidden = [4]\n'
        '[optimizer]\nkind = "sgd"\nlr = 0.1\nscale_lr = "linear"\n'
    )
    told = CliRunner().invoke(app, ["show", "schedule", str(recipe), "--json"])
    (line,) = _chart(Sheet.from_json(json.loads(told.output))).lines
    assert line.y == pytest.approx([rate] * len(line.y), rel=1e-12)
    trained = gf.train(gf.recipe.read(recipe)).history.steps.lr
    assert trained == pytest.approx([rate] * len(trained), rel=1e-6)


def test_a_recipe_file_stands_in_the_place_of_the_data(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('data = "gone.csv"\nepochs = 7\n[schedule]\nkind = "step"\n')
    by_place, by_option = (
        CliRunner().invoke(app, ["show", "schedule", *words, "--json"]).output
        for words in ([str(recipe)], ["--recipe", str(recipe)])
    )
    assert by_place == by_option
    sheet = Sheet.from_json(json.loads(by_place))
    assert [line.name for line in _chart(sheet).lines] == ["step"] and "7 epochs" in sheet.headline


def _chart(sheet: Sheet) -> Chart:
    (chart,) = (part for part in sheet.parts if isinstance(part, Chart))
    return chart
