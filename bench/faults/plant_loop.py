"""Faults of the optimiser, the schedule and the loop."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from bench.faults.plant_data import Plant
from bench.faults.program import LossFn, Program

# Programs with tiny batches are cut to this many steps, so that a case stays short.
MOST_STEPS = 1200


def rate(factor: float) -> Plant:
    """Multiply the learning rate."""
    return lambda program: program.with_optim(lr=program.optim.lr * factor)


def decay(value: float) -> Plant:
    """Set weight decay."""
    return lambda program: program.with_optim(weight_decay=value)


def momentum(value: float) -> Plant:
    """Set SGD's momentum, the rate as it was."""
    return lambda program: program.with_optim(momentum=value)


def loop(**changes: Any) -> Plant:
    """Change the loop."""
    return lambda program: program.with_loop(**changes)


def ascent(program: Program) -> Program:
    """Climb: torch's ``maximize``."""
    return program.with_optim(extra={"maximize": True})


def negated(program: Program) -> Program:
    """Descend on the loss with the wrong sign."""
    make = program.make_loss

    def make_negated() -> LossFn:
        loss_fn = make()
        return lambda outputs, y: -loss_fn(outputs, y)

    return replace(program, make_loss=make_negated)


def summed(program: Program) -> Program:
    """Sum the loss over the batch, the rate as it was."""
    make = program.make_loss

    def make_summed() -> LossFn:
        loss_fn = make()
        if isinstance(loss_fn, nn.Module):
            loss_fn.reduction = "sum"  # pyright: ignore
            return loss_fn
        return lambda outputs, y: loss_fn(outputs, y) * len(y)

    return replace(program, make_loss=make_summed)


def groups(choose: Callable[[nn.Module, float], Iterable[Any]]) -> Plant:
    """Give the optimiser other parameters."""
    return lambda program: replace(program, groups=choose)


def only_head(net: nn.Module, lr: float) -> Iterable[Any]:
    """Parameters of the head alone."""
    return net.head.parameters()  # pyright: ignore


def without_first(net: nn.Module, lr: float) -> Iterable[Any]:
    """Parameters of the body's later half and of the head."""
    named = list(net.parameters())
    return named[len(named) // 2 :]


def head_times(factor: float) -> Plant:
    """Give the head a rate of its own."""

    def choose(net: Any, lr: float) -> Iterable[Any]:
        head = {"params": list(net.head.parameters()), "lr": lr * factor}
        return [{"params": list(net.body.parameters())}, head]

    return groups(choose)


def body_times(factor: float) -> Plant:
    """Give the body a rate of its own."""

    def choose(net: Any, lr: float) -> Iterable[Any]:
        body = {"params": list(net.body.parameters()), "lr": lr * factor}
        return [body, {"params": list(net.head.parameters())}]

    return groups(choose)


def early_end(share: float) -> Plant:
    """Let the rate fall to 0 within a share of the run (cosine)."""
    return lambda program: replace(program, schedule="cosine", schedule_share=share, warp=None)


def steep_decay(every: float) -> Plant:
    """Divide the rate by 10 at each such share of the run."""
    return lambda program: replace(
        program, warp=lambda step, num_steps: 0.1 ** int(step / max(1.0, every * num_steps))
    )


def first_steps(factor: float, num: int) -> Plant:
    """Let the first steps have a far larger rate: no warm-up where one is needed."""
    return lambda program: replace(
        program, warp=lambda step, num_steps: factor if step < num else 1.0
    )


def batches_of(size: int) -> Plant:
    """Take tiny batches, the rate as it was."""

    def change(program: Program) -> Program:
        per_epoch = max(1, len(program.load().train) // size)
        share = min(1.0, MOST_STEPS / (per_epoch * program.epochs))
        return replace(program, batch_size=size).with_loop(epochs_run=share)

    return change


def same_for_all(loss: Callable[[Tensor, Tensor], Tensor]) -> Plant:
    """Use another loss."""
    return lambda program: replace(program, make_loss=lambda: loss)
