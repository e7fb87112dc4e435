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

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_map_only

from .workspace import Pool, is_dense, storage_of

aten = torch.ops.aten
# Operations with a Python binding that takes `out=`; the binding costs about 1 us less a call
# than the overload that the graph names.
_TAKES_OUT = frozenset(
    [
        "add",
        "sub",
        "mul",
        "div",
        "sqrt",
        "rsqrt",
        "exp",
        "log",
        "neg",
        "abs",
        "sign",
        "maximum",
        "minimum",
        "pow",
        "reciprocal",
        "tanh",
        "sigmoid",
        "lerp",
        "addcmul",
        "addcdiv",
        "mm",
        "addmm",
        "bmm",
        "baddbmm",
        "sum",
        "mean",
        "index_select",
        "cat",
        "stack",
        "gather",
        "where",
        "linalg_vector_norm",
        "_log_softmax",
        "_softmax",
    ]
)
_WITHOUT_OUT = frozenset([aten.sum.default, aten.mean.default])
_ELEMENTWISE = frozenset(["add", "sub", "mul", "div", "lerp", "addcmul", "addcdiv", "sqrt"])
_FRESH = frozenset(
    [
        "ones_like",
        "zeros_like",
        "full_like",
        "full",
        "zeros",
        "ones",
        "arange",
        "scalar_tensor",
        "new_zeros",
        "new_ones",
        "new_full",
    ]
)


# Torch allocates at multiples of this, and MKL's sums depend on it.
ALIGNED_BYTES = 64


@dataclass
class _Plan:
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
        plan = _Plan(list(module.graph.nodes), _evaluate(module, args))
        outputs = list(plan.nodes[-1].args[0])  # pyright: ignore[reportArgumentType]
        placeholders = [node for node in plan.nodes if node.op == "placeholder"]
        _find_last_uses(plan, outputs)
        _find_mutations(plan)
        for node, keep, arg in zip(placeholders, static, args, strict=True):
            if keep:
                plan.bound[node] = arg
        pairs = [(placeholders[j], outputs[i], args[j]) for i, j in donated.items()]
        taken = _donate(plan, pairs)
        _join_concatenations(plan)
        _bind(plan)
        returned = [node for i, node in enumerate(outputs) if i not in donated]
        dynamic = [n for n, keep in zip(placeholders, static, strict=True) if not keep]
        return _write(plan, dynamic, returned, taken)


def _evaluate(module: fx.GraphModule, args: Sequence[Tensor]) -> dict[fx.Node, Any]:
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


def _find_last_uses(plan: _Plan, outputs: list[fx.Node]) -> None:
    for position, node in enumerate(plan.nodes):
        for source in node.all_input_nodes:
            for storage in _storages(plan.value.get(source)):
                plan.last_use[storage] = position
    for node in outputs:
        for storage in _storages(plan.value[node]):
            plan.last_use[storage] = len(plan.nodes)


def _find_mutations(plan: _Plan) -> None:
    """Note what is written in place, and what ``transpose_`` and the like turn in place.

    The latter gets no fixed tensor: its shape would be turned once more at every call. From the
    end, because what an operation in place returns is the tensor that it was given.
    """
    for node in reversed(plan.nodes):
        if _schema_mutates(node):
            for source in node.all_input_nodes:
                plan.mutated.update(_storages(plan.value[source]))
            turns = torch.Tag.inplace_view in getattr(node.target, "tags", ())
            if turns or node in plan.reshaped:
                plan.reshaped.update(node.all_input_nodes)


def _storages(value: Any) -> Iterator[int]:
    if isinstance(value, Tensor):
        yield storage_of(value)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _storages(part)


def _name(node: fx.Node) -> str:
    target = node.target
    if isinstance(target, torch._ops.OpOverload):
        return target._schema.name.partition("::")[2]
    return ""


def _is_view(plan: _Plan, node: fx.Node) -> bool:
    """Tell whether a node only looks at its first argument's storage in another way."""
    if node.op != "call_function" or not node.args or not isinstance(node.args[0], fx.Node):
        return False
    seen, looked_at = set(_storages(plan.value[node])), set(_storages(plan.value[node.args[0]]))
    return not _schema_mutates(node) and bool(seen) and seen <= looked_at


def _takes_out(plan: _Plan, node: fx.Node) -> bool:
    value = plan.value.get(node)
    return (
        node.op == "call_function"
        and _name(node) in _TAKES_OUT
        and node.target not in _WITHOUT_OUT
        and isinstance(value, Tensor)
        and is_dense(value)
        and not _schema_mutates(node)
        and node not in plan.reshaped
    )


def _schema_mutates(node: fx.Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def _donate(
    plan: _Plan, pairs: list[tuple[fx.Node, fx.Node, Tensor]]
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


def _may_replace(plan: _Plan, old: fx.Node, new: fx.Node, position: int) -> bool:
    if _name(new) == "clone" and new.args[0] is old and len(old.users) == 1:
        return new not in plan.reshaped
    last_read = plan.last_use.get(storage_of(plan.value[old]), -1)
    over_itself = last_read == position and _name(new) in _ELEMENTWISE
    return _takes_out(plan, new) and (
        last_read < position or (over_itself and _reads_in_order(plan, old, new))
    )


def _reads_in_order(plan: _Plan, old: fx.Node, new: fx.Node) -> bool:
    """Tell whether ``new`` reads each element of ``old`` where it would write its own."""
    place = plan.value[old]
    read = [plan.value[source] for source in new.all_input_nodes]
    return all(
        (part.shape, part.stride()) == (place.shape, place.stride())
        for part in read
        if storage_of(part) == storage_of(place)
    )


def _join_concatenations(plan: _Plan) -> None:
    """Write the pieces of a concatenation straight to where they end up, where that is possible.

    Piece and whole then share memory, so neither may be written in place by anyone.
    """
    maker = _makers(plan)
    for node in plan.nodes:
        if _name(node) != "cat" or node in plan.bound:
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


def _makers(plan: _Plan) -> dict[int, fx.Node]:
    """Map each storage to the node that first wrote it."""
    makers: dict[int, fx.Node] = {}
    for node in plan.nodes:
        for storage in _storages(plan.value.get(node)):
            makers.setdefault(storage, node)
    return makers


def _place(plan: _Plan, maker: fx.Node | None, piece: fx.Node, segment: Tensor) -> bool:
    """Let ``maker`` write its result into ``segment``, if ``piece`` is that result unpermuted."""
    if maker is None or maker in plan.bound or not _takes_out(plan, maker) or _name(maker) == "cat":
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


def _bind(plan: _Plan) -> None:
    """Give workspaces to the operations that can write into one, in order, reusing dead ones."""
    pool = Pool()
    for position, node in enumerate(plan.nodes):
        if node.op == "get_attr":
            plan.bound[node] = plan.value[node]
        elif node.op == "call_function" and node not in plan.bound and node not in plan.reshaped:
            _bind_one(plan, pool, node, position)
        pool.release(position)


def _bind_one(plan: _Plan, pool: Pool, node: fx.Node, position: int) -> None:
    value = plan.value[node]
    if _is_view(plan, node):
        if node.args[0] in plan.bound:
            plan.bound[node] = _call(plan, node)
            plan.done.add(node)
    elif _name(node) in _FRESH and storage_of(value) not in plan.mutated:
        plan.bound[node] = value
        plan.done.add(node)
    elif _name(node) == "relu" and _dies_here(plan, node.args[0], position):
        plan.bound[node] = plan.bound[node.args[0]]  # pyright: ignore[reportArgumentType]
        pool.extend(plan.bound[node], plan.last_use.get(storage_of(value), position))
    elif _takes_out(plan, node):
        plan.bound[node] = pool.take(value, plan.last_use.get(storage_of(value), position))
        plan.pooled.add(node)


def _dies_here(plan: _Plan, node: Any, position: int) -> bool:
    """Tell whether a workspace of its own is read for the last time at ``position``, and whole."""
    return node in plan.pooled and plan.last_use[storage_of(plan.value[node])] == position


def _call(plan: _Plan, node: fx.Node) -> Any:
    args, kwargs = fx.map_arg((node.args, node.kwargs), lambda source: plan.bound[source])  # pyright: ignore[reportGeneralTypeIssues]
    return node.target(*args, **kwargs)  # pyright: ignore[reportCallIssue]


class _Writer:
    """Turns nodes into lines of Python, and the objects that they name into a namespace."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.lines: list[str] = []
        self.names: dict[fx.Node, str] = {}
        self.space: dict[str, Any] = {}
        self._known: dict[int, str] = {}

    def constant(self, thing: Any) -> str:
        """Return a name for an object, the same name for the same object."""
        name = self._known.get(id(thing))
        if name is None:
            name = f"c{len(self.space)}"
            self._known[id(thing)] = name
            self.space[name] = thing
        return name

    def text(self, arg: Any) -> str:
        if isinstance(arg, fx.Node):
            bound = self.plan.bound.get(arg)
            return self.names[arg] if bound is None else self.constant(bound)
        if isinstance(arg, list | tuple):
            return "[" + "".join(f"{self.text(part)}, " for part in arg) + "]"
        if arg is None or isinstance(arg, bool | int):
            return repr(arg)
        return self.constant(arg)

    def call(self, function: Any, node: fx.Node, out: Tensor | None = None) -> str:
        parts = [self.text(arg) for arg in node.args]
        parts += [f"{key}={self.text(arg)}" for key, arg in node.kwargs.items() if arg is not None]
        if out is not None:
            parts.append(f"out={self.constant(out)}")
        return f"{self.constant(function)}({', '.join(parts)})"

    def emit(self, node: fx.Node) -> None:
        plan, value = self.plan, self.plan.bound.get(node)
        for segment, piece in plan.copies.get(node, ()):
            self.lines.append(f"{self.constant(segment)}.copy_({self.text(piece)})")
        if node in plan.done:
            return
        if value is None:
            self.names[node] = f"v{len(self.names)}"
            self.lines.append(f"{self.names[node]} = {self._plain(node)}")
        elif _name(node) == "relu":
            self.lines.append(f"{self.constant(torch.relu_)}({self.constant(value)})")
        elif _name(node) != "clone":
            self.lines.append(self.call(_binding(node), node, out=value))

    def output(self, node: fx.Node, overwritten: set[int]) -> str:
        """Return an output's name; a copy's, if it lies in what is overwritten at the end."""
        if storage_of(self.plan.bound.get(node, self.plan.value[node])) not in overwritten:
            return self.text(node)
        name = f"o{len(self.lines)}"
        self.lines.append(f"{name} = {self.text(node)}.clone()")
        return name

    def _plain(self, node: fx.Node) -> str:
        if node.target is operator.getitem:
            return f"{self.text(node.args[0])}[{node.args[1]!r}]"
        target = node.target
        # `__call__` of an overload only hands on to `_op`, and costs 1 us.
        return self.call(_PLAIN.get(_name(node)) or getattr(target, "_op", target), node)


_PLAIN: dict[str, Callable[..., Any]] = {"relu": torch.relu}


def _binding(node: fx.Node) -> Callable[..., Any]:
    name = _name(node)
    return torch.linalg.vector_norm if name == "linalg_vector_norm" else getattr(torch, name)


def _write(
    plan: _Plan,
    dynamic: list[fx.Node],
    returned: list[fx.Node],
    taken: list[tuple[fx.Node, Tensor]],
) -> Callable[..., tuple[Tensor, ...]]:
    """Compile the function; outputs that could not be written in place are copied at the end."""
    writer = _Writer(plan)
    for i, node in enumerate(dynamic):
        writer.names[node] = f"a{i}"
    for node in plan.nodes:
        if node.op == "call_function":
            writer.emit(node)
    overwritten = {storage_of(target) for _, target in taken}
    sources = [writer.output(node, overwritten) for node, _ in taken]
    results = "".join(f"{writer.output(node, overwritten)}, " for node in returned)
    for source, (_, target) in zip(sources, taken, strict=True):
        writer.lines.append(f"{writer.constant(target)}.copy_({source})")
    head = f"def replay({', '.join(f'a{i}' for i in range(len(dynamic)))}):"
    source = "\n    ".join([head, *writer.lines, f"return ({results})"])
    exec(compile(source, "<goodfit replay>", "exec"), writer.space)
    function = writer.space["replay"]
    function.source = source
    return function
