"""Which trials can be rows of one matrix, how many at a time, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from ..nets import as_trained, layout_of
from ..pipeline.begin import net_of
from ..pipeline.material import Known
from ..pipeline.resolve import try_out
from ..recipe import OwnNet, Recipe

# Weights, gradient and two moments of a tile's rows should lie near the second cache.
TILE_BYTES, MOST_ROWS, BYTES_A_WEIGHT = 2 * 2**20, 32, 16
# By the size of a layer's product for one batch: below the first, dispatch surely outweighs the
# arithmetic and rows share a step; above the second, they surely gain nothing; between them, and
# for small convolutions, a short measurement decides. Measured on two cores without a GPU.
SURELY_SMALL, SURELY_LARGE, MOST_WEIGHTS = 1e6, 50e6, 500_000
# A row's start, which trials of one matrix need not share; and what is named only where it counts.
ONLY_THE_START = ("init", "bias", "output_bias")
RARELY_SET = ("pieces", "norm_place", "dropout_form")
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LARGEST_CONVOLUTION = 20e6


@dataclass(frozen=True)
class Shape:
    """What trials of one matrix share, and what a step of it costs.

    ``operations`` are the floating-point operations of a forward pass of one batch.
    """

    name: str
    net: nn.Module
    num_parameters: int
    operations: int
    own: bool

    @property
    def num_products(self) -> int:
        """Layers with a matrix of weights."""
        return max(1, sum(p.dim() > 1 for p in self.net.parameters()))


def key_of(recipe: Recipe) -> str:
    """Return what must be equal for two trials to share a matrix.

    Everything that shapes the network or the update's formula; initialisers, rates, decays, betas,
    dropout rates (but not whether there is any), schedules, seeds and lengths may differ.

    Example:
        >>> from goodfit.recipe import AdamW, MLP
        >>> one = Recipe(data="digits", net=MLP(), batch_size=32)
        >>> key_of(one) == key_of(one.model_copy(update={"optimizer": AdamW(lr=0.1), "seed": 3}))
        True
    """
    assert recipe.net is not None
    net = recipe.net.model_dump(mode="json")
    fields = type(recipe.net).model_fields
    usual = {name for name in RARELY_SET if name in net and net[name] == fields[name].default}
    for name in {*ONLY_THE_START, *usual} & net.keys():
        del net[name]
    dropout = {0.0: ["no dropout"], None: []}.get(net.pop("dropout", None), ["with dropout"])
    told = (f"{name} {_plain(value)}" for name, value in net.items() if name != "kind")
    words = ", ".join([*told, *dropout])
    rule = ", ".join((recipe.optimizer.kind, *_around(recipe)))
    return f"{recipe.net.kind} ({words}), {rule}, batch {recipe.batch_size}"


def _around(recipe: Recipe) -> list[str]:
    """Say what stands around the update's formula, where it is not as usual."""
    penalty, clip, decay_on = recipe.penalty.kind, recipe.clip.kind, recipe.optimizer.decay_on
    told = {"penalty": (penalty, "none"), "clip": (clip, "none"), "decay on": (decay_on, "weights")}
    augment = recipe.augment.model_dump(mode="json", exclude_defaults=True)
    start = {"source", "layers"}
    moved = recipe.transfer.model_dump(mode="json", exclude=start) if recipe.transfer else {}
    return [
        *(f"{name} {value}" for name, value in moved.items() if value),
        *(f"{name} {value}" for name, (value, usual) in told.items() if value != usual),
        *(f"{name} {value}" for name, value in augment.items()),
    ]


def _plain(value: object) -> str:
    return "-".join(str(part) for part in value) if isinstance(value, list) else str(value)


def shape_of(recipe: Recipe, known: Known, x_shape: tuple[int, ...]) -> Shape:
    """Build the network once, try it on a batch, and return what trials like this share.

    Raises:
        NetError: it cannot be built, or does not take the data.
    """
    net = as_trained(net_of(recipe, known, None), recipe.transfer)
    from_zeros = next(net.parameters()).new_zeros(recipe.batch_size or 1, *x_shape)
    operations = try_out(net, from_zeros, num_outputs=len(known.card.classes) or 1)
    num = layout_of(net).num_parameters
    return Shape(key_of(recipe), net, num, operations, isinstance(recipe.net, OwnNet))


@dataclass(frozen=True)
class Choice:
    """How many rows a tile may hold, and why; more than one number is to be measured."""

    rows: tuple[int, ...]
    reason: str


def rows_by_model(shape: Shape) -> Choice:
    """Return how many rows a tile should hold by the cost model, or the numbers to try.

    Rows share a step where the dispatch that stacking saves outweighs the arithmetic.
    """
    if shape.own:
        return Choice((1,), "a network of the user's own runs one by one")
    each = shape.operations / shape.num_products
    convolution = any(isinstance(layer, CONVOLUTIONS) for layer in shape.net.modules())
    size = f"{each / 1e6:.2g} MFLOP a layer"
    largest = LARGEST_CONVOLUTION if convolution else SURELY_LARGE
    if each > largest or shape.num_parameters > MOST_WEIGHTS:
        return Choice((1,), f"{size}: the arithmetic outweighs what stacking saves")
    fitting = TILE_BYTES / (BYTES_A_WEIGHT * shape.num_parameters)
    rows = min(MOST_ROWS, 2 ** max(2, round(math.log2(max(1.0, fitting)))))
    if each < SURELY_SMALL and not convolution:
        return Choice((rows,), f"{size}: dispatch outweighs the arithmetic, so rows share a step")
    return Choice((1, rows), f"{size}")
