"""What simple fits reach on some training rows: what a network should at least reach too."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..records import Baseline, Task

# Ridge weights tried, on inputs of unit spread and a kernel of about 1.
RIDGES = (0.1, 1.0, 10.0)
# Fewer rows say too little; more cost their cube (512: about 4 ms for each ridge weight).
MIN_ROWS, MAX_ROWS = 64, 512
MAX_NUMBERS = 2**20


def simple_fits(x: Tensor, y: Tensor, task: Task) -> Baseline | None:
    """Return the scores of two simple fits, each row judged by a fit that has not seen it.

    Ridge regression on standardised inputs ``x [N, ...]``, by straight lines (kernel
    ``x x' / d``) and with squares and products of two inputs (``(1 + x x' / d)^2``), of quantities
    or of one-hot classes. With ``H = K (K + r I)^-1`` the error of a row left out is the error of
    the whole fit over ``1 - H_ii`` (Hastie, Tibshirani and Friedman, The Elements of Statistical
    Learning, 7.10); r is the best of three.

    Args:
        x: Inputs, of which at most 512 rows are read, equal ones once.
        y: Classes ``[N]`` as integers, or one quantity each row, ``[N]`` or ``[N, 1]``.
        task: The scores are accuracies or R2.

    Returns:
        None for inputs that are no numbers or too many, targets of other shapes, and under 64 rows.

    Example:
        >>> x = torch.randn(256, 3, generator=torch.Generator().manual_seed(0))
        >>> curved = simple_fits(x, x[:, 0] * x[:, 1], "regression")
        >>> curved.linear < 0.1, curved.curved > 0.9
        (True, True)
    """
    rows = _rows(x, y, task)
    if rows is None:
        return None
    x, y = rows
    wanted = F.one_hot(y).float() if task == "classification" else y[:, None]
    middle = wanted.mean(0)
    gram, num_rows = (x @ x.T).div_(x.shape[1]), len(x)
    del x, rows

    def best() -> float:
        made = (_left_out(gram, wanted - middle, ridge) + middle for ridge in RIDGES)
        return max(_score(answers, y, task) for answers in made)

    linear = best()
    gram.add_(1.0).square_()
    return Baseline(linear=linear, curved=best(), num_rows=num_rows)


def _rows(x: Tensor, y: Tensor, task: Task) -> tuple[Tensor, Tensor] | None:
    """Return standardised inputs ``[n, d]`` and targets ``[n]``, or None where nothing fits."""
    x, y = x.detach()[-MAX_ROWS:], y.detach()[-MAX_ROWS:]
    one_each = y.numel() == len(y) == len(x)
    right = y.is_floating_point() == (task == "regression")
    if not one_each or not right or not x.is_floating_point() or x.numel() > MAX_NUMBERS:
        return None
    x, y = x.to("cpu", torch.float32).reshape(len(x), -1), y.to("cpu").reshape(-1)
    x, y = _each_once(x, y.float() if task == "regression" else y.long())
    if len(x) < MIN_ROWS or not (x.isfinite().all() and y.isfinite().all()):
        return None
    if y.min() == y.max() or (task == "classification" and y.min() < 0):
        return None
    spread = x.std(0)
    x = x[:, spread > 0].sub_(x.mean(0)[spread > 0]).div_(spread[spread > 0])
    return (x, y) if x.shape[1] else None


def _each_once(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows without those that came before: left out, they would be seen after all."""
    # By hashes: `torch.unique` holds the rows three times over.
    places: dict[int, int] = {}
    for place, row in enumerate(x.numpy()):
        places.setdefault(hash(row.tobytes()), place)
    first = list(places.values())
    return (x, y) if len(first) == len(x) else (x[first], y[first])


def _left_out(kernel: Tensor, wanted: Tensor, ridge: float) -> Tensor:
    """Return what a ridge fit says of each row ``[N, C]`` when it was left out."""
    # The 1 lets the level be fitted too. In place: this may be the most that a watch ever holds.
    system = kernel + 1.0
    system.diagonal().add_(ridge)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(system, out=system), out=system)
    return wanted - inverse @ wanted / inverse.diagonal()[:, None]


def _score(found: Tensor, y: Tensor, task: Task) -> float:
    if task == "classification":
        return float((found.argmax(1) == y).float().mean())
    return float(1.0 - (found[:, 0] - y).square().mean() / y.var(correction=0))
