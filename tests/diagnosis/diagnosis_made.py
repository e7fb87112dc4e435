"""Histories made by hand, for one trap or one fault each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from goodfit.diagnosis import judge
from goodfit.records import (
    EpochColumns,
    History,
    Layer,
    Looks,
    Setting,
    StepColumns,
    Tally,
    Verdict,
)

NAN = float("nan")
CHANCE = math.log(10)
CLASSES = Setting(
    task="classification",
    loss_kind="cross-entropy",
    chance_loss=CHANCE,
    floor_loss=0.0,
    num_classes=10,
    majority_share=0.1,
    batch_size=32,
    optimizer="adam",
    weight_decay=0.0,
)
Schedule = Callable[[float], float]


def constant(share: float) -> float:
    """The rate as it is."""
    return 1.0


def cosine(share: float) -> float:
    """The rate down to 0 over the run."""
    return 0.5 + 0.5 * math.cos(math.pi * share)


def falling(num: int = 400, *, to: float = 0.03, noise: float = 0.03, seed: int = 0) -> np.ndarray:
    """Losses of a healthy run: from chance down, with noise in proportion."""
    draw = np.random.default_rng(seed)
    curve = to + (CHANCE - to) * np.exp(-np.arange(num) / (num / 8))
    return curve * (1 + noise * draw.standard_normal(num))


def layer(name: str, steps: Sequence[int], **columns: Any) -> Layer:
    """A layer with 1,000 weights; columns are constants or sequences."""
    values: dict[str, Any] = {
        "weight_norm": 5.0,
        "grad_norm": 0.3,
        "update_norm": 0.02,
        "output_mean": 0.0,
        "output_std": 1.0,
    } | columns
    kind = values.pop("kind", "Linear")
    num, signal = values.pop("num_weights", 1000), values.pop("signal", None)
    return Layer(
        name=name,
        kind=kind,
        num_weights=num,
        signal=signal,
        **{k: _row(v, steps) for k, v in values.items()},
    )


def _row(value: Any, steps: Sequence[int]) -> tuple[float, ...]:
    return tuple(value) if isinstance(value, Sequence) else (float(value),) * len(steps)


def looks(num: int, layers: Sequence[dict[str, Any]] = (), **columns: Any) -> Looks:
    """Looks at twelve steps, as a healthy run has them."""
    steps = tuple(sorted({1, 2, 3, 5, 8, *(max(9, num * k // 8) for k in range(1, 9))}))
    values = {
        "grad_norm": 0.5,
        "weight_norm": 8.0,
        "update_norm": 0.03,
        "descent": -0.01,
        "turn": 0.3,
        "batch_metric": 0.9,
        "wrong_and_sure": 0.0,
    } | columns
    made = [layer(f"body.{k}", steps, **extra) for k, extra in enumerate(layers or ({}, {}))]
    return Looks(step=steps, **{k: _row(v, steps) for k, v in values.items()}, layers=tuple(made))


def history(
    losses: Sequence[float] | np.ndarray,
    *,
    lr: Schedule = constant,
    epochs: int = 10,
    validation: Sequence[float] | None = None,
    setting: Setting = CLASSES,
    **fields: Any,
) -> History:
    """A history of these losses; validation follows the training loss unless given."""
    num = len(losses)
    ends = [num * k // epochs for k in range(1, epochs + 1)] if epochs else []
    train = [float(np.mean(losses[a:b])) for a, b in zip([0, *ends], ends, strict=False)]
    val = [float(losses[end - 1]) * 1.1 for end in ends] if validation is None else validation
    made = History(
        metric="accuracy",
        steps=StepColumns(
            step=tuple(range(1, num + 1)),
            loss=tuple(float(v) for v in losses),
            grad_norm=(NAN,) * num,
            lr=tuple(1e-3 * lr(k / max(1, num - 1)) for k in range(num)),
        ),
        epochs=EpochColumns(
            epoch=tuple(range(1, len(val) + 1)),
            step=tuple(ends[: len(val)]),
            train_loss=tuple(train[: len(val)]),
            validation_loss=tuple(float(v) for v in val),
            metric=(0.9,) * len(val),
            clean_loss=(NAN,) * len(val),
            clean_metric=(NAN,) * len(val),
        ),
        looks=looks(num),
        tallies={
            "still-weights": Tally(of=12),
            "old-gradients": Tally(of=11),
        },
        setting=setting,
        steps_per_epoch=num // epochs if epochs else 0,
    )
    return replace(made, **fields)


def verdict(made: History, name: str) -> Verdict:
    """The verdict of one rule."""
    return {v.check: v for v in judge(made)}[name]


def severity(made: History, name: str) -> str:
    """The severity of what one rule found; "" where it found nothing."""
    finding = verdict(made, name).finding
    return finding.severity if finding else ""


def warnings_of(made: History) -> list[str]:
    """The names of all findings of severity warning and above."""
    found = (v.finding for v in judge(made) if v.finding)
    return [f.rule for f in found if f.severity != "info"]
