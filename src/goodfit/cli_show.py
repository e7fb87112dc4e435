"""``goodfit show ...``: the command line of what is drawn. It imports no torch by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    said = _said({"data.path": source, "data.folder": folder})
    gf.show_commands.augment(recipe, [*said, *(assign or [])], out=out, as_json=as_json)


@app.command()
def data(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE|RECIPE", help="What train takes, or a recipe file (.toml)."),
    ],
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    folder: Annotated[str | None, typer.Option(help="Where a named set's files lie.")] = None,
    assign: Set = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw the data card: what it is, histograms, classes, images, and what the checks found."""
    file = Path(source) if source.endswith(".toml") else None
    given = {"data.path": None if file else source, "data.target": target, "data.folder": folder}
    gf.show_commands.data(file, [*_said(given), *(assign or [])], out=out, as_json=as_json)


@app.command()
def activation(
    names: Annotated[list[str] | None, typer.Argument(help="Say relu; all without it.")] = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Measure and draw activations: range, centring, slopes, saturation, cost."""
    gf.show_commands.activation(names or [], out=out, as_json=as_json)


@app.command()
def init(
    inits: Annotated[
        list[str] | None, typer.Option("--init", help="Say he-normal, again for more; else all.")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Hidden layers.")] = 20,
    width: Annotated[int, typer.Option(min=1, help="Units in each.")] = 256,
    activation: Annotated[str, typer.Option(help="Of every layer.")] = "tanh",
    norm: Annotated[str, typer.Option(help="none, batch or layer, before it.")] = "none",
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw the size of activations and gradients by layer, for each initialiser."""
    gf.show_commands.init(
        inits or [],
        depth=depth,
        width=width,
        activation=activation,
        norm=norm,
        out=out,
        as_json=as_json,
    )


def _said(given: Mapping[str, str | None]) -> list[str]:
    """Return what was given as assignments of a recipe."""
    return [
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in given.items()
        if value is not None
    ]
