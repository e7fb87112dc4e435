"""What pydantic says against a recipe, as an error that a person can act on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError

from ..errors import RecipeError, nearest
from .places import Origin, place_of

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
_NO_TABLE = ("model_type", "model_attributes_type")


def explain(
    error: ValidationError,
    root: type[BaseModel],
    given_by: Origin | None = None,
    file: Path | None = None,
    text: str = "",
) -> RecipeError:
    """Turn the first error against a ``root`` into one that a person can act on."""
    first, given_by = error.errors(include_url=False)[0], given_by or {}
    names, known = follow([part for part in first["loc"] if isinstance(part, str)], root)
    path = ".".join(names)
    if first["type"] == "union_tag_invalid":
        return _unknown_kind(first, path, place_of(f"{path}.kind", given_by, file, text))
    place = place_of(path, given_by, file, text)
    if first["type"] == "extra_forbidden":
        return RecipeError(
            f'{place}{_called(root)} has no field "{path}".',
            given=f"{path} = {first['input']!r}",
            do=nearest(names[-1], known),
        )
    if first["type"] == "missing" and first["loc"][-1] == names[-1]:
        return RecipeError(
            f'{place}The field "{path}" is missing.',
            do=f"Add {path}, for instance {path} = {_SAMPLES[path]}."
            if path in _SAMPLES
            else f"Add {path}.",
        )
    return RecipeError(
        f"{place}{path or root.__name__.lower()}: {sentence(first)}",
        given=repr(first["input"]),
        do=_advice(first, path),
    )


def _called(root: type[BaseModel]) -> str:
    return "A recipe" if root.__name__ == "Recipe" else root.__name__


def _unknown_kind(first: Any, path: str, place: str) -> RecipeError:
    kind = str(first["ctx"]["tag"])
    hint = nearest(kind, re.findall(r"'([^']+)'", str(first["ctx"]["expected_tags"])))
    return RecipeError(
        f'{place}There is no {path} of kind "{kind}".',
        given=f'{path}.kind = "{kind}"',
        do=hint + _own_path(path, kind, hint),
    )


def _own_path(path: str, kind: str, hint: str) -> str:
    """Tell how an own network is named, where a name is no slip of a known one."""
    may_be_own = path == "net" and ("." in kind or not hint.startswith("did"))
    return "; a network of your own is package.module:factory, with a colon" if may_be_own else ""


def follow(location: list[str], root: type[BaseModel]) -> tuple[list[str], list[str]]:
    """Drop the union tags from a pydantic location; return names and the last level's fields."""
    names: list[str] = []
    level: list[type[BaseModel]] = [root]
    for part in location:
        tagged = [model for model in level if _kind(model) == part]
        if tagged and len(level) > 1:
            level = tagged
            continue
        names.append(part)
        if not any(part in model.model_fields for model in level):
            break
        inner = [
            models_of(model.model_fields[part].annotation)
            for model in level
            if part in model.model_fields
        ]
        following = [model for models in inner for model in models]
        level = following or level
    known = sorted({name for model in level for name in model.model_fields})
    return names, known


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the tables that may stand where this annotation does."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_of(part)]


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    return cast(str, field.default) if field else None


def sentence(first: Any) -> str:
    """Return what a validation error says, in a person's words."""
    if first["type"] in _NO_TABLE:
        return "should be a name or a table." if first["loc"] == ("data",) else "should be a table."
    if first["type"] == "tuple_type":
        return "should be a list."
    if first["type"] == "missing":
        return "has too few values."
    message = _parts(first)[0]
    return message[0].lower() + message[1:] + ("" if message.endswith(".") else ".")


def _parts(first: Any) -> tuple[str, str]:
    """Return what is wrong and what to do about it, "" where the message says only the first."""
    message = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    wrong, _, remedy = message.partition("; ")
    return wrong, remedy


def _searched(name: str) -> str:
    return (
        f"A part holds one value: give one here, then search with recipe.vary({name}=...); among "
        f'the options of a choice write the part as a table: {{"kind": ..., "{name}": ...}}.'
    )


def _advice(first: Any, path: str) -> str:
    if hasattr(first["input"], "distribution"):
        return _searched(path.rsplit(".", 1)[-1])
    _, remedy = _parts(first)
    if remedy:
        return f"{remedy[0].upper()}{remedy[1:]}."
    options = re.findall(r"'([^']+)'", str(first.get("ctx", {}).get("expected", "")))
    if options:
        return nearest(str(first["input"]), options)
    if first["type"] in _NO_TABLE:
        return f"Write, for instance, {path} = {_SAMPLES[path]}."
    if first["type"] == "tuple_type" and isinstance(first["input"], str | int | float):
        return f"Write it as a list: {path} = {json.dumps([first['input']])}."
    return "Give a value of that type and range."
