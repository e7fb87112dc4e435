"""What cross-validation leaves in a folder: recipe, record, page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from ..errors import SearchError
from ..recipe import Recipe, write
from ..records import CrossValidation
from ..report import folds_html
from ..runs import write_record, write_text
from ..runs.atomic import disk_errors

RECORD, RECIPE, REPORT = "cross-validation.json", "recipe.toml", "report.html"


@contextmanager
def place_for(out: Path | None) -> Iterator[None]:
    """Make the folder while there is time to choose another; it goes again if the block fails.

    Raises:
        SearchError: something lies there.
        RunError: it cannot be made.
    """
    if out is None:
        yield
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SearchError(
            "The folder of the cross-validation is taken.", given=out, do="Name another --out."
        )
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            out.rmdir()
        raise


def write_folds(out: Path, recipe: Recipe, found: CrossValidation) -> Path:
    """Write recipe, record and page, and return the page's path.

    Raises:
        RunError: a file cannot be written.
    """
    recipe_toml, created = write(recipe), datetime.now().strftime("%d %B %Y, %H:%M")
    write_text(out / RECIPE, recipe_toml)
    write_record(out / RECORD, found)
    page = folds_html(found, name=out.name, created=created, recipe_toml=recipe_toml)
    write_text(out / REPORT, page)
    return out / REPORT
