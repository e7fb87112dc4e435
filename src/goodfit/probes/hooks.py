"""Who hears of a module's passes: hooks that a copy of the network does not take along."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import MethodType
from typing import Any, Protocol

import torch
from torch import nn

# What hears of a pass: its arguments, its keyword arguments, its output.
See = Callable[[tuple[Any, ...], dict[str, Any], Any], None]


class Removable(Protocol):
    """What hangs on a module until it is taken away."""

    def remove(self) -> None:
        """Take it away; a second time does nothing."""
        ...


class Hook:
    """A hook that does nothing in copies of what it hangs on, deep or pickled.

    A bound method would drag its object into every ``copy.deepcopy`` of the network (as for an
    average of weights), whose passes would then be taken for the watched network's; a closure
    could not be pickled, so ``torch.save(network)`` would fail.
    """

    def __deepcopy__(self, memo: object) -> Callable[..., None]:
        return inert

    def __reduce__(self) -> tuple[Callable[[], Callable[..., None]], tuple[()]]:
        return (get_inert, ())


class Call(Hook):
    """A hook that calls ``run``."""

    __slots__ = ("run",)

    def __init__(self, run: Callable[..., Any]) -> None:
        self.run = run

    def __call__(self, *args: Any) -> None:
        self.run(*args)


class AfterPass(Hook):
    """A forward hook, with keyword arguments, that calls ``see``."""

    __slots__ = ("see",)

    def __init__(self, see: See) -> None:
        self.see = see

    def __call__(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        self.see(args, kwargs, output)


class StandIn:
    """Stands where a module's ``forward`` was, and calls ``see`` after it.

    torch takes a longer way through a module with any hook, 4.5 us; this takes 0.4. A copy of the
    module, deep or pickled, gets its own ``forward`` back. Whoever asks for another attribute, as
    the signature, is given that of ``forward``. (No slots: torch.compile asks for a ``__dict__``.)
    """

    def __init__(self, module: nn.Module, see: See) -> None:
        self.module, self.forward, self.see = module, module.forward, see

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        output = self.forward(*args, **kwargs)
        self.see(args, kwargs, output)
        return output

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """What :func:`inspect.signature` goes by."""
        return self.forward

    def __getattr__(self, name: str) -> Any:
        return getattr(self.forward, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> Callable[..., Any]:
        copied = copy.deepcopy(self.module, memo)
        return MethodType(type(copied).forward, copied)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[nn.Module, str]]:
        return (getattr, (self.module, "forward"))

    def remove(self) -> None:
        """Give the module its ``forward`` back; who kept this one is heard no longer."""
        if vars(self.module).get("forward") is self:
            del self.module.forward
        self.see = inert


def listen(module: nn.Module, see: See) -> Removable:
    """Have ``see(args, kwargs, output)`` called after each pass of ``module``.

    By a stand-in for its ``forward`` where torch would take the short way through the module, by
    a forward hook elsewhere.

    Example:
        >>> heard = []
        >>> net = nn.Linear(2, 1)
        >>> handle = listen(net, lambda args, kwargs, output: heard.append(output.shape))
        >>> _ = net(torch.zeros(3, 2))
        >>> handle.remove()
        >>> _ = net(torch.zeros(4, 2))
        >>> heard
        [torch.Size([3, 1])]
    """
    if not _is_plain(module):
        return module.register_forward_hook(AfterPass(see), with_kwargs=True)
    stand_in = StandIn(module, see)
    module.forward = stand_in
    return stand_in


def forward_of(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a module's ``forward``, which no hook and no stand-in hears; a function as it is."""
    found = call.forward if isinstance(call, nn.Module) else call
    return found.forward if isinstance(found, StandIn) else found


def _is_plain(module: nn.Module) -> bool:
    """Say whether a call of the module is one of its ``forward``, and nothing else may copy that.

    Modules on a device are left to hooks: `nn.DataParallel` makes replicas with the same
    attributes, and a stand-in would call the first of them.
    """
    called = type(module).__call__ is nn.Module.__call__ and module._compiled_call_impl is None
    changed = "forward" in vars(module) or isinstance(module, torch.jit.ScriptModule)
    hooked = module._forward_hooks or module._forward_pre_hooks
    on_host = all(parameter.is_cpu for parameter in module.parameters())
    return called and on_host and not changed and not hooked


def inert(*args: object) -> None:
    """Do nothing: what a hook becomes in a copy."""


def get_inert() -> Callable[..., None]:
    """Return :func:`inert`; what a pickled hook is loaded by."""
    return inert
