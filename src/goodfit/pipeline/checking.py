"""The checks before training, on their own: everything up to the first step, and no run folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..checks import Checked, gradient_check, run_checks
from ..checks.family import OF_INPUTS
from ..data.checks import Rows, run_data_checks
from ..recipe import Recipe
from ..recipe.given import given_recipe
from ..records import GradientCheck, Verdict
from .begin import Given, decide_threads, know_given, resolve_for
from .material import Known, Material, loss_of, material_of, rows_of, subject_of
from .training import use_machine
from .transferring import start_of

ROWS = 16


def check_recipe(recipe: Recipe, *, data: Any = None, net: nn.Module | None = None) -> Checked:
    """Load, split and prepare as a recipe says, build its network, and check all of it.

    Args:
        recipe: What a run would do.
        data: Arrays ``(X, y)`` in memory, instead of ``recipe.data``.
        net: A module to check instead of the recipe's; it is copied, not changed.

    Raises:
        GoodfitError: data, recipe or network do not work; says what to do.

    Example:
        >>> checked = check_recipe(Recipe(data="iris"))
        >>> len(checked.verdicts) > 20, [f.rule for f in checked if f.severity == "error"]
        (True, [])
    """
    with _ready(recipe, data, net) as (known, module, material):
        found = run_data_checks(rows_of(known))
        return Checked((*found, *run_checks(subject_of(module, material, recipe))))


@dataclass(frozen=True)
class Seen:
    """Data as it was read, split and prepared, and what the checks say of it."""

    known: Known
    verdicts: tuple[Verdict, ...]

    @property
    def rows(self) -> Rows:
        """All rows, and the parts that they were split into."""
        rows = rows_of(self.known)
        assert rows is not None, "a recipe names data that is read"
        return rows


def see_data(recipe: Recipe, *, data: Any = None) -> Seen:
    """Load, split and prepare as a recipe says, and make the checks that are about the data.

    Those are all checks of the data as a whole, and the checks before training that ask what comes
    in, of batches as the network gets them.

    Raises:
        GoodfitError: data, recipe or network do not work; says what to do.

    Example:
        >>> seen = see_data(Recipe(data="iris"))
        >>> seen.rows.dataset.num_rows, [v.check for v in seen.verdicts if v.finding]
        (150, [])
    """
    with _ready(recipe, data, None) as (known, module, material):
        of_data = run_data_checks(rows_of(known))
        subject = subject_of(module, material, recipe)
        return Seen(known, (*of_data, *run_checks(subject, checks=OF_INPUTS)))


def check_gradient(
    recipe: Recipe,
    *,
    data: Any = None,
    net: nn.Module | None = None,
    on_number: Callable[[int, int], object] | None = None,
) -> GradientCheck:
    """Compare backpropagation with central differences, on a batch of what a recipe trains.

    ``on_number`` is told after each number how many are done, and of how many.

    Raises:
        GoodfitError: data, recipe or network do not work; says what to do.

    Example:
        >>> check_gradient(Recipe(data="iris")).verdict
        'right'
    """
    with _ready(recipe, data, net) as (_, module, material):
        x, y = (part[:ROWS] for part in material.sample)
        x = material.prepare(x)
        return gradient_check(module, loss_of(material), x, y, on_number=on_number)


@contextmanager
def _ready(
    recipe: Recipe, data: Any, net: nn.Module | None
) -> Iterator[tuple[Known, nn.Module, Material]]:
    """Load, split and prepare, and build the network; torch is left as it was."""
    given_recipe(recipe, "gf.check_recipe")
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as scratch:
            known = know_given(recipe, Given(data, net=net))
            recipe = resolve_for(recipe, known)
            module = start_of(recipe, known, net)
            recipe = decide_threads(recipe, module, known)
            use_machine(recipe)
            material = material_of(known, recipe, Path(scratch))
            yield known, module, material
    finally:
        torch.set_num_threads(threads)
