"""Wrong spaces: each error says what is wrong and where, what was given and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from goodfit.errors import RecipeError
from goodfit.recipe import read_space
from goodfit.recipe.space_checks import NOT_SEARCHED


class Wrong(NamedTuple):
    """A space's text, and what the error has to say about it."""

    text: str
    line: int | None
    what: str
    given: str
    do: str


HEAD = 'data = "digits"\n[optimizer]\n'
NET = 'data = "digits"\n[net]\n'


def lr(text: str) -> str:
    """Return a space whose rate is a distribution with these keys."""
    return f"{HEAD}lr = {{ distribution = {text} }}\n"


RANGES = {
    "swapped": Wrong(
        lr('"uniform", low = 2, high = 1'),
        3,
        "optimizer.lr: the ends of the range are swapped",
        "low = 2.0, high = 1.0",
        "low = 1.0, high = 2.0",
    ),
    "equal": Wrong(
        lr('"loguniform", low = 0.1, high = 0.1'),
        3,
        "optimizer.lr: the ends of the range are equal",
        "low = 0.1, high = 0.1",
        "Write the value itself, 0.1",
    ),
    "zero on a log scale": Wrong(
        lr('"loguniform", low = 0, high = 1'),
        3,
        "optimizer.lr: a log scale has no zero",
        "low = 0.0",
        "above 0",
    ),
    "below zero on a log scale": Wrong(
        lr('"loguniform", low = -1, high = 1'), 3, "a log scale has no zero", "low = -1.0", ""
    ),
    "zero on a log scale of whole numbers": Wrong(
        'data = "digits"\nbatch_size = { distribution = "integer", low = 0, high = 8, log = true }',
        2,
        "batch_size: a log scale has no zero",
        "low = 0, high = 8",
        "above 0",
    ),
    "no number": Wrong(
        lr('"uniform", low = nan, high = 1'), 3, "finite numbers", "low = nan", "two finite"
    ),
    "infinite": Wrong(
        lr('"uniform", low = 1, high = inf'), 3, "finite numbers", "high = inf", "two finite"
    ),
    "a text": Wrong(
        lr('"uniform", low = "a", high = 1'),
        3,
        "optimizer.lr: the low of uniform: should be a valid number",
        "'a'",
        "type",
    ),
    "true": Wrong(lr('"uniform", low = true, high = 2'), 3, "should be a number", "True", "type"),
    "a missing end": Wrong(
        lr('"uniform", low = 1'), 3, '"uniform" needs "high"', "None", "low and high"
    ),
    "a misspelt end": Wrong(
        lr('"uniform", low = 1, high = 2, hihg = 2'),
        3,
        '"uniform" has no "hihg"',
        "hihg = 2",
        '"high"',
    ),
    "a log scale of a uniform": Wrong(
        lr('"uniform", low = 1, high = 2, log = true'), 3, 'no "log"', "log = True", "loguniform"
    ),
    "a part of a whole number": Wrong(
        'data = "digits"\nbatch_size = { distribution = "integer", low = 1.5, high = 3 }\n',
        2,
        "batch_size: the low of integer: should be a valid integer",
        "1.5",
        "type",
    ),
    "a misspelt distribution": Wrong(
        lr('"loguniforn", low = 1, high = 2'),
        3,
        'optimizer.lr: there is no distribution "loguniforn"',
        '"loguniforn"',
        '"loguniform"',
    ),
    "a number for a distribution": Wrong(lr("3"), 3, 'no distribution "3"', "3", "known are"),
    "a forgotten distribution": Wrong(
        HEAD + "lr = { low = 1e-4, high = 1e-1 }\n",
        3,
        "optimizer.lr: should be a valid number",
        "{'low'",
        'distribution = "uniform"',
    ),
}
CHOICES = {
    "of nothing": Wrong(
        lr('"choice", options = []'), 3, "optimizer.lr: a choice of nothing", "no options", "two"
    ),
    "of one": Wrong(
        lr('"choice", options = [0.1]'), 3, "a choice of one is no choice", "0.1", "value itself"
    ),
    "of the same twice": Wrong(
        lr('"choice", options = [0.1, 1, 0.1]'), 3, "same option twice", "0.1", "Remove"
    ),
    "of a text": Wrong(lr('"choice", options = "a"'), 3, "should be a list", "'a'", "type"),
    "without options": Wrong(lr('"choice"'), 3, 'needs "options"', "None", "Give options"),
    "with a wrong range in an option": Wrong(
        'data = "digits"\n[optimizer]\ndistribution = "choice"\n[[optimizer.options]]\n'
        'kind = "sgd"\n[[optimizer.options]]\nkind = "adam"\n'
        'lr = { distribution = "uniform", low = 1, high = 1 }\n',
        2,
        "optimizer.adam.lr: the ends of the range are equal",
        "low = 1.0",
        "value itself",
    ),
    "of a kind that none knows": Wrong(
        'data = "digits"\noptimizer = { distribution = "choice", options = [{ kind = "sgd" }, '
        '{ kind = "adma" }] }\n',
        2,
        'no optimizer of kind "adma"',
        "adma",
        '"adam"',
    ),
    "of an option with a wrong field": Wrong(
        'data = "digits"\noptimizer = { distribution = "choice", options = [{ kind = "sgd" }, '
        '{ kind = "adam", rate = 1 }] }\n',
        2,
        'no field "optimizer.rate"',
        "optimizer.rate = 1, of choice of sgd, adam",
        "lr",
    ),
    "of a value that the field does not allow": Wrong(
        NET + 'activation = { distribution = "choice", options = ["relu", "rulu"] }\n',
        3,
        "net.activation: should be",
        "'rulu', of choice of relu, rulu",
        '"relu"',
    ),
}
FIELDS = {
    "a low end": Wrong(
        lr('"uniform", low = -1, high = 1'),
        3,
        "optimizer.lr: should be greater than 0",
        "-1.0, of uniform from -1 to 1",
        "range",
    ),
    "a high end": Wrong(
        NET + 'dropout = { distribution = "uniform", low = 0, high = 1 }\n',
        3,
        "net.dropout: should be less than 1",
        "1.0, of uniform from 0 to 1",
        "range",
    ),
    "what is in a list": Wrong(
        HEAD + 'betas = [{ distribution = "uniform", low = 0, high = 1.5 }, 0.9]\n',
        3,
        "optimizer.betas: should be less than 1",
        "optimizer.betas = [uniform from 0 to 1.5, 0.9]",
        "range",
    ),
    "a float for a whole number": Wrong(
        'data = "digits"\nbatch_size = { distribution = "uniform", low = 8, high = 64 }\n',
        2,
        "batch_size: should be a valid integer",
        "of uniform from 8 to 64",
        '"integer"',
    ),
    "a number for a name": Wrong(
        NET + 'activation = { distribution = "uniform", low = 8, high = 64 }\n',
        3,
        "net.activation: should be",
        "of uniform",
        "relu",
    ),
    "an unknown field": Wrong(
        HEAD + 'lrr = { distribution = "uniform", low = 0, high = 1 }\n',
        3,
        'A recipe has no field "optimizer.lrr"',
        "of uniform from 0 to 1",
        '"lr"',
    ),
    "an unknown table": Wrong(
        'data = "digits"\n[optimiser]\nlr = { distribution = "uniform", low = 0, high = 1 }\n',
        2,
        'no field "optimiser"',
        "optimiser = { lr = uniform from 0 to 1 }",
        '"optimizer"',
    ),
    "a field of another kind": Wrong(
        HEAD + 'kind = "sgd"\nmomentum = { distribution = "uniform", low = 0.5, high = 0.9 }\n',
        4,
        'no field "optimizer.momentum"',
        "of uniform",
        "lr",
    ),
    "a field that not every kind has": Wrong(
        HEAD + 'kind = { distribution = "choice", options = ["momentum", "sgd"] }\n'
        'momentum = { distribution = "uniform", low = 0.5, high = 0.9 }\n',
        4,
        'no field "optimizer.momentum"',
        "of uniform",
        "lr",
    ),
    "two values that do not go together": Wrong(
        NET + 'kind = { distribution = "choice", options = ["mlp", "resnet"] }\n'
        'activation = { distribution = "choice", options = ["relu", "maxout"] }\n',
        4,
        "net.activation: cannot be maxout in a resnet",
        "'maxout', of choice of relu, maxout",
        "Take relu or leaky-relu, or a cnn.",
    ),
    "layers where one number stands": Wrong(
        NET + 'dropout = { distribution = "layers", depth = 2, '
        'width = { distribution = "integer", low = 1, high = 4 } }\n',
        3,
        "net.dropout: should be a valid number",
        "of layers",
        "type",
    ),
    "layers of no width": Wrong(
        NET + 'hidden = { distribution = "layers", depth = 2, '
        'width = { distribution = "integer", low = 0, high = 4 } }\n',
        3,
        "net.hidden: should be greater than or equal to 1",
        "0, of layers",
        "range",
    ),
    "channels without depth": Wrong(
        NET + 'kind = "cnn"\nchannels = { distribution = "layers", width = 2, '
        'depth = { distribution = "integer", low = 0, high = 4 } }\n',
        4,
        "net.channels: ",
        "of layers",
        "range",
    ),
    "a fixed value beside": Wrong(
        HEAD + 'eps = 0\nlr = { distribution = "uniform", low = 0.1, high = 1 }\n',
        3,
        "optimizer.eps: should be greater than 0",
        "0",
        "range",
    ),
    "layers of a float depth": Wrong(
        NET + 'hidden = { distribution = "layers", width = 2, '
        'depth = { distribution = "uniform", low = 0, high = 4 } }\n',
        3,
        "net.hidden: depth and width of layers are whole numbers",
        "uniform from 0 to 4",
        '"integer"',
    ),
}
PLACES = {
    "split": "[split]\ntest = ",
    "prepare": "[prepare]\nscale = ",
    "data": "[data]\npath = ",
    "evaluate": "[evaluate]\nviews = ",
    "engine": "[engine]\nmode = ",
    "seed": "seed = ",
    "task": "task = ",
}
FORBIDDEN = {
    name: Wrong(
        ("" if name == "data" else 'data = "digits"\n')
        + f'{text}{{ distribution = "choice", options = [1, 2] }}\n',
        (1 if name == "data" else 2) + text.count("\n"),
        f'nothing in "{name}" can be searched; trials must not differ in what they are compared on',
        "choice of 1, 2",
        "one value",
    )
    for name, text in PLACES.items()
}
EMPTY = {
    "a plain recipe": Wrong(
        'data = "digits"\n', None, "The space has no distribution in it", "mine.toml", "loguniform"
    )
}
ALL = {
    f"{family}: {name}": wrong
    for family, cases in {
        "range": RANGES,
        "choice": CHOICES,
        "field": FIELDS,
        "place": FORBIDDEN,
        "empty": EMPTY,
    }.items()
    for name, wrong in cases.items()
}


@pytest.mark.parametrize("case", ALL)
def test_a_wrong_space_is_told_with_file_line_and_advice(case: str, tmp_path: Path) -> None:
    wrong, file = ALL[case], tmp_path / "mine.toml"
    file.write_text(wrong.text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        read_space(file)
    error = caught.value
    if wrong.line is not None:
        assert error.what.startswith(f"{file}, line {wrong.line}: ")
    assert wrong.what in error.what
    assert wrong.given in str(error.given)
    assert error.do and wrong.do in error.do
    for word in (
        "pydantic",
        "tuple_type",
        "model_",
        "discriminator",
        "instance of",
        "distribution=",
    ):
        assert word not in str(error)


def test_every_place_that_may_not_vary_is_tried() -> None:
    assert set(PLACES) == set(NOT_SEARCHED)


def test_an_error_names_the_assignment_that_made_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('data = "digits"\n')
    assignment = "optimizer.lr={ distribution = 'uniform', low = -1, high = 1 }"
    with pytest.raises(RecipeError) as caught:
        read_space(file, [assignment])
    assert caught.value.what.startswith(f"--set {assignment}: optimizer.lr: should be greater")


def test_a_file_that_is_none_is_told_as_for_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="There is no such recipe file"):
        read_space(tmp_path / "none.toml")
