"""Checks of the inputs, and of the parts that the data was split into."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..data.checks.copies import is_overlap
from ..records import Finding, Verdict, found, is_far_out, not_judged, passed
from .inputs import FAILURES, Inputs, feed, map_inputs, take_rows, tensors_of
from .reading import Reading, has_copies_only
from .subject import LOOKED_AT_ROWS, Subject, floats_of, without_dropout

# Standardised inputs lie around 1. An MLP on digits was harmed from 0.03 times that on
# downwards (Adam too).
SMALLEST_SCALE, SMALLEST_PEAK = 0.031, 0.31
# One feature of so many times the median feature is divided by its own size.
UNEVEN = 100.0
SAME_OUTPUT = 0.01


def input_not_finite(subject: Subject) -> Verdict:
    """Fires when an input is NaN or infinite. Notes n3, "loss and not a number"."""
    num_bad, num_values = _bad_values(subject)
    if not num_values:
        return not_judged("input-not-finite", "there are no inputs")
    if not num_bad:
        return passed("input-not-finite", "every input is a finite number")
    return found(
        Finding(
            rule="input-not-finite",
            severity="error",
            meaning="Some inputs are NaN or infinite: the loss will be NaN after one step.",
            remedy="Fill missing values before training, and look at where they come from.",
            source="notes n3, Loss and Not a Number",
            evidence={"num_bad": num_bad, "share": num_bad / num_values},
        ),
    )


def _bad_values(subject: Subject) -> tuple[int, int]:
    """Return how many inputs are not finite, of how many: as read, and as the network gets them."""
    if subject.reading is not None:
        return subject.reading.num_bad, subject.reading.num_values
    tensors = tensors_of(subject.inputs())
    bad = sum(tensor.numel() - int(torch.isfinite(tensor).sum()) for tensor in tensors)
    return bad, sum(tensor.numel() for tensor in tensors)


def input_out_of_scale(subject: Subject) -> Verdict:
    """Fires when the inputs' root mean square is far from 1. Notes n0, 4; n4, data preprocessing.

    Initialisers assume inputs of about unit size; larger ones make the first layer's gradients
    large and the loss sensitive to small changes of its weights, and so does a mean of many
    standard deviations. Silent where the network divides by that size itself, as one does that
    begins with a batch norm; where one feature is a hundred times the usual one, it has to divide
    each feature by its own. Sparse inputs are small on average only.
    """
    name, x = "input-out-of-scale", subject.clean.inputs()
    floats = floats_of(x)
    if not any(tensor.numel() for tensor in floats):
        return not_judged(name, "the inputs are no floats")
    flat = torch.cat([tensor.flatten().float() for tensor in floats])
    size, peak = float(flat.square().mean().sqrt()), float(flat.abs().max())
    small = size < SMALLEST_SCALE and peak < SMALLEST_PEAK
    shift = _shift(floats)
    if not small and not is_far_out(size, shift):
        return passed(name, f"inputs have root mean square {size:.2g}")
    if size == 0.0 or _scales_by_itself(subject.clean, x, size):
        return passed(name, f"inputs have root mean square {size:.2g}, and the network scales them")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="The inputs are far from unit size, which initialisers and rates assume.",
            remedy="Standardise the inputs: subtract the training part's mean, divide by its"
            ' standard deviation (prepare.scale = "standardise").',
            source="notes n4, Data Preprocessing; LeCun et al., Efficient BackProp, 1998",
            evidence={"root_mean_square": size, "largest": peak, "mean_by_spread": shift},
        ),
    )


def _shift(floats: list[Tensor]) -> float:
    """Return the features' means by their standard deviations, root mean squares of each."""
    rows = [tensor.flatten(1).double() for tensor in floats if len(tensor) > 1 and tensor.ndim > 1]
    if not rows:
        return 0.0
    mean = torch.cat([tensor.mean(0) for tensor in rows]).square().mean().sqrt()
    spread = torch.cat([tensor.std(0) for tensor in rows]).square().mean().sqrt()
    return float(mean / spread) if float(spread) > 0.0 else 0.0


def _scales_by_itself(subject: Subject, x: Inputs, size: float) -> bool:
    """Say whether the network gives the same for inputs of unit size."""
    net = without_dropout(subject.fresh_net().train())
    x = take_rows(x, slice(LOOKED_AT_ROWS))
    scaled = map_inputs(lambda t: t / _divisor(t, size) if t.is_floating_point() else t, x)
    with torch.no_grad():
        try:
            as_given, at_unit_size = feed(net, x), feed(net, scaled)
        except FAILURES:
            return False
    if not isinstance(as_given, Tensor):
        return False
    distance = float((as_given - at_unit_size).norm())
    return distance < SAME_OUTPUT * float(at_unit_size.norm())


def _divisor(x: Tensor, size: float) -> Tensor | float:
    """Return the common size, or each feature's own where one of them outweighs all others."""
    sizes = x.float().square().mean(0).sqrt()
    filled = sizes[sizes > 0.0]
    if not len(filled) or float(filled.max()) <= UNEVEN * float(filled.median()):
        return size
    return torch.where(sizes > 0.0, sizes, 1.0).to(x.dtype)


def split_overlap(subject: Subject) -> Verdict:
    """Fires when rows of the validation part stand in the training part too.

    Then its scores are too good. Rows that repeat within the training part are the data's own
    doubles: the share must be over 1 % and over three times theirs, and three rows at least. Where
    two columns tell nearly every row from the others, or equal images have 16 different values,
    none are equal by chance: over 1 % and three rows are enough, as in overlap-with-test. Notes n3,
    Proper Methodology.
    """
    name, train, held_out = "split-overlap", subject.reading, subject.validation
    if train is None or held_out is None or not len(train.rows) or not len(held_out.rows):
        return not_judged(name, "there is no validation part to compare with")
    num, of = int(np.isin(held_out.rows, train.rows).sum()), len(held_out.rows)
    share, natural = num / of, _share_repeated(train)
    copies = has_copies_only(train, held_out)
    if not is_overlap(num, of, share_repeated=natural, copies_only=copies):
        part = "" if train.whole and held_out.whole else " that were read"
        return passed(name, f"{share:.2%} of the validation rows{part} stand in the training part")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="Rows of the validation part are trained on: its scores will be too good.",
            remedy="Split before anything else, and remove doubles first.",
            source="notes n3, Proper Methodology",
            evidence={
                "share": share,
                "num_rows": num,
                "share_repeated_in_training": natural,
            },
        ),
    )


def _share_repeated(reading: Reading) -> float:
    """Return the share of rows that are not the first of their kind."""
    return 1.0 - len(np.unique(reading.rows)) / len(reading.rows)
