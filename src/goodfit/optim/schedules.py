"""Learning-rate schedules: functions of the step, as multiples of the base rate.

Each takes the steps as an array (from 0) and returns an array of factors in float64, so that a
whole epoch of rates is one call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..recipe import (
    Constant,
    Cosine,
    Cyclical,
    Exponential,
    MultiStep,
    OneCycle,
    OnPlateau,
    Optimizer,
    Schedule,
    Step,
    WarmRestarts,
)

Array = NDArray[np.float64]


def learning_rates(
    schedule: Schedule,
    *,
    lr: float,
    steps: Array,
    num_steps: int,
    steps_per_epoch: int,
    losses: Sequence[float] = (),
) -> Array:
    """Return the rate at each of ``steps`` (counted from 0) of a run of ``num_steps``.

    ``losses`` are the validation losses of the epochs so far, by which ``on-plateau`` goes.

    Warm-up rises linearly over its share of the run, ``lr * (t + 1) / w`` for ``t < w``; the
    schedule proper begins after it, as under torch's ``SequentialLR``.

    Example:
        >>> rates = learning_rates(Constant(warmup=0.5), lr=1.0, steps=np.arange(4.0),
        ...                        num_steps=4, steps_per_epoch=4)
        >>> [float(rate) for rate in rates]
        [0.5, 1.0, 1.0, 1.0]
    """
    warmup = 0 if isinstance(schedule, OneCycle) else round(schedule.warmup * num_steps)
    factor = FACTORS[schedule.kind]
    if isinstance(schedule, OnPlateau):
        factors = on_plateau(schedule, steps, num_steps, steps_per_epoch, losses)
    else:
        after = np.maximum(steps - warmup, 0.0)
        factors = factor(schedule, after, max(1, num_steps - warmup), steps_per_epoch)
    if warmup:
        factors = np.where(steps < warmup, (steps + 1) / warmup, factors)
    return lr * factors


def base_rate(optimizer: Optimizer, batch_size: int) -> float:
    """Return the rate that a schedule multiplies: ``lr``, scaled with the batch size if asked.

    ``lr B / B0`` under ``scale_lr = "linear"`` (Goyal et al., "Accurate, large minibatch SGD",
    2017; notes n3, Inter-dependence of Hyperparameters), ``lr sqrt(B / B0)`` under "sqrt"
    (Krizhevsky 2014; usual for Adam), with ``B`` rows a batch and ``B0 = base_batch_size``.

    Example:
        >>> from goodfit.recipe import SGD
        >>> base_rate(SGD(lr=0.1, scale_lr="linear", base_batch_size=32), 128)
        0.4
    """
    ratio = batch_size / optimizer.base_batch_size
    return (
        optimizer.lr * {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[optimizer.scale_lr]
    )


def constant(schedule: Constant, steps: Array, num_steps: int, steps_per_epoch: int) -> Array:
    """``1``: the rate stays as it is. Notes n3, Learning Rate Schedules."""
    return np.ones_like(steps)


def step(schedule: Step, steps: Array, num_steps: int, steps_per_epoch: int) -> Array:
    """``gamma ** (epoch // every)`` with the epoch from 0: cut once after each ``every`` epochs.

    All steps of an epoch have one rate. ``every`` is in epochs, ``gamma`` has no unit. As torch's
    ``StepLR``. Notes n3, Learning Rate Schedules (step scheduler).
    """
    return schedule.gamma ** ((steps // steps_per_epoch) // schedule.every)


def multi_step(schedule: MultiStep, steps: Array, num_steps: int, steps_per_epoch: int) -> Array:
    """``gamma ** k``, where k of the listed ``epochs`` are over: a step scheduler with a list.

    With ``epochs = (10, 20)`` the rate is cut once after 10 epochs, and again after 20; all steps
    of an epoch have one rate. As torch's ``MultiStepLR``. Notes n3, Learning Rate Schedules (step
    scheduler).
    """
    passed = np.searchsorted(np.asarray(schedule.epochs), steps // steps_per_epoch, side="right")
    return schedule.gamma ** passed.astype(np.float64)


def exponential(schedule: Exponential, steps: Array, num_steps: int, steps_per_epoch: int) -> Array:
    """``gamma ** epoch`` with the epoch from 0: cut by the same share after each epoch.

    All steps of an epoch have one rate; after n epochs it is ``lr gamma^n``. As torch's
    ``ExponentialLR``. Notes n3, Learning Rate Schedules (exponential scheduler).
    """
    return schedule.gamma ** (steps // steps_per_epoch)


def cosine(schedule: Cosine, steps: Array, num_steps: int, steps_per_epoch: int) -> Array:
    """``floor + (1 - floor) (1 + cos(pi t / T)) / 2``; torch's ``CosineAnnealingLR`` by step.

    ``t`` counts steps and ``T`` is how many the run has. Source: Loshchilov and Hutter, "SGDR",
    ICLR 2017; notes n3, Learning Rate Schedules (cosine scheduler).
    """
    wave = 0.5 * (1.0 + np.cos(np.pi * np.minimum(steps / num_steps, 1.0)))
    return schedule.floor + (1.0 - schedule.floor) * wave


def warm_restarts(
    schedule: WarmRestarts, steps: Array, num_steps: int, steps_per_epoch: int
) -> Array:
    """``floor + (1 - floor) (1 + cos(pi t / T)) / 2`` in cycle i, ``T = first mult^i`` epochs.

    ``t`` counts from the cycle's start, by step; torch's ``CosineAnnealingWarmRestarts``. Source:
    Loshchilov and Hutter, "SGDR", ICLR 2017.
    """
    first, mult = schedule.first * steps_per_epoch, schedule.mult
    lengths = [first]
    while sum(lengths) <= steps.max(initial=0.0):
        lengths.append(lengths[-1] * mult)
    begins = np.cumsum([0, *lengths[:-1]])
    cycle = np.searchsorted(begins, steps, side="right") - 1
    share = (steps - begins[cycle]) / np.asarray(lengths)[cycle]
    return schedule.floor + (1.0 - schedule.floor) * 0.5 * (1.0 + np.cos(np.pi * share))


def cyclical(schedule: Cyclical, steps: Array, num_steps: int, steps_per_epoch: int) -> Array:
    """``1/div + (1 - 1/div) max(0, 1 - |t/s - 2c + 1|)`` in cycle ``c`` (from 1) of ``2 s`` steps.

    ``s`` is ``rise`` epochs; "halved" divides the height by ``2^(c-1)``; torch's ``CyclicLR`` with
    "triangular" and "triangular2". Source: Smith, "Cyclical learning rates", WACV 2017; notes n3.
    """
    half, low = max(1, round(schedule.rise * steps_per_epoch)), 1.0 / schedule.div
    cycle = 1.0 + steps // (2 * half)
    height = np.maximum(0.0, 1.0 - np.abs(steps / half - 2.0 * cycle + 1.0))
    if schedule.shape == "halved":
        height = height / 2.0 ** (cycle - 1.0)
    return low + (1.0 - low) * height


def on_plateau(
    schedule: OnPlateau,
    steps: Array,
    num_steps: int,
    steps_per_epoch: int,
    losses: Sequence[float] = (),
) -> Array:
    """``factor ** cuts``: a cut after more than ``patience`` epochs without a lower loss.

    Lower is ``loss < (1 - threshold) best``, on the validation part; torch's ``ReduceLROnPlateau``
    (mode "min", relative threshold). A function of the losses so far, so that there is no state
    to lose: ``losses`` has one for each finished epoch. Its epochs count from the first step, also
    behind a warm-up. Beside notes n3, Learning Rate Schedules.
    """
    by_epoch = _cuts(schedule, losses)
    return by_epoch[np.minimum(steps // steps_per_epoch, len(losses)).astype(int)]


def _cuts(schedule: OnPlateau, losses: Sequence[float]) -> Array:
    """Return the factor of each epoch, and of the one that follows them."""
    factors, best, waited, cooling = [1.0], math.inf, 0, 0
    for loss in losses:
        lower = loss < best * (1.0 - schedule.threshold)
        best, waited = (loss, 0) if lower else (best, waited + 1)
        if cooling:
            cooling, waited = cooling - 1, 0
        cut = waited > schedule.patience
        if cut:
            cooling, waited = schedule.cooldown, 0
        factors.append(max(factors[-1] * schedule.factor, schedule.floor) if cut else factors[-1])
    return np.asarray(factors)


def one_cycle(schedule: OneCycle, steps: Array, num_steps: int, steps_per_epoch: int) -> Array:
    """Cosine up from ``1 / div`` to 1, cosine down to ``1 / (div final_div)``; ``OneCycleLR``.

    ``b + (a - b) (1 + cos(pi s)) / 2`` from a to b, where s goes from 0 to 1 by step: up over the
    share ``rise`` of the run, down over the rest. Source: Smith and Topin, "Super-convergence",
    2018; beside notes n3, Learning Rate Schedules.
    """
    start, end = 1.0 / schedule.div, 1.0 / (schedule.div * schedule.final_div)
    peak = schedule.rise * num_steps - 1.0
    up = _between(start, 1.0, steps / peak) if peak > 0 else np.ones_like(steps)
    down = _between(1.0, end, (steps - peak) / max(num_steps - 1.0 - peak, 1e-12))
    return np.where(steps <= peak, up, down)


def _between(first: float, last: float, share: Array) -> Array:
    """Go from ``first`` to ``last`` along half a cosine as ``share`` goes from 0 to 1."""
    return last + (first - last) * 0.5 * (1.0 + np.cos(np.pi * np.clip(share, 0.0, 1.0)))


FACTORS: dict[str, Callable[..., Array]] = {
    "constant": constant,
    "step": step,
    "multi-step": multi_step,
    "exponential": exponential,
    "cosine": cosine,
    "warm-restarts": warm_restarts,
    "cyclical": cyclical,
    "one-cycle": one_cycle,
    "on-plateau": on_plateau,
}
