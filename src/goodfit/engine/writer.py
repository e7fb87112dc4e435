"""Write a plan as a Python function: a line for each operation, and the objects that they name."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from .plan import OVERLOADS, Plan, name_of
from .workspace import storage_of


class Writer:
    """Turns nodes into lines of Python, and the objects that they name into a namespace."""

    def __init__(self, plan: Plan) -> None:
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
            parts.append(f"{_place_of(node)}={self.constant(out)}")
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
        elif name_of(node) == "relu":
            self.lines.append(f"{self.constant(torch.relu_)}({self.constant(value)})")
        elif name_of(node) == "_to_copy":
            self.lines.append(f"{self.constant(value)}.copy_({self.text(node.args[0])})")
        elif name_of(node) != "clone":
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
        return self.call(_PLAIN.get(name_of(node)) or getattr(target, "_op", target), node)


_PLAIN: dict[str, Callable[..., Any]] = {"relu": torch.relu}


def _place_of(node: fx.Node) -> str:
    """Return the name by which an operation takes the place of its result."""
    return OVERLOADS[node.target]._schema.arguments[-1].name if node.target in OVERLOADS else "out"


def _binding(node: fx.Node) -> Callable[..., Any]:
    if node.target in OVERLOADS:
        return OVERLOADS[node.target]._op
    name = name_of(node)
    return torch.linalg.vector_norm if name == "linalg_vector_norm" else getattr(torch, name)


def write_program(
    plan: Plan,
    dynamic: list[fx.Node],
    returned: list[fx.Node],
    taken: list[tuple[fx.Node, Tensor]],
) -> Callable[..., tuple[Tensor, ...]]:
    """Compile the function; outputs that could not be written in place are copied at the end."""
    writer = Writer(plan)
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
