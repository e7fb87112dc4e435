"""The traps of the design, section 6: what other tools cry wolf about must stay silent here."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from diagnosis_made import (
    CHANCE,
    CLASSES,
    cosine,
    falling,
    history,
    layer,
    looks,
    severity,
    verdict,
    warnings_of,
)

from goodfit.diagnosis import findings
from goodfit.records import Baseline, Looks, Tally


def test_relu_zeros_are_not_death() -> None:
    sparse = looks(400, [{}, {"kind": "ReLU", "num_weights": 0, "dead_share": 0.1}])
    assert not warnings_of(history(falling(), looks=sparse))


def test_a_wide_layer_with_a_few_dead_units_is_healthy() -> None:
    some = looks(400, [{}, {"kind": "ReLU", "num_weights": 0, "dead_share": 0.4}])
    assert severity(history(falling(), looks=some), "dead-units") == ""


@pytest.mark.parametrize("name", ["gradient-vanishing", "gradient-exploding", "update-ratio-low"])
def test_a_converged_run_may_have_any_gradient(name: str) -> None:
    odd = looks(400, [{"grad_norm": 1e-9, "update_norm": 1e-6}, {}], grad_norm=0.5)
    assert severity(history(falling(to=0.001), looks=odd), name) == ""


def test_ratios_go_to_nothing_at_the_end_of_cosine() -> None:
    steps = looks(400).step
    shrunk = [0.03 * cosine(step / 400) + 1e-9 for step in steps]
    made = history(falling(to=0.4), lr=cosine, looks=looks(400, update_norm=shrunk))
    assert not warnings_of(made)
    assert severity(replace(made, stopped="budget"), "lr-too-low") == ""


def test_a_layer_that_began_at_zero_has_no_ratio() -> None:
    grown = [1e-12, *np.linspace(0.2, 2.0, 12)]
    first = looks(400, [{}, {"weight_norm": grown[: len(looks(400).step)], "update_norm": 0.1}])
    assert severity(history(falling(to=0.8), looks=first), "update-ratio-high") == ""


def test_dropout_makes_training_the_larger_loss_and_that_is_no_gap() -> None:
    val = [float(falling(noise=0)[k * 40 - 1]) * 0.7 for k in range(1, 11)]
    assert not warnings_of(history(falling(to=0.4), validation=val))


def test_the_gap_is_taken_on_clean_rows() -> None:
    made = history(falling(to=1.0), validation=[1.5, 1.3, 1.2, *[1.15] * 7])
    clean = (1.3, 1.0, 0.8, 0.6, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06)
    assert severity(made, "overfitting") == ""
    assert severity(replace(made, epochs=replace(made.epochs, clean_loss=clean)), "overfitting")


def test_one_bad_epoch_is_not_overfitting() -> None:
    val = [1.0, 0.6, 0.4, 0.3, 0.25, 0.22, 0.2, 0.2, 0.2, 0.9]
    assert severity(history(falling(), validation=val), "overfitting") == ""
    middle = [1.0, 0.6, 0.4, 0.3, 1.5, 0.22, 0.2, 0.2, 0.2, 0.2]
    assert severity(history(falling(), validation=middle), "overfitting") == ""


def test_overfitting_harms_nobody_where_the_best_weights_are_kept() -> None:
    val = [1.2, 0.9, 0.8, 0.85, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4]
    made = history(falling(to=0.002), validation=val)
    assert severity(made, "overfitting") == "warning"
    kept = replace(made, best_epoch=3, stopped="early-stopping")
    assert severity(kept, "overfitting") == "info"
    assert severity(kept, "still-improving") == ""


def test_a_validation_loss_that_is_a_sum_says_nothing_of_a_gap() -> None:
    mean_over_rows = [1.2, 0.9, 0.6, 0.4, 0.3, 0.25, 0.22, 0.2, 0.2, 0.2]
    whole_set = [300.0 * value for value in mean_over_rows]
    assert severity(history(falling(to=0.002), validation=whole_set), "overfitting") == ""
    apart = [1.2, 1.1, 1.0, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95]
    assert severity(history(falling(to=0.002), validation=apart), "overfitting") == "warning"


def test_label_smoothing_moves_the_floor() -> None:
    smooth = replace(CLASSES, floor_loss=0.5)
    losses = 0.5 + falling(to=0.03) * (CHANCE - 0.5) / CHANCE
    assert not warnings_of(history(losses, setting=smooth))
    assert severity(history(losses, setting=smooth), "lr-good") == "info"


def test_mixed_targets_keep_the_loss_high_and_validation_low() -> None:
    mixed = replace(CLASSES, floor_loss=0.4, mixed_targets=True)
    draw = np.random.default_rng(0)
    losses = 0.4 + falling(to=0.15) * 0.8 + 0.15 * draw.random(400)
    val = [1.0, 0.5, 0.3, 0.2, 0.15, 0.13, 0.12, 0.12, 0.12, 0.12]
    assert not warnings_of(history(losses, validation=val, setting=mixed, stopped="budget"))


def test_accuracy_under_seventy_percent_is_not_slow() -> None:
    made = history(falling(to=1.1), validation=[1.6, 1.3, 1.2, 1.2, 1.2], epochs=5)
    made = replace(made, epochs=replace(made.epochs, metric=(0.5, 0.6, 0.62, 0.62, 0.62)))
    assert not warnings_of(replace(made, stopped="budget"))


def test_a_noise_floor_is_not_underfitting() -> None:
    quantity = replace(CLASSES, task="regression", loss_kind="mse", chance_loss=1.0, num_classes=0)
    draw = np.random.default_rng(0)
    losses = (0.5 + 0.5 * np.exp(-np.arange(160) / 20)) * (1 + 0.2 * draw.standard_normal(160))
    val = [0.8, 0.7, 0.65, 0.6, 0.58, 0.57, 0.56, 0.56, 0.56, 0.56]
    made = history(losses, validation=val, setting=quantity, stopped="budget")
    assert not warnings_of(made)


def test_an_explosion_is_measured_without_a_unit() -> None:
    dollars = replace(CLASSES, task="regression", loss_kind="mse", chance_loss=1e10)
    losses = falling() * 1e10 / CHANCE
    made = history(losses, setting=dollars, looks=looks(400, grad_norm=1e9))
    assert not warnings_of(made)


def test_warm_up_is_not_too_low_a_rate() -> None:
    def warm(share: float) -> float:
        return 1e-4 + share * 5

    flat = CHANCE * (1 + 0.01 * np.random.default_rng(0).standard_normal(120))
    made = history(flat, lr=warm, looks=looks(120, update_norm=1e-5))
    assert verdict(made, "lr-too-low").outcome == "not-judged"
    assert not warnings_of(made)


def test_the_first_noisy_steps_are_no_explosion() -> None:
    noisy = [0.7, 1.3, 1.6, 0.9, 1.2, 0.8]
    assert not warnings_of(history(noisy, epochs=0, validation=[], looks=looks(6)))


def test_one_odd_batch_is_no_jump() -> None:
    losses = falling()
    losses[150] = 80.0
    assert not warnings_of(history(losses))


def test_a_spike_that_is_over_is_not_exploded() -> None:
    losses = falling()
    losses[100:110] = 9.0
    assert severity(history(losses), "loss-exploded") == ""


def test_cosine_that_ends_with_the_run_did_not_end_early() -> None:
    assert severity(history(falling(to=0.8), lr=cosine), "schedule-ended-early") == ""


def test_a_rate_cut_on_a_plateau_did_not_end_early() -> None:
    losses = falling(to=0.7)
    cut = history(losses, lr=lambda share: 1.0 if share < 0.6 else 1e-3)
    assert severity(cut, "schedule-ended-early") == ""


def test_meant_accumulation_is_not_a_forgotten_zero_grad() -> None:
    counts = {
        "old-gradients": Tally(of=10),
        "backward-per-step": Tally(happened=30, of=40),
    }
    assert severity(history(falling(), tallies=counts), "gradients-accumulate") == ""


def test_full_batch_training_repeats_its_batch() -> None:
    whole = replace(CLASSES, batch_size=100, num_train=100)
    made = history(falling(), setting=whole, tallies={"same-batch": Tally(happened=399, of=399)})
    assert verdict(made, "same-batch-every-step").outcome == "not-judged"


@pytest.mark.parametrize(
    ("size", "steps_per_epoch", "said"),
    # A validation now and then makes no epochs: 80 labelled nodes of a graph, each tenth step.
    [(210, 0, "info"), (210, 50, "info"), (32, 0, "error"), (80, 10, "info"), (32, 1, "")],
)
def test_a_batch_that_may_be_all_rows_is_no_mistake(
    size: int, steps_per_epoch: int, said: str
) -> None:
    setting = replace(CLASSES, batch_size=size, num_train=0)
    made = history(falling(), setting=setting, tallies={"same-batch": Tally(happened=99, of=99)})
    made = replace(made, steps_per_epoch=steps_per_epoch)
    assert severity(made, "same-batch-every-step") == said
    closures = replace(made, setting=replace(setting, optimizer="lbfgs"))
    assert verdict(closures, "same-batch-every-step").outcome == "not-judged"


@pytest.mark.parametrize(("optimizer", "said"), [("lbfgs", ""), ("sgd", "warning")])
def test_large_updates_are_usual_for_several_steps_in_one(optimizer: str, said: str) -> None:
    setting = replace(CLASSES, optimizer=optimizer)
    large = looks(400, [{"update_norm": 8.0}, {"update_norm": 8.0}], update_norm=8.0, turn=0.0)
    assert severity(history(falling(), setting=setting, looks=large), "lr-too-high") == said
    jumps = history(np.concatenate([[2.3, 2.5], np.full(60, 90.0)]), setting=setting)
    assert severity(jumps, "lr-too-high") == "error"


def test_decay_that_had_no_time_to_shrink_weights_is_not_blamed() -> None:
    stuck = np.full(400, 2.3)
    weak = looks(400, grad_norm=1e-9, weight_norm=10.0)
    for decay, said in ((1e-5, ""), (1.0, "warning")):
        setting = replace(CLASSES, optimizer="sgd", weight_decay=decay, momentum=0.9)
        made = history(stuck, setting=setting, looks=weak)
        assert severity(made, "weight-decay-too-strong") == said


@pytest.mark.parametrize(("accuracy", "said"), [(0.98, ""), (0.9, "warning")])
def test_a_gap_of_sureness_is_no_overfitting_where_decisions_are_right(
    accuracy: float, said: str
) -> None:
    validation = [0.5, *np.full(39, 0.2)]
    setting = replace(CLASSES, majority_share=0.1)
    made = history(falling(to=0.002), validation=validation, setting=setting)
    train = (0.3, *np.full(39, 0.002))
    metric = (0.85, 0.853, *np.full(38, accuracy))  # of many rows: it moves in small steps
    epochs = replace(made.epochs, train_loss=train, clean_loss=train, metric=metric)
    assert severity(replace(made, metric="accuracy", epochs=epochs), "overfitting") == said


def test_one_batch_an_epoch_cannot_be_shuffled() -> None:
    made = history(falling(20), epochs=20, tallies={"same-order": Tally(happened=19, of=19)})
    assert verdict(replace(made, steps_per_epoch=1), "not-shuffled").outcome == "not-judged"


def test_frozen_statistics_of_a_trained_network_do_no_harm() -> None:
    frozen = {"kind": "BatchNorm2d", "num_weights": 0, "norm_gap": 0.6}
    made = history(falling(), looks=looks(400, [{}, frozen]))
    assert severity(made, "norm-statistics-stale") == "info"


def test_growing_sureness_is_not_overfitting() -> None:
    val = [1.2, 0.9, 0.8, 0.85, 0.9, 1.0, 1.05, 1.1, 1.1, 1.1]
    made = history(falling(to=0.3), validation=val)
    assert severity(made, "overfitting") == "info"
    worse = (0.3, 0.5, 0.7, 0.7, 0.69, 0.68, 0.67, 0.66, 0.65, 0.65)
    lost = replace(made, epochs=replace(made.epochs, metric=worse))
    assert severity(lost, "overfitting") == "warning"


def test_small_batches_that_learn_are_healthy() -> None:
    small = replace(CLASSES, batch_size=4)
    assert not warnings_of(history(falling(1200, noise=0.4), setting=small))


def test_clipping_that_did_no_harm_is_only_told() -> None:
    made = history(falling(to=0.01), tallies={"clipped": Tally(happened=12, of=12)})
    assert severity(made, "clipping-most-steps") == "info"


def test_fine_tuning_starts_low_and_stays_there() -> None:
    tuned = 0.05 * (1 + 0.1 * np.random.default_rng(0).standard_normal(400))
    known = history(tuned, looks=looks(400, update_norm=8e-4), stopped="budget")
    assert not warnings_of(known)
    unknown = replace(known, setting=replace(CLASSES, chance_loss=None))
    assert not warnings_of(unknown)


def test_a_loss_that_reaches_zero_is_healthy() -> None:
    made = history(falling(to=1e-6), validation=[0.5, 0.2, 0.1, 0.08, 0.08, 0.08, 0.08, 0.09])
    assert not warnings_of(replace(made, stopped="budget"))


def test_nan_and_infinity_trip_no_rule() -> None:
    for end in ([math.inf] * 50, [math.nan] * 50, [1e30, math.inf, math.nan] * 20):
        assert "loss-not-finite" in warnings_of(history([*falling(100), *end]))


def test_the_start_and_not_the_rate_is_blamed_for_a_bad_start() -> None:
    huge = [1e5, 8e6, 9e6, *np.linspace(9e6, 1e6, 60)]
    made = history(huge, looks=looks(63, grad_norm=1e5))
    assert severity(made, "gradient-exploding") == "warning"
    assert severity(made, "lr-too-high") == ""


def test_weights_that_grow_straight_from_zero_have_no_high_rate() -> None:
    large = looks(400, [{"update_norm": 8.0}, {"update_norm": 8.0}], update_norm=8.0, turn=0.8)
    assert severity(history(falling(), looks=large), "lr-too-high") == ""
    turns = (-0.3, *(0.8,) * (len(large.step) - 1))
    assert (
        severity(history(falling(), looks=replace(large, turn=turns)), "lr-too-high") == "warning"
    )


def test_single_rows_that_were_learned_from_are_not_too_few() -> None:
    setting = replace(CLASSES, batch_size=1)
    noisy = falling() + np.where(np.arange(400) == 40, 3.0, 0.0)
    assert severity(history(noisy, setting=setting), "batch-too-small") == ""
    stuck = history(np.where(np.arange(400) < 200, noisy, 2.2), setting=setting)
    assert severity(stuck, "batch-too-small") == "warning"


def test_a_generators_loss_has_no_plateau_next_to_chance() -> None:
    told = {"setting": replace(CLASSES, chance_loss=0.0), "stopped": "budget"}
    assert severity(history(np.full(400, 0.8), **told), "plateau") != "warning"


def test_parameters_without_a_gradient_are_judged_after_three_looks() -> None:
    made = history(falling(), tallies={"unreached-parameters": Tally(happened=1, of=6)})
    assert severity(made, "no-gradient") == "warning"
    early = replace(made, looks=Looks())
    assert verdict(early, "no-gradient").outcome == "not-judged"
    all_of_them = {"unreached-parameters": Tally(happened=6, of=6)}
    assert verdict(replace(made, tallies=all_of_them), "no-gradient").outcome == "not-judged"


@pytest.mark.parametrize(
    ("missing", "to", "said"), [(2, 0.03, "info"), (8, 0.03, "warning"), (2, 1.8, "warning")]
)
def test_a_small_output_that_nothing_uses_keeps_no_network_from_learning(
    missing: int, to: float, said: str
) -> None:
    tallies = {"unreached-parameters": Tally(happened=missing, of=24)}
    assert severity(history(falling(to=to), tallies=tallies), "no-gradient") == said


@pytest.mark.parametrize(("level", "said"), [(-0.5, ""), (0.5, "warning")])
def test_few_clean_rows_of_a_loss_below_0_are_no_training_part(level: float, said: str) -> None:
    """A Poisson's loss is that of its counts: one batch has -2, all rows -0.5."""
    losses = level + np.linspace(1.0, 0.0, 400) ** 4
    val = [level + 0.6, level + 0.1, *(level + 0.08 - 0.001 * (k == 3) for k in range(18))]
    made = history(losses, epochs=20, validation=val, setting=UNKNOWN)
    clean = replace(made.epochs, clean_loss=(0.4, *[level - 1.5] * 19))
    assert severity(replace(made, epochs=clean), "overfitting") == said


@pytest.mark.parametrize(("frozen", "said"), [(400, ""), (0, "warning")])
def test_a_body_that_was_trained_before_may_move_slowly(frozen: int, said: str) -> None:
    slow = looks(400, [{"update_norm": 5e-4}, {"update_norm": 0.1, "num_weights": 300}])
    setting = replace(CLASSES, baseline=Baseline(linear=0.86, curved=0.88, num_rows=160))
    tallies = {"frozen-weights": Tally(happened=frozen, of=6000)}
    made = history(falling(to=0.5), looks=slow, setting=setting, tallies=tallies)
    assert severity(made, "update-ratio-low") == said


ADAGRAD = replace(CLASSES, optimizer="adagrad")
UNKNOWN = replace(CLASSES, task=None, loss_kind="", chance_loss=None, floor_loss=None)


@pytest.mark.parametrize("name", ["lr-too-high", "update-ratio-high"])
def test_adagrads_steps_shrink_by_themselves(name: str) -> None:
    large = looks(400, [{"update_norm": 3.0}, {"update_norm": 3.0}], update_norm=4.0, turn=0.0)
    for setting, losses, said in (
        (ADAGRAD, falling(to=0.8), ""),
        (ADAGRAD, np.full(400, 2.2), "warning"),
        (CLASSES, falling(to=0.8), "warning"),
    ):
        assert severity(history(losses, setting=setting, looks=large), name) == said


def test_weights_that_grew_tenfold_without_a_jump_have_no_high_rate() -> None:
    norms = np.geomspace(1.0, 60.0, len(looks(400).step))
    grown = looks(400, weight_norm=tuple(norms), update_norm=tuple(0.4 * norms), turn=0.0)
    assert severity(history(falling(), looks=grown), "lr-too-high") == ""
    same = looks(400, weight_norm=8.0, update_norm=0.4 * 8.0, turn=0.0)
    assert severity(history(falling(), looks=same), "lr-too-high") == "warning"


def test_a_policys_loss_around_zero_is_not_poor() -> None:
    draw = np.random.default_rng(0)
    losses = np.concatenate([[-0.8], 0.1 * draw.standard_normal(399)])
    turning = looks(400, turn=-0.8, update_norm=0.7)
    assert severity(history(losses, setting=UNKNOWN, looks=turning), "lr-too-high") == ""
    stuck = history(np.full(400, 2.3), looks=turning)
    assert severity(stuck, "lr-too-high") == "warning"


@pytest.mark.parametrize("name", ["plateau", "underfitting", "lr-too-low", "batch-too-small"])
def test_optimisers_with_a_loss_each_make_no_one_descent(name: str) -> None:
    made = history(np.full(400, 2.3), stopped="budget")
    turns = replace(made, tallies={"own-losses": Tally(happened=200, of=400)})
    assert verdict(turns, name).outcome == "not-judged"
    one = replace(made, tallies={"own-losses": Tally(happened=0, of=400)})
    assert verdict(one, name) == verdict(made, name)
    assert severity(made, "plateau") == "warning"


def test_rows_told_from_those_of_their_batch_have_no_known_floor() -> None:
    pairs = replace(
        CLASSES, num_classes=64, batch_size=64, majority_share=1 / 64, chance_loss=math.log(64)
    )
    stuck = np.full(400, 0.9 * math.log(64))
    for setting, said in ((pairs, ""), (replace(pairs, majority_share=0.03), "warning")):
        made = history(stuck, setting=setting, validation=[stuck[0]] * 10, stopped="budget")
        assert severity(made, "underfitting") == said


def test_clipping_each_step_of_adam_that_learns_is_only_told() -> None:
    tallies = {"clipped": Tally(happened=12, of=12)}
    for optimizer, norm, to, said in (
        ("adamw", 1.0, 0.5, "info"),
        ("adamw", 1.0, 1.5, "warning"),
        ("adamw", 1e-4, 0.5, "warning"),
        ("sgd", 1.0, 0.5, "warning"),
    ):
        setting = replace(CLASSES, optimizer=optimizer, max_grad_norm=norm)
        made = history(falling(to=to), setting=setting, tallies=tallies)
        assert severity(made, "clipping-most-steps") == said


@pytest.mark.parametrize(("kind", "said"), [("ReLU", "error"), ("tanh", ""), ("Sigmoid", "")])
def test_what_has_a_slope_everywhere_does_not_die(kind: str, said: str) -> None:
    alike = looks(400, [{}, {"kind": kind, "num_weights": 0, "dead_share": 1.0}])
    assert severity(history(np.full(400, 2.3), looks=alike), "dead-units") == said


def test_some_dead_units_under_a_loss_that_is_not_known_are_healthy() -> None:
    for share, setting, said in (
        (0.7, UNKNOWN, ""),
        (0.95, UNKNOWN, "warning"),
        (0.7, CLASSES, "warning"),
    ):
        dead = looks(400, [{}, {"kind": "ReLU", "num_weights": 0, "dead_share": share}])
        made = history(falling(to=1.2), setting=setting, looks=dead)
        assert severity(made, "dead-units") == said


def test_a_gap_that_was_there_from_the_start_is_a_matter_of_units() -> None:
    train = falling(to=1.4)
    above = [1.0 + float(value) for value in train[39::40]]
    wide = np.linspace(2.2, 2.1, 25)
    made = history(train, setting=UNKNOWN, validation=above, epochs=25)
    for validation, said in (([v + 1.0 for v in made.epochs.train_loss], ""), (wide, "warning")):
        told = history(train, setting=UNKNOWN, validation=list(validation), epochs=25)
        assert severity(told, "overfitting") == said


def test_small_steps_that_all_go_one_way_are_too_small_where_chance_is_not_known() -> None:
    for num, ratio, turn, outcome in (
        (400, 3e-4, 0.97, "found"),
        (400, 3e-4, 0.3, "not-judged"),
        (400, 3e-3, 0.97, "passed"),
        (120, 3e-4, 0.97, "not-judged"),
        (120, 5e-5, 0.97, "found"),
    ):
        slow = falling(num, to=1.8)
        seen = looks(num, update_norm=8.0 * ratio, turn=turn)
        own = [layer(name, seen.step, update_norm=5.0 * ratio) for name in ("a", "b")]
        made = history(slow, setting=UNKNOWN, looks=replace(seen, layers=tuple(own)), epochs=3)
        assert verdict(made, "lr-too-low").outcome == outcome


def test_a_loss_far_above_chance_was_not_driven_there_by_small_steps() -> None:
    tiny = looks(400, [{"update_norm": 1e-4}, {"update_norm": 1e-4}], update_norm=1e-4)
    for first, level, said in ((2.2, 2.2, "warning"), (2.2, 90.0, ""), (90.0, 90.0, "warning")):
        losses = [first, *np.full(399, level)]
        assert severity(history(losses, looks=tiny), "lr-too-low") == said


def test_zero_grad_follows_from_an_optimiser_of_other_parameters() -> None:
    tallies = {
        "old-gradients": Tally(happened=11, of=11),
        "still-weights": Tally(happened=12, of=12),
    }
    made = history(np.full(400, 2.3), tallies=tallies)
    names = [finding.rule for finding in findings(made)]
    assert names.index("weights-unchanged") < names.index("gradients-accumulate")
