"""Rules about the loop itself: what was counted at its steps. They need a watched loop."""

from __future__ import annotations

from ..records import History, Severity, Verdict, not_judged, passed
from .course import course_of
from .numbers import NAN, array, finite, median
from .report import find

# A mistake in the code of a loop is there at nearly every step; what happens now and then is meant.
MOST = 0.8
# Validation is behind training by so much of the way from chance to floor. So few rows are seldom
# all that there are.
BEHIND, FEW_ROWS = 0.3, 64
# Looks are few where a loop is fast (2 in 160 steps have been seen), and what is counted there
# does not depend on chance: two say as much as twenty.
FEWEST = 2


def gradients_accumulate(history: History) -> Verdict:
    """Fires when gradients of earlier steps are never cleared: ``zero_grad`` is missing.

    Then step t uses the sum of all gradients so far. Fires when at least 4 of 5 first backward
    passes after a step began on old gradients. Meant accumulation (several passes, a step, then
    clearing) is not touched by this. Abstains where that was not watched. Notes n1.
    """
    return counted(
        history,
        "gradients-accumulate",
        "old-gradients",
        "error",
        "Each step adds its gradient to all earlier ones: zero_grad() is missing.",
        "Call optimizer.zero_grad() before each backward pass, or after each step.",
        "notes n1, Training loop; PyTorch, Optimizer.zero_grad",
        fewest=1,
    )


def same_batch_every_step(history: History) -> Verdict:
    """Fires when nearly every training batch has the inputs of the one before.

    Info, or a warning where validation does not follow, where the batch may be the whole of the
    training rows: the number of rows was not told, and the batch has no size that loaders are asked
    for (a power of 2 from 16 to 512). Abstains where inputs were not watched, where a batch is the
    whole of the training rows or an epoch has one step, and under L-BFGS, which wants the same rows
    again. Notes n1, mini-batches.
    """
    name, setting = "same-batch-every-step", history.setting
    if setting.num_train and setting.batch_size >= setting.num_train:
        return not_judged(name, "a batch is the whole of the training rows")
    if history.steps_per_epoch == 1 or "lbfgs" in setting.optimizer:
        return not_judged(name, "an epoch is one step, or the optimiser wants the same rows again")
    return counted(
        history,
        name,
        "same-batch",
        _severity(history),
        "Every step trains on the same batch: the loop does not move through the data.",
        "Take the batch inside the loop (for x, y in loader), not once before it. If it is all the "
        f"rows there are, say so: watching.know(num_train={setting.batch_size}).",
        "notes n1, Training loop: draw a batch",
    )


def _severity(history: History) -> Severity:
    if not _may_be_all_rows(history):
        return "error"
    few = history.setting.batch_size <= FEW_ROWS
    return "warning" if few and _falls_behind(history) else "info"


def _falls_behind(history: History) -> bool:
    """Return whether validation does not follow training: then these rows are not enough."""
    val, course = finite(history.epochs.validation_loss), course_of(history)
    return len(val) > 2 and course.progress - course.done(float(val[-1])) > BEHIND


def _may_be_all_rows(history: History) -> bool:
    """Return whether a batch that comes at each step may be all the rows there are."""
    size = history.setting.batch_size
    return not (history.setting.num_train or (16 <= size <= 512 and size.bit_count() == 1))


def not_shuffled(history: History) -> Verdict:
    """Fires when the batches of each epoch are those of the epoch before, in the same order.

    Then what stands together in the file is learned together, and the network follows the last
    rows it saw. Fires when at least 4 of 5 batches (4 at least) stood at the same place in the
    epoch before. Abstains in the first epoch, below 3 batches an epoch, and where passes are given
    what the pass before returned, as the state of a recurrent network: such batches have an order.
    Notes n0, mini-batch: samples taken at random.
    """
    name, tally = "not-shuffled", history.tallies.get("same-order")
    if tally is None or tally.of < 4 or 0 < history.steps_per_epoch < 3:
        return not_judged(name, "fewer than two epochs were watched, or too few batches in one")
    same, carried = (history.tallies.get(key) for key in ("same-batch", "carried-state"))
    if carried is not None and carried.share > 0.5:
        return not_judged(name, "passes go on from the state that the pass before returned")
    if tally.share < MOST or (same is not None and same.share >= MOST):
        return passed(name, f"{tally.happened} of {tally.of} batches stood there before")
    one_class = history.tallies.get("one-class")
    return find(
        name,
        "warning",
        "Each epoch has the same batches in the same order.",
        "Shuffle the training rows anew in each epoch (shuffle=True).",
        "notes n0, Stochastic gradient descent: a sample taken at random",
        history=history,
        times=tally.happened,
        of=tally.of,
        of_one_class=one_class.share if one_class else NAN,
    )


def eval_mode_while_training(history: History) -> Verdict:
    """Fires when training steps run in evaluation mode, where modes differ.

    Then dropout drops nothing, and batch norm neither uses the batch nor learns from it. Often
    ``model.train()`` is missing after the first evaluation. Fires at a fifth of the training
    passes (10 at least). Abstains where no pass was watched, or no module knows modes. Notes n3,
    Inference with Dropout.
    """
    return counted(
        history,
        "eval-mode-while-training",
        "eval-training",
        "warning",
        "The network trains in evaluation mode: no dropout, batch norm with fixed statistics.",
        "Call model.train() before each epoch, after each evaluation.",
        "notes n3, Inference with Dropout; Some Complexities of BN",
        share=0.2,
    )


def train_mode_while_evaluating(history: History) -> Verdict:
    """Fires when evaluation runs in training mode, where modes differ.

    Then dropout drops, and batch norm takes its statistics from the evaluated batch and learns
    from it. Fires at half of the passes without gradient. Abstains where there was none, or no
    module knows modes. Notes n3, Inference with Dropout; Some Complexities of BN.
    """
    return counted(
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


def norm_statistics_stale(history: History) -> Verdict:
    """Fires when a batch norm's running statistics do not follow those of the batches.

    Their distance, in running standard deviations, starts at about 0.5 and is under 0.1 after 50
    steps with torch's momentum (healthy runs: 0.26 at most after 40 steps, 0.1 after 100).
    Fires when after 50 steps it is over 0.3, and over 3 quarters of the first, or after 100 steps
    over 0.2 and over 2 fifths of the first (healthy runs: 0.16 of it at most); info where
    validation follows training all the same (within a tenth of the way from chance to floor), as
    with frozen statistics of a trained network. Abstains without batch norm, before 50 steps,
    and with fewer than 2 looks. Notes n3, Some Complexities of BN.
    """
    name = "norm-statistics-stale"
    looks = history.looks
    seen = [layer for layer in looks.layers if len(finite(layer.norm_gap)) >= 2]
    late = array(looks.step) >= 50
    if not seen or not late.any():
        return not_judged(name, "no batch norm was looked at after 50 steps")
    long = array(looks.step) >= 100
    least, share = (0.2, 0.4) if long.any() else (0.3, 0.75)
    gaps = [(median(array(lay.norm_gap)[long if long.any() else late][-4:]), lay) for lay in seen]
    worst, layer = max(gaps, key=lambda pair: (pair[0] == pair[0], pair[0]))
    first = float(finite(layer.norm_gap)[0])
    if not (worst > least and worst > share * first):
        return passed(name, f"running statistics are {worst:.2g} deviations away at most")
    course, val = course_of(history), finite(history.epochs.validation_loss)
    follows = len(val) > 0 and course.done(course.now) - course.done(float(val[-1])) < 0.1
    return find(
        name,
        "info" if follows else "warning",
        "Batch norm's running statistics are not those of the data: evaluation sees another "
        "network than the one that was trained.",
        "Use the usual momentum (0.1), train in training mode, and do not share a batch norm "
        "between different inputs.",
        "notes n3, Some Complexities of BN",
        history=history,
        where=layer.name,
        statistics_gap_at_first=first,
        statistics_gap=worst,
    )


def counted(
    history: History,
    name: str,
    tally_name: str,
    severity: Severity,
    meaning: str,
    remedy: str,
    source: str,
    *,
    share: float = MOST,
    fewest: int = FEWEST,
) -> Verdict:
    """Return the verdict of a rule that fires where a tally's share is ``share`` or more."""
    tally = history.tallies.get(tally_name)
    if tally is None or tally.of < fewest:
        return not_judged(name, "that was not watched, or at too few steps")
    if tally.share < share:
        return passed(name, f"{tally.happened} of {tally.of} times")
    return find(
        name,
        severity,
        meaning,
        remedy,
        source,
        history=history,
        times=tally.happened,
        of=tally.of,
    )
