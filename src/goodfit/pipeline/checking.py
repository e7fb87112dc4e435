"""The checks before training, on their own: everything up to the first step, and no run folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..checks import Checked, run_checks
from ..data.checks import run_data_checks
from ..recipe import Recipe
from .begin import Given, decide_threads, know_given, net_of, resolve_for
from .material import material_of, rows_of, subject_of
from .training import use_threads


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
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as scratch:
            known = know_given(recipe, Given(data, net=net))
            recipe = resolve_for(recipe, known)
            module = net_of(recipe, known, net)
            recipe = decide_threads(recipe, module, known)
            use_threads(recipe)
            material = material_of(known, recipe, Path(scratch))
            found = run_data_checks(rows_of(known))
            return Checked((*found, *run_checks(subject_of(module, material))))
    finally:
        torch.set_num_threads(threads)
