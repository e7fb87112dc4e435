"""What a watch sees: hooks on network, loss and optimisers, and what they call, seldom."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from ..probes import Batch
from ..probes.autopsy import autopsy
from ..probes.clock import now_s
from ..probes.forms import mistaken_forms
from ..probes.hooks import Call, Removable, forward_of, listen
from ..probes.layers import first_tensor
from ..probes.losses import Judged
from ..probes.straight import line_of
from ..probes.written import is_spread_inside
from ..records import Autopsy
from .batches import Batches
from .clean import Clean
from .compiled import UNSEEN, inner, is_compiled
from .evaluations import Evaluations
from .judging import Judging
from .lookout import Lookout
from .order import Order
from .parts import (
    FAILURES,
    Parts,
    any_tensor,
    canary_of,
    foreign_of,
    has_closure,
    has_modes,
    precision_of,
)
from .presence import Pulse
from .schedule import Schedule
from .setting import Prior
from .steps import Steps
from .tallies import Counts

# In smaller batches a single class is no sign of sorted labels.
MIN_ROWS = 4
# So many passes without a step are no accumulation: a multiple of 32, where passes are looked at.
MANY_PASSES = 256
UNSEEN_LOSS = "outputs and targets of the loss: no loss module was given, and none told in time"
UNSEEN_BETWEEN = (
    "loss on training rows in evaluation mode: the loop changes outputs before the loss"
)
UNSEEN_DEVICE = "an autopsy: losses on a device are read many at a time, after their step"


class Eyes:
    """Sees a loop through hooks; whatever is seen stands in its parts.

    ``network`` is the module whose parts are looked at, if it is not ``module`` itself.
    ``steps`` has every loss; looks are in ``lookout``, counts in ``counts``, targets in
    ``prior``, the loss in ``judging``, batches for a clean evaluation in ``clean``.
    """

    def __init__(
        self,
        module: nn.Module,
        optimizers: Sequence[Optimizer],
        loss_fn: Callable[..., Any] | None,
        schedule: Schedule,
        *,
        network: nn.Module | None = None,
    ) -> None:
        self.module, self.network = module, network or inner(module)
        self.judging = Judging(loss_fn)
        self.optimizers, self.schedule = list(optimizers), schedule
        self.counts, self.steps = Counts(), Steps()
        self.batches, self.prior = Batches(self.counts), Prior()
        self.evaluations = Evaluations(self.counts, self.batches, len(self.optimizers))
        whole = self.network if network is None else module
        self.clean = Clean(self.network, forward_of(whole))
        self.differ = any(map(has_modes, self.network.modules()))
        self.pulse = Pulse(self.network, self.steps)
        self.autopsy: Autopsy | None = None
        compiled = is_compiled(module)
        self.lookout = Lookout(
            self.network, self.counts, self.optimizers, sees_outputs=not compiled
        )
        self.unseen: dict[str, None] = {UNSEEN: None} if compiled else {}
        self.looked: Callable[[int], None] = lambda step: None
        self.order = Order(self.optimizers)
        self._handles: list[Removable] = []
        self._after: list[RemovableHandle] = []
        self._held: tuple[Any, Any] = (None, None)
        self._closures = False
        self._precision: tuple[str, torch.dtype] | None = None

    def open(self) -> None:
        """Hang the hooks that are always there, and those of the first look."""
        pulse, hang = self.pulse, self._handles.append
        pulse.on_batch, pulse.on_evaluation = self._on_batch, self._on_evaluation
        pulse.on_output = self._on_output
        pulse.on_loss, pulse.on_step, pulse.on_arm = self._on_loss, self._on_step, self._arm
        pulse.on_stepped = self._on_stepped
        pulse.on_not_finite, pulse.canary = self._on_not_finite, canary_of(self.network)
        pulse.slow = len(self.optimizers) > 1
        hang(listen(self.module, pulse.passed))
        if isinstance(self.judging.loss_fn, nn.Module):
            hang(listen(self.judging.loss_fn, pulse.lost))
        for optimizer in self.optimizers:
            hang(optimizer.register_step_pre_hook(pulse.step))
        self.counts.set("foreign-parameters", *foreign_of(self.network, self.optimizers))
        self._arm(first=True)

    def close(self) -> None:
        """Take all hooks away, and let batches and graphs go."""
        self.lookout.disarm()
        for handle in (*self._handles, *self._after):
            handle.remove()
        self._handles.clear()
        self._after.clear()
        self.pulse.batch = self.pulse.judged = self.judging.last = None
        self._held, self.batches.returned = (None, None), ()

    def _on_batch(self, args: Any, kwargs: Any) -> None:
        pulse, inputs = self.pulse, any_tensor((args, kwargs))
        if inputs is not None and self.batches.last[0] != pulse.num_passes:
            self.batches.seen(inputs, pulse.num_passes)
            # Of the batches that are shown every now and then only the order counts.
            if pulse.prints and pulse.batch is not None:
                self.batches.carry((args, kwargs), pulse.batch[2], pulse.num_passes)
                self._precision = precision_of(inputs.device.type)
        if pulse.num_passes == MANY_PASSES and not self.steps.lr:
            self.looked(MANY_PASSES)
        pulse.prints = pulse.looking or self.batches.wanted

    def _on_output(self, output: Any) -> None:
        """The network gives its own loss, as those of Hugging Face."""
        loss = output.get("loss") if isinstance(output, dict) else getattr(output, "loss", None)
        if isinstance(loss, Tensor) and loss.requires_grad:
            self.pulse.hear(loss)

    def _on_evaluation(self) -> None:
        training = self.network.training if self.differ else None
        if self.evaluations.passed(len(self.steps.loss), training=training):
            self.new_epoch()

    def new_epoch(self) -> None:
        """What follows is the beginning of an epoch."""
        self.batches.evaluation()
        self.pulse.prints = True

    def _on_loss(self, loss: Tensor) -> None:
        if not loss.is_cpu:
            self.unseen.setdefault(UNSEEN_DEVICE)
        self.lookout.heard(loss)
        output = self.pulse.batch[2] if self.pulse.batch is not None else None
        try:
            self.judging.hear(loss, output)
            given = first_tensor(output)
            if given is not None and self.judging.is_unknown:
                self.counts.count("spread-shapes", is_spread_inside(loss, given))
            if given is not None and self.lookout.sees_outputs and not self.lookout.num_looks:
                self.counts.set("straight-layers", *line_of(self.network, given))
        except FAILURES as error:
            self.judging.last = None
            self.unseen.setdefault(f"what a loss was computed from: reading it failed ({error})")

    def judge_as(self, judged: Judged) -> None:
        """Tell what the last loss was computed from, where hooks cannot see it."""
        if self.pulse.looking:
            self.judging.last = judged

    def _on_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """The optimiser is about to step: in a look, with a closure, or as one of several."""
        if not self._closures and has_closure(args, kwargs):
            self._use_closures()
        if self.lookout.armed and not self.order.joins(optimizer, new_loss=self.steps.heard):
            self.lookout.before()
        self._hang_after(wanted=self.lookout.armed or self._closures)
        if not self._closures:
            self._close_step(optimizer)

    def _hang_after(self, *, wanted: bool) -> None:
        """Hang or remove the post-hooks, from a pre-hook: torch goes through them meanwhile.

        Only looks and closures need them, and they cost a microsecond a step.
        """
        if wanted and not self._after:
            for optimizer in self.optimizers:
                self._after.append(optimizer.register_step_post_hook(self.pulse.stepped))
        elif not wanted:
            while self._after:
                self._after.pop().remove()
        self.pulse.slow = bool(self._after) or len(self.optimizers) > 1

    def _use_closures(self) -> None:
        """With a closure, forward and backward come after the pre-hook: close steps after them."""
        self._closures = self.lookout.closures = True
        canary, self.pulse.canary = self.pulse.canary, None
        if canary is not None:
            hook = Call(self._check_gradient)
            self._handles.append(canary.register_post_accumulate_grad_hook(hook))

    def _close_step(self, optimizer: Optimizer) -> None:
        self.pulse.gather()
        self._held = (self.pulse.batch, self.pulse.judged)
        if len(self.optimizers) == 1 or self.order.begins(optimizer, new_loss=self.steps.heard):
            self.pulse.close(optimizer)

    def _on_stepped(self, optimizer: Optimizer) -> None:
        if self._closures:
            self._close_step(optimizer)
        alone = len(self.optimizers) == 1
        if self.lookout.ready and (alone or self.order.ends(optimizer)):
            self._look()

    def _arm(self, *, first: bool = False) -> None:
        """Hang the hooks of a look at the next step."""
        if self.lookout.armed:
            return
        pulse = self.pulse
        pulse.looking = pulse.prints = True
        if pulse.batch is not None:
            self._on_batch(*pulse.batch[:2])
        self.lookout.arm(after_step=not first)

    def _look(self) -> None:
        began, step = now_s(), len(self.steps.loss)
        total = self.lookout.look(step, self._looked_batch())
        self.steps.grad_norm[step] = total["grad_norm"]
        self.lookout.disarm()
        self.judging.last, self.pulse.looking = None, False
        self.schedule.looked(step, self.lookout.cost_s + now_s() - began)
        self.pulse.arm_at = self.schedule.next_step - 1
        if self.pulse.arm_at == step:
            self.pulse.batch = self._held[0]
            self._arm()
        self.pulse.batch, self._held = None, (None, None)
        self.looked(step)

    def _looked_batch(self) -> Batch | None:
        """Return the batch of the look, and take its targets down."""
        judged = self.judging.of_look(self._held[1])
        if judged is None or judged.outputs is None or judged.targets is None:
            self.unseen.setdefault(UNSEEN_LOSS)
            return None
        outputs, targets = judged.outputs.detach(), judged.targets.detach()
        single = self.prior.see(judged.facts, outputs, targets)
        if single is not None and len(targets) >= MIN_ROWS:
            self.counts.count("one-class", single)
        for name, is_so in mistaken_forms(judged.facts, judged.outputs, judged.targets).items():
            self.counts.count(name, is_so)
        self._hold(judged)
        given = first_tensor(self._held[0][2]) if self._held[0] is not None else None
        places = given is not None and given.dim() > 2 and len(given) != len(outputs)
        return Batch(judged.facts.kind, outputs, targets, self.batches.fresh, flattened=places)

    def _hold(self, judged: Judged) -> None:
        """Keep the batch for a clean evaluation, if its loss can be computed again."""
        if self._held[0] is None or judged.outputs is None or judged.targets is None:
            return
        args, kwargs, output = self._held[0]
        heard = self.steps.loss[-1] if self.steps.loss else None
        if not self.judging.can_repeat(output, judged, heard):
            self.unseen.setdefault(UNSEEN_BETWEEN)
            return
        shape = None if self.judging.replay is not None else judged.outputs.shape
        self.clean.hold(args, kwargs, judged.targets.detach(), shape)

    def _check_gradient(self, parameter: Tensor) -> None:
        if parameter.grad is not None and not math.isfinite(parameter.grad.sum().item()):
            self._on_not_finite("gradient")

    def _on_not_finite(self, what: str) -> None:
        """A loss or a gradient is not finite: replay the pass, from the weights before the step."""
        batch = self.pulse.batch
        # Under loss scaling a gradient that overflows is skipped, and is no fault.
        scaled = any(hasattr(optimizer, "found_inf") for optimizer in self.optimizers)
        if self.autopsy is None and batch is not None and not (what == "gradient" and scaled):
            step = len(self.steps.loss) + 1
            self.pulse.deaf = True
            try:
                with self.precision():
                    self.autopsy = self._replay(batch, step)
            except FAILURES as error:
                self.unseen[f"why step {step} was not finite: the replay failed ({error})"] = None
            finally:
                self.pulse.deaf = False
            self.looked(step)

    def _replay(self, batch: tuple[Any, Any, Any], step: int) -> Autopsy | None:
        args, kwargs, _ = batch
        call, targets = self.judging.repeated(self.pulse.judged)
        whole = self.module if isinstance(self.network, Parts) else self.network
        return autopsy(whole, call, (args, targets), step=step, kwargs=kwargs, parts=self.network)

    def precision(self) -> AbstractContextManager[Any]:
        """The autocast under which the network was last called in training."""
        if self._precision is None:
            return nullcontext()
        device, dtype = self._precision
        return torch.autocast(device, dtype)
