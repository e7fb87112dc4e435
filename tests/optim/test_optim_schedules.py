"""Schedules against torch's own, step by step, and what holds for all of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from goodfit import recipe as recipes
from goodfit.optim import FACTORS, base_rate, learning_rates
from goodfit.recipe import (
    Constant,
    Cosine,
    Cyclical,
    Exponential,
    MultiStep,
    OneCycle,
    OnPlateau,
    Schedule,
    Step,
    WarmRestarts,
)

LR = 0.3
MakeScheduler = Callable[[torch.optim.Optimizer], LRScheduler]


def ours(schedule: Schedule, num_steps: int, steps_per_epoch: int = 7) -> np.ndarray:
    return learning_rates(
        schedule,
        lr=LR,
        steps=np.arange(float(num_steps)),
        num_steps=num_steps,
        steps_per_epoch=steps_per_epoch,
    )


def torchs(make: MakeScheduler, num_steps: int, every: int = 1) -> list[float]:
    """Return torch's rate at each step; its scheduler moves after each ``every`` steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    rates = []
    with warnings.catch_warnings():
        # SequentialLR calls its parts in a way that torch itself deprecates.
        warnings.filterwarnings("ignore", message="The epoch parameter")
        scheduler = make(optimizer)
        for step in range(1, num_steps + 1):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            if step % every == 0 and step < num_steps:
                scheduler.step()
    return rates


def check(found: np.ndarray, expected: list[float]) -> None:
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("num_steps", [1, 6, 7, 50, 101])
@pytest.mark.parametrize("every", [1, 3])
def test_step(num_steps: int, every: int) -> None:
    expected = torchs(lambda o: StepLR(o, step_size=every, gamma=0.3), num_steps, every=7)
    check(ours(Step(every=every, gamma=0.3), num_steps), expected)


@pytest.mark.parametrize("num_steps", [1, 6, 7, 50, 101])
def test_exponential(num_steps: int) -> None:
    expected = torchs(lambda o: ExponentialLR(o, gamma=0.8), num_steps, every=7)
    check(ours(Exponential(gamma=0.8), num_steps), expected)


@pytest.mark.parametrize("num_steps", [1, 2, 7, 100, 1001])
@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_cosine(num_steps: int, floor: float) -> None:
    expected = torchs(
        lambda o: CosineAnnealingLR(o, T_max=num_steps, eta_min=LR * floor), num_steps
    )
    check(ours(Cosine(floor=floor, warmup=0.0), num_steps), expected)


@pytest.mark.parametrize("num_steps", [1, 3, 4, 7, 100, 1001])
@pytest.mark.parametrize("rise", [0.3, 0.5, 0.9])
def test_one_cycle(num_steps: int, rise: float) -> None:
    expected = torchs(
        lambda o: OneCycleLR(
            o,
            max_lr=LR,
            total_steps=num_steps,
            pct_start=rise,
            div_factor=10.0,
            final_div_factor=100.0,
            anneal_strategy="cos",
            three_phase=False,
            cycle_momentum=False,
        ),
        num_steps,
    )
    check(ours(OneCycle(rise=rise, div=10.0, final_div=100.0), num_steps), expected)


@pytest.mark.parametrize("num_steps", [1, 7, 50, 101])
def test_multi_step(num_steps: int) -> None:
    expected = torchs(lambda o: MultiStepLR(o, [2, 3, 9], gamma=0.3), num_steps, every=7)
    check(ours(MultiStep(epochs=(2, 3, 9), gamma=0.3), num_steps), expected)


@pytest.mark.parametrize(("first", "mult"), [(1, 1), (2, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("num_steps", [1, 7, 14, 15, 120])
def test_warm_restarts(first: int, mult: int, num_steps: int) -> None:
    expected = torchs(
        lambda o: CosineAnnealingWarmRestarts(o, T_0=7 * first, T_mult=mult, eta_min=LR * 0.1),
        num_steps,
    )
    check(ours(WarmRestarts(first=first, mult=mult, floor=0.1), num_steps), expected)


@pytest.mark.parametrize(
    ("shape", "mode"), [("triangular", "triangular"), ("halved", "triangular2")]
)
@pytest.mark.parametrize(("rise", "half"), [(1.0, 7), (0.5, 4), (3.0, 21)])
def test_cyclical(shape, mode, rise: float, half: int) -> None:
    expected = torchs(
        lambda o: CyclicLR(o, LR / 5, LR, step_size_up=half, mode=mode, cycle_momentum=False), 100
    )
    check(ours(Cyclical(rise=rise, div=5.0, shape=shape), 100), expected)


LOSSES = st.lists(
    st.sampled_from([1.0, 0.99995, 0.9, 0.5, 0.4, 2.0, float("nan")]), min_size=1, max_size=40
)


@given(
    losses=LOSSES,
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
    floor=st.sampled_from([0.0, 0.02]),
)
def test_on_plateau(losses: list[float], patience: int, cooldown: int, floor: float) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    options = {"patience": patience, "threshold": 1e-4, "cooldown": cooldown, "eps": 0.0}
    scheduler = ReduceLROnPlateau(optimizer, factor=0.3, min_lr=LR * floor, **options)
    expected = []
    for loss in losses:
        expected += [float(optimizer.param_groups[0]["lr"])] * 7
        scheduler.step(loss)
    schedule = OnPlateau(factor=0.3, patience=patience, cooldown=cooldown, floor=floor)
    steps = np.arange(7.0 * len(losses))
    options = {"lr": LR, "num_steps": 7 * len(losses), "steps_per_epoch": 7}
    whole = learning_rates(schedule, steps=steps, losses=losses, **options)
    check(whole, expected)
    for epoch in range(len(losses)):
        part = steps[7 * epoch : 7 * epoch + 7]
        known = learning_rates(schedule, steps=part, losses=losses[:epoch], **options)
        assert (known == whole[7 * epoch : 7 * epoch + 7]).all(), "a resumed run asks from here"


def warmed_up(proper: MakeScheduler, warmup: int) -> MakeScheduler:
    def make(optimizer: torch.optim.Optimizer) -> LRScheduler:
        rise = LinearLR(
            optimizer, start_factor=1.0 / warmup, end_factor=1.0, total_iters=warmup - 1
        )
        return SequentialLR(optimizer, [rise, proper(optimizer)], milestones=[warmup])

    return make


@pytest.mark.parametrize(("num_steps", "warmup"), [(40, 0.05), (41, 0.3), (100, 0.5), (9, 0.9)])
def test_linear_warm_up_before_a_cosine(num_steps: int, warmup: float) -> None:
    rising = round(warmup * num_steps)
    expected = torchs(
        warmed_up(lambda o: CosineAnnealingLR(o, T_max=num_steps - rising), rising), num_steps
    )
    check(ours(Cosine(floor=0.0, warmup=warmup), num_steps), expected)


@pytest.mark.parametrize("num_steps", [40, 33])
def test_linear_warm_up_before_the_others(num_steps: int) -> None:
    rising = round(0.25 * num_steps)
    constant = warmed_up(lambda o: ConstantLR(o, factor=1.0), rising)
    check(ours(Constant(warmup=0.25), num_steps), torchs(constant, num_steps))
    staircase = warmed_up(lambda o: StepLR(o, step_size=2 * 7, gamma=0.5), rising)
    check(ours(Step(every=2, gamma=0.5, warmup=0.25), num_steps), torchs(staircase, num_steps))
    falling = warmed_up(lambda o: StepLR(o, step_size=7, gamma=0.8), rising)
    check(ours(Exponential(gamma=0.8, warmup=0.25), num_steps), torchs(falling, num_steps))


def test_warm_up_that_fills_the_run_ends_at_the_full_rate() -> None:
    rates = ours(Cosine(warmup=0.99), 3)
    assert rates == pytest.approx([LR / 3, 2 * LR / 3, LR])


def test_a_rate_does_not_depend_on_which_steps_are_asked_for() -> None:
    """A resumed run asks from the middle."""
    whole = ours(Cosine(), 50)
    part = learning_rates(
        Cosine(), lr=LR, steps=np.arange(20.0, 50.0), num_steps=50, steps_per_epoch=7
    )
    assert (part == whole[20:]).all()


FRACTIONS = st.floats(0.0, 1.0, exclude_max=True)
SCHEDULES = st.one_of(
    st.builds(Constant, warmup=FRACTIONS),
    st.builds(Step, every=st.integers(1, 50), gamma=st.floats(1e-9, 1.0), warmup=FRACTIONS),
    st.builds(Exponential, gamma=st.floats(1e-9, 1.0), warmup=FRACTIONS),
    st.builds(Cosine, floor=FRACTIONS, warmup=FRACTIONS),
    st.builds(MultiStep, gamma=st.floats(1e-9, 1.0), warmup=FRACTIONS),
    st.builds(
        WarmRestarts,
        first=st.integers(1, 9),
        mult=st.integers(1, 3),
        floor=FRACTIONS,
        warmup=FRACTIONS,
    ),
    st.builds(
        Cyclical,
        rise=st.floats(1e-3, 50.0),
        div=st.floats(1.0, 1e6),
        shape=st.sampled_from(["triangular", "halved"]),
        warmup=FRACTIONS,
    ),
    st.builds(OnPlateau, warmup=FRACTIONS),
    st.builds(
        OneCycle,
        rise=st.floats(0.0, 1.0, exclude_min=True, exclude_max=True),
        div=st.floats(1.0, 1e6),
        final_div=st.floats(1.0, 1e9),
    ),
)


@given(schedule=SCHEDULES, num_steps=st.integers(1, 400), steps_per_epoch=st.integers(1, 50))
def test_rates_are_finite_and_between_zero_and_the_base_rate(
    schedule: Schedule, num_steps: int, steps_per_epoch: int
) -> None:
    rates = ours(schedule, num_steps, steps_per_epoch)
    assert rates.shape == (num_steps,)
    assert np.isfinite(rates).all()
    assert (rates >= 0.0).all()
    assert (rates <= LR * (1.0 + 1e-12)).all()


@given(
    warmup=FRACTIONS,
    num_steps=st.integers(1, 300),
    make=st.sampled_from([Constant, Step, Exponential, Cosine]),
)
def test_warm_up_rises_and_reaches_the_base_rate(
    warmup: float, num_steps: int, make: Callable[..., Schedule]
) -> None:
    rising = round(warmup * num_steps)
    rates = ours(make(warmup=warmup), num_steps)
    assert (np.diff(rates[:rising]) > 0.0).all()
    if rising:
        assert rates[rising - 1] == pytest.approx(LR)


def test_every_schedule_of_a_recipe_has_its_factors_and_a_test() -> None:
    family = get_args(recipes.Recipe.model_fields["schedule"].annotation)
    kinds = {schedule.model_fields["kind"].default for schedule in family}
    assert set(FACTORS) == kinds
    tests = {name.removeprefix("test_").replace("_", "-") for name in globals()}
    assert kinds - {"constant"} <= tests


@pytest.mark.parametrize(
    ("rule", "expected"), [("none", 0.1), ("linear", 0.8), ("sqrt", 0.1 * 8.0**0.5)]
)
def test_the_rate_grows_with_the_batch_as_asked(rule, expected: float) -> None:
    config = recipes.AdamW(lr=0.1, scale_lr=rule, base_batch_size=16)
    assert base_rate(config, 128) == pytest.approx(expected)
    assert base_rate(config, 16) == pytest.approx(0.1)


@pytest.mark.parametrize("kind", FACTORS)
def test_every_schedule_says_its_formula(kind: str) -> None:
    text = FACTORS[kind].__doc__ or ""
    assert "``" in text or kind == "constant"
    assert len(text) > 20
