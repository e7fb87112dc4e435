"""Initialisers, measured: signals and gradients by depth, from one forward and backward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..nets import ACTIVATIONS, build_net
from ..nets.initialisers import INITIALISERS
from ..recipe import MLP, validate
from ..records import Chart, Line, Sheet, Table
from ..seeds import mix

NUM_ROWS, NUM_CLASSES = 256, 10
# Over the whole depth; a factor of ten either way still trains.
LOST, BLOWN = 0.1, 10.0
KEEPS, SYMMETRIC = "keeps its size", "symmetric: all units are one"
SYMMETRIC_IN_WORDS = (
    " Symmetric: all units of a hidden layer have the same weights, so they give the same and learn"
    " the same, like one unit; their gradients here are rounding."
)


@dataclass(frozen=True)
class Depth:
    """Standard deviations by layer: of activations, and of the loss's gradient for them.

    ``symmetric`` says whether the units of a hidden layer all have the same weights.
    """

    signal: tuple[float, ...]
    gradient: tuple[float, ...]
    symmetric: bool

    @property
    def verdict(self) -> str:
        """What happens on the way, in a word or two."""
        if self.symmetric:
            return SYMMETRIC
        forward = _way(self.signal[-1], self.signal[0])
        backward = _way(self.gradient[0], self.gradient[-1])
        words = [f"signals {forward}"] * bool(forward) + [f"gradients {backward}"] * bool(backward)
        return ", ".join(words) or KEEPS


def show_init(
    inits: Sequence[str] = (),
    *,
    depth: int = 20,
    width: int = 256,
    activation: str = "tanh",
    norm: str = "none",
    seed: int = 0,
) -> Sheet:
    """Draw the standard deviations of activations and gradients by layer, for each initialiser.

    ``depth`` dense layers of ``width`` with ``activation``; 256 inputs of N(0, 1), random classes
    of 10, cross-entropy: a real forward and backward pass. All initialisers without a name. A
    value of 0, which a logarithm has not, breaks a line. One that makes all units of a hidden layer
    equal is "symmetric", whatever its sizes. Notes n3, n4; Glorot and Bengio, 2010.

    Raises:
        RecipeError: a name is none of the recipe's.

    Example:
        >>> sheet = show_init(["small-normal"], depth=6, width=64)
        >>> sheet.parts[-1].rows[0][-1]
        'signals vanish, gradients vanish'
    """
    names = tuple(inits) or tuple(INITIALISERS)
    made = {
        name: _checked(hidden=(width,) * depth, activation=activation, init=name, norm=norm)
        for name in names
    }
    found = {name: by_depth(net, seed=seed) for name, net in made.items()}
    kept = [name for name, each in found.items() if each.verdict == KEEPS]
    told = ", ".join(kept) if kept else "none of them"
    defined = SYMMETRIC_IN_WORDS if any(each.symmetric for each in found.values()) else ""
    return Sheet(
        title="Initialisers",
        headline=f"Over {depth} layers of {width} with {activation}, {told} "
        f"{'keep' if len(kept) > 1 else 'keeps'} the size of signals and gradients.{defined}",
        parts=(
            _chart("Activations by layer", {name: each.signal for name, each in found.items()}),
            _chart("Gradients by layer", {name: each.gradient for name, each in found.items()}),
            _table(found),
        ),
    )


def by_depth(net: MLP, *, seed: int) -> Depth:
    """Return the statistics of one network, at its start, on inputs ``[256, width]``."""
    module = build_net(net, input_shape=net.hidden[:1], num_outputs=NUM_CLASSES, seed=seed)
    generator = torch.Generator().manual_seed(mix(seed, 1))
    x = torch.randn(NUM_ROWS, net.hidden[0], generator=generator)
    y = torch.randint(NUM_CLASSES, (NUM_ROWS,), generator=generator)
    outputs = _activations(module, x, kind=type(ACTIVATIONS[net.activation]()))
    loss = functional.cross_entropy(outputs.pop(), y)
    gradients = torch.autograd.grad(loss, outputs)
    return Depth(
        tuple(float(output.detach().std()) for output in outputs),
        tuple(float(gradient.std()) for gradient in gradients),
        _is_symmetric(module),
    )


def _is_symmetric(module: nn.Module) -> bool:
    """Say whether the units of a hidden layer, of two or more, all have the same weights."""
    *hidden, _ = (layer for layer in module.modules() if isinstance(layer, nn.Linear))
    units = [torch.column_stack([layer.weight, layer.bias]) for layer in hidden]
    return any(len(rows) > 1 and bool((rows == rows[0]).all()) for rows in units)


def _activations(module: nn.Module, x: Tensor, *, kind: type[nn.Module]) -> list[Tensor]:
    """Return what each activation gives, and the network's output."""
    outputs = []
    with torch.enable_grad():
        for layer in module.children():
            x = layer(x)
            if isinstance(layer, kind):
                outputs.append(x)
    return [*outputs, x]


def _checked(**values: object) -> MLP:
    recipe = validate({"data": "digits", "net": {"kind": "mlp", **values}})
    assert isinstance(recipe.net, MLP)
    return recipe.net


def _way(end: float, start: float) -> str:
    if not (math.isfinite(end) and math.isfinite(start)):
        return "explode"
    if end < LOST * start or start == 0.0:
        return "vanish"
    return "explode" if end > BLOWN * start else ""


def _chart(title: str, stds: dict[str, tuple[float, ...]]) -> Chart:
    lines = tuple(
        Line(
            name=name,
            x=tuple(float(layer) for layer in range(1, len(values) + 1)),
            y=values,
        )
        for name, values in stds.items()
    )
    return Chart(
        title=title, x_label="layer", y_label="standard deviation", lines=lines, y_scale="log"
    )


def _table(found: dict[str, Depth]) -> Table:
    columns = ("initialiser", "signal, first", "last", "gradient, first", "last", "so")
    rows = tuple(
        (
            name,
            *(each.signal[0], each.signal[-1]),
            *(each.gradient[0], each.gradient[-1], each.verdict),
        )
        for name, each in found.items()
    )
    return Table(title="First and last layer", columns=columns, rows=rows)
