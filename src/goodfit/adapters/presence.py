"""The hooks that are always there, and what they cost a step: every microsecond counts.

Each is one method that is the whole body, and everything rare is behind one flag: on a small
network a step takes 450 us, so 2 % of it are 9.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..probes.hooks import Call, listen
from .several import Weighed, given_to, together
from .steps import Number, Steps

Nothing = Callable[..., None]
# Names of the module: two look-ups less at each call.
is_compiling, is_grad_enabled = torch.compiler.is_compiling, torch.is_grad_enabled
isfinite = math.isfinite
# A mask: every 32nd batch is shown, whatever else is going on.
EACH = 31
# Losses of one step that are weighed; where no step ever comes, they must not pile up.
MOST_CALLS = 64
# So many numbers are summed faster as a list.
SHORT = 256


def nothing(*args: object) -> None:
    """Do nothing."""


@dataclass(slots=True)
class Pulse:
    """What the hooks write, and whom they call when something rare happens.

    ``batch`` is what the network got last and gave, ``judged`` what the loss got, both held only
    until the optimiser has stepped. ``gives_loss`` says that the network gives its own loss,
    ``arm_at`` is the step that is followed by a look, ``slow`` sends every step by ``on_step``,
    ``num_passes`` counts training passes, ``heard_at`` is the one whose loss came last. ``several``
    says that a pass has more than one: then ``calls`` holds them until the step. ``deaf`` leaves
    out a pass that is replayed, where a framework's loss calls what is listened to.
    """

    network: nn.Module
    steps: Steps
    batch: tuple[Any, Any, Any] | None = None
    judged: tuple[Any, Any] | None = None
    num_passes: int = 0
    prints: bool = True
    looking: bool = False
    gives_loss: bool = False
    arm_at: int = -1
    slow: bool = False
    canary: nn.Parameter | None = None
    num_evaluating: int = 0
    heard_at: int = -1
    several: bool = False
    deaf: bool = False
    calls: list[Weighed] = field(default_factory=list)
    on_batch: Nothing = nothing
    on_evaluation: Nothing = nothing
    on_output: Nothing = nothing
    on_loss: Nothing = nothing
    on_step: Nothing = nothing
    on_stepped: Nothing = nothing
    on_arm: Nothing = nothing
    on_not_finite: Nothing = nothing

    def passed(self, args: Any, kwargs: Any, output: Any) -> None:
        """The network made a pass."""
        if is_compiling() or self.deaf:
            return
        if is_grad_enabled():
            self.batch = (args, kwargs, output)
            self.num_passes += 1
            if self.prints or not self.num_passes & EACH:
                self.on_batch(args, kwargs)
            if self.gives_loss:
                self.on_output(output)
        else:
            self.on_evaluation()

    def lost(self, args: Any, kwargs: Any, loss: Any) -> None:
        """The loss module made a pass."""
        if not is_compiling() and loss.requires_grad and not self.deaf:
            self.judged = (args, kwargs)
            self.hear(loss)

    def hear(self, loss: Tensor) -> None:
        """Take a training batch's loss down."""
        if self.looking:
            self.on_loss(loss)
        number: Number
        if loss.is_cpu and loss.dim() == 0:
            number = loss.item()
            if not isfinite(number):
                self.on_not_finite("loss")
        else:
            number = _one_number(loss)
        self.several |= self.heard_at == self.num_passes
        if self.several or self.looking:
            self._weigh(loss, number)
        self.heard_at = self.num_passes
        self.steps.hear(number, self.network.training)

    def _weigh(self, loss: Tensor, number: Number) -> None:
        """Let backward tell what this loss of several weighs."""
        if len(self.calls) < MOST_CALLS and loss.requires_grad:
            call = Weighed(number, self.judged if self.looking else None)
            loss.register_hook(Call(call.weigh))
            self.calls.append(call)

    def gather(self) -> None:
        """Take several losses for the one that is trained, by what they weigh, if all are known."""
        whole = together(self.calls) if len(self.calls) == self.steps.num_heard > 1 else None
        if whole is not None:
            self.steps.replace_heard(whole)
            self.judged = given_to(self.calls) or self.judged
        self.calls.clear()

    def step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """The optimiser is about to step (its pre-hook)."""
        # torch counts the optimiser itself among the arguments.
        if self.looking or self.slow or len(args) > 1 or kwargs:
            self.on_step(optimizer, args, kwargs)
        else:
            self.close(optimizer)

    def stepped(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """The optimiser has stepped (its post-hook)."""
        if self.looking or self.slow:
            self.on_stepped(optimizer)

    def close(self, optimizer: Optimizer) -> None:
        """A step is taken: put its loss and rate down, let the batch go."""
        canary = self.canary
        if canary is not None:
            gradient = canary.grad
            if gradient is not None and not isfinite(_total(gradient)):
                self.on_not_finite("gradient")
        if self.calls:
            self.gather()
        self.steps.close(optimizer.param_groups[0]["lr"])
        if not self.network.training:
            self.num_evaluating += 1
        if len(self.steps.loss) == self.arm_at:
            self.on_arm()
        self.batch = self.judged = None


def _total(gradient: Tensor) -> float:
    """Return the sum of a gradient, the short way that its shape allows.

    torch records what passes inside of an optimiser's step, hooks included: there a reduction
    takes 9 us (2.5 elsewhere), a list of 64 numbers 2.5.
    """
    if gradient.dim() == 1 and gradient.numel() <= SHORT:
        return sum(gradient.tolist())
    return gradient.sum().item()


def _one_number(loss: Tensor) -> Number:
    """Return a loss on a device as a tensor that is moved later, one of many numbers as a mean."""
    value = loss.detach() if loss.numel() == 1 else loss.detach().mean()
    return value.item() if value.is_cpu else value.reshape(())


@cache
def presence_s() -> float:
    """Return the seconds that these hooks take of every step, measured once in a process.

    On an empty network, against the same without them, in turn; takes about 2 ms.
    """
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        rounds = [(_idle_s(hooked=False), _idle_s(hooked=True)) for _ in range(ROUNDS)]
    bare, hooked = map(min, zip(*rounds, strict=True))
    return COLD * max(hooked - bare, 0.0)


CALLS, ROUNDS = 10, 8
# In a real loop the hooks' code is not in the processor's caches: about twice the time.
COLD = 2.0


def _idle_s(*, hooked: bool) -> float:
    """Return the seconds of a step in which nothing is computed."""
    network, loss_fn = nn.Identity(), nn.Identity()
    weight = nn.Parameter(torch.zeros(64))
    weight.grad = torch.zeros(64)
    optimizer = _Idle([weight], {"lr": 0.0})
    if hooked:
        pulse = Pulse(network, Steps(), prints=False, canary=weight)
        listen(network, pulse.passed)
        listen(loss_fn, pulse.lost)
        optimizer.register_step_pre_hook(pulse.step)
    loss = weight.sum()
    began = time.perf_counter()
    for _ in range(CALLS):
        loss_fn(network(loss))
        optimizer.step()
    return (time.perf_counter() - began) / CALLS


class _Idle(Optimizer):
    """An optimiser that does nothing."""

    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Do nothing."""
