"""Fill in what a recipe left open, now that the data is known."""

from __future__ import annotations

import copy
import math
import os

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.flop_counter import FlopCounterMode

from ..data import check_augment
from ..errors import NetError
from ..evaluation import check_views
from ..nets import pack_parameters
from ..nets.blame import told_with_place
from ..recipe import CNN, MLP, EarlyStopping, Net, Recipe
from ..recipe.inputs import FLATTENING
from ..records import DataCard

# A run of some 8,000 steps is two minutes for a small network; the built-in sets end before.
STEPS_AIMED_AT, FEWEST_EPOCHS, MOST_EPOCHS = 8_000, 12, 60
# Below this, two threads are slower than one on the machines measured.
OPERATIONS_WORTH_THREADS = 100e6
SMALLEST_IMAGE_FOR_CONVOLUTION = 8
# An accuracy of 0.93 on so many rows has a standard error of 0.006. On Fashion-MNIST accuracy kept
# rising for 5 to 10 epochs after the loss was lowest (by .005 of validation in 2 of 3 runs); on the
# built-in sets, 16 seeds each, with 27 to 270 rows, it chose no better epochs than the loss.
ROWS_THAT_TELL = 2_000
# From this side on three halvings leave a map to read: on Fashion-MNIST's validation part a third
# block and dropout were worth .005 (one run each).
SMALLEST_IMAGE_FOR_THREE = 24
# What torch's batch norm says of a batch in which each channel has one value.
ONE_VALUE = "more than 1 value per channel"


def resolve(recipe: Recipe, card: DataCard, *, num_train: int, num_validation: int = 0) -> Recipe:
    """Return the recipe with network, batch size, budget, task and what stops early decided.

    Raises:
        RecipeError: such data cannot be augmented, or have no such views.

    Example:
        >>> card = DataCard(source="x", task="regression", input_kind="table", num_rows=100,
        ...                 input_shape=(4,), target="y", fingerprint="")
        >>> found = resolve(Recipe(data="x"), card, num_train=70)
        >>> found.net.kind, found.batch_size, found.epochs
        ('mlp', 16, 60)
    """
    kind_and_shape = {"input_kind": card.input_kind, "shape": card.input_shape}
    check_augment(recipe.augment, **kind_and_shape)
    check_views(recipe.evaluate, **kind_and_shape)
    batch_size = min(recipe.batch_size or default_batch_size(num_train), num_train)
    changes = {
        "task": card.task,
        "net": recipe.net or _net(card, recipe),
        "batch_size": batch_size,
        "epochs": recipe.epochs or _epochs(math.ceil(num_train / batch_size)),
        "early_stopping": _stopping(recipe.early_stopping, card, num_validation),
    }
    return recipe.model_copy(update=changes)


def _stopping(asked: EarlyStopping, card: DataCard, num_validation: int) -> EarlyStopping:
    if asked.monitor != "auto":
        return asked
    tells = card.task == "classification" and num_validation >= ROWS_THAT_TELL
    return asked.model_copy(update={"monitor": "metric" if tells else "loss"})


def with_threads(recipe: Recipe, threads: int) -> Recipe:
    """Return the recipe with the number of threads on record."""
    return recipe.model_copy(
        update={"engine": recipe.engine.model_copy(update={"threads": threads})}
    )


def num_threads(operations: int) -> int:
    """Return how many threads pay for a step of a network: one, or all that torch may use.

    ``operations`` are those of its forward pass; the backward pass takes twice as many.
    """
    worth_it = 3 * operations >= OPERATIONS_WORTH_THREADS
    return min(torch.get_num_threads(), _cores()) if worth_it else 1


def try_out(net: nn.Module, x: Tensor, *, num_outputs: int, own: bool = False) -> int:
    """Run a batch ``x`` forward as in training, and return its floating-point operations.

    ``own`` says that the network is the user's, so that no field of the recipe changes it.

    Raises:
        NetError: the network has nothing to train, does not take the batch, or gives something
            else than ``[N, num_outputs]``.
    """
    if any(is_lazy(tensor) for tensor in (*net.parameters(), *net.buffers())):
        raise NetError(
            "The network has lazy layers, which have no weights yet.",
            given=type(net).__name__,
            do="Run a batch through it before: net(x).",
        )
    pack_parameters([net])
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            outputs = copy.deepcopy(net).train()(x)
    except Exception as error:
        if len(x) == 1 and ONE_VALUE in str(error):
            raise _one_row(net, own) from error
        raise NetError(
            f"The network fails on a batch: {told_with_place(error)}",
            given=f"inputs of shape {list(x.shape)} and type {x.dtype}",
            do="Let its first layer take such inputs (a dense one: nn.Flatten() first); batch norm"
            " needs two rows or more.",
        ) from error
    _check_outputs(outputs, [len(x), num_outputs])
    return counter.get_total_flops()


def _one_row(net: nn.Module, own: bool) -> NetError:
    other = "take nn.LayerNorm or nn.GroupNorm" if own else 'net.norm to "layer" or "none"'
    return NetError(
        "Batch norm learns nothing from a batch of one row: it divides by the spread in the batch.",
        given=f"batch_size = 1, {type(net).__name__} with batch norm",
        do=f"Set batch_size to 2 or more (16, say), or {other}.",
    )


def _check_outputs(outputs: object, wanted: list[int]) -> None:
    found = list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if found != wanted:
        raise NetError(
            "The network gives something else than the task needs.",
            given=f"{found} for a batch of {wanted[0]} rows",
            do=f"Let its last layer give {wanted}: a score for each class, or the quantity.",
        )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_batch_size(num_train: int) -> int:
    """Return the rows of a batch where the recipe leaves them open.

    Example:
        >>> default_batch_size(105), default_batch_size(1_257), default_batch_size(60_000)
        (16, 32, 128)
    """
    return 16 if num_train < 500 else 32 if num_train < 5_000 else 128


def _epochs(steps_per_epoch: int) -> int:
    return min(max(math.ceil(STEPS_AIMED_AT / steps_per_epoch), FEWEST_EPOCHS), MOST_EPOCHS)


def _net(card: DataCard, recipe: Recipe) -> Net:
    is_image = card.input_kind == "image" and min(card.input_shape[1:]) >= (
        SMALLEST_IMAGE_FOR_CONVOLUTION
    )
    if not is_image or recipe.prepare.scale in FLATTENING:
        return MLP()
    if min(card.input_shape[1:]) < SMALLEST_IMAGE_FOR_THREE:
        return CNN()
    return CNN(channels=(32, 64, 128), dropout=0.4)
