"""Checks that train: a tiny batch by heart."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..records import Finding, Verdict, found, not_judged, passed
from .inputs import FAILURES, Inputs, feed, take_rows, tensors_of
from .observe import gradients
from .subject import Subject, quiet, without_dropout

TINY_ROWS, FEWER_ROWS, TINY_STEPS = 16, 4, 200
# Rows and rate of each attempt; one is enough where the cause is known already.
ATTEMPTS = (
    *((TINY_ROWS, 3e-3), (TINY_ROWS, 3e-4), (TINY_ROWS, 3e-2)),
    *((FEWER_ROWS, 3e-3), (FEWER_ROWS, 3e-4), (FEWER_ROWS, 3e-2)),
)
OUT_OF_TIME = "the time for checks is over"
LEARNED_SHARE, STUCK_SHARE = 0.2, 0.95


def cannot_overfit_tiny_batch(subject: Subject) -> Verdict:
    """Fires when a few rows cannot be learned by heart. Notes n4, step 4; n3, Sanity Checking.

    Trains a copy, without dropout, for 200 steps of AdamW on 16 different rows, at up to three
    rates, and on 4 rows where that is too many for a small network. The loss has to fall to a
    fifth of what it was above its floor, which is found by fitting the outputs themselves: above
    0 with label smoothing and mixed targets. Where that is below 0, as of a density, there is no
    end to it, and a loss that fell is not judged.
    """
    name, subject = "cannot-overfit-tiny-batch", subject.clean
    if subject.broken:
        return not_judged(name, subject.broken)
    if not any(p.requires_grad for p in subject.net.parameters()):
        return not_judged(name, "the network has no parameters to train")
    rows = _different_rows(subject)
    if len(rows) < FEWER_ROWS:
        return not_judged(name, "too few different rows in the batch")
    worst: dict[str, float | int | str] = {}
    for num_rows, rate in ATTEMPTS[:1] if subject.suspects else ATTEMPTS:
        first, last, floor = _learn(subject, rows[:num_rows], rate)
        lowest = floor or 0.0
        if last - lowest <= LEARNED_SHARE * (first - lowest):
            because = f"the loss on {len(rows[:num_rows])} rows fell from {first:.3g} to {last:.2g}"
            return passed(name, because)
        if subject.out_of_time():
            return not_judged(name, OUT_OF_TIME)
        fell = last < first - (1.0 - STUCK_SHARE) * abs(first)
        if fell and (floor is None or floor < 0.0):
            return not_judged(name, "the loss fell, and how far it can fall is not known")
        seen = {"first_loss": first, "last_loss": last, "lowest_possible_loss": lowest}
        worst = worst or {"rows": len(rows[:num_rows]), "steps": TINY_STEPS, **seen}
    return _cannot(worst, subject.suspects)


def _cannot(evidence: dict[str, float | int | str], suspects: tuple[str, ...]) -> Verdict:
    cause = f" The likely cause is {suspects[0]}." if suspects else ""
    return found(
        Finding(
            rule="cannot-overfit-tiny-batch",
            severity="warning",
            meaning=f"The network cannot learn a handful of rows by heart.{cause}",
            remedy="Check loss and output, labels, dead or saturated units, frozen parameters.",
            source="notes n4, step 4; notes n3, Sanity Checking",
            evidence={**evidence, **({"cause": suspects[0]} if suspects else {})},
        ),
    )


def _different_rows(subject: Subject) -> Tensor:
    """Return up to 16 rows that differ in their inputs, and in their targets first."""
    flat = torch.cat([t.flatten(1).double() for t in tensors_of(subject.x)], dim=1)
    order = torch.randperm(len(flat), generator=torch.Generator().manual_seed(subject.seeds[0]))
    groups = torch.unique(flat, dim=0, return_inverse=True)[1]
    first: dict[int, int] = {}
    for row in order.tolist():
        first.setdefault(int(groups[row]), row)
    return torch.tensor(_by_turns(subject.y, list(first.values()))[:TINY_ROWS], dtype=torch.long)


def _by_turns(y: Tensor, rows: list[int]) -> list[int]:
    """Return rows with each target in turn, so that the first few differ."""
    turns: dict[object, int] = {}
    keyed = []
    for row in rows:
        target = tuple(y[row].flatten().tolist())
        turns[target] = turns.get(target, 0) + 1
        keyed.append((turns[target], row))
    return [row for _, row in sorted(keyed, key=lambda pair: pair[0])]


def _learn(subject: Subject, rows: Tensor, rate: float) -> tuple[float, float, float | None]:
    """Train a copy; return the first loss, the lowest of the last ten, and the floor."""
    torch.manual_seed(subject.seeds[0])
    net = without_dropout(subject.fresh_net().train())
    x, y = take_rows(subject.inputs(), rows), subject.y[rows]
    floor = _floor(subject, net, x, y)
    optimizer = torch.optim.AdamW(
        [p for p in net.parameters() if p.requires_grad], lr=rate, weight_decay=0.0
    )
    losses: list[float] = []
    for _ in range(TINY_STEPS):
        loss = _step(subject, net, optimizer, x, y)
        if not math.isfinite(loss):
            return losses[0] if losses else loss, math.inf, floor
        losses.append(loss)
        left = (loss - (floor or 0.0)) / max(losses[0] - (floor or 0.0), 1e-30)
        if (left <= 0.5 * LEARNED_SHARE and len(losses) > 10) or subject.out_of_time():
            break
    return losses[0], min(losses[-10:]), floor


def _step(
    subject: Subject, net: nn.Module, optimizer: torch.optim.Optimizer, x: Inputs, y: Tensor
) -> float:
    with quiet():
        loss = subject.loss_fn(feed(net, x), y)
    if loss.requires_grad and bool(torch.isfinite(loss)):
        trained = [p for group in optimizer.param_groups for p in group["params"]]
        for parameter, gradient in zip(trained, gradients(loss, trained), strict=True):
            parameter.grad = gradient
        optimizer.step()
    return float(loss.detach())


def _floor(subject: Subject, net: nn.Module, x: Inputs, y: Tensor) -> float | None:
    """Return the lowest loss that any outputs could have; None where they are not one tensor."""
    with torch.no_grad():
        outputs = feed(net, x)
    if not isinstance(outputs, Tensor) or not outputs.is_floating_point():
        return None
    free = outputs.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([free], lr=0.3)
    lowest = math.inf
    try:
        for _ in range(TINY_STEPS):
            with quiet():
                loss = subject.loss_fn(_allowed(free, subject.kind), y)
            lowest = min(lowest, float(loss.detach()))
            (free.grad,) = torch.autograd.grad(loss.sum(), [free])
            optimizer.step()
    except FAILURES:
        return None
    return lowest if math.isfinite(lowest) else None


def _allowed(free: Tensor, kind: str) -> Tensor:
    """Return free outputs as the loss wants them: scores, logarithms of shares, or shares."""
    if kind in ("nll", "kl"):
        return free.log_softmax(1)
    return free.sigmoid() if kind == "binary-cross-entropy-of-probabilities" else free
