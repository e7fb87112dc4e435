"""The gradient check: backpropagation against central differences, for any module and loss."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import NetError, check_count
from ..probes.given import given_loss, given_module
from ..records import GradientCheck
from ..seeds import mix
from .inputs import FAILURES, Inputs, as_batch, feed, map_inputs, tensors_of
from .numeric import around, slope
from .observe import gradients
from .subject import without_dropout

NUMBERS, STEPS = 20, (1e-4, 1e-5)
# In float64 central differences with these steps agree to about 1e-7 where the loss is smooth.
AGREE, WRONG, NOISE = 1e-4, 1e-3, 1e-9
# Where a loss is smooth, its two sides differ ten times less at a tenth of the step.
BENDS, CLOSEST = 0.2, 1e-6
_PLACES = 0x6363


def gradient_check(
    module: nn.Module,
    loss_fn: Callable[..., Tensor],
    x: Inputs,
    y: Tensor,
    *,
    numbers: int = NUMBERS,
    on_number: Callable[[int, int], object] | None = None,
) -> GradientCheck:
    """Compare ``dL/dw`` of backpropagation with ``(L(w + h) - L(w - h)) / 2h``, weight by weight.

    Args:
        module: The network; a copy in float64 is checked, in training mode but for dropout.
        loss_fn: The loss, called with outputs and ``y``.
        x: Inputs ``[N, ...]``: a tensor, or a tuple or dict of what the network takes.
        y: Targets; arrays are taken as tensors are.
        numbers: How many weights of each parameter are compared, drawn by a fixed seed. Each costs
            four forward passes: two steps ``h`` must agree, or the weight sits at a kink.
        on_number: Is told after each how many are done, and of how many.

    The verdict is "wrong" where the relative error ``|a - b| / max(|a|, |b|)`` passes 0.001, and
    "not judged" where the loss is smooth nowhere. A parameter that no gradient reaches is compared
    with 0; those of which all numbers sit at kinks are named. Notes n1, Backpropagation.

    Raises:
        DataError: inputs or targets are neither tensors nor arrays.
        NetError: nothing has a gradient, the loss is not one finite number, or the network does
            not run, or not in float64.

    Example:
        >>> found = gradient_check(nn.Linear(3, 2), nn.functional.cross_entropy,
        ...                        torch.eye(3), torch.tensor([0, 1, 1]))
        >>> found.verdict, found.compared, found.forward_passes
        ('right', 8, 33)
    """
    given_module(module, "module")
    given_loss(loss_fn)
    check_count("numbers", numbers, least=1, kind=NetError)
    if not (isinstance(y, Tensor) and isinstance(x, Tensor | tuple | dict)):
        x, y = as_batch((x, y))
    with torch.random.fork_rng(devices=[]):
        net = without_dropout(copy.deepcopy(module).train()).double()
        double = _to(torch.float64)
        loss_of = _loss_of(net, loss_fn, map_inputs(double, x), double(y))
        try:
            loss = loss_of()
        except FAILURES as error:
            raise _not_run(module, loss_fn, x, y, error) from error
        _check_loss(loss, x)
        named = {name: p for name, p in net.named_parameters() if p.requires_grad}
        if not named or not loss.requires_grad:
            raise NetError(
                "The loss does not depend on a parameter that trains.",
                given=type(module).__name__,
                do="Set requires_grad, and do not detach outputs.",
            )
        written, here = gradients(loss, list(named.values())), float(loss.detach())
        passes = 1

        def number() -> float:
            nonlocal passes
            passes += 1
            return float(loss_of().detach())

        gradient_of, found = (
            dict(zip(named, written, strict=True)),
            {name: Pairs() for name in named},
        )
        places = [(name, place) for name, p in named.items() for place in _places(p, numbers)]
        for done, (name, place) in enumerate(places, 1):
            found[name][place] = _compare(named[name], place, gradient_of[name], here, number)
            if on_number is not None:
                on_number(done, len(places))
    return _record(found, passes)


def _check_loss(loss: Any, x: Inputs) -> None:
    """Refuse what cannot be compared: no tensor, several numbers, or none that is finite."""
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        given = f"shape {list(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
        raise NetError(
            "The loss must be one number, as a tensor.",
            given=given,
            do="Return the mean over the rows of what you compute with torch.",
        )
    if not torch.isfinite(loss):
        rows = max((len(tensor) for tensor in tensors_of(x) if tensor.ndim), default=1)
        raise NetError(
            "The loss is not finite, so that there is nothing to compare.",
            given=f"loss = {float(loss.detach()):g} on {rows} rows",
            do="Give rows." if rows == 0 else "Mend inputs and network first: goodfit check.",
        )


def _not_run(
    module: nn.Module, loss_fn: Callable[..., Tensor], x: Inputs, y: Tensor, error: Exception
) -> NetError:
    """Say why nothing ran: rows that do not match, no run at all, or none in float64."""
    rows = [len(tensor) if tensor.ndim else 1 for tensor in (*tensors_of(x), y)]
    if len(set(rows)) > 1:
        return NetError(
            f"Inputs and targets differ in their number of rows: {error}",
            given=f"{', '.join(map(str, rows[:-1]))} rows of x, {rows[-1]} of y",
            do="Give as many targets as inputs.",
        )
    own = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    try:
        _loss_of(copy.deepcopy(module), loss_fn, map_inputs(_to(own), x), _to(own)(y))()
    except FAILURES as plain:
        return NetError(
            f"The network or the loss does not run: {plain}",
            given=type(module).__name__,
            do="Try loss_fn(module(x), y), and mend what it says.",
        )
    return NetError(
        f"The network or the loss does not run in float64: {error}",
        given=type(module).__name__,
        do="Make tensors inside it with the dtype of its input.",
    )


def _to(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """Return what gives floating-point tensors a type, and leaves others alone."""
    return lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor


def _loss_of(net: nn.Module, loss_fn: Callable[..., Tensor], x: Inputs, y: Any):
    def loss() -> Tensor:
        torch.manual_seed(0)
        return loss_fn(feed(net, x), y)

    return loss


Pairs = dict[tuple[int, ...], tuple[float, float] | None]


def _places(p: nn.Parameter, numbers: int) -> list[tuple[int, ...]]:
    """Return the places of a parameter that are compared."""
    generator = torch.Generator().manual_seed(mix(0, _PLACES))
    flat = torch.randperm(p.numel(), generator=generator)[:numbers].sort().values
    return [tuple(map(int, torch.unravel_index(number, p.shape))) for number in flat]


def _compare(
    p: nn.Parameter,
    place: tuple[int, ...],
    g: Tensor | None,
    here: float,
    loss_of: Callable[[], float],
) -> tuple[float, float] | None:
    """Return the slope at a place as written and as measured; None at a kink.

    No gradient at all is one of 0. What seems wrong is measured once more, still closer: kinks may
    balance each other at both steps.
    """
    unit = torch.zeros_like(p)
    unit[place] = 1.0
    measured = _smooth_slope([around(p, unit, h, loss_of) for h in STEPS], here)
    written = 0.0 if g is None else float(g[place])
    if measured is not None and _error((written, measured)) > WRONG:
        again = slope(p, unit, CLOSEST, loss_of)
        measured = measured if abs(again - measured) <= WRONG * abs(measured) else None
    return None if measured is None else (written, measured)


def _smooth_slope(losses: list[tuple[float, float]], here: float) -> float | None:
    """Return the slope by the losses around a place; None at a kink, or where one is not finite.

    Central differences agree at a kink too where it lies within the shorter step: there the slopes
    of the two sides differ by much at either step, while a smooth loss bends ten times less.
    """
    if not all(math.isfinite(loss) for pair in losses for loss in pair):
        return None
    wide, close = (
        (above - below) / (2 * h) for h, (below, above) in zip(STEPS, losses, strict=True)
    )
    bent, bend = (
        abs(above + below - 2 * here) / h for h, (below, above) in zip(STEPS, losses, strict=True)
    )
    within = AGREE * max(abs(wide), abs(close)) + NOISE
    smooth = abs(wide - close) <= within and (bend <= within or bend <= BENDS * bent)
    return close if smooth else None


def _error(pair: tuple[float, float]) -> float:
    if not math.isfinite(pair[0]):
        return math.inf
    size = max(abs(pair[0]), abs(pair[1]))
    return abs(pair[0] - pair[1]) / size if size > 1e-7 else 0.0


def _record(found: Mapping[str, Pairs], passes: int) -> GradientCheck:
    judged = {
        (name, place): pair
        for name, pairs in found.items()
        for place, pair in pairs.items()
        if pair is not None
    }
    total = sum(len(pairs) for pairs in found.values())
    kinks = total - len(judged)
    left_out = tuple(name for name, pairs in found.items() if not any(pairs.values()))
    if not judged:
        return GradientCheck(
            verdict="not judged",
            errors={},
            not_compared=left_out,
            kinks=kinks,
            forward_passes=passes,
        )
    name, place = max(judged, key=lambda key: _error(judged[key]))
    worst = judged[name, place]
    errors: dict[str, float] = {}
    for (key, _), pair in judged.items():
        errors[key] = max(errors.get(key, 0.0), _error(pair))
    return GradientCheck(
        verdict="wrong" if _error(worst) > WRONG else "right",
        errors=errors,
        worst=f"{name}[{', '.join(map(str, place))}]",
        worst_error=_error(worst),
        written=worst[0],
        measured=worst[1],
        compared=len(judged),
        not_compared=left_out,
        kinks=kinks,
        forward_passes=passes,
    )
