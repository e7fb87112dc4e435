"""Compute equal values of a traced graph once.

Function transforms leave copies: a loss asks for the same mask in each of its parts. What remains
is the same operation on the same values, so the bits stay. Values that anything writes to in place
are left alone.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable, Iterator
from typing import Any

import torch
from torch import fx

Key = tuple[Hashable, ...]


def simplify(graph: fx.Graph) -> None:
    """Let later uses read the first of equal values, in place."""
    written = {_base(node) for writer in graph.nodes for node in _writes_to(writer)}
    first: dict[Key, fx.Node] = {}
    for node in list(graph.nodes):
        touched = {_base(each) for each in (node, *node.all_input_nodes)}
        if not _is_pure(node) or touched & written:
            continue
        known = first.setdefault(_key(node), node)
        if known is not node and not any(user.op == "output" for user in node.users):
            node.replace_all_uses_with(known)
            graph.erase_node(node)


def _is_pure(node: fx.Node) -> bool:
    """Tell whether a node gives the same for the same, and changes nothing."""
    target = node.target
    return target is operator.getitem or (
        isinstance(target, torch._ops.OpOverload)
        and not target._schema.is_mutable
        and torch.Tag.nondeterministic_seeded not in target.tags
    )


def _key(node: fx.Node) -> Key:
    return node.target, _frozen(node.args), _frozen(tuple(sorted(node.kwargs.items())))


def _frozen(arg: Any) -> Hashable:
    """Return an argument as something to look up: 0, 0.0, -0.0 and False are told apart."""
    if isinstance(arg, list | tuple):
        return tuple(_frozen(part) for part in arg)
    return arg if isinstance(arg, fx.Node) else (type(arg).__name__, repr(arg))


def _writes_to(node: fx.Node) -> Iterator[fx.Node]:
    if isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable:
        yield node
        yield from node.all_input_nodes


def _base(node: fx.Node) -> fx.Node:
    """Return the node whose memory a node shows, by what operations say of themselves."""
    while (source := _shown(node)) is not None:
        node = source
    return node


def _shown(node: fx.Node) -> fx.Node | None:
    first = node.args[0] if node.args else None
    if not isinstance(first, fx.Node) or node.op != "call_function":
        return None
    if node.target is operator.getitem:
        return first
    schema = getattr(node.target, "_schema", None)
    return first if schema and any(each.alias_info for each in schema.returns) else None
