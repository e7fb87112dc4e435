"""Which trials can be rows of one matrix, how many at a time, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from ..nets import layout_of, with_counted_dropout
from ..pipeline.begin import net_of
from ..pipeline.material import Known
from ..pipeline.resolve import try_out
from ..recipe import OwnNet, Recipe

# Weights, gradient and two moments of a tile's rows should lie near the second cache.
TILE_BYTES, MOST_ROWS, BYTES_A_WEIGHT = 2 * 2**20, 32, 16
# Stacking pays while an operation costs less than its dispatch: measured on two cores, dense
# networks of up to about 10 MFLOP a layer and batch gain, and lose from about a million weights.
LARGEST_PRODUCT, MOST_WEIGHTS = 20e6, 500_000
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LARGEST_CONVOLUTION = 3e6


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

    Everything that shapes the network or the update's formula; rates, decays, betas, dropout
    rates (but not whether there is any), schedules, seeds and lengths may differ.

    Example:
        >>> from goodfit.recipe import AdamW, MLP
        >>> one = Recipe(data="digits", net=MLP(), batch_size=32)
        >>> key_of(one) == key_of(one.model_copy(update={"optimizer": AdamW(lr=0.1), "seed": 3}))
        True
    """
    assert recipe.net is not None
    net = recipe.net.model_dump(mode="json")
    if "dropout" in net:
        net["dropout"] = net["dropout"] > 0.0
    words = ", ".join(f"{name} {_plain(value)}" for name, value in net.items() if name != "kind")
    return f"{recipe.net.kind} ({words}), {recipe.optimizer.kind}, batch {recipe.batch_size}"


def _plain(value: object) -> str:
    return "-".join(str(part) for part in value) if isinstance(value, list) else str(value)


def shape_of(recipe: Recipe, known: Known, x_shape: tuple[int, ...]) -> Shape:
    """Build the network once, try it on a batch, and return what trials like this share.

    Raises:
        NetError: it cannot be built, or does not take the data.
    """
    net = with_counted_dropout(net_of(recipe, known, None)).train()
    from_zeros = next(net.parameters()).new_zeros(recipe.batch_size or 1, *x_shape)
    operations = try_out(net, from_zeros, num_outputs=len(known.card.classes) or 1)
    num = layout_of(net).num_parameters
    return Shape(key_of(recipe), net, num, operations, isinstance(recipe.net, OwnNet))


def rows_by_model(shape: Shape) -> tuple[int, str]:
    """Return how many rows a tile should hold by the cost model, and why.

    One, where the arithmetic of an operation outweighs the dispatch that stacking saves.
    """
    if shape.own:
        return 1, "a network of the user's own runs one by one"
    each = shape.operations / shape.num_products
    convolution = any(isinstance(layer, CONVOLUTIONS) for layer in shape.net.modules())
    limit = LARGEST_CONVOLUTION if convolution else LARGEST_PRODUCT
    if each > limit or shape.num_parameters > MOST_WEIGHTS:
        return 1, f"{each / 1e6:.1f} MFLOP a layer outweigh what stacking saves"
    fitting = max(1.0, TILE_BYTES / (BYTES_A_WEIGHT * shape.num_parameters))
    rows = min(MOST_ROWS, 2 ** max(2, round(math.log2(fitting))))
    return rows, f"{each / 1e6:.2f} MFLOP a layer: dispatch outweighs them, so rows share a step"
