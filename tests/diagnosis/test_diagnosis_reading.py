"""Tables of losses that other tools wrote."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from goodfit.diagnosis import findings, read_losses
from goodfit.errors import DataError


def written(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_single_column_is_enough(tmp_path: Path) -> None:
    made = read_losses(written(tmp_path, "2.3\n2.0\n1.5\n"))
    assert made.steps.loss == (2.3, 2.0, 1.5)
    assert made.steps.step == (1, 2, 3)
    with_head = read_losses(written(tmp_path, "loss\n2.3\n2.0\n1.5\n"))
    assert with_head.steps == made.steps or with_head.steps.loss == made.steps.loss


def test_keras_writes_a_row_per_epoch(tmp_path: Path) -> None:
    text = "epoch,accuracy,loss,val_accuracy,val_loss\n0,.5,2.0,.4,2.1\n1,.7,1.0,.6,1.3\n"
    made = read_losses(written(tmp_path, text))
    assert made.metric == "accuracy"
    assert made.epochs.train_loss == (2.0, 1.0)
    assert made.epochs.validation_loss == (2.1, 1.3)
    assert made.epochs.metric == (0.4, 0.6)
    assert made.epochs.step == (1, 2)


def test_lightning_writes_empty_cells(tmp_path: Path) -> None:
    text = (
        "epoch,step,train_loss_step,val_loss\n0,9,2.0,\n0,19,1.5,\n0,19,,1.7\n1,29,1.0,\n1,29,,1.2"
    )
    made = read_losses(written(tmp_path, text))
    assert made.steps.step == (9, 19, 29)
    assert made.steps.loss == (2.0, 1.5, 1.0)
    assert made.epochs.validation_loss == (1.7, 1.2)
    assert made.epochs.step == (19, 29)
    assert made.epochs.train_loss == (1.75, 1.0)


def test_hugging_face_writes_objects(tmp_path: Path) -> None:
    rows = [
        {"loss": 2.0, "grad_norm": 1.5, "learning_rate": 1e-3, "epoch": 0.5, "step": 10},
        {"eval_loss": 1.9, "eval_accuracy": 0.4, "epoch": 1.0, "step": 10},
        {"loss": 1.0, "grad_norm": 0.5, "learning_rate": 5e-4, "epoch": 1.5, "step": 20},
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    made = read_losses(written(tmp_path, lines, "log.jsonl"))
    assert made.steps.step == (10, 20)
    assert made.steps.grad_norm == (1.5, 0.5)
    assert made.steps.lr == (1e-3, 5e-4)
    assert made.epochs.metric == (0.4,)
    assert read_losses(written(tmp_path, json.dumps(rows), "log.json")) == made


def test_headings_may_be_written_in_any_manner(tmp_path: Path) -> None:
    made = read_losses(written(tmp_path, "Step;Train/Loss;Learning Rate\n1;2.0;0.1\n2;1.0;0.1\n"))
    assert made.steps.loss == (2.0, 1.0)
    assert made.steps.lr == (0.1, 0.1)


def test_a_loss_that_is_nan_is_found(tmp_path: Path) -> None:
    text = "step,loss\n" + "".join(f"{k},{2 / k}\n" for k in range(1, 30)) + "30,nan\n31,inf\n"
    made = read_losses(written(tmp_path, text))
    assert math.isnan(made.steps.loss[-2])
    assert [finding.rule for finding in findings(made)] == ["loss-not-finite"]


def test_steps_that_do_not_grow_are_counted_and_that_is_told(tmp_path: Path) -> None:
    made = read_losses(written(tmp_path, "step,loss\n5,2.0\n6,1.0\n5,1.5\n"))
    assert made.steps.step == (1, 2, 3)
    assert "does not grow" in made.notes[0]


def test_tensorboards_table_of_one_curve_is_taken_for_the_loss(tmp_path: Path) -> None:
    text = "Wall time,Step,Value\n1700000000.1,0,2.3\n1700000001.2,10,2.0\n1700000002.3,20,1.5\n"
    made = read_losses(written(tmp_path, text))
    assert made.steps.step == (0, 10, 20)
    assert made.steps.loss == (2.3, 2.0, 1.5)
    assert any("Value" in one for one in made.unseen)


@pytest.mark.parametrize("text", ["step,value,speed\n1,2,3\n", "Wall time,Step\n1,2\n"])
def test_a_value_beside_other_numbers_is_no_loss(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="No column"):
        read_losses(written(tmp_path, text))


def test_a_named_loss_is_not_guessed(tmp_path: Path) -> None:
    made = read_losses(written(tmp_path, "step,loss,value\n1,2.0,7\n2,1.0,8\n"))
    assert made.steps.loss == (2.0, 1.0)
    assert not any("Value" in one for one in made.unseen)


def test_rules_about_curves_judge_a_table(tmp_path: Path) -> None:
    text = "loss\n" + "".join(f"{2.3 * 1.05**k}\n" for k in range(100))
    found = findings(read_losses(written(tmp_path, text)))
    assert "loss-exploded" in [finding.rule for finding in found]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("time,speed\n1,2\n", "No column of the file is known as a loss"),
        ("step,loss\n1,2.0\n2,abc\n", "Row 2 of column loss is not a number"),
        ('{"loss": 1}\nnot json\n', "is not a JSON object"),
    ],
)
def test_errors_say_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as raised:
        read_losses(written(tmp_path, text))
    assert raised.value.do


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_losses(tmp_path / "none.csv")
