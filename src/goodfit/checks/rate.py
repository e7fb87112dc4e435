"""A learning rate for a network: a range test of several passes, and runs that verify it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from ..errors import DataError
from ..probes.given import given_loss, given_module
from ..records import Curve, Record
from .given import given_batches, gradients_kept, subject_of, undisturbed
from .inputs import feed, take_rows
from .observe import gradients
from .subject import Subject, quiet

LOWEST, HIGHEST, NUM_STEPS = 1e-6, 10.0, 70
VERIFYING_STEPS, VERIFYING_FACTOR = 40, 3.0
MEMORY = 0.9
EXPLODED, SOME_FALL = 3.0, 0.98
USUAL_RATE, USUAL_RATES = 1e-3, (1e-4, 1e-3, 1e-2, 1e-1)


@dataclass(frozen=True, kw_only=True)
class Rate(Record):
    """A suggested learning rate, and how it was found.

    ``low`` and ``high`` are where the loss begins to fall and where it begins to rise.
    ``verified`` says that runs at ``lr`` lowered the loss; ``because`` says so in words.
    ``curve`` is the loss by rate: the median over passes, smoothed, as a share of the first.
    """

    lr: float
    low: float
    high: float
    verified: bool
    because: str
    curve: Curve


def suggest_lr(
    module: nn.Module,
    loss_fn: Callable[[Any, Any], Any],
    batches: Iterable[Any],
    *,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] = AdamW,
    seeds: Sequence[int] = (0, 1, 2),
) -> Rate:
    """Suggest a learning rate; the same arguments give the same rate. Notes n1, n3, n4, step 5.

    From a network as it starts, each pass raises the rate from 1e-6 to 10 over 70 steps on rows
    and noise of its own seed. Of the smoothed losses the median is taken. Runs of 40 steps from
    the same start, at the rate where it falls most steeply and at three times more and less,
    decide: the rate whose median last loss is lowest is suggested, and while a neighbour beyond
    is better, that. Everything is done on copies, as in :func:`~goodfit.checks.check`.

    Args:
        module: Any network.
        loss_fn: A module or a function ``(outputs, y) -> loss``.
        batches: An iterable of ``(x, y)``; their size is that of the steps.
        optimizer: Makes an optimiser of parameters; its rate is set from outside, its weight
            decay and momentum are its own: ``partial(torch.optim.SGD, lr=1, momentum=0.9)``.
        seeds: One pass for each.

    Raises:
        DataError: there are no batches, or they are not (x, y).
        NetError: ``module`` or ``loss_fn`` is none, or the network cannot be copied.

    Source: Smith, Cyclical Learning Rates, 2017; Smith, A disciplined approach, 2018.

    Example:
        >>> rows = torch.linspace(-1, 1, 64)[:, None]
        >>> net = nn.Linear(1, 1)
        >>> rate = suggest_lr(net, nn.MSELoss(), [(rows, 3 * rows)] * 4)
        >>> rate.verified, rate.low <= rate.lr <= rate.high
        (True, True)
    """
    given_module(module, "module")
    given_loss(loss_fn)
    given_batches(batches)
    with undisturbed(batches), gradients_kept(module), torch.enable_grad(), quiet():
        subject = subject_of(module, loss_fn, batches, seeds=seeds, seconds=5.0)
        if subject.reading is None or not len(subject.y):
            raise DataError("There are no batches to train on.", do="Give an iterable of (x, y).")
        trial = _Trial(subject, optimizer, max(1, statistics.median_low(subject.reading.sizes)))
        rates = [LOWEST * (HIGHEST / LOWEST) ** (k / (NUM_STEPS - 1)) for k in range(NUM_STEPS)]
        passes = [_smoothed(trial.run(seed, rates)) for seed in seeds]
        median = [statistics.median(column) for column in zip(*passes, strict=True)]
        return _decide(trial, rates, median, seeds)


@dataclass(frozen=True)
class _Trial:
    """What a run is made with."""

    subject: Subject
    make: Callable[[Iterable[nn.Parameter]], Optimizer]
    batch_size: int

    def run(self, seed: int, rates: Sequence[float]) -> list[float]:
        """Train a copy, one step a rate; return the losses by the first, infinite once lost."""
        torch.manual_seed(seed)
        net = self.subject.fresh_net().train()
        optimizer = self.make([p for p in net.parameters() if p.requires_grad])
        losses: list[float] = []
        for number, rate in enumerate(rates):
            losses.append(self._step(net, optimizer, rate, self._rows(seed, number)))
            if not math.isfinite(losses[-1]) or losses[-1] > EXPLODED * EXPLODED * abs(losses[0]):
                losses[-1] = math.inf
                break
        size = abs(losses[0]) if losses[0] and math.isfinite(losses[0]) else 1.0
        lost = [math.inf] * (len(rates) - len(losses))
        return [loss / size for loss in losses] + lost

    def _rows(self, seed: int, number: int) -> Tensor:
        """Return the rows of a step: epochs over the sample, each in an order of its own."""
        num_rows = len(self.subject.y)
        per_epoch = max(1, num_rows // self.batch_size)
        epoch, place = divmod(number, per_epoch)
        generator = torch.Generator().manual_seed(1000 * seed + epoch)
        order = torch.randperm(num_rows, generator=generator)
        return order[place * self.batch_size : (place + 1) * self.batch_size]

    def _step(self, net: nn.Module, optimizer: Optimizer, rate: float, rows: Tensor) -> float:
        outputs = feed(net, take_rows(self.subject.inputs(), rows))
        loss = self.subject.loss_fn(outputs, self.subject.y[rows])
        trained = [p for group in optimizer.param_groups for p in group["params"]]
        if loss.requires_grad:
            for parameter, gradient in zip(trained, gradients(loss, trained), strict=True):
                parameter.grad = gradient
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        return float(loss.detach())


def _smoothed(losses: Sequence[float]) -> list[float]:
    """Return the exponential moving average, corrected for its start."""
    average, smoothed = 0.0, []
    for number, loss in enumerate(losses, start=1):
        average = MEMORY * average + (1.0 - MEMORY) * loss
        smoothed.append(average / (1.0 - MEMORY**number))
    return smoothed


def _decide(
    trial: _Trial, rates: Sequence[float], median: Sequence[float], seeds: Sequence[int]
) -> Rate:
    """Choose among the steepest rate and its neighbours by runs from the start."""
    low, steepest, high = _landmarks(rates, median)
    tried = {rate: _last_loss(trial, rate, seeds) for rate in _neighbours(steepest)}
    if min(tried.values()) >= 1.0:
        tried |= {rate: _last_loss(trial, rate, seeds) for rate in USUAL_RATES}
    best = min(tried, key=lambda rate: tried[rate])
    while best in (min(tried), max(tried)) and LOWEST < best < HIGHEST:
        towards = best * VERIFYING_FACTOR if best == max(tried) else best / VERIFYING_FACTOR
        tried[towards] = _last_loss(trial, towards, seeds)
        if tried[towards] >= tried[best]:
            break
        best = towards
    verified = tried[best] < 1.0
    if not verified:
        best = USUAL_RATE
    return Rate(
        lr=best,
        low=min(low, best),
        high=max(high, best),
        verified=verified,
        because=_words(best, tried, verified=verified),
        curve=_curve(rates, median, best),
    )


def _words(best: float, tried: dict[float, float], *, verified: bool) -> str:
    if not verified:
        return (
            f"No rate lowers the loss in {VERIFYING_STEPS} steps: {best:.2g} is only usual. Run"
            " the checks before training first."
        )
    others = ", ".join(f"{rate:.2g}: {loss:.3g}" for rate, loss in sorted(tried.items()))
    return f"Loss after {VERIFYING_STEPS} steps, as a share of the first, by rate: {others}."


def _landmarks(rates: Sequence[float], median: Sequence[float]) -> tuple[float, float, float]:
    """Return where the loss begins to fall, falls most steeply, and begins to rise."""
    lowest = min(range(len(rates)), key=lambda k: median[k])
    falls = [one - other for one, other in pairwise(median[: lowest + 1])]
    if not falls or median[lowest] > SOME_FALL * median[0]:
        return USUAL_RATE, USUAL_RATE, USUAL_RATE
    steepest = falls.index(max(falls)) + 1
    fallen = median[0] - 0.05 * (median[0] - median[lowest])
    begins = next(k for k in range(len(rates)) if median[k] <= fallen)
    return rates[begins], rates[steepest], rates[lowest]


def _neighbours(rate: float) -> list[float]:
    return [rate / VERIFYING_FACTOR, rate, rate * VERIFYING_FACTOR]


def _last_loss(trial: _Trial, rate: float, seeds: Sequence[int]) -> float:
    """Return the median, over seeds, of the mean loss of a run's last sixth."""
    runs = [trial.run(seed, [rate] * VERIFYING_STEPS) for seed in seeds]
    return statistics.median(statistics.fmean(run[-VERIFYING_STEPS // 6 :]) for run in runs)


def _curve(rates: Sequence[float], median: Sequence[float], best: float) -> Curve:
    """Return the picture: at most 64 points, up to where the loss was lost."""
    shown = [(rate, loss) for rate, loss in zip(rates, median, strict=True) if loss < EXPLODED]
    shown = shown[:: max(1, math.ceil(len(shown) / 64))]
    return Curve(
        x_label="learning rate",
        y_label="loss by the first",
        x=tuple(rate for rate, _ in shown),
        y=tuple(loss for _, loss in shown),
        mark=best,
        log=True,
    )
