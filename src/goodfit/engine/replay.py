"""Replay a traced graph as straight-line Python that allocates next to nothing.

A graph from ``make_fx`` holds every tensor operation of the step. Here it becomes a function in
which

- tensors that stay in place (weights, state, data) are used where they lie, their views made once;
- constants are computed once;
- results go into workspaces that are allocated once and reused when their value is dead (the C
  library otherwise returns large blocks to the system and pays for them again as page faults);
- the gradient's pieces are written straight into the row that they form;
- what the step returns as a new ``W`` is written over the old one once nothing reads that any more.

The arithmetic is the graph's own: the same operations in the same order give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from .plan import (
    Plan,
    evaluate,
    find_last_uses,
    find_mutations,
    is_view,
    name_of,
    storages,
    takes_out,
)
from .workspace import Pool, storage_of
from .writer import write_program

_ELEMENTWISE = frozenset(["add", "sub", "mul", "div", "lerp", "addcmul", "addcdiv", "sqrt"])
_FRESH = frozenset(
    (
        "ones_like zeros_like full_like full zeros ones arange scalar_tensor new_zeros new_ones "
        "new_full"
    ).split()
)
# Torch allocates at multiples of this, and MKL's sums depend on it.
ALIGNED_BYTES = 64


def build_replay(
    module: fx.GraphModule,
    args: Sequence[Tensor],
    *,
    static: Sequence[bool],
    donated: dict[int, int],
) -> Callable[..., tuple[Tensor, ...]]:
    """Return a function of the arguments that are not static.

    Args:
        module: the graph of a pure function of ``args`` that returns a flat tuple of tensors.
        args: the arguments; those marked static are used where they lie at every call.
        static: one flag per argument.
        donated: output number -> number of the static argument whose storage takes that output.

    Returns:
        A function that returns the outputs that were not donated. They lie in workspaces: use
        them before the next call.
    """
    with torch.inference_mode():
        plan = Plan(list(module.graph.nodes), evaluate(module, args))
        outputs = list(plan.nodes[-1].args[0])  # pyright: ignore[reportArgumentType]
        placeholders = [node for node in plan.nodes if node.op == "placeholder"]
        find_last_uses(plan, outputs)
        find_mutations(plan)
        for node, keep, arg in zip(placeholders, static, args, strict=True):
            if keep:
                plan.bound[node] = arg
        pairs = [(placeholders[j], outputs[i], args[j]) for i, j in donated.items()]
        taken = _donate(plan, pairs)
        _join_concatenations(plan)
        _bind(plan)
        returned = [node for i, node in enumerate(outputs) if i not in donated]
        dynamic = [n for n, keep in zip(placeholders, static, strict=True) if not keep]
        return write_program(plan, dynamic, returned, taken)


def _donate(
    plan: Plan, pairs: list[tuple[fx.Node, fx.Node, Tensor]]
) -> list[tuple[fx.Node, Tensor]]:
    """Let new values be written over old ones, where no one reads the old one afterwards.

    Takes (old, new, where the old one lies); returns the rest, which is copied at the end.
    """
    position = {node: i for i, node in enumerate(plan.nodes)}
    rest: list[tuple[fx.Node, Tensor]] = []
    for old, new, place in pairs:
        if new not in plan.bound and _may_replace(plan, old, new, position[new]):
            plan.bound[new] = place
        else:
            rest.append((new, place))
    return rest


def _may_replace(plan: Plan, old: fx.Node, new: fx.Node, position: int) -> bool:
    if name_of(new) == "clone" and new.args[0] is old and len(old.users) == 1:
        return new not in plan.reshaped
    # Into memory that is laid out otherwise kernels take another path, which may round otherwise.
    if plan.value[new].stride() != plan.value[old].stride():
        return False
    last_read = plan.last_use.get(storage_of(plan.value[old]), -1)
    over_itself = last_read == position and name_of(new) in _ELEMENTWISE
    return takes_out(plan, new) and (
        last_read < position or (over_itself and _reads_in_order(plan, old, new))
    )


def _reads_in_order(plan: Plan, old: fx.Node, new: fx.Node) -> bool:
    """Tell whether ``new`` reads each element of ``old`` where it would write its own."""
    place = plan.value[old]
    read = [plan.value[source] for source in new.all_input_nodes]
    return all(
        (part.shape, part.stride()) == (place.shape, place.stride())
        for part in read
        if storage_of(part) == storage_of(place)
    )


def _join_concatenations(plan: Plan) -> None:
    """Write the pieces of a concatenation straight to where they end up, where that is possible.

    Piece and whole then share memory, so neither may be written in place by anyone.
    """
    maker = _makers(plan)
    for node in plan.nodes:
        if name_of(node) != "cat" or node in plan.bound:
            continue
        pieces = list(node.args[0])  # pyright: ignore[reportArgumentType]
        dim = int(node.args[1]) if len(node.args) > 1 else 0  # pyright: ignore[reportArgumentType]
        whole = torch.empty_like(plan.value[node])
        sizes = [plan.value[piece].shape[dim] for piece in pieces]
        copies = [
            (segment, piece)
            for segment, piece in zip(whole.split(sizes, dim), pieces, strict=True)
            if storage_of(plan.value[node]) in plan.mutated
            or not _place(plan, maker.get(storage_of(plan.value[piece])), piece, segment)
        ]
        if len(copies) < len(pieces):
            plan.bound[node], plan.copies[node] = whole, copies
            plan.done.add(node)


def _makers(plan: Plan) -> dict[int, fx.Node]:
    """Map each storage to the node that first wrote it."""
    makers: dict[int, fx.Node] = {}
    for node in plan.nodes:
        for storage in storages(plan.value.get(node)):
            makers.setdefault(storage, node)
    return makers


def _place(plan: Plan, maker: fx.Node | None, piece: fx.Node, segment: Tensor) -> bool:
    """Let ``maker`` write its result into ``segment``, if ``piece`` is that result unpermuted."""
    if (
        maker is None
        or maker in plan.bound
        or not takes_out(plan, maker)
        or name_of(maker) == "cat"
    ):
        return False
    # Elsewhere kernels take other paths, which round differently, and gain nothing by it.
    offset = segment.storage_offset() * segment.element_size()
    if not segment.is_contiguous() or offset % ALIGNED_BYTES:
        return False
    made, seen = plan.value[maker], plan.value[piece]
    whole = made.numel() == seen.numel() and made.is_contiguous() and seen.is_contiguous()
    if not whole or made.dtype != segment.dtype or storage_of(made) in plan.mutated:
        return False
    plan.bound[maker] = segment.view(made.shape)
    return True


def _bind(plan: Plan) -> None:
    """Give workspaces to the operations that can write into one, in order, reusing dead ones."""
    pool = Pool()
    for position, node in enumerate(plan.nodes):
        if node.op == "get_attr":
            plan.bound[node] = plan.value[node]
        elif node.op == "call_function" and node not in plan.bound and node not in plan.reshaped:
            _bind_one(plan, pool, node, position)
        pool.release(position)


def _bind_one(plan: Plan, pool: Pool, node: fx.Node, position: int) -> None:
    value = plan.value[node]
    if is_view(plan, node):
        if node.args[0] in plan.bound:
            plan.bound[node] = _call(plan, node)
            plan.done.add(node)
    elif name_of(node) in _FRESH and storage_of(value) not in plan.mutated:
        plan.bound[node] = value
        plan.done.add(node)
    elif name_of(node) == "relu" and _dies_here(plan, node.args[0], position):
        plan.bound[node] = plan.bound[node.args[0]]  # pyright: ignore[reportArgumentType]
        pool.extend(plan.bound[node], plan.last_use.get(storage_of(value), position))
    elif takes_out(plan, node):
        plan.bound[node] = pool.take(value, plan.last_use.get(storage_of(value), position))
        plan.pooled.add(node)


def _dies_here(plan: Plan, node: Any, position: int) -> bool:
    """Tell whether a workspace of its own is read for the last time at ``position``, and whole."""
    return node in plan.pooled and plan.last_use[storage_of(plan.value[node])] == position


def _call(plan: Plan, node: fx.Node) -> Any:
    args, kwargs = fx.map_arg((node.args, node.kwargs), lambda source: plan.bound[source])  # pyright: ignore[reportGeneralTypeIssues]
    return node.target(*args, **kwargs)  # pyright: ignore[reportCallIssue]
