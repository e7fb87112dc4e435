"""What is measured of activations and initialisers, against closed forms."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodfit.cli import app
from goodfit.errors import RecipeError
from goodfit.nets import ACTIVATIONS, INITIALISERS
from goodfit.records import Chart, Sheet, Table
from goodfit.report import sheet_html
from goodfit.report.words import number
from goodfit.shows import show_activation, show_init

SIGMOID_FAR = 1 / (1 + math.exp(-10))
# lowest, highest, mean for N(0, 1), slopes at -10 and 10; None: no simple closed form.
CLOSED: dict[str, tuple] = {
    "relu": (0.0, "unbounded", 1 / math.sqrt(2 * math.pi), 0.0, 1.0),
    "leaky-relu": ("unbounded", "unbounded", 0.99 / math.sqrt(2 * math.pi), 0.01, 1.0),
    "prelu": ("unbounded", "unbounded", 0.75 / math.sqrt(2 * math.pi), 0.25, 1.0),
    "elu": (-1.0, "unbounded", None, math.exp(-10), 1.0),
    "gelu": (-0.17, "unbounded", 0.5 / math.sqrt(math.pi), 0.0, 1.0),
    "silu": (-0.2785, "unbounded", None, None, None),
    "tanh": (-1.0, 1.0, 0.0, 4 * math.exp(-20), 4 * math.exp(-20)),
    "sigmoid": (0.0, 1.0, 0.5, *(SIGMOID_FAR * (1 - SIGMOID_FAR),) * 2),
    # Its second piece is 0 in all columns: a ReLU.
    "maxout": (0.0, "unbounded", 1 / math.sqrt(2 * math.pi), 0.0, 1.0),
}
SHEET = show_activation()


def logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def density(x: float) -> float:
    return math.exp(-x * x / 2.0) / math.sqrt(2.0 * math.pi)


# Value, slope and curvature.
CLOSED_FORMS = {
    "gelu": (
        lambda x: x * normal(x),
        lambda x: normal(x) + x * density(x),
        lambda x: (2.0 - x * x) * density(x),
    ),
    "silu": (
        lambda x: x * logistic(x),
        lambda x: logistic(x) * (1.0 + x * logistic(-x)),
        lambda x: logistic(x) * logistic(-x) * (2.0 + x * (1.0 - 2.0 * logistic(x))),
    ),
}


def table_of(sheet: Sheet, place: int = 0) -> Table:
    return [part for part in sheet.parts if isinstance(part, Table)][place]


def rows_of(place: int) -> dict[str, tuple]:
    return {str(row[0]): row[1:] for row in table_of(SHEET, place).rows}


def test_every_activation_is_measured_and_has_a_closed_form() -> None:
    assert [row[0] for row in table_of(SHEET).rows] == list(ACTIVATIONS)
    assert CLOSED.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_measured_is_the_closed_form(name: str) -> None:
    """Means are of 200,000 draws: 0.012 is five standard errors of the widest."""
    (lowest, highest, mean, flat), slopes = rows_of(0)[name], rows_of(1)[name]
    found = (lowest, highest, mean, slopes[0], slopes[-1])
    for value, expected in zip(found, CLOSED[name], strict=True):
        if expected is not None:
            same = value == expected if isinstance(expected, str) else None
            assert same or value == pytest.approx(expected, abs=0.012), (name, found)
    assert all(time > 0.0 for time in rows_of(2)[name]) and 0.0 <= flat <= 100.0


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_the_lowest_value_is_right_to_its_last_digit_and_that_of_the_drawing(name: str) -> None:
    """Where the slope is 0: by Newton's method in Python's own numbers, on the closed form."""
    value, slope, curvature = CLOSED_FORMS[name]
    x = -1.0
    for _ in range(50):
        x -= slope(x) / curvature(x)
    assert abs(slope(x)) < 1e-12
    lowest = rows_of(0)[name][0]
    assert lowest == pytest.approx(value(x), abs=1e-9)
    drawn = next(part for part in SHEET.parts if isinstance(part, Chart)).lines
    line = next(line for line in drawn if line.name == name)
    assert number(min(line.y)) == number(float(lowest)) == number(value(x))


def test_half_of_the_inputs_of_a_relu_are_flat_and_none_of_a_leaky_one() -> None:
    flat = {name: row[3] for name, row in rows_of(0).items()}
    assert flat["relu"] == flat["maxout"] == pytest.approx(50.0, abs=0.6)
    assert flat["prelu"] == flat["leaky-relu"] == 0.0
    # 1 - tanh(x)^2 < 0.01 beyond artanh(sqrt(0.99)) = 2.993: 0.276 % of N(0, 1).
    beyond = 100 * math.erfc(math.atanh(math.sqrt(0.99)) / math.sqrt(2))
    assert flat["tanh"] == pytest.approx(beyond, abs=0.06)


def test_maxout_is_one_function_in_all_figures() -> None:
    assert rows_of(0)["maxout"] == rows_of(0)["relu"]
    assert rows_of(1)["maxout"] == rows_of(1)["relu"]
    for chart in (part for part in SHEET.parts if isinstance(part, Chart)):
        lines = {line.name: line.y for line in chart.lines}
        assert lines["maxout"] == lines["relu"]


def test_flat_and_maxout_are_defined_on_page_and_terminal(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    command = ["show", "activation", "--out", str(page)]
    told = CliRunner().invoke(app, command, env={"COLUMNS": "400"})
    for text in (told.output, page.read_text(encoding="utf-8")):
        words = " ".join(text.split())
        assert "the slope is under 0.01 in absolute value" in words
        assert "Maxout is max(x, 0) in all figures" in words
    assert "Maxout" not in show_activation(["tanh"]).headline


def test_derivatives_are_drawn() -> None:
    charts = [part for part in SHEET.parts if isinstance(part, Chart)]
    sigmoid = next(line for line in charts[1].lines if line.name == "sigmoid")
    assert sigmoid.y[len(sigmoid.y) // 2] == pytest.approx(0.25)


def test_an_unknown_activation_gets_the_nearest() -> None:
    with pytest.raises(RecipeError) as caught:
        show_activation(["sigmod"])
    assert caught.value.do == 'did you mean "sigmoid"?'


def test_signals_of_a_linear_like_net_shrink_as_the_formula_says() -> None:
    """Leaky ReLU under He keeps, xavier-fan-in halves the variance at each layer (n3)."""
    sheet = show_init(["xavier-fan-in", "he-normal"], depth=16, width=256, activation="relu")
    charts = [part for part in sheet.parts if isinstance(part, Chart)]
    fan_in, he = (line.y for line in charts[0].lines)
    assert math.log2(fan_in[0] / fan_in[-1]) / 15 == pytest.approx(0.5, abs=0.06)
    assert he[-1] / he[0] == pytest.approx(1.0, abs=0.4)


def test_verdicts_are_the_lectures() -> None:
    rows = {row[0]: row[-1] for row in table_of(show_init(depth=20, width=128)).rows}
    assert rows.keys() == INITIALISERS.keys()
    assert rows["xavier-uniform"] == rows["xavier-normal"] == "keeps its size"
    assert rows["small-normal"] == "signals vanish, gradients vanish"
    assert "gradients explode" in str(rows["large-normal"])
    relu = show_init(["xavier-normal", "he-normal"], depth=20, width=128, activation="relu")
    assert [row[-1] for row in table_of(relu).rows][1] == "keeps its size"


@pytest.mark.parametrize(
    ("depth", "activation", "norm"),
    [(20, "relu", "batch"), (10, "tanh", "batch"), (3, "maxout", "layer"), (2, "tanh", "none")],
)
def test_units_that_are_all_one_are_never_recommended(
    depth: int, activation: str, norm: str
) -> None:
    sheet = show_init(depth=depth, width=64, activation=activation, norm=norm)
    symmetric = [row[0] for row in table_of(sheet).rows if "symmetric" in str(row[-1])]
    assert symmetric == ["constant"]
    recommended, _, defined = sheet.headline.partition(" Symmetric: ")
    assert "constant" not in recommended and "like one unit" in defined
    assert "Symmetric" not in show_init(["he-normal"], depth=3, width=16).headline


def test_a_layer_of_one_unit_has_no_symmetry_to_break() -> None:
    assert "symmetric" not in str(table_of(show_init(["constant"], depth=3, width=1)).rows)


def test_gradients_that_batch_norm_blows_up_are_told_by_their_numbers() -> None:
    """Each layer of ReLU and batch norm multiplies gradients by about 1.21 on the way back."""
    sheet = show_init(["he-normal"], depth=20, width=256, activation="relu", norm="batch")
    _, _, _, first, last, verdict = table_of(sheet).rows[0]
    assert float(first) > 20.0 * float(last) and verdict == "gradients explode"


def test_a_signal_of_zero_is_zero_in_drawing_and_table(tmp_path: Path) -> None:
    command = ["show", "init", "--depth", "3", "--width", "256", "--activation", "maxout"]
    command += ["--norm", "layer", "--init", "constant", "--out", str(tmp_path / "page.html")]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0 and "no finite value" not in told.output
    assert "constant  ···  0" in told.output


def test_a_wrong_name_is_told() -> None:
    with pytest.raises(RecipeError, match=r"net\.activation"):
        show_init(activation="thanh")


def test_commands_write_pages_and_print_json(tmp_path: Path) -> None:
    page = tmp_path / "pages" / "new" / "page.html"
    told = CliRunner().invoke(app, ["show", "activation", "tanh", "--out", str(page)])
    assert told.exit_code == 0 and "unbounded" not in told.output and "tanh" in told.output
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    command = ["show", "init", "--depth", "3", "--width", "16", "--init", "he-normal", "--json"]
    sheet = Sheet.from_json(json.loads(CliRunner().invoke(app, command).output))
    assert "he-normal" in sheet_html(sheet)
