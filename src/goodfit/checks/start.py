"""Checks of the network at its start: first loss, gradients, and a tiny batch by heart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..engine import Noise, Population, Problem, make_population, make_step
from ..nets import layout_of
from ..optim import coefficient_table, rule_of
from ..recipe import AdamW
from ..records import Finding, Verdict, found, not_judged, passed
from .subject import Subject

TINY_ROWS, TINY_STEPS, TINY_RATE = 16, 200, 3e-3
LEARNED_SHARE = 0.2


def initial_loss_off(subject: Subject) -> Verdict:
    """Fires when the first loss is far above chance: ``log C``, or the target's variance.

    ``-log p`` with ``p = 1/C`` is what equal scores for C classes give; a standardised target
    predicted by 0 has a squared error of 1. Notes n3, Sanity Checking; n4, step 3.
    """
    with torch.no_grad():
        outputs = subject.fresh_net().train()(subject.inputs())
        loss = float(subject.loss_fn(outputs, subject.y))
    chance = (
        math.log(outputs.shape[1]) if subject.task == "classification" else _variance(subject.y)
    )
    evidence = {"loss": loss, "chance": chance}
    if math.isfinite(loss) and loss <= 2.0 * chance + 0.5:
        return passed("initial-loss-off", f"the first loss is {loss:.3g}, chance is {chance:.3g}")
    return found(
        Finding(
            rule="initial-loss-off",
            severity="warning",
            meaning="The first loss is far above chance: the network starts sure and wrong.",
            remedy="Use smaller initial weights in the last layer, and check inputs and loss.",
            source="notes n3, Sanity Checking; notes n4, step 3",
            evidence=evidence,
        ),
    )


def no_gradient(subject: Subject) -> Verdict:
    """Fires when no gradient reaches a parameter. Notes n3, Importance of gradient flow."""
    net = subject.fresh_net().train()
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    if not named:
        return not_judged("no-gradient", "the network has no parameters to train")
    loss = subject.loss_fn(net(subject.inputs()), subject.y)
    gradients = _gradients(loss, [p for _, p in named])
    unreached = [name for (name, _), g in zip(named, gradients, strict=True) if not _reached(g)]
    if not unreached:
        return passed("no-gradient", f"a gradient reaches each of {len(named)} parameters")
    return found(
        Finding(
            rule="no-gradient",
            severity="warning",
            meaning="No gradient reaches some parameters, so they will never change.",
            remedy="Use them in forward, and look for detach, no_grad or dead units before them.",
            source="notes n3, Analysis of Non-Linear Function",
            evidence={"num_parameters": len(unreached), "of": len(named)},
            where=", ".join(unreached[:3]),
        ),
    )


def cannot_overfit_tiny_batch(subject: Subject) -> Verdict:
    """Fires when a few rows cannot be learned by heart. Notes n4, step 4; n3, Sanity Checking.

    Trains a copy for 200 steps of AdamW on 16 rows and compares the loss with what it was. Rows
    with equal inputs and different targets set a floor, so they are not judged.
    """
    x, y = subject.x[:TINY_ROWS], subject.y[:TINY_ROWS]
    if not any(p.requires_grad for p in subject.net.parameters()):
        return not_judged("cannot-overfit-tiny-batch", "the network has no parameters to train")
    if len(x) < 4 or len(torch.unique(x.flatten(1), dim=0)) < len(x):
        return not_judged("cannot-overfit-tiny-batch", "too few different rows in the batch")
    losses = _overfit(subject, x, y)
    first, last = losses[0], min(losses[-10:])
    if math.isfinite(last) and last <= LEARNED_SHARE * first:
        return passed(
            "cannot-overfit-tiny-batch",
            f"the loss on {len(x)} rows fell from {first:.3g} to {last:.2g}",
        )
    return found(
        Finding(
            rule="cannot-overfit-tiny-batch",
            severity="warning",
            meaning="The network cannot learn a handful of rows by heart: something is broken.",
            remedy="Check loss and output, labels, dead or saturated units, frozen parameters.",
            source="notes n4, step 4; notes n3, Sanity Checking",
            evidence={"rows": len(x), "steps": TINY_STEPS, "first_loss": first, "last_loss": last},
        ),
    )


def _overfit(subject: Subject, x: Tensor, y: Tensor) -> list[float]:
    net = _without_dropout(subject.fresh_net().train())
    rule = rule_of(AdamW())
    problem = Problem(net, layout_of(net), subject.loss_fn, rule, 1, subject.prepare)
    population = make_population([net], rule)
    noise = Noise(problem, population, (), [0], seeds_torch=True)
    step, rates = make_step(problem, eager=True), np.full((TINY_STEPS, 1), TINY_RATE)
    config = AdamW(weight_decay=0.0)
    table = torch.from_numpy(coefficient_table([config], rates, np.arange(float(TINY_STEPS))))
    losses = []
    for number, coefficients in enumerate(table):
        drawn = noise.draw(number, (x, y))
        w, slots, buffers, probes = step(
            population.w, population.slots, population.buffers, coefficients, x, y, drawn
        )
        population = Population(w, slots, buffers)
        losses.append(float(probes[0, 0]))
    return losses


def _without_dropout(net: nn.Module) -> nn.Module:
    """Put every layer that is named dropout into evaluation mode; the rest trains."""
    for module in net.modules():
        if "dropout" in type(module).__name__.lower():
            module.eval()
    return net


def _variance(y: Tensor) -> float:
    return float(y.float().square().mean())


def _gradients(loss: Tensor, parameters: list[nn.Parameter]) -> Sequence[Tensor | None]:
    """Return the gradients; all None where the loss does not depend on any parameter."""
    if not loss.requires_grad:
        return [None] * len(parameters)
    return torch.autograd.grad(loss, parameters, allow_unused=True)


def _reached(gradient: Tensor | None) -> bool:
    return gradient is not None and bool(gradient.count_nonzero())
