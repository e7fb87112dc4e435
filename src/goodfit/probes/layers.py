"""Which modules of a network are looked at, and the hooks that see their outputs in one forward.

Who drives the forward is not this module's business: a watched loop, or our own loop that calls
the network by ``torch.func.functional_call``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules import activation as torch_activations
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy
from torch.utils.hooks import RemovableHandle

from .clock import now_s
from .graph import functional_activation
from .hooks import Hook
from .rows import some_rows

Role = Literal["weights", "activation", "norm", "input"]
NOT_ACTIVATIONS = (
    *(nn.MultiheadAttention, nn.Softmax, nn.Softmax2d, nn.LogSoftmax, nn.Softmin),
    *(torch_activations.MultiheadAttention,),
)
TORCH_ACTIVATIONS = tuple(
    kind
    for kind in (getattr(torch_activations, name) for name in torch_activations.__all__)
    if kind not in NOT_ACTIVATIONS
)

CONTAINERS = (nn.ParameterDict, nn.ParameterList)
KERAS = ("Activation", "ReLU", "LeakyReLU", "ELU", "PReLU")


@dataclass(frozen=True)
class Place:
    """A module that is looked at: its path in the network, and what it is there.

    ``parameters`` are the names of its own weights (two or more dimensions), ``kind`` its class.
    """

    name: str
    module: nn.Module
    role: Role
    parameters: tuple[str, ...] = ()
    num_weights: int = 0

    kind: str = ""


@dataclass(slots=True)
class Output:
    """What one module gave in one forward: a detached tensor, and where its units lie.

    ``rows`` are those of its rows that a look reads. ``role`` "input" is an activation that is no
    module, seen as what enters the next layer; ``fold`` says that its features are so many
    channels, laid out flat. ``entered`` is what went into a batch norm, and at the ``start``, of
    the first look, into any layer with weights.
    """

    place: Place
    role: Role
    kind: str
    rows: Tensor
    unit_dim: int = -1
    entered: Tensor | None = None
    fold: int = 0
    start: bool = False

    @property
    def name(self) -> str:
        """The path of the module; with ".input" for what enters it."""
        return f"{self.place.name}.input" if self.role == "input" else self.place.name


Measure = Callable[[Output], dict[str, Tensor]]


@dataclass(slots=True)
class Measured:
    """What was measured on one output, of which ``num_rows`` rows were read, by column."""

    name: str
    kind: str
    num_rows: int
    found: dict[str, Tensor]


@dataclass
class Seen:
    """What was measured on the outputs of one forward, in the order in which data flowed.

    ``measure`` is called at once with each output, so no activation is held longer than the
    network holds it, and later in-place operations change nothing. ``spent_s`` is what it took.
    ``start`` says that this is the first look.
    """

    measure: Measure
    start: bool = False
    outputs: list[Measured] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    made: list[object] = field(default_factory=list)
    unit_dim: int = -1
    num_units: int = 0
    spent_s: float = 0.0

    def take(self, output: Output) -> None:
        """Measure one output."""
        rows = output.rows
        if rows.dim() and rows.numel():
            found = self.measure(output)
            self.outputs.append(Measured(output.name, output.kind, rows.shape[0], found))


def places_of(network: nn.Module) -> tuple[Place, ...]:
    """Return the modules to look at: those with weights of their own, activations, batch norms.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Dropout(), nn.Linear(3, 1))
        >>> [(place.name, place.role, place.num_weights) for place in places_of(net)]
        [('0', 'weights', 6), ('1', 'activation', 0), ('3', 'weights', 3)]
    """
    names = {id(p): name for name, p in network.named_parameters()}
    owner: dict[int, nn.Module] = {}
    for module in network.modules():
        if isinstance(module, CONTAINERS):
            continue
        # The innermost module that holds a parameter has it: inner ones come later.
        owner.update({id(p): module for p in _held_by(module) if not is_lazy(p)})
    own: dict[nn.Module, list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if id(parameter) in owner and parameter.dim() >= 2:
            own.setdefault(owner[id(parameter)], []).append(parameter)
    found = (_place(name, m, own.get(m, []), names) for name, m in network.named_modules())
    return tuple(place for place in found if place is not None)


def _held_by(module: nn.Module) -> list[nn.Parameter]:
    """Return a module's parameters that no layer inside it has; also those in plain containers."""
    held = [p for p in module._parameters.values() if p is not None]
    for child in module._modules.values():
        if isinstance(child, CONTAINERS):
            held += [p for p in child.parameters() if isinstance(p, nn.Parameter)]
    return held


def _place(
    name: str, module: nn.Module, own: Sequence[nn.Parameter], names: Mapping[int, str]
) -> Place | None:
    label, kind = clean_name(name) or "network", type(module).__name__
    if isinstance(module, _BatchNorm | nn.SyncBatchNorm):
        return Place(label, module, "norm", kind=kind)
    if own:
        held = tuple(names[id(p)] for p in own)
        return Place(label, module, "weights", held, sum(p.numel() for p in own), kind)
    return Place(label, module, "activation", kind=kind) if _is_activation(module) else None


def _is_activation(module: nn.Module) -> bool:
    keras = type(module).__module__.startswith("keras.")
    return type(module).__name__ in KERAS if keras else isinstance(module, TORCH_ACTIVATIONS)


def clean_name(name: str) -> str:
    """Return a module's path without what wrappers put into it.

    Example:
        >>> clean_name("_orig_mod.module.layers.0")
        'layers.0'
    """
    parts = name.split(".")
    while parts and parts[0] in ("_orig_mod", "module"):
        parts = parts[1:]
    return ".".join(part for part in parts if part != "_orig_mod")


def is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor's numbers lie in rows and columns: it is not sparse, nor nested."""
    return tensor.layout is torch.strided and not tensor.is_nested


def first_tensor(value: object) -> Tensor | None:
    """Return the first floating-point tensor in what a module took or gave."""
    if isinstance(value, Tensor):
        return value if value.is_floating_point() else None
    if isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            found = first_tensor(part)
            if found is not None:
                return found
    return None


@contextmanager
def outputs_of(places: Sequence[Place], seen: Seen) -> Iterator[Seen]:
    """While open, put into ``seen`` what each of ``places`` gives at its first call.

    Tensors are held detached until the caller drops ``seen``. The network computes the same
    with and without.
    """
    handles = hook_outputs(places, seen)
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def hook_outputs(places: Sequence[Place], seen: Seen) -> list[RemovableHandle]:
    """Hang the hooks of :func:`outputs_of`; the caller removes them."""
    return [place.module.register_forward_hook(_Catch(place, seen)) for place in places]


class _Catch(Hook):
    """The forward hook of one place."""

    __slots__ = ("place", "seen")

    def __init__(self, place: Place, seen: Seen) -> None:
        self.place, self.seen = place, seen

    def __call__(self, module: nn.Module, args: tuple, output: object) -> None:
        if torch.compiler.is_compiling() or not torch.is_grad_enabled():
            return
        if self.place.name not in self.seen.names:
            began = now_s()
            catch(self.place, self.seen, first_tensor(args), first_tensor(output))
            self.seen.spent_s += now_s() - began


def catch(place: Place, seen: Seen, entered: Tensor | None, value: Tensor | None) -> None:
    """Take a module's first call in a forward down in ``seen``."""
    if value is None or not is_plain(value):
        return
    seen.names.add(place.name)
    role, held = place.role, None
    entered = entered if entered is not None and is_plain(entered) else None
    if role == "weights":
        if entered is not None and entered.requires_grad:
            _catch_functional(place, seen, entered)
        seen.unit_dim = 1 if _has_channels_first(place.module) else -1
        seen.num_units = value.shape[seen.unit_dim] if value.dim() > 1 else 0
    elif role == "norm":
        seen.unit_dim = 1
    elif value.grad_fn is not None:
        seen.made.append(value.grad_fn)
    if entered is not None and (role == "norm" or (role == "weights" and seen.start)):
        held = some_rows(entered.detach())
    rows = some_rows(value.detach())
    seen.take(Output(place, role, place.kind, rows, seen.unit_dim, held, start=seen.start))


def _catch_functional(place: Place, seen: Seen, entered: Tensor) -> None:
    """Take down an activation that is no module: it is seen as what enters the next layer."""
    kind, node = functional_activation(entered)
    if not kind or any(node is made for made in seen.made) or entered.dim() < 2:
        return
    conv = _has_channels_first(place.module)
    unit_dim = 1 if conv else -1
    width, units = entered.shape[unit_dim], seen.num_units
    fold = units if not conv and units and width != units and width % units == 0 else 0
    rows = some_rows(entered.detach())
    seen.take(Output(place, "input", kind, rows, unit_dim, None, fold))


def _has_channels_first(module: nn.Module) -> bool:
    return isinstance(module, _ConvNd) or getattr(module, "data_format", "") == "channels_first"


def strongest_dropout(net: nn.Module) -> float:
    """Return the highest rate of all dropout layers, torch's or ours; 0 where there are none.

    Example:
        >>> strongest_dropout(nn.Sequential(nn.Dropout(0.2), nn.Dropout1d(0.5)))
        0.5
    """
    layers = [layer for layer in net.modules() if "dropout" in type(layer).__name__.lower()]
    rates = [getattr(layer, "rate", getattr(layer, "p", None)) for layer in layers]
    return max((float(rate) for rate in rates if rate is not None), default=0.0)
