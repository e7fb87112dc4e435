"""What the autograd graph tells of a tensor: the functional activation that it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

# What may stand between an activation and the layer that takes it, without changing which unit
# is constant: views, pooling, dropout, copies.
TRANSPARENT = (
    *("View", "UnsafeView", "Reshape", "Permute", "Transpose", "T", "Squeeze", "Unsqueeze"),
    *("Alias", "Clone", "ToCopy", "NativeDropout", "FusedDropout", "MaxPool", "AvgPool"),
    *("AdaptiveAvgPool", "MkldnnAdaptiveAvgPool", "AsStrided", "Contiguous"),
)
ACTIVATIONS = {
    "Relu": "relu",
    "Threshold": "relu",
    "Hardtanh": "hardtanh",
    "LeakyRelu": "leaky_relu",
    "Elu": "elu",
    "Gelu": "gelu",
    "Silu": "silu",
    "Mish": "mish",
    "Softplus": "softplus",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Hardswish": "hardswish",
    "Hardsigmoid": "hardsigmoid",
}
MAX_HOPS = 6


def functional_activation(value: Tensor) -> tuple[str, Any]:
    """Return the name of the activation whose result ``value`` is, and its autograd node.

    Looks through views, pooling and dropout; ``("", None)`` where there is none.

    Example:
        >>> import torch
        >>> w = torch.ones(2, 3, requires_grad=True)
        >>> functional_activation(torch.relu(w * 2).flatten())[0]
        'relu'
        >>> functional_activation(w * 2)[0]
        ''
    """
    node = last_operation(value)
    name = ACTIVATIONS.get(node_name(node), "")
    return (name, node) if name else ("", None)


def last_operation(value: Tensor, but: Sequence[str] = (), *, exact: bool = False) -> Any:
    """Return the node that made the values of ``value``, through views, pooling and dropout.

    None for a leaf, and where it lies more than six nodes back. ``but`` names more to look through;
    ``exact``: not through pooling, and not through a product with a constant, which may be a scale.

    Example:
        >>> import torch
        >>> shares = torch.ones(2, 3, requires_grad=True).softmax(1).log_softmax(1)
        >>> node_name(last_operation(shares)), node_name(last_operation(shares, ["LogSoftmax"]))
        ('LogSoftmax', 'Softmax')
    """
    node: Any = value.grad_fn
    for _ in range(MAX_HOPS):
        if node is None:
            return None
        name = node_name(node)
        seen_through = name in but or name.startswith(TRANSPARENT)
        if exact:
            seen_through = seen_through and "Pool" not in name
        else:
            seen_through = seen_through or _is_mask(name, node)
        if name in ACTIVATIONS or not seen_through or not node.next_functions:
            return node
        node = node.next_functions[0][0]
    return None


def _is_mask(name: str, node: Any) -> bool:
    """Say whether a product is with numbers that no gradient flows to, as dropout's mask."""
    return name == "Mul" and len(node.next_functions) == 2 and node.next_functions[1][0] is None


def node_name(node: Any) -> str:
    """Return a node's name without "Backward0"; "" for None.

    Example:
        >>> import torch
        >>> node_name(torch.ones(1, requires_grad=True).relu().grad_fn)
        'Relu'
    """
    return "" if node is None else node.name().rsplit("::", 1)[-1].split("Backward")[0]


def softmax_dim(node: Any, num_dims: int) -> int:
    """Return the dimension, from 0, over which a softmax node normalises.

    Example:
        >>> import torch
        >>> softmax_dim(torch.ones(2, 3, requires_grad=True).softmax(-1).grad_fn, 2)
        1
    """
    dim = int(node._saved_dim)
    return dim if dim < num_dims else dim - (1 << 64) + num_dims
