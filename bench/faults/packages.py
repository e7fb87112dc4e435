"""Three packages as their users run them: ``trainpulse``, ``traintools``, ``arc-training``.

Each is optional; where it is not installed, it is left out and the table says so. Default settings
throughout. A fault is named where a word of the tool's message stands for a catalogue name,
:data:`WORDS`, read generously.
"""

import contextlib
import importlib
import io
import logging
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bench.faults.means import MEANS
from bench.faults.program import Script
from bench.faults.trace import Spy

_BAD, _VANISH, _FLAT = MEANS["ExplodingTensor"], MEANS["VanishingGradient"], MEANS["not_converge"]
WORDS: Mapping[str, tuple[str, ...]] = {
    "is NaN": _BAD,
    "is Inf": _BAD,
    "Loss spike": ("loss-exploded", "oscillating", "lr-too-high"),
    "Gradient explosion": _BAD,
    "Vanishing gradient": _VANISH,
    "LR changed": ("schedule-ended-early",),
    "plateau": _FLAT,
    "inputs has non-finite": ("input-not-finite",),
    "targets has non-finite": ("input-not-finite",),
    "abs max": ("input-out-of-scale",),
    "nearly constant": ("input-ignored", "labels-sorted"),
    "dominant class": ("class-imbalance", "labels-sorted", "not-shuffled"),
    "labels outside": ("label-out-of-range",),
    "non-finite gradients": _BAD,
    "appears vanished": _VANISH,
    "very large": _BAD,
    "update/weight ratio is high": ("update-ratio-high", "lr-too-high"),
    "ratio is tiny": ("update-ratio-low", "lr-too-low"),
    "no gradients found": ("no-gradient",),
    "nan": _BAD,
    "explosion": (*_BAD, "lr-too-high"),
    "lyapunov": ("lr-too-high", "oscillating", "gradient-exploding"),
    "drift": ("lr-too-high", "loss-exploded", "gradient-exploding"),
    "weight": ("weight-decay-too-strong", "gradient-exploding"),
}
IMPORTS = {"trainpulse": "trainpulse", "traintools": "traintools", "arc-training": "arc"}


def installed() -> dict[str, ModuleType]:
    """The packages that are here."""
    there = {}
    for name, module in IMPORTS.items():
        try:
            there[name] = importlib.import_module(module)
        except ImportError:
            continue
    return there


def meanings(message: str) -> tuple[str, ...]:
    """The catalogue names that a message may stand for.

    >>> meanings("loss is NaN")[0]
    'loss-not-finite'
    """
    return next((names for word, names in WORDS.items() if word in message), ())


def label_of(message: str) -> str:
    """A message's kind: the word of :data:`WORDS` that it holds, or its first two words."""
    return next((word for word in WORDS if word in message), " ".join(message.split()[:2]))


class Log:
    """Messages of one tool, each kind once, at its first step."""

    def __init__(self) -> None:
        self.first: dict[str, int] = {}

    def add(self, message: str, step: int) -> None:
        """Keep the first step of each kind of message."""
        self.first.setdefault(label_of(message), step)

    def found(self) -> list[tuple[str, int]]:
        """Kinds and their first steps, the earliest first."""
        return sorted(self.first.items(), key=lambda pair: pair[1])


class Readers:
    """``trainpulse`` and ``traintools`` after each step: they read and change nothing."""

    def __init__(self, script: Script, spy: Spy, there: Mapping[str, Any]) -> None:
        self.script, self.spy = script, spy
        self.logs = {name: Log() for name in ("trainpulse", "traintools") if name in there}
        if "trainpulse" in there:
            self.pulse = there["trainpulse"].Monitor()
        if "traintools" in there:
            classes = script.parts.num_classes or None
            self.batches = there["traintools"].BatchInspector(expected_num_classes=classes)
            self.gradients = there["traintools"].GradientHealthMonitor()

    def step(self, number: int) -> None:
        """Show both what they ask for."""
        if "trainpulse" in self.logs:
            self._pulse(number)
        if "traintools" in self.logs:
            self._tools(number)

    def _pulse(self, number: int) -> None:
        gradients = [p.grad for p in self.script.net.parameters() if p.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0
        self.pulse.log("loss", number, self.spy.trace.losses[-1])
        self.pulse.log("grad_norm", number, norm)
        self.pulse.log("learning_rate", number, self.script.optimizer.param_groups[0]["lr"])

    def broke_off(self) -> None:
        """A step raised: the batch inspector, which stands before it, has seen the batch."""
        if "traintools" in self.logs:
            self._inspect(1)

    def _inspect(self, number: int) -> None:
        y = self.spy.y
        targets = y if y is not None and not y.is_floating_point() else None
        for warning in self.batches.inspect(self.spy.x, targets, step=number).warnings:
            self.logs["traintools"].add(warning, number)

    def _tools(self, number: int) -> None:
        log = self.logs["traintools"]
        self._inspect(number)
        lr = self.script.optimizer.param_groups[0]["lr"]
        for warning in self.gradients.inspect(self.script.net, step=number, lr=lr).warnings:
            log.add(warning, number)

    def found(self) -> dict[str, list[tuple[str, int]]]:
        """What each of them said."""
        if "trainpulse" in self.logs:
            for alert in self.pulse.report().alerts:
                self.logs["trainpulse"].add(alert.message, alert.step)
        return {name: log.found() for name, log in self.logs.items()}


class Guarded:
    """An optimiser whose step asks ``arc.Controller`` first, as its guide says."""

    def __init__(self, script: Script, arc: Any) -> None:
        self.inner, self.log, self.number = script.optimizer, Log(), 0
        self.last: Tensor | None = None
        with contextlib.redirect_stdout(io.StringIO()):
            self.controller = arc.Controller(script.net, script.optimizer)
        logging.disable(logging.CRITICAL)
        loss_fn = script.loss_fn

        def heard(outputs: Tensor, y: Tensor) -> Tensor:
            loss = loss_fn(outputs, y)
            if torch.is_grad_enabled():
                self.last = loss
            return loss

        script.loss_fn, script.optimizer = heard, self  # pyright: ignore

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def step(self) -> None:
        """Step, unless the controller says otherwise."""
        self.number += 1
        action = self.controller.step(self.last)
        if action.failure_type or action.status.value != "healthy":
            self.log.add(str(action.failure_type or action.status.value), self.number)
        if not action.should_skip:
            self.inner.step()
