"""Pairs of faults: real broken programs seldom have just one."""

from collections.abc import Mapping

from bench.faults.fault import Fault
from bench.faults.faults import FAULTS
from bench.faults.program import Program


def dose_of(name: str, dose: str) -> tuple[Fault, str]:
    """The fault that has this dose."""
    found = [f for f in FAULTS if f.name == name and dose in f.doses]
    if not found:
        raise ValueError(f"no fault {name!r} with a dose {dose!r}")
    return found[0], dose


def pair(first: tuple[Fault, str], second: tuple[Fault, str]) -> Fault:
    """Both planted, the first one first; naming either counts as right."""
    (a, a_dose), (b, b_dose) = first, second

    def plant(program: Program) -> Program:
        return b.doses[b_dose](a.doses[a_dose](program))

    return Fault(
        f"{a.name} + {b.name}",
        {f"{a_dose} + {b_dose}": plant},
        (*a.right, *b.right),
        (*a.near, *b.near),
        f"{a.needs} {b.needs}",
        f"{a.without} {b.without}",
    )


_CHOSEN: Mapping[tuple[str, str], tuple[str, str]] = {
    ("init-too-small", "x0_01"): ("lr-too-low", "by_100"),
    ("double-softmax", "softmax"): ("labels-sorted", "whole"),
    ("label-noise", "noise_40"): ("weight-decay-too-strong", "decay_03"),
    ("input-out-of-scale", "x1000"): ("lr-too-high", "x10"),
    ("class-imbalance", "keep_3_percent"): ("gradients-accumulate", "forgotten"),
    ("no-gradient", "detached"): ("lr-too-high", "x100"),
    ("loss-sum-reduction", "summed"): ("same-batch-every-step", "fixed"),
    ("label-noise", "noise_20"): ("eval-mode-while-training", "never_train"),
    ("loss-broadcast", "flat_target"): ("lr-too-low", "by_100"),
    ("dead-at-init", "bias_20"): ("double-softmax", "softmax"),
    ("train-mode-while-evaluating", "never_eval"): ("init-too-large", "x10"),
    ("not-in-optimizer", "head_only"): ("schedule-ended-early", "share_5"),
    ("loss-output-mismatch", "sigmoid"): ("clipping-most-steps", "norm_001"),
    ("overfitting", "share_5"): ("split-overlap", "whole"),
    ("input-ignored", "constant"): ("still-improving", "run_20"),
}
PAIRS: tuple[Fault, ...] = tuple(pair(dose_of(*a), dose_of(*b)) for a, b in _CHOSEN.items())
