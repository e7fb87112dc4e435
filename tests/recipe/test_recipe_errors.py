"""Wrong recipes: each error says what is wrong and where, what was given and what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

from goodfit.errors import RecipeError
from goodfit.recipe import Recipe, read, validate
from goodfit.recipe.refusing import _SAMPLES


class Wrong(NamedTuple):
    """A recipe's text, and what the error has to say about it."""

    text: str
    line: int
    what: str
    given: str
    do: str


HEAD = 'data = "digits"\n'
FIELDS = {
    "at the top": Wrong(HEAD + "epoch = 3\n", 2, '"epoch"', "epoch = 3", '"epochs"'),
    "a table": Wrong(HEAD + "[optimiser]\nlr = 1\n", 2, '"optimiser"', "{'lr': 1}", '"optimizer"'),
    "in a table": Wrong(
        HEAD + "[net]\nkind = 'cnn'\nchanels = [8]\n", 4, '"net.chanels"', "[8]", '"channels"'
    ),
    "in another kind": Wrong(
        HEAD + "[optimizer]\nkind = 'sgd'\nbetas = [0.9, 0.99]\n",
        4,
        'sgd has no field "optimizer.betas"',
        "[0.9, 0.99]",
        "have it: adam, adamw. sgd has: base_batch_size, decay_on, kind, lr, scale_lr, w",
    ),
    "in the data": Wrong(
        '[data]\npath = "a.csv"\ntaget = "b"\n', 3, '"data.taget"', "taget = 'b'", '"target"'
    ),
    "in an inline table": Wrong(
        HEAD + '\nnet = { kind = "mlp", hiden = [8] }\n', 3, '"net.hiden"', "[8]", '"hidden"'
    ),
    "by a dotted key": Wrong(
        HEAD + "net.hidden = [8]\nnet . hiden = [4]\n", 3, '"net.hiden"', "[4]", '"hidden"'
    ),
    "by a quoted key": Wrong(
        HEAD + '["net"]\n"hidden" = [8]\n\'hiden\' = [4]\n', 4, '"net.hiden"', "[4]", '"hidden"'
    ),
    "in a table below": Wrong(
        HEAD + "[net]\nhidden = [8]\n[net.optimizer]\nlr = 1\n",
        4,
        '"net.optimizer"',
        "{'lr': 1}",
        "hidden",
    ),
    "with a name that another table knows": Wrong(
        HEAD + "[schedule]\nwarmup = 0.1\n[early_stopping]\n\nwarmup = 0.1\n",
        6,
        '"early_stopping.warmup"',
        "0.1",
        "patience",
    ),
}
VALUES = {
    "a text for a number": Wrong(
        HEAD + 'epochs = "many"\n', 2, "epochs: should be a valid integer", "'many'", "type"
    ),
    "a part of an epoch": Wrong(HEAD + "epochs = 2.5\n", 2, "epochs", "2.5", "type"),
    "no epoch": Wrong(HEAD + "epochs = 0\n", 2, "greater than or equal to 1", "0", "range"),
    "true for a number": Wrong(HEAD + "epochs = true\n", 2, "should be a number", "True", "type"),
    "true for a rate": Wrong(
        HEAD + "[optimizer]\nlr = true\n", 3, "optimizer.lr: should be a number", "True", "type"
    ),
    "false for a fraction": Wrong(
        HEAD + "[net]\ndropout = false\n", 3, "net.dropout: should be a number", "False", "type"
    ),
    "a negative rate": Wrong(
        HEAD + "[optimizer]\nlr = -0.1\n", 3, "optimizer.lr: should be greater than 0", "-0.1", ""
    ),
    "an infinite rate": Wrong(HEAD + "[optimizer]\nlr = inf\n", 3, "finite", "inf", "range"),
    "a rate that is no number": Wrong(
        HEAD + "[optimizer]\nlr = nan\n", 3, "optimizer.lr: should be", "nan", "range"
    ),
    "a dropout of all": Wrong(
        HEAD + "[net]\ndropout = 1.0\n", 3, "net.dropout: should be less than 1", "1.0", "range"
    ),
    "a dropout that is no number": Wrong(
        HEAD + "[net]\ndropout = nan\n", 3, "net.dropout", "nan", "range"
    ),
    "a share that is no number": Wrong(
        HEAD + "[split]\ntest = nan\n", 3, "split.test", "nan", "range"
    ),
    "the second of a name": Wrong(
        HEAD + "[schedule]\nwarmup = 0.1\n[optimizer]\nlr = 0\n", 5, "optimizer.lr", "0", "range"
    ),
    "a number for a list": Wrong(
        HEAD + "[net]\nhidden = 64\n", 3, "net.hidden: should be a list", "64", "= [64]"
    ),
    "a wrong entry of a long list": Wrong(
        HEAD + "[net]\nhidden = [\n  64,\n  # a comment\n  0,\n]\nnorm = 'batch'\n",
        3,
        "net.hidden: should be greater than or equal to 1",
        "0",
        "range",
    ),
    "after a list of lists": Wrong(
        HEAD + "seed = -1\n[net]\nhidden = [\n[8],\n]\n", 2, "seed", "-1", "range"
    ),
    "behind a list of lists": Wrong(
        HEAD + "[net]\nhidden = [\n[8],\n]\n", 3, "net.hidden", "[8]", "type"
    ),
    "behind a long text": Wrong(
        HEAD + '[net]\nkind = "own"\nmake = """\ndropout = 2\n[split]\n"""\n[split]\ntest = 2.0\n',
        9,
        "split.test",
        "2.0",
        "range",
    ),
    "too few betas": Wrong(
        HEAD + "[optimizer]\nbetas = [0.9]\n", 3, "optimizer.betas: has too few", "[0.9]", "type"
    ),
    "too many betas": Wrong(
        HEAD + "[optimizer]\nbetas = [0.9, 0.99, 0.999]\n", 3, "at most 2", "0.999", "type"
    ),
    "no channels": Wrong(
        HEAD + "[net]\nkind = 'cnn'\nchannels = []\n", 4, "net.channels", "[]", "range"
    ),
    "a misspelt choice": Wrong(
        HEAD + "[net]\nactivation = 'rulu'\n", 3, "net.activation", "'rulu'", '"relu"'
    ),
    "a misspelt task": Wrong(
        HEAD + "task = 'clasification'\n", 2, "task", "'clasification'", '"classification"'
    ),
    "an unknown choice": Wrong(
        HEAD + "[engine]\nmode = 'fast'\n", 3, "engine.mode", "'fast'", "auto, compiled, eager"
    ),
    "a date": Wrong(HEAD + "seed = 1979-05-27\n", 2, "seed", "1979", "type"),
    "a seed that is too large": Wrong(
        HEAD + "seed = 9223372036854775808\n", 2, "seed: should be less", "9223372036854775808", ""
    ),
    "an empty path": Wrong('data = ""\n', 1, "data.path", "''", "type"),
    "no flag": Wrong(
        HEAD + "[split]\nstratify = 'perhaps'\n", 3, "split.stratify", "'perhaps'", "type"
    ),
    "an infinite delta": Wrong(
        HEAD + "[early_stopping]\nmin_delta = inf\n", 3, "early_stopping.min_delta", "inf", ""
    ),
    "all of one cycle": Wrong(
        HEAD + "[schedule]\nkind = 'one-cycle'\nrise = 1\n", 4, "schedule.rise", "1", "range"
    ),
}
TABLES = {
    "data as a number": Wrong("data = 3\n", 1, "data: should be a name or a table", "3", "digits"),
    "a net as a list": Wrong(
        HEAD + "net = [64, 64]\n", 2, "net: should be a table", "[64, 64]", 'net = { kind = "mlp" }'
    ),
    "an optimizer by its rate": Wrong(
        HEAD + "optimizer = 0.1\n", 2, "should be a table", "0.1", "optimizer = { kind ="
    ),
    "a schedule as a switch": Wrong(
        HEAD + "schedule = true\n", 2, "should be a table", "True", "schedule = { kind ="
    ),
    "a net by a wrong name": Wrong(
        HEAD + 'net = "mpl"\n', 2, 'no net of kind "mpl"', 'net.kind = "mpl"', '"mlp"'
    ),
    "a split as a number": Wrong(
        HEAD + "split = 0.2\n", 2, "split: should be a table", "0.2", "split = { test = 0.2 }"
    ),
    "an engine by its mode": Wrong(
        HEAD + 'engine = "eager"\n', 2, "should be a table", "'eager'", "engine = { mode ="
    ),
}
KINDS = {
    "of a net": Wrong(
        HEAD + "[net]\nhidden = [8]\nkind = 'mpl'\n", 4, 'no net of kind "mpl"', "mpl", '"mlp"'
    ),
    "of an optimizer": Wrong(
        HEAD + "[optimizer]\n\nkind = 'adamm'\n", 4, 'kind "adamm"', "optimizer.kind", '"adam"'
    ),
    "of a schedule": Wrong(
        HEAD + "[schedule]\nkind = 'linear'\n", 3, "schedule of kind", "linear", "one-cycle, step"
    ),
    "that is a number": Wrong(HEAD + "[net]\nkind = 3\n", 3, "no net of kind", "3", "cnn, mlp"),
    "in an inline table": Wrong(
        HEAD + "net = { hidden = [8], kind = 'ccn' }\n", 2, 'kind "ccn"', "net.kind", '"cnn"'
    ),
}
CROSS = {
    "two shares that fill everything": Wrong(
        HEAD + "[split]\nvalidation = 0.6\ntest = 0.4\n", 2, "stay under 1", "0.6", "smaller"
    ),
    "as dotted keys": Wrong(
        HEAD + "split.validation = 0.6\nsplit.test = 0.4\n", 2, "stay under 1", "0.6", "smaller"
    ),
    "with a default": Wrong(HEAD + "split = { test = 0.9 }\n", 2, "stay under 1", "0.9", "smaller"),
}
MISSING = {
    "a path": Wrong('[data]\ntarget = "b"\n', 1, '"data.path" is missing', "", "houses.csv"),
}
ALL = {
    f"{family}: {name}": wrong
    for family, cases in {
        "field": FIELDS,
        "value": VALUES,
        "table": TABLES,
        "kind": KINDS,
        "cross": CROSS,
        "missing": MISSING,
    }.items()
    for name, wrong in cases.items()
}


@pytest.mark.parametrize("case", ALL)
def test_a_wrong_recipe_is_told_with_file_line_and_advice(case: str, tmp_path: Path) -> None:
    wrong, file = ALL[case], tmp_path / "mine.toml"
    file.write_text(wrong.text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        read(file)
    error = caught.value
    assert error.what.startswith(f"{file}, line {wrong.line}: ")
    assert wrong.what in error.what
    assert wrong.given in str(error.given)
    assert error.do and wrong.do in error.do


@pytest.mark.parametrize("case", ALL)
def test_the_words_are_a_persons_and_not_a_librarys(case: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(ALL[case].text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        read(file)
    for word in ("pydantic", "tuple_type", "model_", "discriminator", "instance of", "...."):
        assert word not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_without_data_the_file_is_named_and_an_example_given(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("seed = 1\n", encoding="utf-8")
    with pytest.raises(RecipeError, match='The field "data" is missing') as caught:
        read(file)
    assert caught.value.what.startswith(f"{file}: ") and 'data = "digits"' in caught.value.do


def test_values_without_a_file_are_told_without_a_place() -> None:
    with pytest.raises(RecipeError) as caught:
        validate({"data": "digits", "seed": -1})
    assert caught.value.what.startswith("seed: should be")


@pytest.mark.parametrize("path", [path for path in _SAMPLES if path != "data.path"])
def test_what_the_advice_says_to_write_can_be_read(path: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"{'' if path == 'data' else HEAD}{path} = {_SAMPLES[path]}\n")
    assert isinstance(read(file), Recipe)


def test_there_is_advice_for_every_table() -> None:
    plain = {"task", "batch_size", "epochs", "seed"}
    assert set(Recipe.model_fields) - plain == {path for path in _SAMPLES if "." not in path}


def no_file(folder: Path) -> Path:
    return folder / "none.toml"


def a_folder(folder: Path) -> Path:
    return folder


def below_a_file(folder: Path) -> Path:
    (folder / "a").write_text("")
    return folder / "a" / "b.toml"


def binary(folder: Path) -> Path:
    (folder / "r.toml").write_bytes(b"\x00\xff\xfe")
    return folder / "r.toml"


def not_toml(folder: Path) -> Path:
    (folder / "r.toml").write_text("seed = 1\ndata : digits\n")
    return folder / "r.toml"


def set_twice(folder: Path) -> Path:
    (folder / "r.toml").write_text("seed = 1\nseed = 2\n")
    return folder / "r.toml"


def no_permission(folder: Path) -> Path:
    (folder / "r.toml").write_text("seed = 1\n")
    (folder / "r.toml").chmod(0)
    return folder / "r.toml"


UNREADABLE = {
    no_file: "There is no such recipe file.",
    a_folder: "The recipe is a folder, not a file.",
    below_a_file: "The recipe cannot be read: Not a directory.",
    binary: "The recipe is not UTF-8 text.",
    not_toml: "is not valid TOML.",
    set_twice: "is not valid TOML.",
    no_permission: "The recipe cannot be read: Permission denied.",
}


@contextmanager
def as_nobody() -> Iterator[None]:
    """Take root's privileges away for a while: root may read everything."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other users and permissions")
@pytest.mark.parametrize("make", UNREADABLE, ids=lambda make: make.__name__)
def test_an_unreadable_recipe_is_told(make, tmp_path: Path) -> None:
    path = make(tmp_path)
    guard = as_nobody() if make is no_permission else nullcontext()
    with guard, pytest.raises(RecipeError) as caught:
        read(path)
    error = caught.value
    assert error.what.endswith(UNREADABLE[make])
    assert error.do and (str(path) in str(error) or "line 2" in str(error.given))
    assert "line 2" in str(error.given) or "TOML file" in error.do


def test_an_import_path_without_a_colon_is_told_how_it_is_written() -> None:
    with pytest.raises(RecipeError) as caught:
        validate({"data": "digits", "net": "my_package.my_file"})
    assert "package.module:factory, with a colon" in caught.value.do
    with pytest.raises(RecipeError) as caught:
        validate({"data": "digits", "net": "mlpp"})
    assert caught.value.do == 'did you mean "mlp"?'
