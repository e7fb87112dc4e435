"""Checks of what comes in: inputs and labels."""

from __future__ import annotations

import torch

from ..records import Finding, Verdict, found, not_judged, passed
from .subject import Subject

# Standardised inputs lie around 1; ten times that is what no initialiser expects.
LARGEST_SCALE, SMALLEST_SCALE = 10.0, 0.01
RARE_SHARE = 0.2


def input_not_finite(subject: Subject) -> Verdict:
    """Fires when a prepared input is NaN or infinite. Notes n3, "loss and not a number"."""
    bad = ~torch.isfinite(subject.inputs())
    if not bad.any():
        return passed("input-not-finite", "every input is a finite number")
    return found(
        Finding(
            rule="input-not-finite",
            severity="error",
            meaning="Some inputs are NaN or infinite: the loss will be NaN after one step.",
            remedy="Fill missing values before training, and look at where they come from.",
            source="notes n3, Loss and Not a Number",
            evidence={"num_bad": int(bad.sum()), "share": float(bad.float().mean())},
        ),
    )


def input_out_of_scale(subject: Subject) -> Verdict:
    """Fires when the inputs' root mean square is far from 1. Notes n0, 4; n4, data preprocessing.

    Initialisers assume inputs of about unit size; larger ones make the first layer's gradients
    large and the loss sensitive to small changes of its weights.
    """
    size = float(subject.inputs().float().square().mean().sqrt())
    evidence = {"root_mean_square": size}
    if SMALLEST_SCALE <= size <= LARGEST_SCALE:
        return passed("input-out-of-scale", f"inputs have root mean square {size:.2g}")
    return found(
        Finding(
            rule="input-out-of-scale",
            severity="warning",
            meaning="The inputs are far from unit size, which initialisers and rates assume.",
            remedy='Set prepare.scale = "standardise".',
            source="notes n4, Data Preprocessing; LeCun et al., Efficient BackProp, 1998",
            evidence=evidence,
        ),
    )


def class_imbalance(subject: Subject) -> Verdict:
    """Fires when the rarest class has under a fifth of an equal share of the rows."""
    counts = subject.class_counts
    if not counts:
        return not_judged("class-imbalance", "the target is a quantity, not a class")
    share = min(counts) / sum(counts) * len(counts)
    if share >= RARE_SHARE:
        return passed("class-imbalance", f"the rarest class has {min(counts)} rows")
    return found(
        Finding(
            rule="class-imbalance",
            severity="warning",
            meaning="One class is rare: accuracy looks good for a model that never predicts it.",
            remedy="Judge by the confusion matrix and log loss; collect or weigh the rare class.",
            source="notes n3, Relationship Between Loss and Other Metrics",
            evidence={
                "rarest": min(counts),
                "most_frequent": max(counts),
                "majority_accuracy": max(counts) / sum(counts),
            },
        ),
    )
