"""What stands in for a module's forward changes nothing, and copies do not take it along."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from goodfit.probes.hooks import AfterPass, StandIn, forward_of, listen


class Scaled(nn.Module):
    """A module whose forward has names."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0]))

    def forward(self, x: torch.Tensor, *, by: float = 1.0) -> torch.Tensor:
        return self.weight * x * by


def heard_of(module: nn.Module) -> tuple[list[tuple[Any, ...]], Any]:
    """Return what is heard of a module, and the handle."""
    heard: list[tuple[Any, ...]] = []
    return heard, listen(module, lambda *seen: heard.append(seen))


def hooked() -> Scaled:
    """A module with a hook of its own, which changes the output."""
    module = Scaled()
    module.register_forward_hook(plus_one)
    return module


def plus_one(module: nn.Module, args: Any, output: Any) -> Any:
    """Return one more than a module gave."""
    return output + 1.0


def replaced() -> Scaled:
    """A module whose forward somebody else has replaced."""
    module = Scaled()
    module.forward = lambda x, by=1.0: x * by  # pyright: ignore[reportAttributeAccessIssue]
    return module


def in_place() -> Scaled:
    """A module that torch.compile has taken in place."""
    module = Scaled()
    module.compile(backend="eager")
    return module


class Caller(Scaled):
    """A module with a call of its own."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)


class Meta(Scaled):
    """A module that does not lie in the host's memory."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, device="meta"))


@pytest.mark.parametrize("make", [Scaled, hooked])
def test_a_pass_is_heard_with_all_that_went_in_and_came_out(make: Any) -> None:
    module, x = make(), torch.tensor([3.0])
    expected = module(x, by=2.0)
    heard, handle = heard_of(module)
    assert torch.equal(module(x, by=2.0), expected)
    ((args, kwargs, output),) = heard
    assert args == (x,) and kwargs == {"by": 2.0} and torch.equal(output, expected)
    handle.remove()
    handle.remove()
    module(x)
    assert len(heard) == 1 and "forward" not in vars(module)


@pytest.mark.parametrize("make", [hooked, replaced, in_place, Caller, Meta])
def test_where_a_call_is_more_than_its_forward_a_hook_hears(make: Any) -> None:
    module = make()
    before = module.forward
    _, handle = heard_of(module)
    assert module.forward == before
    assert any(isinstance(hook, AfterPass) for hook in module._forward_hooks.values())
    handle.remove()
    assert not any(isinstance(hook, AfterPass) for hook in module._forward_hooks.values())


def test_two_hear_one_module_and_leave_in_any_order() -> None:
    module, x = Scaled(), torch.ones(1)
    (first, one), (second, two) = heard_of(module), heard_of(module)
    module(x)
    one.remove()
    module(x)
    two.remove()
    module(x)
    assert (len(first), len(second)) == (1, 2)
    assert "forward" not in vars(module) and not module._forward_hooks


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_goes_its_own_way(copied: Any) -> None:
    module, x = Scaled(), torch.ones(1)
    heard, _ = heard_of(module)
    other = copied(module)
    with torch.no_grad():
        other.weight.fill_(5.0)
    assert other(x).item() == 5.0 and module(x).item() == 2.0
    assert len(heard) == 1
    again = copied(other)
    assert again(x).item() == 5.0


def test_the_forward_that_stands_there_is_read_like_the_own_one() -> None:
    module = Scaled()
    own = module.forward
    _, handle = heard_of(module)
    assert isinstance(module.forward, StandIn)
    assert inspect.signature(module.forward) == inspect.signature(own)
    given: Any = module.forward
    assert given.__name__ == "forward" and given.__code__ is own.__code__
    assert forward_of(module) == own
    handle.remove()
    assert module.forward == own and forward_of(len) is len


def test_who_wrapped_the_stand_in_still_calls_through_it() -> None:
    module, x = Scaled(), torch.ones(1)
    heard, handle = heard_of(module)
    inner = module.forward
    module.forward = lambda x: inner(x) + 1.0  # pyright: ignore[reportAttributeAccessIssue]
    assert module(x).item() == 3.0 and len(heard) == 1
    handle.remove()
    assert module(x).item() == 3.0 and len(heard) == 1


def test_calls_of_functional_transforms_hear_the_given_weights() -> None:
    module, x = Scaled(), torch.ones(1)
    heard_of(module)
    weights = {"weight": torch.tensor([7.0])}
    assert torch.func.functional_call(module, weights, (x,)).item() == 7.0
    assert torch.export.export(module, (x,)).module()(x).item() == 2.0
