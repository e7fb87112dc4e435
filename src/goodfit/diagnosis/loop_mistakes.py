"""Rules about the loop itself: what was counted at its steps. They need a watched loop."""

from __future__ import annotations

from ..records import Finding, History, Severity, Tally, Verdict, found, not_judged, passed
from .course import course_of

# Share of the steps at which a mistake of the loop has to be seen: a mistake in the code is
# there at every step but the first ones; what happens now and then is meant.
MOST = 0.8
FEW_STEPS = 5


def weights_unchanged(history: History) -> Verdict:
    """Fires when optimiser steps change no weight, or when no step is taken at all.

    Either ``optimizer.step()`` is missing, or the optimiser holds other parameters than the
    network that is trained (made before the network was copied or rebuilt). Fires when at least
    4 of 5 steps left every watched weight as it was, of 5 steps or more. Abstains where no
    steps were watched. Notes n1, training loop, step 4.
    """
    name = "weights-unchanged"
    tally = history.tallies.get("still-weights")
    idle = history.tallies.get("skipped")
    if tally is not None and tally.of >= FEW_STEPS:
        if tally.share < MOST:
            return passed(name, f"weights changed in {tally.of - tally.happened} of {tally.of}")
        return _mistake(
            name,
            "error",
            "Steps change no weight: the optimiser does not train this network.",
            "Call optimizer.step(), and build the optimiser from the parameters of the network "
            "that is trained, after the last change of that network.",
            "notes n1, training loop",
            tally,
        )
    if idle is not None and idle.of >= FEW_STEPS and idle.share >= 0.99:
        return _mistake(
            name,
            "error",
            "Gradients are computed, but no optimiser step follows.",
            "Call optimizer.step() after loss.backward().",
            "notes n1, training loop",
            idle,
        )
    return not_judged(name, "no optimiser steps were watched")


def gradients_accumulate(history: History) -> Verdict:
    """Fires when gradients of earlier steps are never cleared: ``zero_grad`` is missing.

    Then step t uses the sum of all gradients so far, and the loss soon swings and grows. Fires
    when at least 4 of 5 first backward passes after a step began on old gradients. Meant
    accumulation (several backward passes, then a step, then clearing) is not touched. Abstains
    where that was not watched.
    """
    return _counted(
        history,
        "gradients-accumulate",
        "old-gradients",
        "error",
        "Each step adds its gradient to all earlier ones: zero_grad() is missing.",
        "Call optimizer.zero_grad() before each backward pass (or after each step).",
        "notes n1, training loop; PyTorch, Optimizer.zero_grad",
    )


def same_batch_every_step(history: History) -> Verdict:
    """Fires when nearly every training batch has the inputs of the one before.

    Abstains where inputs were not watched, where the batch is the whole data (full-batch
    training), and below 5 steps.
    """
    name = "same-batch-every-step"
    setting = history.setting
    if setting.num_train and setting.batch_size >= setting.num_train:
        return not_judged(name, "a batch is the whole of the training rows")
    return _counted(
        history,
        name,
        "same-batch",
        "error",
        "Every step trains on the same batch: the loop does not move through the data.",
        "Take the batch inside the loop (for x, y in loader), not once before it.",
        "notes n1, mini-batches",
    )


def not_shuffled(history: History) -> Verdict:
    """Fires when batches stand at the same places in each epoch: nothing is shuffled.

    A warning where batches also hold a single class or the loss swings with the place; otherwise
    it is harmless more often than not, and info. Abstains below two epochs, or where a batch is
    the whole data.
    """
    name = "not-shuffled"
    tally = history.tallies.get("same-order")
    if tally is None or tally.of < FEW_STEPS:
        return not_judged(name, "fewer than two epochs were watched")
    if tally.share < MOST:
        return passed(name, f"{tally.of - tally.happened} of {tally.of} batches changed")
    sorted_ = history.tallies.get("one-class", Tally())
    severity: Severity = "warning" if sorted_.share > 0.5 else "info"
    return _mistake(
        name,
        severity,
        "Each epoch has the same batches in the same order.",
        "Shuffle the training rows anew in each epoch (shuffle=True).",
        "notes n1, mini-batches: samples taken at random",
        tally,
    )


def eval_mode_while_training(history: History) -> Verdict:
    """Fires when training steps run in evaluation mode, where modes differ.

    Then dropout drops nothing and batch norm neither uses batch statistics nor learns running
    ones. Often ``model.train()`` is missing after an evaluation. Fires at 20 % of the training
    passes or more (after the first evaluation all of them are). Frozen batch norms inside a
    network in training mode do not count. Abstains where no pass was watched, or no module
    behaves differently.
    """
    return _counted(
        history,
        "eval-mode-while-training",
        "eval-training",
        "warning",
        "The network trains in evaluation mode: no dropout, batch norm with frozen statistics.",
        "Call model.train() before each epoch, after each evaluation.",
        "notes n3, Inference with Dropout; Some Complexities of BN",
        share=0.2,
    )


def train_mode_while_evaluating(history: History) -> Verdict:
    """Fires when evaluation runs in training mode, where modes differ.

    Then dropout drops, and batch norm takes statistics from the evaluated batch and learns from
    it. Fires at half of the passes without gradient or more. Abstains where no pass without
    gradient was watched, or no module behaves differently.
    """
    return _counted(
        history,
        "train-mode-while-evaluating",
        "train-evaluating",
        "warning",
        "The network is evaluated in training mode: dropout is on, batch norm uses the batch.",
        "Call model.eval() before each evaluation, and model.train() after it.",
        "notes n3, Inference with Dropout; Some Complexities of BN",
        share=0.5,
        fewest=1,
    )


def clipping_most_steps(history: History) -> Verdict:
    """Fires when most steps are cut to the maximal gradient norm while the loss is still poor.

    A norm that is always cut is a learning rate in disguise: the step no longer follows the
    gradient's size. Fires when over 90 % of 20 steps or more were cut, and less than half of the
    way from chance to floor is done. Otherwise info. Abstains where clipping was not watched.
    """
    name = "clipping-most-steps"
    tally = history.tallies.get("clipped")
    if tally is None or tally.of < 20:
        return not_judged(name, "clipping was not watched, or too few steps")
    if tally.share < 0.9:
        return passed(name, f"{tally.happened} of {tally.of} steps were cut")
    severity: Severity = "info" if course_of(history).progress > 0.5 else "warning"
    return _mistake(
        name,
        severity,
        "Nearly every step is cut to the maximal gradient norm.",
        "Raise the maximal norm to about the 90th percentile of the gradient norms, or drop it.",
        "Pascanu et al. 2013, On the difficulty of training recurrent neural networks",
        tally,
    )


def _counted(
    history: History,
    name: str,
    tally_name: str,
    severity: Severity,
    meaning: str,
    remedy: str,
    source: str,
    *,
    share: float = MOST,
    fewest: int = FEW_STEPS,
) -> Verdict:
    tally = history.tallies.get(tally_name)
    if tally is None or tally.of < fewest:
        return not_judged(name, "that was not watched, or at too few steps")
    if tally.share < share:
        return passed(name, f"{tally.happened} of {tally.of} times")
    return _mistake(name, severity, meaning, remedy, source, tally)


def _mistake(
    name: str, severity: Severity, meaning: str, remedy: str, source: str, tally: Tally
) -> Verdict:
    evidence = {"times": tally.happened, "of": tally.of}
    return found(
        Finding(
            rule=name,
            severity=severity,
            meaning=meaning,
            remedy=remedy,
            source=source,
            evidence=evidence,
        )
    )
