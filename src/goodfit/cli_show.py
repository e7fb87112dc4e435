"""``goodfit show ...``: the command line of what is drawn. It imports no torch by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

import goodfit as gf

app = typer.Typer(help="Measure and draw a part of a recipe before training.", no_args_is_help=True)

RecipeFile = Annotated[Path | None, typer.Option(help="A recipe file (TOML).")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="One value, say schedule.kind=cosine."),
]
Out = Annotated[
    Path | None, typer.Option(help="The page to write; show-WHAT.html here without it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the sheet as JSON and nothing else.")]


@app.command()
def schedule(
    recipe: RecipeFile = None, assign: Set = None, out: Out = None, as_json: Json = False
) -> None:
    """Draw the learning rate over a run: a recipe's schedule, or all of them."""
    gf.show_commands.schedule(recipe, assign or [], out=out, as_json=as_json)


@app.command()
def augment(
    source: Annotated[str | None, typer.Argument(help="Images: digits, a folder, ...")] = None,
    folder: Annotated[str | None, typer.Option(help="Where a named set's files lie.")] = None,
    recipe: RecipeFile = None,
    assign: Set = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw training images as they are, and as augmentation changes them."""
    given = {"data.path": source, "data.folder": folder}
    said = [f"{name}={json.dumps(value)}" for name, value in given.items() if value is not None]
    gf.show_commands.augment(recipe, [*said, *(assign or [])], out=out, as_json=as_json)
