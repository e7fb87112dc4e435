"""Learning-rate schedules, drawn as the loop would follow them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..optim.schedules import learning_rates
from ..recipe import OnPlateau, Schedule
from ..records import Chart, Line, Sheet, Table

STEPS_PER_EPOCH, MOST_POINTS = 100, 600


def show_schedule(schedules: Sequence[Schedule], *, lr: float, epochs: int) -> Sheet:
    """Draw the learning rate by epoch, one line for each schedule, of a run of ``epochs``.

    ``lr`` is the base rate. Rates are those at each of 100 steps an epoch.

    Example:
        >>> from goodfit.recipe import Constant
        >>> sheet = show_schedule([Constant(warmup=0.0)], lr=0.1, epochs=10)
        >>> sheet.parts[0].lines[0].y[0]
        0.1
    """
    num_steps = epochs * STEPS_PER_EPOCH
    steps = np.unique(np.linspace(0, num_steps - 1, MOST_POINTS).round())
    options: dict[str, Any] = {"lr": lr, "num_steps": num_steps}
    options |= {"steps_per_epoch": STEPS_PER_EPOCH, "losses": _losses(epochs)}
    rates = [learning_rates(schedule, steps=steps, **options) for schedule in schedules]
    names = [schedule.kind for schedule in schedules]
    x = tuple((steps / STEPS_PER_EPOCH).tolist())
    lines = tuple(
        Line(name=name, x=x, y=tuple(rate.tolist()))
        for name, rate in zip(names, rates, strict=True)
    )
    rows = tuple(
        (name, float(rate[0]), float(rate.max()), float(rate.mean()), float(rate[-1]))
        for name, rate in zip(names, rates, strict=True)
    )
    chart = Chart(title="Rate by epoch", x_label="epoch", y_label="learning rate", lines=lines)
    columns = ("schedule", "first", "highest", "mean", "last")
    return Sheet(
        title="Learning-rate schedules",
        headline=f"{', '.join(names)}: base rate {lr:g}, {epochs} epochs.{_assumed(names)}",
        parts=(chart, Table(title="Rates", columns=columns, rows=rows)),
    )


def _losses(epochs: int) -> list[float]:
    """Return validation losses that fall for a third of the run and then stand still."""
    return [0.9 ** min(epoch, epochs // 3) for epoch in range(epochs)]


def _assumed(names: Sequence[str]) -> str:
    if OnPlateau().kind not in names:
        return ""
    return " on-plateau goes by validation: drawn for a loss that stops falling after a third."
