"""``goodfit show descent``: both walks are one, passes are counted, every kind of data goes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from goodfit.cli import app
from goodfit.nets import build_net
from goodfit.recipe import MLP
from goodfit.records import Chart, Sheet, Table
from goodfit.shows import show_descent
from goodfit.shows.descent import principal

PATHS = ("forward differences", "central differences", "backpropagation")


def shown(*words: str) -> Sheet:
    told = CliRunner().invoke(app, ["show", "descent", *words, "--json"])
    assert told.exit_code == 0, told.output
    return Sheet.from_json(json.loads(told.output))


# (inputs + 1) * 4 + 5 * outputs weights; inputs are at most 4 components.
@pytest.mark.parametrize(
    ("source", "weights"),
    [("digits", 20 + 50), ("iris", 20 + 15), ("diabetes", 20 + 5)],
    ids=["images", "a table", "a quantity"],
)
def test_the_walks_are_one_and_their_cost_is_counted(source: str, weights: int) -> None:
    began = time.process_time()
    sheet = shown(source)
    # Measured 3 to 12 s by machine and load.
    assert time.process_time() - began < 25.0
    by_step, by_pass = charts(sheet)
    for line in by_step.lines:
        assert line.x == tuple(range(61))
        assert line.y == pytest.approx(by_step.lines[2].y, rel=1e-3)
        assert line.y[-1] < 0.9 * line.y[0]
    rows = {row[0]: row[1:] for row in table(sheet).rows}
    for name, passes in zip(PATHS, (weights + 1, 2 * weights, 3), strict=True):
        assert rows[name][:2] == (passes, 60 * passes)
    assert [line.x[-1] for line in by_pass.lines] == [60 * (weights + 1), 120 * weights, 180]
    forward, central, exact = (float(rows[name][4]) for name in PATHS)
    assert exact == 0.0 < central < 1e-6 and central < forward < 1e-2
    assert float(rows[PATHS[2]][2]) < float(rows[PATHS[1]][2])


def test_backpropagation_is_torchs_own_descent() -> None:
    generator = torch.Generator().manual_seed(3)
    x, y = torch.randn(30, 2, generator=generator), torch.arange(30) % 3
    sheet = show_descent(x, y, num_outputs=3, seed=5)
    net = build_net(
        MLP(hidden=(4,), activation="tanh"), input_shape=(2,), num_outputs=3, seed=5
    ).double()
    optimizer, losses = torch.optim.SGD(net.parameters(), lr=0.5), []
    for _ in range(61):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(principal(x)), y)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    assert charts(sheet)[0].lines[2].y == pytest.approx(losses, rel=1e-9)
    assert charts(show_descent(x, y, num_outputs=3, seed=6))[0].lines[2].y[0] != losses[0]


def test_components_are_numpys_and_flat_directions_are_left_out() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(40, 6)) * (5.0, 4.0, 3.0, 2.0, 1.0, 0.5)
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    wanted = ((x - x.mean(0)) @ vectors[:, ::-1] / np.sqrt(values[::-1]))[:, :4]
    found = principal(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(np.abs(found), np.abs(wanted), atol=1e-9)
    rank_one = torch.outer(torch.arange(9.0), torch.tensor([1.0, 2.0, 3.0]))
    assert principal(rank_one).shape == (9, 1)
    assert principal(torch.ones(5, 3)).tolist() == [[0.0]] * 5


def test_many_classes_take_fewer_steps() -> None:
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    sheet = show_descent(x, torch.arange(64) % 60, num_outputs=60)
    weights = 20 + 5 * 60
    assert len(charts(sheet)[0].lines[0].y) == 30_000 // (3 * weights) + 1


def test_the_command_takes_a_recipe_and_writes_a_page(tmp_path: Path) -> None:
    recipe, out = tmp_path / "r.toml", tmp_path / "walk.html"
    recipe.write_text('data = "iris"\nseed = 4\n[net]\nkind = "mlp"\nhidden = [50]\n')
    told = CliRunner().invoke(app, ["show", "descent", str(recipe), "--out", str(out)])
    assert told.exit_code == 0 and "central differences" in told.output
    assert "35 weights, 64 rows, 60 steps" in " ".join(told.output.split())
    assert "Loss by forward passes" in out.read_text(encoding="utf-8")


def charts(sheet: Sheet) -> list[Chart]:
    return [part for part in sheet.parts if isinstance(part, Chart)]


def table(sheet: Sheet) -> Table:
    (found,) = (part for part in sheet.parts if isinstance(part, Table))
    return found
