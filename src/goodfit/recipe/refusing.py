"""What pydantic says against a recipe, as an error that a person can act on."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

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
_NO_TABLE = ("model_type", "model_attributes_type", "union_tag_not_found")
_NO_MODULE = (
    "Pass it beside the recipe, gf.train(recipe, net=module), or name a function that makes it: "
    'net = "package.module:factory".'
)


class Reached(NamedTuple):
    """Where an error points: names, the tables that hold the last one, all kinds of that table."""

    names: list[str]
    tables: Sequence[type[BaseModel]]
    kinds: Sequence[type[BaseModel]]

    @property
    def known(self) -> list[str]:
        """The fields that may stand there."""
        return sorted({name for table in self.tables for name in table.model_fields})

    @property
    def field(self) -> FieldInfo | None:
        """What the last name is."""
        found = [table.model_fields.get(self.names[-1]) for table in self.tables]
        return next((field for field in found if field), None)


def explain(
    error: ValidationError,
    root: type[BaseModel],
    given_by: Origin | None = None,
    file: Path | None = None,
    text: str = "",
    kinds: Sequence[type[BaseModel]] = (),
) -> RecipeError:
    """Turn the first error against a ``root`` into one that a person can act on.

    ``kinds`` may stand where ``root`` does.
    """
    first, given_by = error.errors(include_url=False)[0], given_by or {}
    reached = follow([part for part in first["loc"] if isinstance(part, str)], root, kinds)
    names, path = reached.names, ".".join(reached.names)
    if first["type"] == "union_tag_invalid":
        return _unknown_kind(first, path, place_of(f"{path}.kind", given_by, file, text))
    place = place_of(path, given_by, file, text)
    if first["type"] == "extra_forbidden":
        owner, do = _unknown_field(reached, root)
        return RecipeError(
            f'{place}{owner} has no field "{path}".',
            given=f"{path} = {first['input']!r}",
            do=do,
        )
    if first["type"] == "missing" and first["loc"][-1] == names[-1]:
        return RecipeError(
            f'{place}The field "{path}" is missing.',
            do=f"Add {path}, for instance {path} = {_SAMPLES[path]}."
            if path in _SAMPLES
            else f"Add {path}.",
        )
    if path == "net" and hasattr(type(first["input"]), "state_dict"):
        given = f"a module, {type(first['input']).__name__}"
        return RecipeError(f"{place}net: a recipe holds no module.", given=given, do=_NO_MODULE)
    return RecipeError(
        f"{place}{path or root.__name__.lower()}: {sentence(first)}",
        given=repr(first["input"]),
        do=_advice(first, reached, is_set=place.startswith("--set ")),
    )


def _unknown_field(reached: Reached, root: type[BaseModel]) -> tuple[str, str]:
    """Return what has no field of this name, and which kinds have it, or the nearest name."""
    name, known = reached.names[-1], reached.known
    having = [kind for kind in reached.kinds if name in kind.model_fields]
    if not having:
        return _called(root), nearest(name, known)
    in_python = len(reached.names) == 1
    owner, *others = (
        table.__name__ if in_python else str(_kind(table)) for table in (reached.tables[0], *having)
    )
    return owner, f"These kinds have it: {', '.join(others)}. {owner} has: {', '.join(known)}."


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


def follow(
    location: list[str], root: type[BaseModel], kinds: Sequence[type[BaseModel]] = ()
) -> Reached:
    """Drop the union tags from a pydantic location, and return what it points at."""
    names: list[str] = []
    level: Sequence[type[BaseModel]] = [root]
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
        if following:
            level = kinds = following
    return Reached(names, level, kinds)


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


def _advice(first: Any, reached: Reached, *, is_set: bool) -> str:
    path = ".".join(reached.names)
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
    sample = _listed(first["input"], reached.field) if first["type"] == "tuple_type" else ""
    if sample:
        set_so = f"--set {shlex.quote(f'{path}={sample}')}"
        return f"Write it as a list: {set_so if is_set else f'{path} = {sample}'}."
    return "Give a value of that type and range."


def _listed(given: Any, field: FieldInfo | None) -> str:
    """Return what was given as a list that the field takes, else the list that is its default.

    Example:
        >>> _listed("[a, b]", FieldInfo(annotation=tuple[str, ...]))
        '["a", "b"]'
    """
    if field is None:
        return ""
    names = given.strip("[] ").split(",") if isinstance(given, str) else [given]
    values = [name.strip(" \"'") if isinstance(name, str) else name for name in names]
    try:
        kind: Any = Annotated[field.annotation, field]  # pyright: ignore[reportInvalidTypeForm]
        taken = TypeAdapter(kind).validate_python(values)
    except ValidationError:
        taken = field.default
    return json.dumps(taken, ensure_ascii=False) if taken and isinstance(taken, tuple) else ""
