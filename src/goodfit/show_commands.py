"""What ``goodfit show`` does: make a sheet, print it, write it as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import TypeAdapter
from rich.console import Console

from . import commands, shows
from .commands import print_json
from .errors import RecipeError
from .optim import base_rate
from .pipeline import see_data
from .pipeline.begin import resolve_for
from .pipeline.material import augmentation_for, know, material_of
from .recipe import Recipe, Schedule, read, validate
from .recipe.schedules import SCHEDULES
from .records import Sheet
from .report import print_sheet, sheet_html
from .runs import write_out
from .shows.descent import NUM_ROWS


def schedule(
    file: Path | None, assignments: Sequence[str], *, out: Path | None, as_json: bool
) -> None:
    """Draw the schedule of a recipe; every known one at its defaults where none is named."""
    recipe = recipe_of(file, assignments)
    if recipe.optimizer.scale_lr != "none":
        known = know(recipe)  # batches are no larger than the training rows are many
        recipe = resolve_for(recipe, known)
    named = file is not None or any(a.startswith("schedule") for a in assignments)
    schedules = [recipe.schedule] if named else [kind() for kind in SCHEDULES]
    made: list[Schedule] = TypeAdapter(list[Schedule]).validate_python(schedules)
    lr = base_rate(recipe.optimizer, recipe.batch_size or 1)
    sheet = shows.show_schedule(made, lr=lr, epochs=recipe.epochs or 30)
    show(sheet, out or Path("show-schedule.html"), as_json=as_json)


def augment(
    file: Path | None, assignments: Sequence[str], *, out: Path | None, as_json: bool
) -> None:
    """Draw what a recipe's augmentation makes of its first training images."""
    recipe = recipe_of(file, assignments)
    known = know(recipe)
    with TemporaryDirectory() as folder:
        material = material_of(known, resolve_for(recipe, known), Path(folder))
        augmentation = augmentation_for(recipe, material)
        if augmentation is None or known.card.input_kind != "image":
            raise RecipeError(
                "There is nothing to draw.",
                given=f"{known.card.input_kind} data, [augment] as it is by default"
                if augmentation is None
                else f"{known.card.input_kind} data",
                do="Try: goodfit show augment digits --set augment.crop=1 --set augment.rotate=15",
            )
        x, y = material.sample
        sheet = shows.show_augment(augmentation, x, y, classes=known.card.classes, seed=recipe.seed)
    show(sheet, out or Path("show-augment.html"), as_json=as_json)


def data(file: Path | None, assignments: Sequence[str], *, out: Path | None, as_json: bool) -> None:
    """Draw the data card, and what the checks of the data found."""
    seen = see_data(commands.recipe_of(file, assignments))
    sheet = shows.show_data(seen.known.card, seen.known.sizes, seen.rows, seen.verdicts)
    show(sheet, out or Path("show-data.html"), as_json=as_json)


def descent(
    file: Path | None, assignments: Sequence[str], *, out: Path | None, as_json: bool
) -> None:
    """Walk by differences and by backpropagation on a sample of a recipe's data."""
    recipe = recipe_of(file, assignments).model_copy(update={"batch_size": NUM_ROWS})
    known = know(recipe)
    with TemporaryDirectory() as folder:
        material = material_of(known, resolve_for(recipe, known), Path(folder))
        x, y = material.sample
        outputs = len(known.card.classes) or 1
        x = material.prepare(x)
        sheet = shows.show_descent(x, y, num_outputs=outputs, seed=recipe.seed)
    show(sheet, out or Path("show-descent.html"), as_json=as_json)


def activation(names: Sequence[str], *, out: Path | None, as_json: bool) -> None:
    """Measure and draw activations; all without a name."""
    show(shows.show_activation(names), out or Path("show-activation.html"), as_json=as_json)


def init(
    inits: Sequence[str],
    *,
    depth: int,
    width: int,
    activation: str,
    norm: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Draw signals and gradients by layer for initialisers; all without a name."""
    sheet = shows.show_init(inits, depth=depth, width=width, activation=activation, norm=norm)
    show(sheet, out or Path("show-init.html"), as_json=as_json)


def recipe_of(file: Path | None, assignments: Sequence[str]) -> Recipe:
    """Return the recipe of a file or of assignments; its data stays unread, so none is needed."""
    return read(file, assignments) if file else validate({"data": "digits"}, assignments)


def show(sheet: Sheet, out: Path, *, as_json: bool) -> None:
    """Print a sheet, and write its page; as JSON nothing is written."""
    if as_json:
        print_json(sheet.to_json())
        return
    console = Console()
    print_sheet(sheet, console)
    write_out(out, sheet_html(sheet))
    console.print(f"\nPage: {out}", highlight=False, markup=False)
