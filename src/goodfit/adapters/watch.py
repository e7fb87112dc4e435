"""Watch any torch loop: hooks on network, loss and optimiser, a history out of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from torch import Tensor, nn
from torch.optim import Optimizer

from ..diagnosis import by_cause, judge
from ..errors import GoodfitError
from ..probes import strongest_dropout
from ..probes.clock import now_s
from ..probes.given import given_loss, given_module
from ..records import Baseline, Finding, History, Stopped, Tally, Verdict
from ..runs import write_out
from .eyes import UNSEEN_BETWEEN, Eyes
from .parts import FAILURES
from .presence import presence_s
from .schedule import Schedule
from .steps import NAN, Epochs
from .words import Words

LossT = TypeVar("LossT", Tensor, float)
LOWER_IS_BETTER = ("loss", "error", "mse", "mae", "rmse", "perplexity")
UNSEEN_CLEAN = "loss on training rows in evaluation mode: it needs the loss as a module"
# Of what was earned since the last one, a clean evaluation may take this share.
CLEAN_SHARE = 0.5


def to_terminal(text: str) -> None:
    """Write a line beside whatever a loop prints."""
    print(f"goodfit: {text}", file=sys.stderr)


class Watch:
    """What :func:`watch` gives: the context of a loop that is watched."""

    def __init__(
        self,
        module: nn.Module,
        optimizer: Optimizer | Sequence[Optimizer],
        loss_fn: Callable[..., Any] | None = None,
        *,
        budget: float = 0.02,
        say: Callable[[str], None] | None = to_terminal,
        network: nn.Module | None = None,
    ) -> None:
        self.schedule = Schedule(budget, presence_s())
        optimizers = _optimizers(optimizer)
        self.eyes = Eyes(module, optimizers, loss_fn, self.schedule, network=network)
        self.eyes.looked = self._on_look
        self.epochs, self.metric_name = Epochs(), ""
        self._words = say and Words(say, self.schedule, self._findings_or_none)
        self._clean_since_s = now_s()
        self._known: dict[str, Any] = {}
        self._steps_per_epoch = 0
        self._fits: Baseline | None = None
        self._fitted = False
        self.stopped: Stopped = ""

    def __enter__(self) -> Self:
        self.eyes.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.eyes.close()
        if error is None:
            self.stopped = "budget"
        elif isinstance(error, KeyboardInterrupt):
            self.stopped = "interrupted"

    def loss(self, loss: LossT) -> LossT:
        """Tell the loss of a training batch, where no loss module could be hooked.

        Call it before ``backward`` and what the loss was computed from is known too; as a number
        it is only written down. Returns the loss, so that it can stand in the loop:
        ``watch.loss(F.cross_entropy(...)).backward()``.
        """
        if isinstance(loss, Tensor):
            self.eyes.pulse.hear(loss)
        else:
            self.eyes.steps.hear(loss, True)
        return loss

    def validation(self, loss: float | Tensor, **metrics: float | Tensor) -> None:
        """Tell the loss and the metrics of a validation, after each epoch or as often as made.

        The first metric is the one that rules read.
        """
        name = self.metric_name = self.metric_name or next(iter(metrics), "")
        steps = self.eyes.steps
        clean_loss, clean_metric = self._measure_clean()
        self.epochs.add(
            len(steps.loss),
            train_loss=steps.mean_since(self.epochs.last_step),
            validation_loss=_number(loss),
            metric=_number(metrics[name]) if name in metrics else NAN,
            clean_loss=clean_loss,
            clean_metric=clean_metric,
        )
        self.eyes.new_epoch()

    def _measure_clean(self) -> tuple[float, float]:
        """Return loss and metric on clean training rows, for half of what was earned since."""
        eyes, began = self.eyes, now_s()
        loss_fn, facts = eyes.judging.replay or eyes.judging.loss_fn, eyes.judging.facts
        if facts is None or loss_fn is None or not eyes.clean.held:
            if UNSEEN_BETWEEN not in eyes.unseen and not eyes.clean.stopped:
                eyes.unseen.setdefault(UNSEEN_CLEAN)
            return NAN, NAN
        within_s = CLEAN_SHARE * self.schedule.budget * (began - self._clean_since_s)
        try:
            with eyes.precision():
                found = eyes.clean.measure(loss_fn, facts.kind, within_s)
        except FAILURES as error:
            eyes.clean.stop()
            eyes.unseen.setdefault(f"loss on training rows in evaluation mode: it failed ({error})")
            return NAN, NAN
        if found != (NAN, NAN):
            self._clean_since_s = began
        self.schedule.other_s += now_s() - began
        return found

    def know(self, *, steps_per_epoch: int = 0, **setting: Any) -> None:
        """Tell what the loop knows and hooks cannot see: fields of ``records.Setting``.

        Example:
            >>> import torch
            >>> net = nn.Linear(1, 1)
            >>> watching = watch(net, torch.optim.SGD(net.parameters()))
            >>> watching.know(num_steps=500, max_grad_norm=1.0)
            >>> watching.history.setting.num_steps
            500
        """
        self._known.update(setting)
        self._steps_per_epoch = steps_per_epoch or self._steps_per_epoch

    @property
    def history(self) -> History:
        """Everything that was measured so far, as a record."""
        eyes, lower = self.eyes, any(w in self.metric_name.lower() for w in LOWER_IS_BETTER)
        num_parameters = sum(p.numel() for p in eyes.network.parameters())
        setting = eyes.prior.record(eyes.optimizers[0], num_parameters)
        setting = replace(
            setting,
            max_grad_norm=eyes.lookout.max_grad_norm,
            dropout=strongest_dropout(eyes.network),
            baseline=self._simple_fits(),
        )
        return History(
            metric=self.metric_name,
            metric_up=not lower,
            steps=eyes.steps.record(),
            epochs=self.epochs.record(),
            looks=eyes.lookout.observer.looks(),
            tallies=self._tallies(),
            setting=replace(setting, **self._known),
            autopsy=eyes.autopsy,
            steps_per_epoch=self._epoch_length(),
            stopped=self.stopped,
            clipped=bool(eyes.lookout.cut_norms),
            unseen=tuple(eyes.unseen),
        )

    def _simple_fits(self) -> Baseline | None:
        """Return what simple fits reach; measured once, when the loop is over and nobody waits."""
        if self.stopped and not self._fitted:
            self._fitted = True
            self._fits = self.eyes.clean.simple_fits(self.eyes.prior.facts)
        return self._fits

    def _epoch_length(self) -> int:
        told = self._steps_per_epoch or self.epochs.every()
        return told or self.eyes.batches.steps_per_epoch

    def _tallies(self) -> Mapping[str, Tally]:
        """Return the counts, with those that the hooks keep in numbers of their own."""
        eyes, num_steps = self.eyes, len(self.eyes.steps.loss)
        if eyes.differ and num_steps:
            eyes.counts.set("eval-training", eyes.pulse.num_evaluating, num_steps)
        if eyes.order.num:
            eyes.counts.set("own-losses", eyes.order.num_own, eyes.order.num)
        losses = len(eyes.steps.pending) + len(eyes.steps.aside)
        if not num_steps and losses > 1:
            # No optimiser has ever stepped: what was heard are batches that changed nothing.
            eyes.counts.set("still-weights", losses * eyes.lookout.unchanged(), losses)
        return eyes.counts.record()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdict of every rule on what was measured so far."""
        return judge(self.history)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong by what was measured so far, in order of cause."""
        return by_cause([v.finding for v in self.verdicts if v.finding is not None])

    def save(self, path: str | Path) -> None:
        """Write the history as JSON, which ``goodfit diagnose`` reads.

        Folders above it that are missing are made; the file is whole, or as it was before.

        Raises:
            RunError: it cannot be written; says why.
        """
        write_out(Path(path), json.dumps(self.history.to_json()))

    def _on_look(self, step: int) -> None:
        if self._words is not None:
            self._words.after_look(step, broke=self.eyes.autopsy is not None)

    def _findings_or_none(self, step: int) -> tuple[Finding, ...]:
        """Return the findings; a rule that fails must not end a training."""
        try:
            return self.findings
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            reason = f"an early word at step {step}: a rule failed ({error})"
            self.eyes.unseen.setdefault(reason)
            return ()


def _number(value: float | Tensor) -> float:
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


def _optimizers(given: Optimizer | Sequence[Optimizer]) -> list[Optimizer]:
    several = list(given) if isinstance(given, Iterable) else []
    found = [given] if isinstance(given, Optimizer) else several
    if not found or not all(isinstance(optimizer, Optimizer) for optimizer in found):
        raise GoodfitError(
            "There is no optimiser to watch.",
            given=type(given).__name__,
            do="Pass the torch.optim.Optimizer that steps, or a list of several.",
        )
    return found


def watch(
    module: nn.Module,
    optimizer: Optimizer | Sequence[Optimizer],
    loss_fn: Callable[..., Any] | None = None,
    *,
    budget: float = 0.02,
    say: Callable[[str], None] | None = to_terminal,
) -> Watch:
    """Watch a training loop; with no other change to it than this context.

    Args:
        module: The network that is trained.
        optimizer: The optimiser that steps, or several.
        loss_fn: The loss module. A plain function cannot be hooked: tell each loss by
            ``watch.loss(loss)``.
        budget: Share of the loop's wall time that watching may take.
        say: What an early word goes to, one line for each new warning or error; None for silence.

    Raises:
        GoodfitError: ``optimizer`` is not an optimiser of torch.
        NetError: ``module`` is no module, or ``loss_fn`` cannot be called.

    Example:
        >>> import torch
        >>> net = nn.Linear(2, 1)
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        >>> loss_fn = nn.MSELoss()
        >>> with watch(net, optimizer, loss_fn) as watching:
        ...     for _ in range(3):
        ...         optimizer.zero_grad()
        ...         loss_fn(net(torch.ones(8, 2)), torch.ones(8, 1)).backward()
        ...         _ = optimizer.step()
        >>> watching.history.steps.step
        (1, 2, 3)
    """
    given_module(module, "module")
    if loss_fn is not None:
        given_loss(loss_fn)
    return Watch(module, optimizer, loss_fn, budget=budget, say=say)
