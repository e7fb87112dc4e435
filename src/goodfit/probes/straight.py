"""Whether a network computes a straight line: layers with nothing between them that bends."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .graph import last_operation, node_name

# Operations that are linear in what flows through them, weights, masks and shifts being given.
_PRODUCTS = ("Addmm", "Mm", "MkldnnLinear", "Convolution")
_LINEAR = (
    *("View", "UnsafeView", "Reshape", "ReshapeAlias", "Permute", "Transpose", "T", "Squeeze"),
    *("Unsqueeze", "Expand", "Clone", "Alias", "AsStrided", "ToCopy", "Contiguous", "Select"),
    *("Slice", "Cat", "Add", "Sub", "Neg", "Sum", "Mean", "AvgPool2D", "AvgPool3D"),
    *("AdaptiveAvgPool2D", "AdaptiveAvgPool3D", "MkldnnAdaptiveAvgPool2D"),
    *("NativeBatchNorm", "CudnnBatchNorm", "NativeDropout"),
)
# What only turns scores into shares, at the very end.
_ENDS = ("Sigmoid", "Softmax", "LogSoftmax", "LogSigmoid")
MAX_NODES = 2000


def straight_layers(output: Tensor) -> list[tuple[int, int]]:
    """Return the numbers of inputs and outputs of layers in a row that make one straight line.

    From the inputs to ``output``, if nothing but products with weights, sums, shifts, means, batch
    norms and dropout lies between; a last softmax or sigmoid is left out. Empty where anything
    bends, as an activation, a product of two things that were computed, a maximum, an embedding,
    and where the graph is larger than 2,000 nodes. Of several ways through, the longest.

    Example:
        >>> import torch
        >>> x = torch.ones(5, 3)
        >>> straight_layers(nn.Sequential(nn.Linear(3, 8), nn.Dropout(), nn.Linear(8, 2))(x))
        [(3, 8), (8, 2)]
        >>> straight_layers(nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))(x))
        []
    """
    end = last_operation(output, exact=True)
    if end is not None and node_name(end) in _ENDS:
        end = end.next_functions[0][0]
    waiting, longest = [end], dict[Any, tuple[tuple[int, int], ...]]()
    while waiting:
        node = waiting[-1]
        taken = None if node is None or len(waiting) + len(longest) > MAX_NODES else _taken(node)
        if taken is None:
            return []
        layer, before = taken
        unknown = [one for one in before if one not in longest]
        if unknown:
            waiting += unknown
            continue
        way = max((longest[one] for one in before), key=len, default=())
        longest[waiting.pop()] = (*way, layer) if layer else way
    return list(longest[end])


def line_of(network: nn.Module, output: Tensor) -> tuple[int, int]:
    """Return how many of a network's weights make one straight line with no use, and of how many.

    0 where not all of them stand in one row, or some are frozen: what bends may be elsewhere.

    Example:
        >>> import torch
        >>> network = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2))
        >>> line_of(network, network(torch.ones(5, 3)))
        (2, 2)
    """
    weights = [one for one in network.parameters() if one.dim() > 1]
    layers = straight_layers(output)
    whole = len(layers) == len(weights) and all(one.requires_grad for one in weights)
    return len(layers) if whole and is_one_line(layers) else 0, len(weights)


def is_one_line(layers: list[tuple[int, int]]) -> bool:
    """Say whether layers in a row do nothing that one could not: none is narrower than both ends.

    A narrow one makes a line of low rank, as in principal components, and is meant.

    Example:
        >>> is_one_line([(3, 8), (8, 2)]), is_one_line([(64, 8), (8, 64)]), is_one_line([(3, 2)])
        (True, False, False)
    """
    narrowest = min((out for _, out in layers[:-1]), default=0)
    return len(layers) > 1 and narrowest >= min(layers[0][0], layers[-1][1])


def _taken(node: Any) -> tuple[tuple[int, int] | None, list[Any]] | None:
    """Return the layer that a node is, if any, and what flows into it; None where it bends."""
    name, sources = node_name(node), [source for source, _ in node.next_functions]
    if name in _PRODUCTS:
        return _product(node, sources)
    scales = name in ("Mul", "Div") and None in sources and _is_scale(node)
    if not scales and name not in _LINEAR:
        return None
    return None, [one for one in sources if one is not None and not hasattr(one, "variable")]


def _product(node: Any, sources: list[Any]) -> tuple[tuple[int, int], list[Any]] | None:
    """Return a product's size and what flows into it; None where neither factor is a weight."""
    name = node_name(node)
    flow, weights = sources[1:3] if name == "Addmm" else sources[:2]
    size = _size(weights)
    # Kernels are [outputs, inputs], and so is a weight that stands first.
    turned = name == "Convolution" and not node._saved_transposed
    if size is None and name == "Mm":
        flow, size, turned = weights, _size(flow), True
    if size is None:
        return None
    inputs, outputs = size[::-1] if turned else size
    return (inputs, outputs), [] if flow is None or hasattr(flow, "variable") else [flow]


def _size(node: Any) -> tuple[int, int] | None:
    """Return the first two sizes of a parameter as it is used; None for what is computed."""
    turned = False
    while node_name(node) in ("T", "Transpose", "Permute", "ToCopy"):
        turned ^= node_name(node) != "ToCopy"
        node = node.next_functions[0][0]
    parameter = getattr(node, "variable", None)
    if parameter is None or parameter.dim() < 2:
        return None
    rows, columns = parameter.shape[:2]
    return (columns, rows) if turned else (rows, columns)


def _is_scale(node: Any) -> bool:
    """Say whether a product's constant is a number, or dropout's mask: it may be the input."""
    held = node._saved_other if node.next_functions[1][0] is None else node._saved_self
    return held is None or held.dim() == 0 or bool(((held == 0) | (held == held.max())).all())
