"""Layers whose units all have the same weights, and so learn the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from .layers import Place, places_of

# What is equal but for rounding.
SAME, TINY = 1e-5, 1e-30
FIRST = 4
# Units that begin at 0, as those of a last layer may, are pulled apart within so many looks.
PULLED_APART = 3
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
DRAWN = (nn.Linear, _ConvNd, nn.RNNBase)
Named = list[tuple[str, Tensor, Place]]


class Alike:
    """The trained weights of a network whose units are all equal, from its start on.

    ``places`` are its layers, if they are known already.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> _ = nn.init.constant_(net[0].weight, 0.1)
        >>> Alike(net).drawn
        {'0.weight'}
    """

    def __init__(self, network: nn.Module, places: Sequence[Place] | None = None) -> None:
        places = places_of(network) if places is None else places
        self.held: Named = [each for each in _weights(network, places) if _is_alike(*each[1:])]
        # Equal numbers other than 0 were given to them: of a hidden dense layer or so that is no
        # intent. The units of a last layer get gradients of their own.
        last = next((place for place in reversed(places) if place.role == "weights"), None)
        hidden = [each for each in self.held if each[2] is not last]
        self.drawn = {n for n, w, place in hidden if isinstance(place.module, DRAWN) and w.any()}
        self._looks = 0

    def after_look(self, given: Collection[str]) -> int:
        """Return of how many weights the units were drawn alike, or are alike still.

        ``given`` names the parameters to which a gradient came.
        """
        self._looks += 1
        if self._looks < PULLED_APART:
            return len(self.drawn)
        return len(self.drawn | (self.still() & set(given)))

    def still(self) -> set[str]:
        """Return the names of the weights whose units have been equal until now."""
        self.held = [each for each in self.held if _is_alike(*each[1:])]
        return {name for name, *_ in self.held}


def _weights(network: nn.Module, places: Sequence[Place]) -> Iterator[tuple[str, Tensor, Place]]:
    """Yield the trained weights of layers."""
    named = dict(network.named_parameters())
    for place in places:
        if place.role == "weights":
            for name in place.parameters:
                if named[name].requires_grad and named[name].is_floating_point():
                    yield name, named[name], place


def _is_alike(weight: Tensor, place: Place) -> bool:
    """Return whether all units of a weight are equal: its rows, or its columns.

    Columns are the units of a transposed convolution, and what an embedding tells of each word.
    """
    transposed = isinstance(place.module, (_ConvTransposeNd, *EMBEDDINGS))
    rows = (weight.transpose(0, 1) if transposed else weight).detach()
    if len(rows) < 2 or rows[0].numel() < 2:
        return False
    # Nearly always the first two differ in their first numbers, and nothing else is read.
    first, second = rows[:2].reshape(2, -1)[:, :FIRST].tolist()
    close = (
        abs(a - b) <= SAME * max(abs(a), abs(b), TINY) for a, b in zip(first, second, strict=True)
    )
    return all(close) and _equal(rows)


def _equal(rows: Tensor) -> bool:
    apart = (rows - rows[:1]).abs().max()
    return bool(torch.isfinite(apart)) and float(apart) <= SAME * float(rows.abs().max())
