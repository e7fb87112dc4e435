"""Trained weights in another network, and its layers by depth and by name."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import NetError, nearest
from ..recipe.transfer import Transfer
from .layers import with_counted_dropout
from .masks import mask_of
from .taken import SHOWN, first_of, refuse_odd_numbers

# The name of the buffer that says whether a batch norm is held.
HELD = "held_by_transfer"


class HeldBatchNorm(_BatchNorm):
    """Batch norm that can be held: then it normalises by its averages, which stay as they are.

    ``held_by_transfer`` is a buffer, 1 or 0, so that each row of a population has its own. In
    evaluation, and with 0, it is the batch norm that it was made of.

    Example:
        >>> norm = HeldBatchNorm(nn.BatchNorm1d(2))
        >>> norm(torch.tensor([[1.0, 2.0], [3.0, 4.0]])).detach().round().tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """

    def __init__(self, norm: _BatchNorm) -> None:
        assert norm.running_mean is not None
        kind = norm.running_mean.dtype
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, dtype=kind)
        self.load_state_dict(norm.state_dict())
        self.register_buffer(HELD, torch.ones(()), persistent=False)
        self.train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Take any shape: the norm that this was made of has been tried on it."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        held = cast(Tensor, self.held_by_transfer) > 0.0
        mean, variance = cast(Tensor, self.running_mean), cast(Tensor, self.running_var)
        count = cast(Tensor, self.num_batches_tracked)
        old, batch = (mean.clone(), variance.clone()), (mean.clone(), variance.clone())
        given = {"weight": self.weight, "bias": self.bias, "eps": self.eps}
        kept = functional.batch_norm(input, *old, **given)
        # With momentum 1 the averages become the batch's own; they are kept apart, since
        # backward needs both as they were.
        fresh = functional.batch_norm(input, *batch, **given, training=True, momentum=1.0)
        count.add_(torch.where(held, 0, 1))
        share = 1.0 / count.to(mean.dtype) if self.momentum is None else self.momentum
        for average, before, now in zip((mean, variance), old, batch, strict=True):
            average.copy_(torch.where(held, before, (1.0 - share) * before + share * now))
        return torch.where(held, kept, fresh)


def as_trained(net: nn.Module, transfer: Transfer | None) -> nn.Module:
    """Return a copy of ``net`` as the step calls it: training, dropout counted, batch norms held.

    Names of parameters and of buffers that a file holds do not change.
    """
    made = with_counted_dropout(copy.deepcopy(net))
    for name in frozen_norms(made, transfer):
        held = HeldBatchNorm(cast(_BatchNorm, made.get_submodule(name)))
        made.set_submodule(name, held)
    return made.train()


def frozen_norms(net: nn.Module, transfer: Transfer | None) -> list[str]:
    """Return the names of batch norms that are frozen and keep averages."""
    frozen = frozen_names(net, transfer)
    return [
        name
        for name, module in net.named_modules()
        if isinstance(module, _BatchNorm) and f"{name}.running_mean" in frozen
    ]


def depths(net: nn.Module) -> dict[str, int]:
    """Return by name of parameter or buffer the layer it belongs to, from 0.

    A layer begins with a module that has a matrix or kernel of its own; norms and slopes after it
    belong to it.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.PReLU(), nn.Linear(3, 1, bias=False))
        >>> depths(net)
        {'0.weight': 0, '0.bias': 0, '1.weight': 0, '2.weight': 1}
    """
    found, layer = {}, -1
    for place, module in net.named_modules():
        layer += any(p.dim() > 1 for p in module.parameters(recurse=False))
        own = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        for name, _ in own:
            found[f"{place}.{name}" if place else name] = max(layer, 0)
    return found


def named(prefixes: Iterable[str], names: Iterable[str], field: str) -> frozenset[str]:
    """Return the names that begin with one of ``prefixes``, at whole parts.

    Raises:
        NetError: a prefix matches nothing.
    """
    known, found = list(names), set()
    for prefix in prefixes:
        matched = [name for name in known if begins(name, prefix)]
        if not matched:
            raise NetError(
                f'No layer of the network begins with "{prefix}".',
                given=f'{field}: "{prefix}"',
                do=nearest(prefix, {part for name in known for part in _beginnings(name)}),
            )
        found.update(matched)
    return frozenset(found)


def begins(name: str, prefix: str) -> bool:
    """Say whether a name begins with whole parts of another.

    Example:
        >>> begins("1.weight", "1"), begins("10.weight", "1")
        (True, False)
    """
    return name == prefix or name.startswith(f"{prefix}.")


def _beginnings(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(max(1, len(parts) - 1))]


def frozen_names(net: nn.Module, transfer: Transfer | None) -> frozenset[str]:
    """Return the names of parameters and buffers that are frozen at the start.

    Raises:
        NetError: a prefix matches nothing, or nothing is left to train.
    """
    if transfer is None or not transfer.freezes:
        return frozenset()
    layer_of = depths(net)
    frozen = named(transfer.freeze, layer_of, "transfer.freeze")
    frozen |= {name for name, layer in layer_of.items() if layer < (transfer.freeze_first or 0)}
    if all(name in frozen for name, p in net.named_parameters() if p.requires_grad):
        raise NetError(
            "Every layer is frozen: nothing would train.",
            given=f"{1 + max(layer_of.values())} layers",
            do="Freeze fewer of them; the output layer has to learn the new classes.",
        )
    return frozenset(frozen)


def rate_mask(net: nn.Module, transfer: Transfer) -> Tensor | None:
    """Return ``[P]``: what multiplies the learning rate of each weight; None where nothing does.

    The longest beginning of a name counts.

    Raises:
        NetError: a prefix matches nothing.
    """
    scale = _scale_of(net, transfer)
    return None if scale is None else mask_of(net, scale)


def still_names(net: nn.Module, transfer: Transfer | None, *, awake: bool) -> frozenset[str]:
    """Return the names of what does not move: it is frozen, or its rate is multiplied by 0.

    Frozen layers that are ``awake`` move.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 1))
        >>> transfer = Transfer(source="x", freeze_first=1, lr_scale={"1": 0.0})
        >>> sorted(still_names(net, transfer, awake=True))
        ['1.bias', '1.weight']
    """
    if transfer is None:
        return frozenset()
    scale = _scale_of(net, transfer)
    slowed = (name for name, _ in net.named_parameters() if scale is not None and not scale(name))
    return frozenset(slowed) | (frozenset() if awake else frozen_names(net, transfer))


def _scale_of(net: nn.Module, transfer: Transfer) -> Callable[[str], float] | None:
    if transfer.lr_scale:
        scales = transfer.lr_scale
        named(scales, (name for name, _ in net.named_parameters()), "transfer.lr_scale")
        return lambda name: _longest(name, scales)
    if transfer.layer_decay is not None:
        layer_of, decay = depths(net), transfer.layer_decay
        last = max(layer_of.values())
        return lambda name: decay ** (last - layer_of[name])
    return None


def _longest(name: str, scales: Mapping[str, float]) -> float:
    matched = [prefix for prefix in scales if begins(name, prefix)]
    return scales[max(matched, key=len)] if matched else 1.0


def take_over(net: nn.Module, weights: Mapping[str, Tensor], transfer: Transfer) -> tuple[str, ...]:
    """Copy trained weights into ``net``, in place; return the names that were taken over.

    Raises:
        NetError: a prefix matches nothing, shapes differ (lists which, and says what to do), or
            what would be taken over is not finite, or no floating-point numbers.
    """
    own = net.state_dict()
    wanted = named(transfer.layers, own, "transfer.layers") if transfer.layers else set(own)
    differing = [
        name for name in own if name in wanted and _shape(weights, name) != tuple(own[name].shape)
    ]
    if not transfer.layers:
        output = _output_names(net)
        differing = [name for name in differing if name not in output]
        wanted = {name for name in wanted if _shape(weights, name) == tuple(own[name].shape)}
    if differing or not wanted:
        raise _misfit(own, weights, differing, transfer)
    taken = tuple(name for name in own if name in wanted)
    refuse_odd_numbers({name: weights[name] for name in taken}, own, transfer.source)
    with torch.no_grad():
        for name in taken:
            own[name].copy_(weights[name])
    return taken


def _shape(weights: Mapping[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(weights[name].shape) if name in weights else None


def _output_names(net: nn.Module) -> set[str]:
    """Return the parameters of the last layer that has a matrix."""
    layer_of = depths(net)
    last = max(layer_of.values(), default=0)
    return {name for name, layer in layer_of.items() if layer == last}


def _misfit(
    own: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    differing: list[str],
    transfer: Transfer,
) -> NetError:
    told = [
        f"{name} is {_told(weights, name)} there, {_told(own, name)} here" for name in differing
    ]
    layers: dict[str, bool] = {}
    for name in own:
        layer, fits = name.rpartition(".")[0], _shape(weights, name) == tuple(own[name].shape)
        layers[layer] = layers.get(layer, True) and fits
    # A beginning of names stands for all that begin so: none of them may differ.
    prefixes = [
        layer
        for layer in layers
        if layer and all(layers[other] for other in layers if begins(other, layer))
    ]
    table = Path(transfer.source) / "recipe.toml"
    by = f", by the [net] table of {table}" if table.exists() else ""
    do = (
        f"Make the network as it was there{by}, or take over what fits: transfer.layers = "
        f"{json.dumps(prefixes[:SHOWN])}."
        if prefixes
        else f"Make the network as it was there{by}: nothing fits."
    )
    given = first_of(told) or f"none of {', '.join(list(own)[:SHOWN])}"
    return NetError(
        f"The weights of {transfer.source} do not fit this network.",
        given=f"{given}. There: {_sizes(weights)}",
        do=do,
    )


def _sizes(weights: Mapping[str, Tensor]) -> str:
    """Name the matrices and kernels with their sizes; the first 6."""
    told = [f"{name} {list(w.shape)}" for name, w in weights.items() if w.dim() > 1]
    return ", ".join(told[:SHOWN]) + (", ..." if len(told) > SHOWN else "") or "no matrix"


def _told(tensors: Mapping[str, Tensor], name: str) -> str:
    shape = _shape(tensors, name)
    return "missing" if shape is None else str(list(shape))
