"""What the checks look at: a network at its start, a loss, and training rows."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..records import Task
from .inputs import FAILURES, Inputs, feed, map_inputs, take_rows, tensors_of
from .observe import BINARY, OVER_CLASSES, REGRESSION, LossCall, Tape
from .reading import Reading

LossFn = Callable[[Any, Tensor], Tensor]
LOOKED_AT_ROWS = 128
MOST_NUMBERS = 10_000_000


@dataclass(frozen=True)
class Pass:
    """One pass forward with its loss and its graph; ``failed`` says what broke, if anything."""

    outputs: Any = None
    loss: Tensor | None = None
    calls: tuple[LossCall, ...] = ()
    spread: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    failed: str = ""
    at: str = ""


@dataclass(frozen=True)
class Subject:
    """A network before training, with rows ``x`` ``[N, ...]``, ``y`` of the training part.

    ``prepare`` turns ``x`` into what the network takes. ``class_counts`` are those of the whole
    data; empty for regression, or where they are not known. ``reading`` and ``validation`` are
    what was read of the batches, where there are batches; ``optimizers`` are those that will
    train ``original``, the network that ``net`` is a copy of. Checks that train stop at
    ``until`` (seconds of ``time.monotonic``). ``suspects`` are the faults that the checks before
    have found. ``pulls`` are the decays and penalties of a recipe, where there is one, and whether
    each pulls on any weight that is trained.
    """

    net: nn.Module
    prepare: nn.Module
    loss_fn: LossFn
    x: Inputs
    y: Tensor
    task: Task | None
    class_counts: tuple[int, ...] = ()
    reading: Reading | None = None
    validation: Reading | None = None
    optimizers: Sequence[Optimizer] = ()
    original: nn.Module | None = None
    seeds: tuple[int, ...] = (0, 1, 2)
    until: float = float("inf")
    suspects: tuple[str, ...] = ()
    pulls: Mapping[str, bool] = field(default_factory=dict)

    def inputs(self) -> Inputs:
        """Return the rows as the network gets them."""
        with torch.no_grad():
            return self.prepare(self.x) if isinstance(self.x, Tensor) else self.x

    def fresh_net(self) -> nn.Module:
        """Return a copy of the network that a check may train."""
        return copy.deepcopy(self.net)

    def out_of_time(self) -> bool:
        """Say whether the time for slow checks is over."""
        return time.monotonic() > self.until

    @cached_property
    def clean(self) -> Subject:
        """The subject without the rows whose inputs or targets are not finite."""
        good = torch.ones(len(self.y), dtype=torch.bool, device=self.y.device)
        for tensor in [*tensors_of(self.x), self.y]:
            good &= torch.isfinite(tensor.flatten(1) if tensor.ndim > 1 else tensor[:, None]).all(1)
        if good.all():
            return self
        return replace(self, x=take_rows(self.x, good), y=self.y[good])

    @cached_property
    def first(self) -> Pass:
        """One pass in training mode over the first 128 rows, on a copy of the network."""
        return self.run(self.fresh_net().train(), slice(LOOKED_AT_ROWS))

    def run(self, net: nn.Module, rows: Tensor | slice) -> Pass:
        """Run some rows through a network and the loss, seeing what the loss is."""
        torch.manual_seed(self.seeds[0])
        try:
            outputs = feed(net, take_rows(self.inputs(), rows))
        except FAILURES as error:
            return Pass(failed=_words(error), at="network")
        return self.judge(outputs, self.y[rows])

    def judge(self, outputs: Any, y: Tensor) -> Pass:
        """Take the loss of outputs, seeing what the loss is."""
        with Tape() as tape, quiet():
            try:
                loss = self.loss_fn(outputs, y)
            except FAILURES as error:
                calls = tuple(tape.calls)
                return Pass(outputs, None, calls, tape.spread, _words(error), "loss")
        if not isinstance(loss, Tensor):
            why = f"it gives {type(loss).__name__}, not a tensor"
            return Pass(outputs, None, tuple(tape.calls), tape.spread, why, "loss")
        if loss.numel() != 1:
            why = f"it gives {list(loss.shape)} numbers, not one"
            return Pass(outputs, None, tuple(tape.calls), tape.spread, why, "loss")
        return Pass(outputs, loss, tuple(tape.calls), tape.spread)

    def as_target(self, y: Tensor) -> Tensor:
        """Return targets as the loss has them: as they are, where that cannot be seen."""
        outputs, call = self.outputs, self.call
        if outputs is None or call is None or self._takes_targets_as_they_are:
            return y
        if len(y) * outputs[0].numel() > MOST_NUMBERS:
            return y
        calls = self.judge(
            outputs.new_zeros(len(y), *outputs.shape[1:]), y.to(outputs.device)
        ).calls
        return calls[0].target if calls else y

    @cached_property
    def _takes_targets_as_they_are(self) -> bool:
        call, y = self.call, self.y[:LOOKED_AT_ROWS]
        return call is not None and call.target.shape == y.shape and torch.equal(call.target, y)

    @property
    def adaptive(self) -> bool:
        """Whether every optimiser is known and divides gradients by their size, as Adam does."""
        names = [type(each).__name__.lower() for each in self.optimizers]
        return bool(names) and all("adam" in name or "prop" in name for name in names)

    @property
    def call(self) -> LossCall | None:
        """The first known loss that the loss function calls; None where it calls none."""
        return self.first.calls[0] if self.first.calls else None

    @property
    def kind(self) -> str:
        """The field's name of the loss; "" where it is not known."""
        return self.call.kind if self.call else ""

    @cached_property
    def goal(self) -> Task | None:
        """The task: as it was stated, or as the loss and the targets have it."""
        if self.task is not None:
            return self.task
        if self.kind in OVER_CLASSES | BINARY:
            return "classification"
        if self.kind in REGRESSION:
            return "regression"
        return None if self.y.is_floating_point() else "classification"

    @cached_property
    def outputs(self) -> Tensor | None:
        """The outputs of the first pass, where they are one tensor with a row a sample."""
        outputs, rows = self.first.outputs, min(len(self.y), LOOKED_AT_ROWS)
        if isinstance(outputs, Tensor) and outputs.ndim and len(outputs) == rows:
            return outputs
        return None

    @cached_property
    def broken(self) -> str:
        """Why network and loss cannot be judged together; "" where they can."""
        if not len(self.y):
            return "there are no rows"
        return f"the {self.first.at} fails: {self.first.failed}" if self.first.failed else ""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings of a user's program to itself: what they say is said as a finding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _words(error: BaseException) -> str:
    """Return the first line of an error."""
    return (str(error) or type(error).__name__).strip().splitlines()[0][:200]


def without_dropout(net: nn.Module) -> nn.Module:
    """Put every layer that is named dropout into evaluation mode; the rest stays."""
    for module in net.modules():
        if "dropout" in type(module).__name__.lower():
            module.eval()
    return net


def floats_of(x: Inputs) -> list[Tensor]:
    """Return the tensors of an input that hold floats."""
    return [tensor for tensor in tensors_of(x) if tensor.is_floating_point()]


def to_rows(x: Inputs, rows: Tensor) -> Inputs:
    """Return an input with its rows in another order."""
    return map_inputs(lambda tensor: tensor[rows], x)
