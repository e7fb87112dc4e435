"""Rules about the form in which a loss is given outputs and targets, counted in looks."""

from __future__ import annotations

from ..records import History, Verdict
from .loop_mistakes import counted


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
