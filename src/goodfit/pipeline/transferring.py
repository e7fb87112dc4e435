"""A network at its start, with weights of another run or of a file where the recipe says so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .. import runs
from ..errors import RunError
from ..nets import frozen_names, rate_mask, take_over
from ..recipe import OwnNet, Recipe, Transfer, read
from ..runs import checkpoints
from .begin import known_without_data, net_of
from .finishing import best_weights, with_best
from .material import Known

SHOWN = 12


def start_of(recipe: Recipe, known: Known, given: nn.Module | None) -> nn.Module:
    """Return the network at its start; see :func:`begin_of`."""
    return begin_of(recipe, known, given)[0]


def begin_of(
    recipe: Recipe, known: Known, given: nn.Module | None
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the network at its start, and in words what of it was taken over and is frozen.

    It is drawn or given; then come the weights that are taken over.

    Raises:
        NetError: weights do not fit, a prefix matches nothing, or all layers are frozen.
        RunError: the source is missing, unfinished, or no safetensors file.
    """
    net, transfer = net_of(recipe, known, given), recipe.transfer
    if transfer is None:
        return net, ()
    taken = take_over(net, weights_of(Path(transfer.source)), transfer)
    frozen = frozen_names(net, transfer)
    rate_mask(net, transfer)
    return net, (_taken_in_words(net, taken, transfer), *_frozen_in_words(net, frozen, transfer))


def _taken_in_words(net: nn.Module, taken: Collection[str], transfer: Transfer) -> str:
    own = net.state_dict()
    left = [name for name in own if name not in taken]
    told = f"Weights taken over from {transfer.source}: "
    return f"{told}{_named(taken, own)}; not these: {_named(left, own)}." if left else f"{told}all."


def _frozen_in_words(
    net: nn.Module, frozen: Collection[str], transfer: Transfer
) -> tuple[str, ...]:
    if not frozen:
        return ()
    epochs = transfer.unfreeze_epoch
    until = "to the end" if epochs is None else f"for {epochs} epoch{'s' if epochs > 1 else ''}"
    weights = {name: p.numel() for name, p in net.named_parameters()}
    held = sum(num for name, num in weights.items() if name in frozen)
    share = f"{held:,} of {sum(weights.values()):,} weights"
    return (f"Frozen {until}: {_named(frozen, net.state_dict())} ({share}).",)


def _named(names: Collection[str], own: Iterable[str]) -> str:
    """Name layers, where all that they hold is meant, and else tensors; the first 12.

    Example:
        >>> _named({"0.weight", "0.bias", "2.bias"}, ["0.weight", "0.bias", "2.weight", "2.bias"])
        '0, 2.bias'
    """
    layers: dict[str, list[str]] = {}
    for name in own:
        layers.setdefault(name.rpartition(".")[0], []).append(name)
    told: list[str] = []
    for layer, held in layers.items():
        meant = [name for name in held if name in names]
        told += [layer] if layer and meant == held else meant
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


def weights_of(source: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a run's best network, or of a safetensors file, by name.

    Raises:
        RunError: there is nothing, the run is not finished, or the file cannot be read or is
            a run's own, which holds all weights in one row.
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
        with safe_open(path, framework="pt") as file:
            if checkpoints.ENTRY in (file.metadata() or {}):
                raise _of_a_run(path)
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise RunError(
            f"The weights cannot be read: {error}.",
            given=path,
            do="Give a safetensors file; a pickle (.pt, .pth) is not read, for it can run code: "
            "write its state dict by safetensors.torch.save_file.",
        ) from None


def _of_a_run(path: Path) -> RunError:
    folders = [runs.RunFolder(folder) for folder in path.absolute().parents[:2]]
    around = [run for run in folders if run.recipe.exists() and run.checkpoints.exists()]
    named = f': transfer.source = "{around[0].path}"' if around else ""
    return RunError(
        "This is the weights file of a run: it holds them in one row, without their names.",
        given=path,
        do=f"Name the run's folder, whose recipe says what they are{named}.",
    )
