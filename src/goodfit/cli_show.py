"""``goodfit show ...``: the command line of what is drawn. It imports no torch by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import goodfit as gf

from .cli_options import Folder, RecipeFile, Set, Source, Target, asked

app = typer.Typer(help="Measure and draw a part of a recipe before training.", no_args_is_help=True)

Out = Annotated[
    Path | None, typer.Option(help="The page to write; show-WHAT.html here without it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the sheet as JSON and nothing else.")]


@app.command()
def schedule(
    source: Source = None,
    target: Target = None,
    folder: Folder = None,
    recipe: RecipeFile = None,
    assign: Set = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw the learning rate over a run: a recipe's schedule, or all of them."""
    file, said = asked(source, recipe, target, folder, assign)
    gf.show_commands.schedule(file, said, out=out, as_json=as_json)


@app.command()
def augment(
    source: Source = None,
    target: Target = None,
    folder: Folder = None,
    recipe: RecipeFile = None,
    assign: Set = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw training images as they are, and as augmentation changes them."""
    file, said = asked(source, recipe, target, folder, assign)
    gf.show_commands.augment(file, said, out=out, as_json=as_json)


@app.command()
def data(
    source: Source = None,
    target: Target = None,
    folder: Folder = None,
    recipe: RecipeFile = None,
    assign: Set = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw the data card: what it is, histograms, classes, images, and what the checks found."""
    file, said = asked(source, recipe, target, folder, assign)
    gf.show_commands.data(file, said, out=out, as_json=as_json)


@app.command()
def descent(
    source: Source = None,
    target: Target = None,
    folder: Folder = None,
    recipe: RecipeFile = None,
    assign: Set = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Walk a tiny network downhill by differences and by backpropagation; what each cost."""
    file, said = asked(source, recipe, target, folder, assign)
    gf.show_commands.descent(file, said, out=out, as_json=as_json)


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
