"""Rules about the form in which a loss is given outputs and targets, counted in looks."""

from __future__ import annotations

from ..records import History, Verdict, not_judged, passed
from .curves import loss_exploded
from .evidence import NORMED
from .loop_mistakes import counted
from .rates import lr_too_high
from .report import find


def loss_broadcast(history: History) -> Verdict:
    """Fires when outputs and targets meet as ``[N, 1]`` and ``[N]``, which gives ``[N, N]``.

    Every output is then compared with every target, and the best answer is their mean. Fires at 4
    of 5 looks, 2 at least. Abstains where the loss is none that is known. Notes n3, Sanity
    Checking.
    """
    return counted(
        history,
        "loss-broadcast",
        "spread-shapes",
        "error",
        "Outputs and targets have different shapes and are spread against each other: each output "
        "is compared with the targets of other rows.",
        "Give both the same shape: outputs.squeeze(1), or targets[:, None].",
        "notes n3, Sanity Checking; PyTorch, broadcasting semantics",
    )


def softmax_wrong_axis(history: History) -> Verdict:
    """Fires when the network's outputs are a softmax over dimension 0: over the rows of the batch.

    Rows then compete with each other for a class. Fires at 4 of 5 looks, 2 at least. Abstains where
    the loss is none that is known. Notes n3, Sanity Checking.
    """
    return counted(
        history,
        "softmax-wrong-axis",
        "softmax-over-rows",
        "error",
        "The softmax does not run over the classes of a row: rows compete with each other.",
        "Take dim=1, where the loss expects the classes; better, leave the softmax to "
        "CrossEntropyLoss.",
        "notes n3, Sanity Checking; PyTorch, Softmax",
    )


def double_softmax(history: History) -> Verdict:
    """Fires when the network ends in a softmax (or sigmoid) that its loss applies again.

    Probabilities taken for scores differ by at most 1, so cross-entropy over C classes cannot fall
    below ``log(1 + (C - 1)/e)``, and gradients are small. Fires at 4 of 5 looks, 2 at least.
    Abstains where the loss is none that is known. Notes n3, Sanity Checking.
    """
    return counted(
        history,
        "double-softmax",
        "shares-as-scores",
        "warning",
        "The network gives probabilities, and the loss takes them for scores and applies softmax "
        "or sigmoid again: gradients are small, and the loss cannot fall far.",
        "Leave out the last softmax or sigmoid; the loss contains it.",
        "notes n3, Sanity Checking; PyTorch, CrossEntropyLoss",
    )


def missing_softmax(history: History) -> Verdict:
    """Fires when ``NLLLoss`` is given what is no logarithm of probabilities.

    Of raw scores it only makes one larger, without end. Fires at 4 of 5 looks, 2 at least.
    Abstains where the loss is another. Notes n3, Loss and Not a Number: "the log".
    """
    return counted(
        history,
        "missing-softmax",
        "scores-as-shares",
        "error",
        "The loss wants logarithms of probabilities and is given scores: it has no lower bound "
        "there.",
        "End the network in log_softmax(dim=1), or take CrossEntropyLoss.",
        "notes n3, Loss and Not a Number (forgetting the log); PyTorch, NLLLoss",
    )


def loss_output_mismatch(history: History) -> Verdict:
    """Fires when the network's last operation cuts what the loss needs.

    A ReLU, a tanh or a sigmoid before cross-entropy, a ReLU or a tanh before one of yes and no; or,
    of quantities, an operation that cannot give a twentieth of the targets or more. Fires at 4 of
    5 looks, 2 at least. Abstains where the loss is none that is known. Notes n0, What loss function
    is appropriate; n3, Sanity Checking.
    """
    return counted(
        history,
        "loss-output-mismatch",
        "cut-outputs",
        "warning",
        "The network's last operation cuts its outputs: it cannot give what the targets ask for.",
        "End in a linear layer; the loss of classes contains its softmax or sigmoid.",
        "notes n0, What loss function is appropriate; notes n3, Sanity Checking",
    )


def loss_sum_reduction(history: History) -> Verdict:
    """Fires when the loss is a sum over rows, and steps are too large or the loss explodes.

    Gradients then are N times those of the mean, for batches of N rows. Passes where training goes
    well: then the rate was chosen for it; and under optimisers that divide gradients by their size.
    Abstains where the loss is none that is known. Notes n3, Inter-dependence of Hyperparameters.
    """
    name, setting = "loss-sum-reduction", history.setting
    if not setting.loss_reduction:
        return not_judged(name, "the loss is none that is known")
    if setting.loss_reduction != "sum":
        return passed(name, f"its reduction is {setting.loss_reduction}")
    if setting.optimizer.startswith((*NORMED, "lion", "adafactor")):
        return passed(name, f"{setting.optimizer} divides gradients by their size")
    too_high, exploded = lr_too_high(history), loss_exploded(history)
    if not (too_high.finding or exploded.finding):
        return passed(name, "the loss is a sum over rows, and the rate suits it")
    return find(
        name,
        "warning",
        "The loss is a sum over rows: gradients grow with the batch size, and the rate is too high "
        "for it.",
        'Take reduction="mean", or divide the learning rate by the batch size.',
        "notes n3, Inter-dependence of Hyperparameters; PyTorch, reduction",
        history=history,
        rows=setting.batch_size,
    )
