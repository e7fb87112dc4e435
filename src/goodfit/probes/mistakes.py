"""What the mistakes of one training batch look like: row by row, as wrong labels make them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .batch import Batch

# A mixed target counts as the class that has nearly all of it.
NEARLY_ALL = 0.9
# Rows that lie farthest from what was predicted: one in eight, of 16 rows or more.
FARTHEST, FEWEST_ROWS = 8, 16


def mistakes(batch: Batch) -> Mapping[str, Tensor]:
    """Return which rows are ``mistaken``, and how far down their targets are ``misplaced``.

    Source: Northcutt et al. 2021, Confident Learning: a wrong label is one of a class that the
    scores of its row do not even consider. Nothing where a row has many places: what follows in a
    text is seldom one word, and that is no mistake.
    """
    if batch.flattened:
        return {}
    places = places_of_targets(batch.kind, batch.outputs.detach(), batch.targets.detach())
    if places is None:
        return {}
    others = max(1, batch.outputs.shape[1] - 2)
    return {"mistaken": places > 0, "misplaced": (places - 1).clamp_min(0) / others}


def places_of_targets(kind: str, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """Return how many classes got a higher score than the target's ``[N]``.

    Targets are class numbers, or shares of which one has over nine tenths; other rows have 0. None
    for other losses, for fewer than 3 classes, and for more outputs a row than those.

    Example:
        >>> import torch
        >>> scores = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
        >>> places_of_targets("cross-entropy", scores, torch.tensor([0, 2])).tolist()
        [0, 2]
    """
    if kind not in ("cross-entropy", "nll") or outputs.dim() != 2 or outputs.shape[1] < 3:
        return None
    if targets.is_floating_point():
        if targets.shape != outputs.shape:
            return None
        shares, targets = targets.max(1)
        known = shares > NEARLY_ALL
    elif targets.shape == outputs.shape[:1]:
        known = (targets >= 0) & (targets < outputs.shape[1])
        targets = targets.clamp(0, outputs.shape[1] - 1)
    else:
        return None
    # No row is taken out: how many there are would have to be fetched from the device.
    return (outputs > outputs.gather(1, targets[:, None])).sum(1) * known


def far_from_predicted(batch: Batch) -> Mapping[str, Tensor]:
    """Return ``far_agreement`` of a batch of quantities, one each row, of 16 rows or more."""
    found = agreement_of_farthest(batch.kind, batch.outputs.detach(), batch.targets.detach())
    return {} if found is None else {"far_agreement": found}


def agreement_of_farthest(kind: str, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """Return ``mean((y - E y)(f - E f)) / Var(y)`` over the eighth with the largest ``|y - f|``.

    With ``y = f + e`` and noise e apart from f it is ``Var(f) / Var(y)`` for any e; where y belongs
    to another row, y and f are apart, and those far from each other lie on different sides.

    Example:
        >>> import torch
        >>> y = torch.linspace(-1.0, 1.0, 32)[:, None]
        >>> bool(agreement_of_farthest("mse", 0.5 * y, y) > 0)
        True
        >>> bool(agreement_of_farthest("mse", y, torch.cat([-y[:2], y[2:30], -y[30:]])) < 0)
        True
    """
    if kind not in ("mse", "l1", "huber") or outputs.shape != targets.shape:
        return None
    if targets.numel() != len(targets) or len(targets) < FEWEST_ROWS:
        return None
    f, y = outputs.reshape(-1).float(), targets.reshape(-1).float()
    rows = (y - f).abs().topk(len(y) // FARTHEST).indices
    y = y - y.mean()
    return (y[rows] * (f - f.mean())[rows]).mean() / y.square().mean()
