"""Coarse to fine: what a stage leaves to the next one, and why; strategies without any training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

import goodfit as gf
from goodfit.recipe import Choice, Range, Space
from goodfit.records import Stage
from goodfit.studies.narrowing import Area, chance_of_so_few, narrowed, narrower
from goodfit.studies.strategies import STRATEGIES, Plan
from goodfit.studies.wave import Progress

Params = Mapping[str, Any]
RECIPE = gf.Recipe(data="digits", net=gf.MLP(hidden=(32,)), epochs=27)
SPACE = RECIPE.vary(lr=gf.loguniform(1e-4, 1e-1), batch_size=gf.choice(16, 32, 64))
NESTED = RECIPE.vary(
    optimizer=gf.choice(
        {"kind": "adamw", "lr": gf.loguniform(1e-4, 1e-1)},
        {"kind": "momentum", "lr": gf.loguniform(1e-3, 1.0), "momentum": gf.uniform(0.5, 0.99)},
    )
)


def play(
    strategy: str, space: Space, quality: Callable[[Params], float], *, trials: int, seed: int = 0
) -> tuple[list[Progress], list[Stage]]:
    """Return trials and stages of a strategy whose trials give ``quality`` of their values."""
    stages: list[Stage] = []
    plan = Plan(space, trials, 27, seed, 16, lambda recipe: recipe, stages)
    waves, found, sent = STRATEGIES[strategy](plan), {}, None
    while True:
        try:
            wave = waves.send(sent) if sent is not None else next(waves)  # pyright: ignore
        except StopIteration:
            return list(found.values()), stages
        sent = [found.get(asked.number, Progress(asked)) for asked in wave.trials]
        for asked, progress in zip(wave.trials, sent, strict=True):
            progress.asked = asked
            value = quality(asked.params)
            while progress.epoch < wave.until:
                progress.add_epoch([1.0], 1.0 - value, value, until=wave.until)
            if math.isnan(value):
                progress.condition = "dropped"
            found[asked.number] = progress


def near(rate: float, best: float = 3e-3) -> float:
    return 1.0 - 0.1 * math.log10(rate / best) ** 2


def test_the_chance_is_that_of_the_hypergeometric_distribution() -> None:
    assert chance_of_so_few(2, best=26, drawn=64, of=128) == pytest.approx(
        hypergeom.cdf(2, 128, 64, 26)
    )


@given(st.integers(1, 60), st.data())
def test_the_chance_agrees_with_scipy(of: int, data: st.DataObject) -> None:
    best, drawn = data.draw(st.integers(0, of)), data.draw(st.integers(0, of))
    among = data.draw(st.integers(0, best))
    assert chance_of_so_few(among, best=best, drawn=drawn, of=of) == pytest.approx(
        hypergeom.cdf(among, of, drawn, best), abs=1e-9
    )


def test_an_option_that_is_clearly_worse_is_left_out_with_its_reason() -> None:
    def quality(params: Params) -> float:
        return near(params["optimizer.lr"]) - 0.3 * (params["batch_size"] == 64)

    trials, stages = play("coarse-to-fine", SPACE, quality, trials=128)
    assert [stage.options["batch_size"] for stage in stages] == [(16, 32, 64), (16, 32), (16, 32)]
    assert "left out: batch_size 64 (0 of the best 13, but " in stages[1].reason
    assert "p = 0.00" in stages[1].reason and "optimizer.lr" in stages[1].reason
    later = [p for p in trials if p.asked.stage > 0]
    assert len(trials) == 128 and {p.asked.params["batch_size"] for p in later} == {16, 32}
    assert all(SPACE.recipe(p.asked.params).batch_size in (16, 32) for p in later)


def test_options_that_are_alike_stay() -> None:
    """By chance one stage in 20 may leave one out: of 2 x 100 stages about 10."""
    rng, lost = np.random.default_rng(0), 0
    for seed in range(100):
        _, stages = play("coarse-to-fine", SPACE, lambda params: rng.normal(), trials=64, seed=seed)
        lost += sum("left out" in stage.reason for stage in stages)
    assert lost <= 14


def test_an_option_that_is_best_in_a_small_part_of_a_range_stays() -> None:
    def quality(params: Params) -> float:
        rate = params["optimizer.lr"]
        narrow = params["batch_size"] == 64
        return near(rate) + 0.1 if narrow and 2e-3 < rate < 5e-3 else near(rate) - 0.3 * narrow

    _, stages = play("coarse-to-fine", SPACE, quality, trials=128)
    assert all(64 in stage.options["batch_size"] for stage in stages)


def test_few_trials_leave_no_option_out() -> None:
    _, stages = play("coarse-to-fine", SPACE, lambda p: -float(p["batch_size"]), trials=12)
    assert all(len(stage.options["batch_size"]) == 3 for stage in stages)


def test_what_an_option_holds_is_left_out_with_it() -> None:
    def quality(params: Params) -> float:
        return near(params["optimizer.adamw.lr"]) if params["optimizer"] == "adamw" else 0.1

    trials, stages = play("coarse-to-fine", NESTED, quality, trials=64)
    assert stages[1].options == {"optimizer": ("adamw",)}
    later = [p.asked for p in trials if p.asked.stage > 0]
    assert all(set(asked.params) == {"optimizer", "optimizer.adamw.lr"} for asked in later)
    assert all(asked.recipe.optimizer.kind == "adamw" for asked in later)


def test_the_best_trials_option_is_never_left_out() -> None:
    ranked = [{"optimizer.lr": 1e-3, "batch_size": 64}] + [
        {"optimizer.lr": 1e-3 * k, "batch_size": 16} for k in range(1, 40)
    ]
    area, _ = narrowed(Area(SPACE), [*ranked, *({**ranked[0]} for _ in range(40))], 16)
    assert 64 in area.options["batch_size"]


def test_a_range_is_called_widened_only_where_it_could_be() -> None:
    space = RECIPE.vary(dropout=gf.uniform(0.0, 0.5))
    area, told = narrowed(Area(space), [{"net.dropout": v} for v in (0.01, 0.03, 0.05)], 3)
    assert area.ranges["net.dropout"][0] == 0.0 and "widened" not in told
    space = RECIPE.vary(dropout=gf.uniform(0.2, 0.5))
    area, told = narrowed(Area(space), [{"net.dropout": v} for v in (0.21, 0.23, 0.25)], 3)
    assert area.ranges["net.dropout"][0] == pytest.approx(0.05)
    assert "widened: the best lay at the lower end" in told


def test_a_whole_number_narrows_to_where_the_best_are() -> None:
    space = RECIPE.vary(hidden=gf.layers(gf.integer(1, 9), 16))
    area, _ = narrowed(Area(space), [{"net.hidden.depth": 5}] * 4, 4)
    assert area.ranges["net.hidden.depth"] == (5, 6)


def test_a_stage_of_failures_narrows_nothing() -> None:
    trials, stages = play("coarse-to-fine", SPACE, lambda params: math.nan, trials=32)
    assert len(trials) == 32 and all(p.condition == "dropped" for p in trials)
    assert [stage.ranges for stage in stages] == [stages[0].ranges] * len(stages)
    assert "too few good trials" in stages[1].reason


def test_a_space_of_choices_alone_says_that_nothing_was_narrowed() -> None:
    space = RECIPE.vary(batch_size=gf.choice(16, 32), activation=gf.choice("relu", "tanh"))
    _, stages = play("coarse-to-fine", space, lambda params: 0.5, trials=16)
    assert stages[1].reason.startswith("the same space again: nothing to narrow")


@pytest.mark.parametrize("seed", range(5))
def test_the_best_value_lies_in_the_last_range(seed: int) -> None:
    _, stages = play(
        "coarse-to-fine", SPACE, lambda p: near(p["optimizer.lr"]), trials=64, seed=seed
    )
    low, high = stages[-1].ranges["optimizer.lr"]
    assert low < 3e-3 < high and high / low < 10


def test_a_best_value_beyond_the_border_is_reached() -> None:
    """The best rate is 0.5, the range ends at 0.1: stages widen it until it is inside."""
    trials, stages = play(
        "coarse-to-fine", SPACE, lambda p: near(p["optimizer.lr"], 0.5), trials=96
    )
    assert "widened: the best lay at the upper end" in stages[1].reason
    assert max(stage.ranges["optimizer.lr"][1] for stage in stages) > 0.5
    best = max(trials, key=lambda p: p.value)
    assert best.asked.params["optimizer.lr"] == pytest.approx(0.5, rel=0.3)


def test_one_best_value_at_a_border_by_chance_widens_nothing() -> None:
    inside = [0.09, 0.03, 0.02, 0.012, 0.04]  # the first is the best, the others lie inside
    low, high, word = narrower(1e-4, 1e-1, inside, log=True)
    assert high == 1e-1 and low > 1e-3 and not word
    outside = [0.09, 0.08, 0.07, 0.03, 0.06]
    assert narrower(1e-4, 1e-1, outside, log=True)[1] == pytest.approx(10**0.5, rel=1e-2)


def test_a_value_that_does_not_matter_keeps_its_range() -> None:
    """It is widened by chance in one or two of 50 studies; by the best value alone in 10."""
    space = RECIPE.vary(lr=gf.loguniform(1e-4, 1e-1), weight_decay=gf.loguniform(1e-5, 1e-1))
    widened = 0
    for seed in range(50):
        _, stages = play(
            "coarse-to-fine", space, lambda p: near(p["optimizer.lr"]), trials=64, seed=seed
        )
        widened += stages[1].ranges["optimizer.weight_decay"][0] < 1e-5
        widened += stages[1].ranges["optimizer.weight_decay"][1] > 1e-1
    assert widened <= 3


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("trials", [8, 17, 40])
def test_a_strategy_asks_for_each_trial_once(strategy: str, trials: int) -> None:
    found, stages = play(strategy, SPACE, lambda p: near(p["optimizer.lr"]), trials=trials)
    numbers = [progress.asked.number for progress in found]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) == (trials if strategy != "grid" else 3 * (trials // 3))
    again, _ = play(strategy, SPACE, lambda p: near(p["optimizer.lr"]), trials=trials)
    assert [p.asked for p in again] == [p.asked for p in found] and stages


def test_what_is_searched_is_told_for_every_kind() -> None:
    space = NESTED.parameters
    kinds = {type(one.distribution) for one in space.values()}
    assert Choice in kinds and any(issubclass(kind, Range) for kind in kinds)
    _, stages = play("random", NESTED, lambda params: 0.5, trials=4)
    assert stages[0].ranges.keys() | stages[0].options.keys() == space.keys()


def test_two_trials_narrow_no_range_that_only_some_have() -> None:
    rest = [{"optimizer": "adamw", "optimizer.adamw.lr": 1e-3}] * 5
    some = [
        {"optimizer": "momentum", "optimizer.momentum.lr": rate, "optimizer.momentum.momentum": 0.9}
        for rate in (0.1, 0.11, 0.12)
    ]
    name = next(name for name in NESTED.parameters if name.endswith("momentum.lr"))
    before = NESTED.parameters[name].distribution
    assert isinstance(before, Range)
    for num, changes in ((2, False), (3, True)):
        area, _ = narrowed(Area(NESTED), [*some[:num], *rest], num + 1)
        after = area.space.parameters[name].distribution
        assert (
            isinstance(after, Range)
            and ((after.low, after.high) != (before.low, before.high)) is changes
        )
