"""The command line. It imports neither torch nor scikit-learn before a command needs them."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

import goodfit as gf

from .cli_options import (
    FailOn,
    Folder,
    Json,
    Level,
    Quiet,
    RayAddress,
    Recipe,
    RecipeFile,
    RunPath,
    Set,
    Source,
    Target,
    asked,
)
from .cli_show import app as show_app
from .errors import GoodfitError, Interrupted, RunError

FOUND, FAILED, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(show_app, name="show")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(gf.__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    """Train PyTorch networks by the whole recipe: look, check, train, evaluate, report."""


@app.command()
def train(
    source: Source = None,
    target: Target = None,
    folder: Folder = None,
    recipe: RecipeFile = None,
    assign: Set = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder to make; runs/NAME-1, -2, ... without it.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    fail_on: FailOn = None,
) -> None:
    """Load, look, split, prepare, check, train, diagnose, evaluate, report: the whole recipe."""
    recipe, said = asked(source, recipe, target, folder, assign)
    found = gf.commands.train(recipe, said, out=out, as_json=as_json, quiet=quiet)
    _fail(found, fail_on)


@app.command()
def check(
    recipe: Recipe,
    target: Target = None,
    folder: Folder = None,
    assign: Set = None,
    as_json: Json = False,
    fail_on: FailOn = None,
) -> None:
    """Only the checks before training: what is wrong with data, network, loss and start."""
    file, said = asked(recipe, None, target, folder, assign)
    _fail(gf.commands.check(file, said, as_json=as_json), fail_on)


@app.command(name="gradient-check")
def gradient_check(
    recipe: Recipe,
    target: Target = None,
    folder: Folder = None,
    assign: Set = None,
    as_json: Json = False,
) -> None:
    """Compare backpropagation with central differences in float64; exit code 1 if they differ."""
    file, said = asked(recipe, None, target, folder, assign)
    if not gf.commands.gradient_check(file, said, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def diagnose(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="A run folder, a watched history, a CSV of losses."),
    ],
    every: Annotated[
        bool, typer.Option("--all", help="Every rule's verdict, also those that found nothing.")
    ] = False,
    as_json: Json = False,
    fail_on: FailOn = None,
) -> None:
    """Say why a network does not learn, and what to do, from what was measured."""
    _fail(gf.commands.diagnose(run, every=every, as_json=as_json), fail_on)


@app.command()
def explain(
    name: Annotated[
        str | None,
        typer.Argument(help="A check, rule or part of a recipe, say dead-units; none lists all."),
    ] = None,
) -> None:
    """Say what a check, rule, optimiser, network ... is: formula, shapes, where it is written."""
    gf.commands.explain(name)


def _fail(severities: Iterable[str], fail_on: Level | None) -> None:
    """Leave with exit code 1 where a finding is as severe as asked for."""
    counted = {Level.warning: {"warning", "error"}, Level.error: {"error"}, None: set[str]()}
    if counted[fail_on] & set(severities):
        raise SystemExit(FOUND)


@app.command("cross-validate")
def cross_validate(
    source: Source = None,
    target: Target = None,
    folder: Folder = None,
    recipe: RecipeFile = None,
    assign: Set = None,
    folds: Annotated[int, typer.Option(help="How many folds.")] = 5,
    kind: Annotated[
        str, typer.Option(help="plain, stratified, grouped or time; auto goes by the data.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="A folder to make, with the scores as JSON and as a page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train on all but one fold and score on that one, for each; the test part stays sealed."""
    recipe, said = asked(source, recipe, target, folder, assign)
    gf.study_commands.cross_validate(recipe, said, folds=folds, kind=kind, out=out, as_json=as_json)


@app.command()
def search(
    space: Annotated[
        Path, typer.Argument(metavar="SPACE", help="A recipe file with distributions in it.")
    ],
    trials: Annotated[int, typer.Option(help="How many configurations.")] = 64,
    strategy: Annotated[
        str, typer.Option(help="random, grid, coarse-to-fine, halving or tpe.")
    ] = "random",
    assign: Set = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The study folder to make; studies/NAME-1, -2, ... without it."),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="A URL of Optuna's storage; SQLite in the study folder without it."),
    ] = None,
    confirm: Annotated[
        int, typer.Option(help="How many of the best are trained again with new seeds.")
    ] = 3,
    seeds: Annotated[int, typer.Option(help="With how many new seeds each.")] = 3,
    workers: Annotated[int | None, typer.Option(help="Cores to use; all without it.")] = None,
    rows: Annotated[
        int | None, typer.Option(help="Trials that share a step; the engine decides without it.")
    ] = None,
    mode: Annotated[
        str, typer.Option(help="Who runs the steps: auto, eager, traced or compiled.")
    ] = "auto",
    cluster: RayAddress = None,
    as_json: Json = False,
    quiet: Quiet = False,
    fail_on: FailOn = None,
) -> None:
    """Train many configurations as one program: which is best, what matters, what to do next."""
    found = gf.study_commands.search(
        space,
        assign or [],
        out=out,
        as_json=as_json,
        quiet=quiet,
        trials=trials,
        strategy=strategy,
        storage=storage,
        confirm=confirm,
        confirm_seeds=seeds,
        workers=workers,
        rows=rows,
        mode=mode,
        cluster=cluster,
    )
    _fail(found, fail_on)


@app.command()
def resume(
    run: RunPath, cluster: RayAddress = None, as_json: Json = False, quiet: Quiet = False
) -> None:
    """Go on with an interrupted run or study; a run ends in the same bits as without a stop.

    A study goes on where it was, or on another --cluster; none is this machine alone.
    """
    if _commands(run) is gf.study_commands:
        gf.study_commands.resume(run, cluster=cluster, as_json=as_json, quiet=quiet)
        return
    if cluster is not None:
        raise RunError("A run trains on one machine.", given=run, do="Leave --cluster away.")
    gf.commands.resume(run, as_json=as_json, quiet=quiet)


def _commands(path: Path) -> ModuleType:
    """Return the commands for what lies in a folder: a study, or a run."""
    # The name's own place, goodfit.runs, takes a fifth of a second to import.
    return gf.study_commands if (path / "search.json").exists() else gf.commands


@app.command()
def test(
    run: RunPath,
    views: Annotated[
        str | None, typer.Option(help="Average over: flip, crops, flip-crops; or none.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Open the sealed test part of a finished run, once, and put its scores on record."""
    gf.commands.test(run, views=views, as_json=as_json)


@app.command()
def predict(
    run: RunPath,
    rows: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="New rows: CSV or Parquet with the columns of training, NPZ; an image, or a folder"
            " of images.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The CSV file to write; without it the first are printed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer new rows by a finished run: labels with the classes' probabilities, or quantities."""
    gf.commands.predict(run, rows, out=out, as_json=as_json)


@app.command()
def report(run: RunPath) -> None:
    """Write report.html of a finished run or study again."""
    _commands(run).report(run)


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


if __name__ == "__main__":
    main()
