"""Recipes as TOML files, and errors that name the file and the line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast, get_args

import tomli_w
from pydantic import BaseModel, ValidationError

from ..errors import RecipeError, nearest
from .parts import kinds_first
from .schema import Recipe

_SAMPLES = {
    "data": '"digits"',
    "data.path": '"houses.csv"',
    "net": '{ kind = "mlp" }',
    "optimizer": '{ kind = "adamw" }',
    "schedule": '{ kind = "cosine" }',
    "transfer": '{ source = "runs/first" }',
    "clip": '{ kind = "norm", limit = 1.0 }',
    "augment": '{ crop = 2, mix = "cutmix" }',
    "penalty": '{ kind = "l2", strength = 1e-4 }',
    "split": "{ test = 0.2 }",
    "prepare": '{ scale = "none" }',
    "early_stopping": "{ patience = 5 }",
    "evaluate": '{ views = "flip" }',
    "engine": '{ mode = "traced" }',
}
_SMALLER = "Make split.validation or split.test smaller"
_NO_TABLE = ("model_type", "model_attributes_type")
Origin = Mapping[str, str]


def read(
    path: Path, overrides: Iterable[str] = (), defaults: Mapping[str, Any] | None = None
) -> Recipe:
    """Read a recipe file; ``overrides`` are ``"optimizer.lr=0.01"`` assignments.

    Raises:
        RecipeError: the file is missing, is no TOML, or holds a wrong name or value.
    """
    values, text = read_values(path)
    return validate({**(defaults or {}), **values}, overrides, file=path, text=text)


def read_values(path: Path) -> tuple[dict[str, Any], str]:
    """Return what a TOML file holds, and its text, or say why it cannot be read."""
    text = _read_text(path)
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(
            f"{path} is not valid TOML.", given=str(error), do="Correct the named line."
        ) from None


def write(recipe: Recipe) -> str:
    """Return the recipe as TOML text, every field shown but those that are None.

    Example:
        >>> print(write(Recipe(data="iris")).splitlines()[0])
        task = "auto"
    """
    return tomli_w.dumps(kinds_first(recipe.model_dump(mode="json", exclude_none=True)))


def validate(
    values: Mapping[str, Any],
    overrides: Iterable[str] = (),
    *,
    file: Path | None = None,
    text: str = "",
) -> Recipe:
    """Make a recipe of plain values and assignments, or say what is wrong with them."""
    merged, given_by = merge(values, overrides)
    try:
        return Recipe.model_validate(merged)
    except ValidationError as error:
        raise explain(error, given_by, file, text) from None


def merge(
    values: Mapping[str, Any], overrides: Iterable[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values with assignments made, and which assignment gave each changed name."""
    merged = dict(values)
    given_by: dict[str, str] = {}
    for assignment in overrides:
        path, value = _parse_assignment(assignment)
        assign(merged, path.split("."), value)
        given_by[path] = f"--set {assignment}"
    return merged, given_by


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problem = "There is no such recipe file."
    except IsADirectoryError:
        problem = "The recipe is a folder, not a file."
    except UnicodeDecodeError:
        problem = "The recipe is not UTF-8 text."
    except OSError as error:
        problem = f"The recipe cannot be read: {error.strerror}."
    raise RecipeError(problem, given=path, do="Name a TOML file that can be read.")


def _parse_assignment(assignment: str) -> tuple[str, Any]:
    path, equals, raw = assignment.partition("=")
    if not equals or not path.strip():
        raise RecipeError(
            "--set takes NAME=VALUE.", given=assignment, do="Write, say, --set optimizer.lr=0.01"
        )
    try:
        values = tomllib.loads(f"value = {raw}")
    except tomllib.TOMLDecodeError:
        values = {}
    # A text with a line break could hold more than the value; it is taken as it stands.
    return path.strip(), values["value"] if len(values) == 1 else raw.strip()


def assign(values: dict[str, Any], path: list[str], value: Any) -> None:
    """Set the value at a path of names; tables on the way are copied."""
    head, *rest = path
    if not rest:
        values[head] = value
        return
    inner = values.get(head)
    if head == "data" and isinstance(inner, str):
        inner = {"path": inner}
    copy = dict(inner) if isinstance(inner, dict) else {}
    assign(copy, rest, value)
    values[head] = copy


def explain(error: ValidationError, given_by: Origin, file: Path | None, text: str) -> RecipeError:
    """Turn the first validation error into one that a person can act on."""
    first = error.errors(include_url=False)[0]
    names, known = follow([part for part in first["loc"] if isinstance(part, str)])
    path = ".".join(names)
    if first["type"] == "union_tag_invalid":
        return _unknown_kind(first, path, place_of(f"{path}.kind", given_by, file, text))
    place = place_of(path, given_by, file, text)
    if first["type"] == "extra_forbidden":
        return RecipeError(
            f'{place}A recipe has no field "{path}".',
            given=f"{path} = {first['input']!r}",
            do=nearest(names[-1], known),
        )
    if first["type"] == "missing" and first["loc"][-1] == names[-1]:
        return RecipeError(
            f'{place}The field "{path}" is missing.',
            do=f"Add {path}, for instance {path} = {_SAMPLES[path]}.",
        )
    return RecipeError(
        f"{place}{path or 'recipe'}: {sentence(first)}",
        given=repr(first["input"]),
        do=_advice(first, path),
    )


def _unknown_kind(first: Any, path: str, place: str) -> RecipeError:
    kind = str(first["ctx"]["tag"])
    kinds = re.findall(r"'([^']+)'", str(first["ctx"]["expected_tags"]))
    return RecipeError(
        f'{place}There is no {path} of kind "{kind}".',
        given=f'{path}.kind = "{kind}"',
        do=nearest(kind, kinds),
    )


def follow(location: list[str]) -> tuple[list[str], list[str]]:
    """Drop the union tags from a pydantic location; return names and the last level's fields."""
    names: list[str] = []
    level: list[type[BaseModel]] = [Recipe]
    for part in location:
        tagged = [model for model in level if _kind(model) == part]
        if tagged and len(level) > 1:
            level = tagged
            continue
        names.append(part)
        if not any(part in model.model_fields for model in level):
            break
        inner = [
            _models(model.model_fields[part].annotation)
            for model in level
            if part in model.model_fields
        ]
        following = [model for models in inner for model in models]
        level = following or level
    known = sorted({name for model in level for name in model.model_fields})
    return names, known


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    return cast(str, field.default) if field else None


def place_of(path: str, given_by: Origin, file: Path | None, text: str) -> str:
    """Return where ``path`` was given: the assignment, or file and line; "" without a file."""
    for name, origin in given_by.items():
        if path == name or path.startswith(f"{name}.") or name.startswith(f"{path}."):
            return f"{origin}: "
    if file is None:
        return ""
    line = find_line(text, path)
    return f"{file}, line {line}: " if line else f"{file}: "


def find_line(text: str, path: str) -> int | None:
    """Return the line (from 1) on which a valid TOML text sets ``path``, or its nearest parent.

    A value that takes several lines counts as its first.

    Example:
        >>> find_line("seed = 1\\n[optimizer]\\nlr = 2\\n", "optimizer.lr")
        3
    """
    table, best, best_line = [], 0, None
    for line, statement, values in _statements(text):
        if statement.lstrip().startswith("["):
            table = _header_names(values)
        else:
            for name in reversed(table):
                values = {name: values}
        reached = _reach(values, path)
        if reached > best:
            best, best_line = reached, line
    return best_line


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield first line, text and values of each statement: what the TOML reader takes as whole."""
    first, pending = 1, ""
    for number, line in enumerate(text.split("\n"), start=1):
        pending += line + "\n"
        try:
            values = tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue
        yield first, pending, values
        first, pending = number + 1, ""


def _header_names(values: Any) -> list[str]:
    """Return the names of a header: ``[a.b]`` and ``[[a.b]]`` give a, b."""
    names = []
    while values:
        [(name, values)] = values.items()
        names.append(name)
        values = values[0] if isinstance(values, list) else values
    return names


def _reach(values: Any, path: str) -> int:
    """Return how many characters of a dotted ``path`` can be followed into ``values``."""
    reached = [0]
    for name, inner in values.items() if isinstance(values, dict) else ():
        if path == name:
            reached.append(len(name))
        elif path.startswith(f"{name}."):
            reached.append(len(name) + 1 + _reach(inner, path[len(name) + 1 :]))
    return max(reached)


def sentence(first: Any) -> str:
    """Return what a validation error says, in a person's words."""
    if first["type"] in _NO_TABLE:
        return "should be a name or a table." if first["loc"] == ("data",) else "should be a table."
    if first["type"] == "tuple_type":
        return "should be a list."
    if first["type"] == "missing":
        return "has too few values."
    message = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return message[0].lower() + message[1:] + ("" if message.endswith(".") else ".")


def _advice(first: Any, path: str) -> str:
    options = re.findall(r"'([^']+)'", str(first.get("ctx", {}).get("expected", "")))
    if options:
        return nearest(str(first["input"]), options)
    if path == "split" and first["type"] == "value_error":
        by_both = "by both" in str(first["msg"])
        return f"{'Leave one of them out' if by_both else _SMALLER}."
    if path == "prepare" and first["type"] == "value_error":
        return "Leave it out, or choose what it belongs to."
    if first["type"] in _NO_TABLE:
        return f"Write, for instance, {path} = {_SAMPLES[path]}."
    return "Give a value of that type and range."
