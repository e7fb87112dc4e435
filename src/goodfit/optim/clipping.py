"""Gradients that are cut: by value, by norm, by a measured percentile of past norms.

Clipping comes first, on the gradient of the data's loss; penalties and decay follow. Each row has
its own limit and its own norm. A row's last number of state counts the steps that were cut; before
it, for the percentile, stand the norms of its last :data:`WINDOW` steps, as they were before the
cut. As state of the population they go into checkpoints, and along with a row that moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..recipe import Clip, ClipNorm, ClipPercentile, ClipValue, NoClip
from .rules import Array, Coefficients, Rule, Slots

WINDOW, FEWEST = 256, 16
# As in torch.nn.utils.clip_grad_norm_: keeps the quotient finite.
_TINY = 1e-6
Cut = tuple[Tensor, Slots, Tensor]


def none(g: Tensor, held: Slots) -> Cut:
    """The gradient stays as it is: ``g <- g``."""
    return g, held, torch.zeros_like(g[:, :1])


def value(g: Tensor, held: Slots, limit: Tensor) -> Cut:
    """``g <- max(-limit, min(limit, g))``, number by number; ``clip_grad_value_`` of torch.

    Turns the gradient: its direction changes.
    """
    hit = (g.abs() > limit).any(dim=1, keepdim=True)
    return torch.maximum(torch.minimum(g, limit), -limit), held, hit


def norm(g: Tensor, held: Slots, limit: Tensor) -> Cut:
    """``g <- g limit / |g|`` where ``|g| > limit``, over all weights; ``clip_grad_norm_`` of torch.

    Source: Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013.
    """
    return _shortened(g, torch.linalg.vector_norm(g, dim=1, keepdim=True), limit, held)


def percentile(
    g: Tensor, held: Slots, place: Tensor, filled: Tensor, low: Tensor, part: Tensor
) -> Cut:
    """``g <- g p / |g|`` where ``|g| > p``, the percentile ``share`` of the last 256 norms.

    ``p`` is taken over the norms of the steps before, as they were before they were cut, between
    the two nearest by straight line (``numpy.percentile``); there is none before 16 of them.
    Source: Seetharaman et al., "AutoClip", 2020, with a window.
    """
    window, length = held[0], torch.linalg.vector_norm(g, dim=1, keepdim=True)
    index = torch.arange(WINDOW, dtype=g.dtype, device=g.device)
    known = torch.where(index < filled, window, torch.inf).sort(dim=1).values
    first = low.reshape(-1, 1).long().expand(len(g), 1)
    below, above = known.gather(1, first), known.gather(1, (first + 1).clamp(max=WINDOW - 1))
    limit = torch.where(part > 0.0, below + part * (above - below), below)
    limit = torch.where(filled < FEWEST, torch.inf, limit)
    return _shortened(g, length, limit, (torch.where(index == place, length, window),))


def _shortened(g: Tensor, length: Tensor, limit: Tensor, held: Slots) -> Cut:
    hit = length > limit
    return g * torch.where(hit, limit / (length + _TINY), 1.0), held, hit


CLIPS: dict[str, Callable[..., Cut]] = {
    "none": none,
    "value": value,
    "norm": norm,
    "percentile": percentile,
}


def clip_numbers(clip: Clip, t: Array) -> Coefficients:
    """Return the coefficients of a clip at steps ``t`` (from 0): what of a window counts, and how.

    For the percentile: where this step's norm goes, how many there are, and the place of the
    percentile among them.
    """
    match clip:
        case NoClip():
            return ()
        case ClipValue() | ClipNorm():
            return (clip.limit,)
        case ClipPercentile():
            filled = np.minimum(t, WINDOW)
            at = clip.share * np.maximum(filled - 1.0, 0.0)
            return t % WINDOW, filled, np.floor(at), at - np.floor(at)


def with_clip(rule: Rule, clip: Clip) -> Rule:
    """Return the rule with a clip before it: more coefficients, and more state where it is cut."""
    if isinstance(clip, NoClip):
        return rule
    cut, windows = CLIPS[clip.kind], (WINDOW, 1) if isinstance(clip, ClipPercentile) else (1,)
    num, own = len(clip_numbers(clip, np.zeros(1))), len(windows)

    def before(g: Tensor, held: Slots, numbers: Sequence[Tensor]) -> tuple[Tensor, Slots]:
        g, kept, hit = cut(g, held[:-1], *numbers)
        return g, (*kept, held[-1] + hit)

    def update(w: Tensor, g: Tensor, slots: Slots, *numbers: Tensor) -> tuple[Tensor, Slots]:
        g, held = before(g, slots[-own:], numbers[-num:])
        w, rest = rule.update(w, g, slots[:-own], *numbers[:-num])
        return w, (*rest, *held)

    def fused(w: Tensor, g: Tensor, slots: Slots, numbers: Sequence[float]) -> None:
        assert rule.fused is not None
        rows = tuple(slot.unsqueeze(0) for slot in slots[-own:])
        g, held = before(g.unsqueeze(0), rows, torch.tensor(numbers[-num:]).unbind())
        for old, new in zip(rows, held, strict=True):
            old.copy_(new)
        rule.fused(w, g[0], slots[:-own], numbers[:-num])

    return replace(
        rule,
        update=update,
        fused=fused if rule.fused else None,
        windows=(*rule.windows, *windows),
    )
