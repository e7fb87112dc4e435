"""Why an operation made numbers that are not finite, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Operand:
    """What went into an operation: smallest and largest finite value, and counts."""

    low: float
    high: float
    zeros: int
    negatives: int
    nans: int
    infinite: int
    size: int
    dtype: torch.dtype

    @property
    def finite(self) -> bool:
        """Whether all numbers were finite."""
        return not self.nans and not self.infinite

    @property
    def largest(self) -> float:
        """The largest size of a finite number."""
        return max(abs(self.low), abs(self.high))


def operand(tensor: Tensor) -> Operand:
    """Return what is to be said of one input.

    Example:
        >>> found = operand(torch.tensor([0.0, -1.0, float("nan")]))
        >>> found.low, found.zeros, found.negatives, found.nans
        (-1.0, 1, 1, 1)
    """
    values = tensor.detach().float() if tensor.dtype in HALF else tensor.detach()
    finite = values[values.isfinite()]
    return Operand(
        low=float(finite.min()) if finite.numel() else float("nan"),
        high=float(finite.max()) if finite.numel() else float("nan"),
        zeros=int((values == 0).sum()),
        negatives=int((values < 0).sum()),
        nans=int(values.isnan().sum()),
        infinite=int(values.isinf().sum()),
        size=values.numel(),
        dtype=tensor.dtype,
    )


HALF = (torch.float16, torch.bfloat16)


def numbers_of(operands: Sequence[Operand]) -> dict[str, float]:
    """Return the operands as evidence: ``min``, ``max``, ``zeros``, ... of each.

    The second one's names begin with "second ", and so on.
    """
    found: dict[str, float] = {}
    for prefix, one in zip(("", "second ", "third "), operands, strict=False):
        numbers = {
            "min": one.low,
            "max": one.high,
            "zeros": one.zeros,
            "negatives": one.negatives,
            "not finite": one.nans + one.infinite,
            "size": one.size,
        }
        found.update({f"{prefix}{name}": float(value) for name, value in numbers.items()})
    return found


def why_forward(operation: str, operands: Sequence[Operand], made_nan: bool) -> str:
    """Say why an operation gave a number that is not finite.

    Example:
        >>> why_forward("log", [operand(torch.zeros(3))], False)
        'log of 0 is -inf (3 zeros)'
    """
    if not operands:
        return "it writes numbers that are not finite"
    first = operands[0]
    if first.size == 0 and operation in ("mean", "std", "var", "std_mean", "var_mean"):
        return f"{operation} of nothing: the tensor is empty, which divides 0 by 0"
    special = _SPECIAL.get(operation)
    said = special(operands, made_nan) if special else ""
    return said or _general(operation, operands, made_nan)


def _general(operation: str, operands: Sequence[Operand], made_nan: bool) -> str:
    if any(one.nans for one in operands):
        return "its input has NaN"
    if any(one.infinite for one in operands):
        return (
            f"{operation} mixes infinite numbers (inf - inf, 0 * inf or inf / inf is NaN)"
            if made_nan
            else "its input has infinite numbers"
        )
    largest = max(one.largest for one in operands)
    if any(one.dtype is torch.float16 for one in operands):
        return f"float16 overflow: numbers up to {largest:.3g} went in, and 65504 is the largest"
    return f"overflow: numbers up to {largest:.3g} in size went in"


def _log(operands: Sequence[Operand], made_nan: bool) -> str:
    first = operands[0]
    if first.negatives and made_nan:
        return f"log of a negative number is NaN ({first.negatives} negatives, {first.low:.3g})"
    return f"log of 0 is -inf ({first.zeros} zeros)" if first.zeros else ""


def _log1p(operands: Sequence[Operand], made_nan: bool) -> str:
    low = operands[0].low
    return f"log1p of {low:.3g}: log of a number that is not above 0" if low <= -1.0 else ""


def _divide(operands: Sequence[Operand], made_nan: bool) -> str:
    divisor = operands[-1]
    if not divisor.zeros:
        return ""
    both = "0 divided by 0 is NaN" if made_nan else "division by 0"
    return f"{both} ({divisor.zeros} zeros in the divisor)"


def _inverse(operands: Sequence[Operand], made_nan: bool) -> str:
    first = operands[0]
    if first.negatives and made_nan:
        return f"root of a negative number ({first.low:.3g}) is NaN"
    return f"division by 0 ({first.zeros} zeros)" if first.zeros else ""


def _root(operands: Sequence[Operand], made_nan: bool) -> str:
    low = operands[0].low
    return f"root of a negative number ({low:.3g}) is NaN" if low < 0 else ""


def _exp(operands: Sequence[Operand], made_nan: bool) -> str:
    high, half = operands[0].high, operands[0].dtype is torch.float16
    bound = 11 if half else 88
    return f"exp overflows: it was given {high:.4g}, and from about {bound} on it is inf" * (
        high > bound
    )


def _power(operands: Sequence[Operand], made_nan: bool) -> str:
    first = operands[0]
    if first.negatives and made_nan:
        return f"a negative number ({first.low:.3g}) to a broken power is NaN"
    return f"0 to a negative power is inf ({first.zeros} zeros)" if first.zeros else ""


def _arc(operands: Sequence[Operand], made_nan: bool) -> str:
    first = operands[0]
    return f"it is defined from -1 to 1 and was given {first.low:.4g} to {first.high:.4g}" * (
        first.low < -1.0 or first.high > 1.0
    )


def _softmax(operands: Sequence[Operand], made_nan: bool) -> str:
    if operands[0].infinite and made_nan:
        return "softmax of a row that is -inf everywhere (all of it is masked) divides 0 by 0"
    return ""


def _spread(operands: Sequence[Operand], made_nan: bool) -> str:
    if made_nan and operands[0].finite:
        return "the spread of a single number: with the usual correction it divides 0 by 0"
    return ""


def _nll(operands: Sequence[Operand], made_nan: bool) -> str:
    if made_nan and operands[0].finite:
        return "the mean over no target: all are ignored (ignore_index) or have weight 0"
    return ""


def _product(operands: Sequence[Operand], made_nan: bool) -> str:
    if made_nan and any(one.infinite for one in operands) and any(one.zeros for one in operands):
        return "0 * inf is NaN"
    return ""


def _difference(operands: Sequence[Operand], made_nan: bool) -> str:
    if made_nan and sum(one.infinite > 0 for one in operands) > 1:
        return "inf - inf is NaN"
    return ""


_SPECIAL = {
    **dict.fromkeys(("log", "log2", "log10", "xlogy"), _log),
    "log1p": _log1p,
    **dict.fromkeys(("div", "true_divide", "fmod", "remainder"), _divide),
    **dict.fromkeys(("reciprocal", "rsqrt"), _inverse),
    "sqrt": _root,
    **dict.fromkeys(("exp", "expm1", "exp2", "sinh", "cosh", "logsumexp"), _exp),
    "pow": _power,
    **dict.fromkeys(("acos", "asin", "atanh", "erfinv"), _arc),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), _softmax),
    **dict.fromkeys(("std", "var", "std_mean", "var_mean"), _spread),
    **dict.fromkeys(("nll_loss_forward", "nll_loss2d_forward"), _nll),
    "mul": _product,
    **dict.fromkeys(("sub", "add", "rsub"), _difference),
}


def why_backward(node: str, operands: Sequence[Operand]) -> str:
    """Say why the derivative of an operation was not finite, by its autograd node.

    Example:
        >>> why_backward("Sqrt", [operand(torch.zeros(2))])
        'the slope of a root at 0 is infinite (2 zeros)'
    """
    zeros = max((one.zeros for one in operands), default=0)
    word = _SLOPES.get(node)
    if zeros and word:
        return f"{word} ({zeros} zeros)"
    if node in ("Acos", "Asin", "Atanh"):
        return "its slope at -1 and 1 is infinite"
    largest = max((one.largest for one in operands), default=0.0)
    return f"its derivative overflows: numbers up to {largest:.3g} in size went in"


_SLOPES = {
    **dict.fromkeys(("Sqrt", "Rsqrt"), "the slope of a root at 0 is infinite"),
    "Pow": "the slope of a power below 1 at 0 is infinite",
    **dict.fromkeys(("Log", "Log2", "Log10"), "the slope of log at 0 is infinite"),
    **dict.fromkeys(("Div", "Reciprocal"), "the slope of a division by 0 is infinite"),
    **dict.fromkeys(("Std", "Var", "StdMean", "VarMean"), "the slope of a spread of 0 is 0 / 0"),
    **dict.fromkeys(("Norm", "LinalgVectorNorm", "Cdist"), "the slope of a norm at 0 is 0 / 0"),
    "Prod": "the slope of a product divides by its factors",
    "Atan2": "the slope of an angle at the origin is 0 / 0",
}
