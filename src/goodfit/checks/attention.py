"""How sharp attention is at the start, read off the graph of one pass forward."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .inputs import Inputs, feed
from .observe import nodes_of, operation_name, saved
from .signals import first_tensor

# A softmax passes ``p (1 - p)`` of a gradient: at 0.99 a twenty-fifth of the most there can be.
PEAK, FEWEST_KEYS = 0.99, 4


def peaked_share(net: nn.Module, x: Inputs) -> float:
    """Return the largest share, over attention layers, of queries with one key for all.

    That is, of queries whose largest weight is over 0.99. With scores ``q.k / sqrt(d)`` of spread
    1, as Xavier gives on normalised inputs, there is none. 0 without attention, or with under 4
    keys. Masks of the fused operation are left out; of a plain softmax ``[..., T, T]`` the later
    half of the queries is read, which a causal mask leaves half of the keys.

    Source: Zhai et al. 2023, Stabilizing Transformer Training by Preventing Attention Entropy
    Collapse.
    """
    outputs = first_tensor(feed(net, x))
    shares = [0.0]
    for node in [] if outputs is None else nodes_of(outputs):
        weights = _weights(node)
        if weights is not None and weights.shape[-1] >= FEWEST_KEYS:
            shares.append(float((weights.amax(-1) > PEAK).float().mean()))
    return max(shares)


def _weights(node: object) -> Tensor | None:
    """Return the attention ``[..., queries, keys]`` of a node; None where it is something else."""
    name = operation_name(node)
    if name.startswith("ScaledDotProduct"):
        query, key = saved(node, "query"), saved(node, "key")
        if query is None or key is None or query.ndim < 3 or query.shape[-1] != key.shape[-1]:
            return None
        scale = getattr(node, "_saved_scale", None) or query.shape[-1] ** -0.5
        with torch.no_grad():
            return (scale * query.float() @ key.float().transpose(-1, -2)).softmax(-1)
    if name not in ("Softmax", "SafeSoftmax"):
        return None
    result = saved(node, "result")
    if result is None or result.ndim < 3 or result.shape[-1] != result.shape[-2]:
        return None
    return result.detach()[..., result.shape[-2] // 2 :, :].float()
