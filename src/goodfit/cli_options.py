"""Arguments and options that several commands have, and how what was asked becomes a recipe."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Level(StrEnum):
    """From which severity on a finding counts."""

    warning = "warning"
    error = "error"


RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, as train made it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the records as JSON and nothing else.")]
FailOn = Annotated[
    Level | None,
    typer.Option(help="Exit with 1 where there is a finding of this severity or worse."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="One value, say optimizer.lr=0.01."),
]
Source = Annotated[
    str | None,
    typer.Argument(
        help="digits, wine, fashion-mnist ..., a CSV, Parquet or NPZ file, a folder; or a recipe"
        " file (.toml)."
    ),
]
Target = Annotated[str | None, typer.Option(help="The column to predict.")]
Folder = Annotated[str | None, typer.Option(help="Where a named set's files lie.")]
RecipeFile = Annotated[Path | None, typer.Option(help="A recipe file (TOML).")]
Recipe = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe (.toml), or a source.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no card.")]
RayAddress = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="A Ray cluster, HOST:PORT; local begins one here."),
]


def asked(
    source: str | None,
    recipe: Path | None,
    target: str | None,
    folder: str | None,
    assign: list[str] | None,
) -> tuple[Path | None, list[str]]:
    """Return the recipe file, which a source that ends in .toml is, and what was assigned to it."""
    if recipe is None and source is not None and source.endswith(".toml"):
        source, recipe = None, Path(source)
    given = {"data.path": source, "data.target": target, "data.folder": folder}
    said = [
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in given.items()
        if value is not None
    ]
    return recipe, [*said, *(assign or [])]
