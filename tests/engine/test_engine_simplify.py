"""What is computed twice is computed once; what only looks equal is not."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from goodfit.engine.trace import num_operations, trace

Program = Callable[[Tensor], tuple[Tensor, ...]]


def operations(program: Program) -> int:
    return num_operations(trace(program, [torch.randn(4, 4)]))


def test_a_value_is_computed_once() -> None:
    assert operations(lambda x: (x.sin() * (x.sin() + 1.0),)) == 3


def test_what_follows_from_equal_values_is_computed_once() -> None:
    assert operations(lambda x: (x.t().exp().split(2)[0] + x.t().exp().split(2)[0],)) == 4


def test_other_numbers_of_the_same_worth_are_other_values() -> None:
    assert operations(lambda x: ((x.eq(1) | x.eq(1.0)).float(),)) == 4
    assert operations(lambda x: (x / 0.0 + x / -0.0,)) == 3


def test_draws_are_not_equal() -> None:
    assert operations(lambda x: (torch.rand_like(x) - torch.rand_like(x),)) == 3


def test_what_is_written_to_is_read_again() -> None:
    def program(x: Tensor) -> tuple[Tensor, ...]:
        y = x.clone()
        before = y.view(16).sin()
        y.t().mul_(2.0)
        return (before + y.view(16).sin(),)

    x = torch.randn(4, 4)
    assert torch.equal(trace(program, [x])(x)[0], program(x)[0])


def test_two_outputs_that_are_equal_stay_two() -> None:
    first, second = trace(lambda x: (x.exp(), x.exp()), [torch.randn(4)])(torch.randn(4))
    assert first.data_ptr() != second.data_ptr()
