"""Looks into a loop that is not ours: hooks that hang for one step only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from ..probes import Batch, Movement, Observer, Seen, hook_outputs, places_of, row_of, sampling_of
from ..probes.alike import Alike
from ..probes.clock import now_s
from ..probes.hooks import Call
from ..probes.movement import Row
from .parts import frozen_of, held_by, parameters_of
from .tallies import Counts

# What a hook costs beyond its own body: torch takes a slower path through a module's call.
HOOK_S = 2e-6
# By how much a gradient must be smaller at the step than after backward to have been cut.
CUT = 1e-3
# A module that is put in place of another while training is noticed after so many looks.
PARAMETERS_ANEW = 8
# Torch's losses by the names of their nodes in a graph.
OWN_LOSSES = (
    *("MseLoss", "NllLoss", "NllLoss2D", "SmoothL1Loss", "HuberLoss", "BinaryCrossEntropy"),
    "BinaryCrossEntropyWithLogits",
)
# Of that gradient so many numbers are read.
MAX_READ = 64


class Lookout:
    """Arms a look at one step: outputs, gradients before and after clipping, the weights' step.

    ``arm`` before the step's first forward, ``before`` at its optimiser step, ``look`` after it.
    """

    def __init__(
        self,
        network: nn.Module,
        counts: Counts,
        optimizers: Sequence[Optimizer],
        *,
        sees_outputs: bool,
    ) -> None:
        self.network, self.counts, self.optimizers = network, counts, optimizers
        self.observer = Observer(network)
        self.places = self.observer.places if sees_outputs else ()
        self.sees_outputs, self._lazy = sees_outputs, False
        self.seen: Seen | None = None
        self.cost_s = 0.0
        self.names: list[str] = []
        self.parameters: list[nn.Parameter] = []
        self.sampling = sampling_of([])
        self.previous: Row | None = None
        self.before_: Row | None = None
        self.handles: list[RemovableHandle] = []
        # Names of parameters by what was seen of them: a gradient that is not all 0, and any.
        self.reached, self.given = set[str](), set[str]()
        self.cut_norms: list[float] = []
        self.after_step = self.closures = False
        self.start: Row | None = None
        self.alike: Alike | None = None
        self._backwards = self.num_looks = 0
        self._raw: Tensor | None = None
        self._held: set[int] = set()
        self._probe: nn.Parameter | None = None

    @property
    def armed(self) -> bool:
        """Whether the hooks hang."""
        return self.seen is not None

    @property
    def ready(self) -> bool:
        """Whether the weights before the step have been kept."""
        return self.before_ is not None

    def arm(self, *, after_step: bool) -> None:
        """Hang the hooks, and keep the gradient of the step that ends, for the turn."""
        began = now_s()
        if self._lazy or self.num_looks % PARAMETERS_ANEW == 0:
            self._find_parameters()
        self.after_step = after_step
        if not after_step:
            self.start = row_of(self.parameters, self.sampling)
            self.alike = Alike(self.network, self.observer.places)
        else:
            self.start = None
        self.previous = self._gradient_row() if after_step else None
        self.seen = self.observer.begin(start=not after_step)
        self.handles = hook_outputs(self.places, self.seen)
        self._backwards, self._raw = 0, None
        if self.parameters:
            self._probe = last = self._last_parameter()
            self.handles.append(last.register_hook(Call(self._backward)))
            self.handles.append(last.register_post_accumulate_grad_hook(Call(self._accumulated)))
        self.cost_s = now_s() - began + HOOK_S * len(self.handles)

    def heard(self, loss: Tensor) -> None:
        """In a look, see how backward begins: from ``-loss`` the loss's gradient is negative.

        Or the loss was told with its sign turned: what is below the sign is a known loss.
        """
        if _is_turned(loss):
            self.counts.count("loss-negated", True)
        elif loss.requires_grad:
            loss.register_hook(Call(self._loss_gradient))

    def _loss_gradient(self, gradient: Tensor) -> None:
        self.counts.count("loss-negated", gradient.sum().item() < 0)

    def _last_parameter(self) -> nn.Parameter:
        """The parameter by which backward passes are seen: the smallest of the last four.

        One that an optimiser holds (no other's gradient is cleared), and whose gradient is not 0:
        the last bias cancels where a network compares two of its outputs.
        """
        named = list(zip(self.names, self.parameters, strict=True))
        own = [pair for pair in named if id(pair[1]) in self._held] or named
        last = own[-4:]
        sure = [p for name, p in last if name in self.reached] or [
            p for _, p in last if p.dim() > 1
        ]
        return min(sure or [p for _, p in last], key=torch.Tensor.numel)

    def _find_parameters(self) -> None:
        found = [(n, p) for n, p in self.network.named_parameters() if p.requires_grad]
        named = [(n, p) for n, p in found if not is_lazy(p) and p.numel()]
        if self._lazy:
            self.observer.places = places_of(self.network)
            self.places = self.observer.places if self.sees_outputs else ()
        self._lazy = any(is_lazy(p) for _, p in found)
        self._held = held_by(self.optimizers)
        self.counts.set("frozen-weights", *frozen_of(self.network))
        if tuple(p.numel() for _, p in named) != self.sampling.sizes:
            self.sampling = sampling_of([p for _, p in named])
        self.names, self.parameters = [n for n, _ in named], [p for _, p in named]

    def _gradient_row(self) -> Row | None:
        gradients = [p.grad for p in self.parameters]
        return None if all(g is None for g in gradients) else row_of(gradients, self.sampling)

    def disarm(self) -> None:
        """Take the hooks away, whatever they saw."""
        for handle in self.handles:
            handle.remove()
        self.handles.clear()
        self.seen = self.before_ = self._raw = None

    def _backward(self, gradient: Tensor) -> None:
        """A backward pass has come to the last parameter; its gradient is not yet added."""
        self._backwards += 1
        held = None if self._probe is None else self._probe.grad
        left = held is not None and bool(held.any())
        if self._backwards == 1 and self.after_step and self._all_have_stepped():
            self.counts.count("old-gradients", left and self._all_hold_gradients())
        self.counts.count("backward-per-step", self._backwards > 1 and left)
        # A closure clears and computes again within one step, as often as its optimiser asks.
        if self._backwards > 1 and not self.closures:
            self.counts.count("skipped", not left)

    def _all_have_stepped(self) -> bool:
        """Say whether each optimiser has had gradients: looks are steps, and they take turns."""
        return self.num_looks >= len(self.optimizers)

    def _all_hold_gradients(self) -> bool:
        """Say whether no optimiser's gradients were cleared.

        Of several, each clears its own before its own step: a generator's loss runs into what the
        discriminator's step has left.
        """
        if len(self.optimizers) == 1:
            return True  # the probe's is its own
        return all(
            any(p.grad is not None and bool(p.grad.any()) for p in parameters_of(optimizer))
            for optimizer in self.optimizers
        )

    def _accumulated(self, parameter: Tensor) -> None:
        """Keep the gradient as backward left it, to see whether it is cut before the step."""
        if parameter.grad is not None and not parameter.grad.is_sparse:
            self._raw = parameter.grad.detach().reshape(-1)[:MAX_READ].clone()

    def before(self) -> None:
        """The optimiser is about to step: keep the weights. Of several, the first counts."""
        if self.before_ is not None:
            return
        began = now_s()
        if not all(p.requires_grad for p in self.parameters):
            self._find_parameters()
        self.before_ = row_of(self.parameters, self.sampling)
        self.cost_s += now_s() - began

    def unchanged(self) -> bool:
        """Say whether the weights are as they were before the first step."""
        if self.start is None:
            return False
        return np.array_equal(self.start, row_of(self.parameters, self.sampling))

    def look(self, step: int, batch: Batch | None) -> Mapping[str, float]:
        """Measure the step that was just made; returns numbers over the whole network."""
        assert self.seen is not None and self.before_ is not None
        gradients = [p.grad for p in self.parameters]
        moved = Movement(
            row_of(self.parameters, self.sampling),
            row_of(gradients, self.sampling),
            self.before_,
            self.sampling,
            self.previous,
        )
        total = self.observer.look(step, self.seen, self.names, moved, batch)
        self._count(gradients, total)
        self.cost_s += self.seen.spent_s
        return total

    def _count(self, gradients: Sequence[Tensor | None], total: Mapping[str, float]) -> None:
        self.num_looks += 1
        self.counts.count("still-weights", total["update_norm"] == 0.0)
        if len(self.reached) < len(self.names):
            for name, gradient in zip(self.names, gradients, strict=True):
                if gradient is not None:
                    self.given.add(name)
                    if bool(gradient.detach().any()):
                        self.reached.add(name)
        missing = sum(name not in self.given for name in self.names)
        self.counts.set("unreached-parameters", missing, len(self.names))
        self._count_cut(total["grad_norm"])
        if self.alike is not None:
            self.counts.set("alike-units", self.alike.after_look(self.given), len(self.names))

    def _count_cut(self, grad_norm: float) -> None:
        """Compare one gradient at the step with what backward left of it, at its largest number."""
        held = None if self._probe is None else self._probe.grad
        if self._raw is None or held is None or held.is_sparse:
            return
        raw = self._raw.tolist()
        largest = max(range(len(raw)), key=lambda place: abs(raw[place]))
        before, now = abs(raw[largest]), abs(held.detach().reshape(-1)[:MAX_READ].tolist()[largest])
        cut = before > 0.0 and now < (1.0 - CUT) * before and not (now and _divided(before / now))
        self.counts.count("clipped", cut)
        if cut:
            self.cut_norms.append(grad_norm)

    @property
    def max_grad_norm(self) -> float | None:
        """The norm to which gradients are cut, where cut gradients agree on one."""
        norms = sorted(self.cut_norms)
        agree = len(norms) > 1 and norms[-1] - norms[len(norms) // 2] <= 1e-2 * norms[-1]
        return norms[len(norms) // 2] if agree else None


def _is_turned(loss: Tensor) -> bool:
    """Say whether a loss is minus one of torch's own.

    Example:
        >>> x = torch.zeros(2, requires_grad=True)
        >>> loss = torch.nn.functional.mse_loss(x, torch.ones(2))
        >>> _is_turned(-loss), _is_turned(loss), _is_turned(-x.mean())
        (True, False, False)
    """
    if type(loss.grad_fn).__name__ != "NegBackward0" or loss.grad_fn is None:
        return False
    below = loss.grad_fn.next_functions[0][0]
    return type(below).__name__.removesuffix("Backward0") in OWN_LOSSES


def _divided(ratio: float) -> bool:
    """Say whether a gradient was divided on purpose: by a loss scale, or by a number of parts.

    Example:
        >>> _divided(65536.0), _divided(4.0), _divided(3.7)
        (True, True, False)
    """
    power = math.log2(ratio)
    return abs(power - round(power)) < CUT or (ratio < 64 and abs(ratio - round(ratio)) < CUT)
