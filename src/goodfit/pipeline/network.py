"""From a recipe to its network."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from ..errors import NetError, RecipeError
from ..nets import build_net
from ..probes.given import given_module
from ..recipe import OwnNet, Recipe


def make_net(
    recipe: Recipe,
    *,
    input_shape: tuple[int, ...],
    num_outputs: int,
    given: nn.Module | None,
    prior: Tensor | None = None,
) -> nn.Module:
    """Return the network to train: the given module (a copy), or the one the recipe names.

    ``prior`` is where its last bias starts, if the recipe wants that.

    Raises:
        NetError: what was given is no module, or none was given to a run of one.
        RecipeError: the recipe names no network.
    """
    if given is not None:
        given_module(given)
        return copy.deepcopy(given)
    if isinstance(recipe.net, OwnNet) and not recipe.net.make:
        raise NetError(
            "The network of this run was given in Python.",
            given='net.kind = "own", without net.make',
            do="Pass it again: goodfit.resume(path, net=...) or goodfit.load(path, net=...).",
        )
    if recipe.net is None:
        raise RecipeError("The recipe names no network.", do='Set net.kind, say to "mlp".')
    return build_net(
        recipe.net,
        input_shape=input_shape,
        num_outputs=num_outputs,
        seed=recipe.seed,
        prior=prior,
    )
