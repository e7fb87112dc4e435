"""What is known of a traced graph: what each node gives, what aliases what, and until when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_map_only

from .workspace import is_dense, storage_of

aten = torch.ops.aten
# Operations with a Python binding that takes `out=`; the binding costs about 1 us less a call
# than the overload that the graph names.
_TAKES_OUT = frozenset(
    (
        "add sub mul div sqrt rsqrt exp log neg abs sign maximum minimum pow reciprocal tanh "
        "sigmoid lerp addcmul addcdiv mm addmm bmm baddbmm sum mean index_select cat stack gather "
        "scatter where linalg_vector_norm _log_softmax _log_softmax_backward_data _softmax "
        "ne eq lt le gt ge"
    ).split()
)
# Those without such a binding, by the overload that takes the result's place.
OVERLOADS = {
    aten.gelu.default: aten.gelu.out,
    aten.silu.default: aten.silu.out,
    aten.leaky_relu.default: aten.leaky_relu.out,
    aten.elu.default: aten.elu.out,
    **{
        getattr(aten, name).default: getattr(aten, name).grad_input
        for name in (
            "threshold_backward tanh_backward sigmoid_backward gelu_backward silu_backward "
            "leaky_relu_backward elu_backward mse_loss_backward nll_loss_backward "
            "max_pool2d_with_indices_backward"
        ).split()
    },
}
_WITHOUT_OUT = frozenset([aten.sum.default, aten.mean.default])


@dataclass
class Plan:
    """What is known of each node while the function is being written.

    ``value`` is what the node gave when the graph ran once; ``bound`` is the tensor that it will
    always be (static, constant, workspace, or a view of one); ``pooled`` are the nodes that have a
    workspace for themselves; ``last_use`` and ``mutated`` are by storage.
    """

    nodes: list[fx.Node]
    value: dict[fx.Node, Any]
    bound: dict[fx.Node, Any] = field(default_factory=dict)
    pooled: set[fx.Node] = field(default_factory=set)
    last_use: dict[int, int] = field(default_factory=dict)
    mutated: set[int] = field(default_factory=set)
    reshaped: set[fx.Node] = field(default_factory=set)
    done: set[fx.Node] = field(default_factory=set)
    copies: dict[fx.Node, list[tuple[Tensor, fx.Node]]] = field(default_factory=dict)


def evaluate(module: fx.GraphModule, args: Sequence[Tensor]) -> dict[fx.Node, Any]:
    """Run the graph once and keep every node's value, so that storages can be told apart."""
    recorder = _Recorder(module)
    recorder.run(*args)
    return recorder.values


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps what each node gave, in the shape that it had when it was made."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        self.values[n] = tree_map_only(Tensor, aten.alias.default, result)
        return result


def find_last_uses(plan: Plan, outputs: list[fx.Node]) -> None:
    for position, node in enumerate(plan.nodes):
        for source in node.all_input_nodes:
            for storage in storages(plan.value.get(source)):
                plan.last_use[storage] = position
    for node in outputs:
        for storage in storages(plan.value[node]):
            plan.last_use[storage] = len(plan.nodes)


def find_mutations(plan: Plan) -> None:
    """Note what is written in place, and what ``transpose_`` and the like turn in place.

    The latter gets no fixed tensor: its shape would be turned once more at every call. From the
    end, because what an operation in place returns is the tensor that it was given.
    """
    for node in reversed(plan.nodes):
        if mutates_arguments(node):
            for source in node.all_input_nodes:
                plan.mutated.update(storages(plan.value[source]))
            turns = torch.Tag.inplace_view in getattr(node.target, "tags", ())
            if turns or node in plan.reshaped:
                plan.reshaped.update(node.all_input_nodes)


def storages(value: Any) -> Iterator[int]:
    if isinstance(value, Tensor):
        yield storage_of(value)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from storages(part)


def name_of(node: fx.Node) -> str:
    target = node.target
    if isinstance(target, torch._ops.OpOverload):
        return target._schema.name.partition("::")[2]
    return ""


def is_view(plan: Plan, node: fx.Node) -> bool:
    """Tell whether a node only looks at its first argument's storage in another way."""
    if node.op != "call_function" or not node.args or not isinstance(node.args[0], fx.Node):
        return False
    seen, looked_at = set(storages(plan.value[node])), set(storages(plan.value[node.args[0]]))
    return not mutates_arguments(node) and bool(seen) and seen <= looked_at


def takes_out(plan: Plan, node: fx.Node) -> bool:
    value = plan.value.get(node)
    return (
        node.op == "call_function"
        and _has_out(plan, node)
        and isinstance(value, Tensor)
        and is_dense(value)
        and not mutates_arguments(node)
        and node not in plan.reshaped
    )


def _has_out(plan: Plan, node: fx.Node) -> bool:
    if name_of(node) == "_to_copy":
        source = plan.value.get(node.args[0]) if isinstance(node.args[0], fx.Node) else None
        return isinstance(source, Tensor) and source.device == plan.value[node].device
    known = name_of(node) in _TAKES_OUT or node.target in OVERLOADS
    return known and node.target not in _WITHOUT_OUT


def mutates_arguments(node: fx.Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable
