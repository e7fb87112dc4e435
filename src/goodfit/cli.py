"""The command line. It imports neither torch nor scikit-learn before a command needs them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

import goodfit as gf

from .errors import GoodfitError, Interrupted

FAILED, INTERRUPTED = 2, 130

app = typer.Typer(
    help="Train PyTorch networks by the whole recipe: look, check, train, evaluate, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, as train made it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the records as JSON and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no card.")]


@app.command()
def train(
    source: Annotated[
        str | None,
        typer.Argument(
            help="digits, wine, fashion-mnist ..., a CSV, Parquet or NPZ file, a folder."
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    folder: Annotated[str | None, typer.Option(help="Where a named set's files lie.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="A recipe file (TOML).")] = None,
    assign: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="One value, say optimizer.lr=0.01."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder to make; runs/NAME-1, -2, ... without it.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Load, look, split, prepare, check, train, evaluate, report: the whole recipe."""
    given = {"data.path": source, "data.target": target, "data.folder": folder}
    said = [
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in given.items()
        if value is not None
    ]
    gf.commands.train(recipe, [*said, *(assign or [])], out=out, as_json=as_json, quiet=quiet)


@app.command()
def resume(run: RunPath, as_json: Json = False, quiet: Quiet = False) -> None:
    """Go on with an interrupted run; it ends in the same bits as if it had never stopped."""
    gf.commands.resume(run, as_json=as_json, quiet=quiet)


@app.command()
def test(run: RunPath, as_json: Json = False) -> None:
    """Open the sealed test part of a finished run, once, and put its scores on record."""
    gf.commands.test(run, as_json=as_json)


@app.command()
def report(run: RunPath) -> None:
    """Write report.html of a finished run again."""
    gf.commands.report(run)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(gf.__version__)


def main() -> None:
    """Run the command line; a problem that the user can solve is told without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no letter for "R²"
    try:
        app()
    except Interrupted as stop:
        typer.echo(f"\n{stop}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except GoodfitError as problem:
        typer.echo(f"goodfit: {problem}", err=True)
        raise SystemExit(FAILED) from None
    except BrokenPipeError:
        raise SystemExit(FAILED) from None
