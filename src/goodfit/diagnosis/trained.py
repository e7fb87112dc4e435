"""Rules about what a loop trains: all of the network, a part of it, or nothing."""

from __future__ import annotations

import math

from ..records import History, Verdict, not_judged, passed
from .course import course_of
from .ends import is_over
from .loop_mistakes import FEWEST, MOST
from .numbers import finite
from .report import find
from .simple import reaches_simple_fits

# An output that nothing uses has few parameters, and keeps no network from learning.
FEW, THROUGH = 0.1, 0.7


def weights_unchanged(history: History) -> Verdict:
    """Fires when optimiser steps change no weight, or when no step is taken at all.

    Either ``optimizer.step()`` is missing, or the optimiser holds other parameters than the
    network that is trained (it was made before the network was copied or rebuilt). Fires when
    every watched weight was as before after at least 4 of 5 watched steps at a learning rate
    above 0, or when losses came and no optimiser step did. Abstains where no loop was watched,
    where the rate is 0, and where a loss or gradient was not finite, for then no step is one. Notes
    n1, Training loop, step 4.
    """
    name = "weights-unchanged"
    source = "notes n1, Training loop: update all weights"
    tally, steps = history.tallies.get("still-weights"), history.steps
    idle = history.tallies.get("skipped")
    moves = tally is not None and tally.of >= FEWEST and tally.share < MOST
    never = idle is not None and idle.of >= 5 and idle.share > 0.99 and not moves
    unrated = history.setting.optimizer and not len(finite(steps.lr[:50]))
    if never or (unrated and len(steps.loss) >= 5 and not history.looks.step):
        return find(
            name,
            "error",
            "Losses are computed, but no optimiser step follows: nothing is learned.",
            "Call optimizer.step() after loss.backward().",
            source,
            history=history,
            steps=len(steps.loss),
        )
    if tally is None or tally.of < FEWEST or not finite(steps.lr).max(initial=1.0) > 0:
        return not_judged(name, "fewer than two steps were watched, or the rate is 0")
    if tally.share < MOST:
        return passed(name, f"weights changed at {tally.of - tally.happened} of {tally.of} looks")
    if history.autopsy is not None or not all(map(math.isfinite, steps.loss)):
        return not_judged(name, "a loss or a gradient was not finite")
    return find(
        name,
        "error",
        "Steps change no weight: the optimiser does not train this network.",
        "Build the optimiser from the parameters of the network that is trained, after the last "
        "change of that network.",
        source,
        history=history,
        times=tally.happened,
        of=tally.of,
    )


def not_in_optimizer(history: History) -> Verdict:
    """Fires when trainable parameters of the network are in no optimiser that is watched.

    They never change. Info, since training only a head is often meant that way; a warning where
    after 50 steps under half of the way from chance to floor is done. Abstains where no loop was
    watched, where all parameters are missing (then weights are unchanged), and where chance is not
    known. Notes n0, optimisers.
    """
    name, course = "not-in-optimizer", course_of(history)
    tally = history.tallies.get("foreign-parameters")
    if tally is None or not tally.of or tally.happened == tally.of:
        return not_judged(name, "no loop was watched, or the optimiser has no parameter")
    if not tally.happened:
        return passed(name, f"the optimiser has all {tally.of} parameters")
    if history.setting.chance_loss is None:
        return not_judged(name, f"{tally.happened} of {tally.of} are missing; chance is not known")
    poor = course.num >= 50 and course.progress < 0.5
    return find(
        name,
        "warning" if poor else "info",
        "Parameters that want a gradient are in no optimiser: they never change.",
        "Make the optimiser from net.parameters(), or set requires_grad=False where that is meant.",
        "notes n0, optimisers; PyTorch, torch.optim",
        history=history,
        num_parameters=tally.happened,
        of=tally.of,
        progress=course.progress,
    )


def no_gradient(history: History) -> Verdict:
    """Fires when backward has never reached some trainable parameters.

    At 3 looks or more their gradient was None each time; info where these are a tenth or fewer and
    7 tenths of the way from chance to floor are done: an output that nothing uses. Or most weights
    are frozen, the run is over, and under 6 tenths of the way are done: what is frozen are features
    that do not suit the task, or were never trained. Not where the first losses are below chance,
    and not where simple fits of the same rows do no better. Abstains where no loop was watched,
    below 3 looks, and where none was reached (then weights are unchanged). Notes n3, Analysis of
    Non-Linear Function.
    """
    name, tally = "no-gradient", history.tallies.get("unreached-parameters")
    if _frozen_and_poor(history):
        return _frozen(history)
    if tally is None or len(history.looks.step) < 3 or tally.happened == tally.of:
        return not_judged(name, "no loop was watched, below 3 looks, or no gradient at all")
    if not tally.happened:
        return passed(name, f"a gradient reaches each of {tally.of} parameters")
    few = tally.share <= FEW and course_of(history).progress > THROUGH
    return find(
        name,
        "info" if few else "warning",
        "No gradient reaches some parameters, so they never change.",
        "Use them in forward, look for detach, no_grad, item, argmax or round between them and the "
        "loss, or freeze them: requires_grad_(False).",
        "notes n3, Analysis of Non-Linear Function",
        history=history,
        num_parameters=tally.happened,
        of=tally.of,
    )


def _frozen_and_poor(history: History) -> bool:
    tally, course = history.tallies.get("frozen-weights"), course_of(history)
    if tally is None or tally.share <= 0.5 or history.setting.chance_loss is None:
        return False
    if reaches_simple_fits(history):
        return False
    fresh = course.done(course.between(0, 0.1)) < 0.15 or course.num < 100
    return is_over(history) and fresh and course.num >= 50 and course.progress < 0.6


def _frozen(history: History) -> Verdict:
    tally = history.tallies["frozen-weights"]
    return find(
        "no-gradient",
        "warning",
        "Most weights are frozen, and what is trained on top of them does not come far.",
        "Train all of them (requires_grad_(True)), or load weights that were trained on such data.",
        "notes n3, Analysis of Non-Linear Function; notes n4, Transfer Learning",
        history=history,
        num_frozen=tally.happened,
        of=tally.of,
        progress=course_of(history).progress,
    )
