"""A network at its start, with weights of another run or of a file where the recipe says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from .. import runs
from ..errors import RunError
from ..nets import frozen_names, rate_mask, take_over
from ..recipe import OwnNet, Recipe, read
from .begin import known_without_data, net_of
from .finishing import best_weights, with_best
from .material import Known


def start_of(recipe: Recipe, known: Known, given: nn.Module | None) -> nn.Module:
    """Return the network at its start: drawn or given, then with the weights that are taken over.

    Raises:
        NetError: weights do not fit, a prefix matches nothing, or all layers are frozen.
        RunError: the source is missing, unfinished, or no safetensors file.
    """
    net, transfer = net_of(recipe, known, given), recipe.transfer
    if transfer is not None:
        take_over(net, weights_of(Path(transfer.source)), transfer)
        frozen_names(net, transfer)
        rate_mask(net, transfer)
    return net


def weights_of(source: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a run's best network, or of a safetensors file, by name.

    Raises:
        RunError: there is nothing, the run is not finished, or the file cannot be read.
    """
    if not source.exists():
        raise RunError(
            "There are no weights to transfer from.",
            given=f'transfer.source = "{source}"',
            do="Name a run folder, or a .safetensors file of tensors by parameter name.",
        )
    return _of_run(source) if source.is_dir() else _of_file(source)


def _of_run(path: Path) -> Mapping[str, Tensor]:
    folder = runs.open_run(path)
    best, recipe = best_weights(folder), read(folder.recipe)
    if isinstance(recipe.net, OwnNet) and not recipe.net.make:
        raise RunError(
            "The network of the run to transfer from was given in Python.",
            given=path,
            do="Save its weights, safetensors.torch.save_file(run.module.net.state_dict(), "
            '"weights.safetensors"), and name that file.',
        )
    return with_best(net_of(recipe, known_without_data(folder), None), best.tensors).state_dict()


def _of_file(path: Path) -> Mapping[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise RunError(
            f"The weights cannot be read: {error}.",
            given=path,
            do="Give a safetensors file; a pickle (.pt, .pth) is not read, for it can run code: "
            "write its state dict by safetensors.torch.save_file.",
        ) from None
