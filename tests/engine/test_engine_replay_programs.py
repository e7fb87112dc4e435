"""Replays of small programs that are made to go wrong: aliases, in-place writes, odd outputs.

A program takes static tensors and one dynamic one, and returns what takes the statics' places,
and what is handed back. It is run by torch on copies, and replayed, three times over with new
dynamic values; every bit must agree, after each run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from engine_teams import same_bits
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from goodfit.engine.replay import build_replay
from goodfit.engine.trace import trace

SIZE = 4
Program = Callable[..., tuple[Tensor, ...]]


def values(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape or (SIZE, SIZE), generator=generator)


def check(program: Program, *, num_static: int = 2, donated: int | None = None) -> str:
    """Compare a replay with the program; the first ``donated`` outputs replace the statics."""
    donated = num_static if donated is None else donated
    static = [values(seed) for seed in range(num_static)]
    state = [tensor.clone() for tensor in static]
    module = trace(program, [*static, values(99)])
    assert all(same_bits(a, b) for a, b in zip(static, state, strict=True)), "it is not pure"
    replay = build_replay(
        module,
        [*static, values(99)],
        static=[True] * num_static + [False],
        donated={i: i for i in range(donated)},
    )
    assert all(same_bits(a, b) for a, b in zip(static, state, strict=True)), "building ran it"
    places = [tensor.data_ptr() for tensor in static]
    for seed in range(100, 103):
        x = values(seed)
        with torch.no_grad():
            expected = [_laid_out(output) for output in program(*state, x.clone())]
        with torch.inference_mode():
            found = replay(x.clone())
        state = [*expected[:donated], *state[donated:]]
        for output, reference in zip(found, expected[donated:], strict=True):
            assert same_bits(output, reference), "what is returned"
        for tensor, reference in zip(static, state, strict=True):
            assert same_bits(tensor, reference), "what stays"
    assert [tensor.data_ptr() for tensor in static] == places
    return replay.source  # pyright: ignore[reportFunctionMemberAccess]


def _laid_out(tensor: Tensor) -> Tensor:
    """Return a copy that lies in memory as a static tensor does: sums depend on that."""
    return tensor.clone(memory_format=torch.contiguous_format)


def swap(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return b, a, x + a


def old_and_new(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    """A rule that remembers where it came from."""
    return a - x, a, x


def twice_the_same(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    new = a * x + b
    return new, new, new


def unchanged(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return a, b.clone(), x


def old_values_returned(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return a + x, b * x, a, b.t()


def views_of_old_values_returned(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return a + x, b.t() * a, a[1:, :2], b.view(-1)


def crossed(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    """Each new value needs the other old one."""
    return a + b * x, b - a * x, a * b


def crossed_by_views(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return b.t(), a.t(), a[0] + b[0]


def read_after_it_is_replaced(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    new = a + x
    return new, b + new @ a, a.sum(0)


def over_its_own_transpose(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    """Elementwise, and yet it must not be written where it reads."""
    return x + a.t(), b[0] + x * b, x


def old_value_in_a_late_view(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    flat = a.view(-1)
    return a * x, b + flat.view(SIZE, SIZE), flat + x.view(-1)


def relu_of_what_is_needed(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    return a + h.relu(), b + h, h


def relu_of_what_a_view_needs(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    rectified, turned = h.relu(), h.t()
    return a + rectified, b + turned, turned


def relu_of_a_new_weight(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    new = a * x
    return new, new.relu(), new.relu().relu()


def relu_of_an_old_weight(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return a.relu() * x, b, a.t().relu()


def relu_of_a_piece(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    joined = torch.cat([h, x])
    return a + h.relu(), b, joined


def relu_of_the_whole(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    joined = torch.cat([h, x @ b]).relu()
    return a + joined[:SIZE], b, h + 1.0


def piece_written_after_joining(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    joined = torch.cat([h, x])
    h.view(-1).mul_(2.0)
    return a + h, b, joined


def whole_written_after_joining(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    joined = torch.cat([h, x])
    joined.t().add_(1.0)
    return a + h, b, joined


def same_piece_often(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    return a + h, b, torch.cat([h, h, x, h])


def last_dimension(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    return a + 1.0, b, torch.cat([h, x @ b, h], -1), torch.cat([h, h], -2)


def joined_twice(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    first = torch.cat([h, x])
    return a, b, first, torch.cat([first, h]), torch.cat([h.t(), x])


def joined_views(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    return a, b, torch.cat([h[:2], h[2:], h.t()]), torch.cat([h.view(-1), h.view(-1)[3:]])


def joined_over_a_weight(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return torch.cat([(x @ a)[:2], a[2:]]), torch.cat([b[1:], x[:1]]), x


def joined_types(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    return a, b, torch.cat([h, h.double() + 1.0])


def joined_nothing(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return a, b, torch.cat([torch.zeros(0), x[0]]), torch.cat([x[:0], x @ a])


def constants(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    half = torch.full((SIZE, SIZE), 0.5)
    return a * half, torch.zeros(SIZE, SIZE), torch.tensor(3.5), torch.tensor([1.0, 2.0]) * x[0, 0]


def constants_written(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    mask = torch.ones(SIZE, SIZE)
    mask[0, :] = x[0]
    count = torch.zeros(())
    count += x.sum()
    return a * mask, b + count, mask, count


def constant_turned(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    rows = torch.arange(8.0).view(2, SIZE)
    rows.t_()
    return a + rows.sum(1), b, rows @ x[:2]


def turned_in_place(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = x @ a
    before = torch.cat([h, x], 1)
    h.t_()
    h.unsqueeze_(0)
    return a + h[0], b, before, torch.cat([h[0], x])


def written_and_turned_in_place(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    h = a + x
    h[1].copy_(a[2])
    h.mul_(b).t_()
    return a, h, h + 1.0


def view_turned_in_place(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    turned = (x @ a).view(2, 2, SIZE)
    turned.transpose_(0, 1)
    turned.unsqueeze_(0)
    return a, b, turned.reshape(SIZE, SIZE) @ b


def buffers_moved(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    """What batch norm does to its averages."""
    mean, count = a.clone(), b.clone()
    mean.lerp_(x, 0.1)
    normed = x - mean
    count.add_(1)
    return mean, count, normed


def buffer_moved_and_old_one_read(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    mean = a.clone()
    mean.mul_(x)
    return mean, b + a, mean.sum()


def buffer_moved_through_a_view(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    held = a.clone()
    row = held[1]
    row.copy_(x[0])
    return held, b + row, held.t()


def buffer_moved_through_a_view_and_old_one_read(
    a: Tensor, b: Tensor, x: Tensor
) -> tuple[Tensor, ...]:
    held = a.clone()
    held[1].copy_(x[0])
    return held, b + a, held.sum()


def input_handed_back(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return a + x, x, x.t(), x[1]


def numbers_of_other_kinds(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    index = x.argsort(1)
    return (
        a.gather(1, index),
        torch.where(x > 0.0, b, 2.0),
        (x > 0).sum(0),
        (x > 0) & (a > 0),
        x.double() * 2.0,
        torch.maximum(x, a).sign(),
        x.pow(2).pow(-1.0),
        torch.pow(2.0, x),
        torch.div(x, a, rounding_mode="floor"),
        torch.add(x, a, alpha=0.3),
        x.sum(),
        x.mean(),
        x.sum(0, dtype=torch.float64),
        x.mean((0, 1), keepdim=True),
        torch.stack([x, a], -1),
        x.expand(3, SIZE, SIZE) + 1.0,
        x.softmax(1).log(),
        torch.linalg.vector_norm(x, dim=0),
        x.std(),
        x.index_select(1, index[0]),
    )


PROGRAMS: list[Program] = [
    swap,
    old_and_new,
    twice_the_same,
    unchanged,
    old_values_returned,
    views_of_old_values_returned,
    crossed,
    crossed_by_views,
    read_after_it_is_replaced,
    over_its_own_transpose,
    old_value_in_a_late_view,
    relu_of_what_is_needed,
    relu_of_what_a_view_needs,
    relu_of_a_new_weight,
    relu_of_an_old_weight,
    relu_of_a_piece,
    relu_of_the_whole,
    piece_written_after_joining,
    whole_written_after_joining,
    same_piece_often,
    last_dimension,
    joined_twice,
    joined_views,
    joined_over_a_weight,
    joined_types,
    joined_nothing,
    constants,
    constants_written,
    constant_turned,
    turned_in_place,
    written_and_turned_in_place,
    view_turned_in_place,
    buffers_moved,
    buffer_moved_and_old_one_read,
    buffer_moved_through_a_view,
    buffer_moved_through_a_view_and_old_one_read,
    input_handed_back,
    numbers_of_other_kinds,
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_replay_does_what_the_program_does(program: Program) -> None:
    check(program)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_replay_without_donations_does_what_the_program_does(program: Program) -> None:
    check(program, donated=0)


def test_every_program_is_checked() -> None:
    takes = ("a", "b", "x")
    here = [
        thing
        for thing in globals().values()
        if getattr(getattr(thing, "__code__", None), "co_varnames", ())[:3] == takes
    ]
    assert set(here) == set(PROGRAMS)


def test_an_update_is_written_over_the_old_weights() -> None:
    source = check(lambda a, b, x: (a - 0.1 * x, 0.9 * b + x, x.sum()))
    assert "copy_" not in source


def test_a_joined_gradient_is_written_where_it_belongs() -> None:
    source = check(lambda a, b, x: (torch.cat([x @ a, a @ x]),), donated=0)
    assert source.count("\n") == 3, "two products and a return"


@dataclass
class Machine:
    """Values of one size, and which of them lie in an argument's memory."""

    tensors: list[Tensor]
    ours: list[bool] = field(default_factory=list)

    def add(self, tensor: Tensor, *, ours: bool) -> None:
        self.tensors.append(tensor)
        self.ours.append(ours)


# Each operation takes the machine and the numbers of two of its values.
def _fresh(make: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Machine, int, int], None]:
    def operation(machine: Machine, i: int, j: int) -> None:
        machine.add(make(machine.tensors[i], machine.tensors[j]), ours=True)

    return operation


def _view(make: Callable[[Tensor], Tensor]) -> Callable[[Machine, int, int], None]:
    def operation(machine: Machine, i: int, j: int) -> None:
        machine.add(make(machine.tensors[i]), ours=machine.ours[i])

    return operation


def _in_place(write: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Machine, int, int], None]:
    """Write only on what the program made itself: it must stay pure."""

    def operation(machine: Machine, i: int, j: int) -> None:
        if machine.ours[i]:
            write(machine.tensors[i], machine.tensors[j].clone())

    return operation


OPERATIONS: dict[str, Callable[[Machine, int, int], None]] = {
    "add": _fresh(lambda a, b: a + b),
    "mul": _fresh(lambda a, b: a * b),
    "sub": _fresh(lambda a, b: a - 0.5 * b),
    "mm": _fresh(lambda a, b: (a @ b).tanh()),
    "relu": _fresh(lambda a, b: a.relu()),
    "sigmoid": _fresh(lambda a, b: a.sigmoid()),
    "lerp": _fresh(lambda a, b: torch.lerp(a, b, 0.3)),
    "addcmul": _fresh(lambda a, b: torch.addcmul(a, b, b, value=0.1)),
    "gelu": _fresh(lambda a, b: functional.gelu(a)),
    "silu": _fresh(lambda a, b: functional.silu(a)),
    "leaky-relu": _fresh(lambda a, b: functional.leaky_relu(a, 0.1)),
    "elu": _fresh(lambda a, b: functional.elu(a)),
    "relu-slope": _fresh(lambda a, b: torch.ops.aten.threshold_backward(a, b, 0)),
    "tanh-slope": _fresh(lambda a, b: torch.ops.aten.tanh_backward(a, b)),
    "mask": _fresh(lambda a, b: torch.where(a > b, a, b.ne(0.0).to(torch.float32))),
    "double": _fresh(lambda a, b: a.to(torch.float64).mul(b).to(torch.float32)),
    "clone": _fresh(lambda a, b: a.clone()),
    "softmax": _fresh(lambda a, b: (a - b).softmax(1)),
    "sum": _fresh(lambda a, b: a.sum(0, keepdim=True) * 0.1 + b),
    "zeros": _fresh(lambda a, b: torch.zeros_like(a)),
    "where": _fresh(lambda a, b: torch.where(a > b, a, 0.0)),
    "cat": _fresh(lambda a, b: torch.cat([a[:1], b[1:3], a[3:]])),
    "cat-1": _fresh(lambda a, b: torch.cat([a, b], -1)[:, 2:6]),
    "cat-big": _fresh(lambda a, b: torch.cat([a, b, a])[4:8]),
    "cat-products": _fresh(lambda a, b: torch.cat([a @ b, b @ a]).sigmoid()[2:6]),
    "t": _view(lambda a: a.t()),
    "view": _view(lambda a: a.reshape(2, 8).view(4, 4) if a.is_contiguous() else a[:]),
    "relu_": _in_place(lambda a, b: a.relu_()),
    "mul_": _in_place(lambda a, b: a.mul_(b)),
    "tanh_": _in_place(lambda a, b: a.tanh_()),
    "t_": _in_place(lambda a, b: a.t_()),
    "row_": _in_place(lambda a, b: a[1].copy_(b[2])),
}
STEPS = st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 30), st.integers(0, 30))


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    steps=st.lists(STEPS, min_size=3, max_size=14),
    outputs=st.lists(st.integers(0, 30), min_size=3, max_size=5),
)
def test_a_replay_does_what_any_program_does(
    steps: list[tuple[str, int, int]], outputs: list[int]
) -> None:
    def program(*given: Tensor) -> tuple[Tensor, ...]:
        machine = Machine(list(given), [False] * len(given))
        for name, i, j in steps:
            count = len(machine.tensors)
            OPERATIONS[name](machine, i % count, j % count)
        return tuple(machine.tensors[i % len(machine.tensors)] for i in outputs)

    assume(any(name in ("relu", "cat", "mm", "cat-products") for name, _, _ in steps))
    check(program)
