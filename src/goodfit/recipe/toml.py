"""Recipes as TOML files, and errors that name the file and the line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast, get_args

import tomli_w
from pydantic import BaseModel, ValidationError

from ..errors import RecipeError, nearest
from .schema import Recipe

_HEADER = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=""")
Origin = Mapping[str, str]


def read(
    path: Path, overrides: Iterable[str] = (), defaults: Mapping[str, Any] | None = None
) -> Recipe:
    """Read a recipe file; ``overrides`` are ``"optimizer.lr=0.01"`` assignments.

    Raises:
        RecipeError: the file is missing, is no TOML, or holds a wrong name or value.
    """
    text = _read_text(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(
            f"{path} is not valid TOML.", given=str(error), do="Correct the named line."
        ) from None
    return validate({**(defaults or {}), **values}, overrides, file=path, text=text)


def write(recipe: Recipe) -> str:
    """Return the recipe as TOML text, every field shown but those that are None.

    Example:
        >>> print(write(Recipe(data="iris")).splitlines()[0])
        task = "auto"
    """
    return tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))


def validate(
    values: Mapping[str, Any],
    overrides: Iterable[str] = (),
    *,
    file: Path | None = None,
    text: str = "",
) -> Recipe:
    """Make a recipe of plain values and assignments, or say what is wrong with them."""
    merged = dict(values)
    given_by: dict[str, str] = {}
    for assignment in overrides:
        path, value = _parse_assignment(assignment)
        _assign(merged, path.split("."), value)
        given_by[path] = f"--set {assignment}"
    try:
        return Recipe.model_validate(merged)
    except ValidationError as error:
        raise _explain(error, given_by, file, text) from None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
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
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw.strip()
    return path.strip(), value


def _assign(values: dict[str, Any], path: list[str], value: Any) -> None:
    head, *rest = path
    if not rest:
        values[head] = value
        return
    inner = values.get(head)
    if head == "data" and isinstance(inner, str):
        inner = {"path": inner}
    copy = dict(inner) if isinstance(inner, dict) else {}
    _assign(copy, rest, value)
    values[head] = copy


def _explain(error: ValidationError, given_by: Origin, file: Path | None, text: str) -> RecipeError:
    """Turn the first validation error into one that a person can act on."""
    first = error.errors(include_url=False)[0]
    location = [part for part in first["loc"] if isinstance(part, str)]
    names, known = _follow(location)
    path = ".".join(names)
    place = _place(path, given_by, file, text)
    if first["type"] == "extra_forbidden":
        return RecipeError(
            f'{place}A recipe has no field "{path}".',
            given=f"{path} = {first['input']!r}",
            do=nearest(names[-1], known),
        )
    if first["type"] == "missing":
        return RecipeError(
            f"{place}The field {path!r} is missing.",
            do=f"Add {path}, for instance {_sample(path)}.",
        )
    if first["type"] == "union_tag_invalid":
        kind = str(first.get("ctx", {}).get("tag", ""))
        kinds = re.findall(r"'([^']+)'", str(first.get("ctx", {}).get("expected_tags", "")))
        return RecipeError(
            f'{place}There is no {path} of kind "{kind}".',
            given=f'{path}.kind = "{kind}"',
            do=nearest(kind, kinds),
        )
    return RecipeError(
        f"{place}{path or 'recipe'}: {_sentence(first)}",
        given=repr(first["input"]),
        do=_advice(first),
    )


def _follow(location: list[str]) -> tuple[list[str], list[str]]:
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


def _place(path: str, given_by: Origin, file: Path | None, text: str) -> str:
    for name, origin in given_by.items():
        if path == name or path.startswith(f"{name}.") or name.startswith(f"{path}."):
            return f"{origin}: "
    if file is None:
        return ""
    line = find_line(text, path)
    return f"{file}, line {line}: " if line else f"{file}: "


def find_line(text: str, path: str) -> int | None:
    """Return the line (from 1) on which a TOML text sets ``path``, or its nearest parent.

    Example:
        >>> find_line("seed = 1\\n[optimizer]\\nlr = 2\\n", "optimizer.lr")
        3
    """
    table, best, best_line = "", "", None
    for number, line in enumerate(text.splitlines(), start=1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            table = here = header[1]
        elif key:
            name = key[1].strip("\"'")
            here = f"{table}.{name}" if table else name
        else:
            continue
        if here == path:
            return number
        if path.startswith(f"{here}.") and len(here) > len(best):
            best, best_line = here, number
    return best_line


def _sentence(first: Any) -> str:
    message = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return message[0].lower() + message[1:] + ("" if message.endswith(".") else ".")


def _advice(first: Any) -> str:
    expected = str(first.get("ctx", {}).get("expected", ""))
    options = re.findall(r"'([^']+)'", expected)
    if options:
        return nearest(str(first["input"]), options)
    return "Give a value of that type and range."


def _sample(path: str) -> str:
    return 'data = "digits"' if path == "data" else f"{path} = ..."
