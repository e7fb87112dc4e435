"""Checks of what a user gives: any network, any loss, any batches."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import DataError, NetError
from ..probes.given import given_loss, given_module
from ..records import Finding, Record, Verdict, not_judged
from .family import CHECKS, run_checks
from .inputs import FAILURES
from .order import in_order
from .reading import read
from .subject import Subject

READING_SHARE = 0.2


@dataclass(frozen=True)
class Checked(Record, Sequence[Finding]):
    """What the checks before training gave: a sequence of findings, causes first.

    ``verdicts`` has the outcome of every check: passed, found, or not judged and why.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings, causes first, advice last."""
        return in_order(v.finding for v in self.verdicts if v.finding)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self.findings[index]

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or f"{len(self.verdicts)} checks found nothing."


def check(
    module: nn.Module,
    loss_fn: Callable[[Any, Any], Any],
    batches: Iterable[Any],
    *,
    optimizer: Optimizer | Sequence[Optimizer] | None = None,
    validation: Iterable[Any] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    deadline_s: float = 25.0,
) -> Checked:
    """Check a network, its loss and its data before training; return the findings.

    Everything is done on copies: weights, buffers, modes, gradients, optimiser and random
    generators stay as they were, and a loader draws the same batches after. (An iterator that
    can be read only once has been read after.)

    Args:
        module: Any network; a list or tuple of inputs is spread over its arguments.
        loss_fn: A module or a function ``(outputs, y) -> loss``.
        batches: An iterable of ``(x, y)``, of ``(x1, x2, y)``, or of dicts with "labels".
        optimizer: One optimiser, or several; without it, what concerns it is not judged.
        validation: Batches of the validation part; without them, overlap is not judged.
        seeds: Of the noise that layers draw, and of the rows that are chosen.
        deadline_s: Seconds of wall time after which slow checks are left out, and say so.

    Raises:
        DataError: there are no batches, or only the parts of one. (Where they are not (x, y),
            nothing is judged.)
        NetError: ``module`` or ``loss_fn`` is none; the network cannot be copied, or fails on a
            batch for no reason that is found.

    Example:
        >>> rows = torch.linspace(-1, 1, 64)[:, None]
        >>> batches = [(rows[i::4], rows[i::4].square()) for i in range(4)]
        >>> net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
        >>> check(net, nn.MSELoss(), batches).findings
        ()
        >>> targets = [(x, y.flatten()) for x, y in batches]
        >>> [finding.rule for finding in check(net, nn.MSELoss(), targets)][:1]
        ['loss-broadcast']
    """
    given_module(module, "module")
    given_loss(loss_fn)
    until = time.monotonic() + deadline_s
    seconds = READING_SHARE * deadline_s
    with undisturbed(batches, validation), gradients_kept(module):
        given_batches(batches)
        try:
            subject = subject_of(module, loss_fn, batches, seeds=seeds, seconds=seconds)
            held_out = None if validation is None else read(validation, seconds=seconds)
        except DataError as error:
            return Checked(_none_judged(f"{error.what} It is {error.given}."))
        if not len(subject.y):
            raise DataError("There are no batches to check.", do="Give an iterable of (x, y).")
        optimizers = _as_optimizers(optimizer)
        subject = replace(subject, validation=held_out, optimizers=optimizers, until=until)
        broken, verdicts = subject.broken, run_checks(subject, deadline_s=deadline_s)
    if broken and not any(verdict.finding for verdict in verdicts):
        raise NetError(
            "Network and loss cannot be run on a batch.",
            given=broken,
            do="Try loss_fn(module(x), y) on the first batch, and mend what it says.",
        )
    return Checked(verdicts)


def _none_judged(because: str) -> tuple[Verdict, ...]:
    return tuple(not_judged(check.__name__.replace("_", "-"), because) for check in CHECKS)


def subject_of(
    module: nn.Module,
    loss_fn: Callable[[Any, Any], Any],
    batches: Iterable[Any],
    *,
    seeds: Sequence[int],
    seconds: float,
) -> Subject:
    """Return copies of a network and its loss, with what was read of the batches."""
    net = getattr(module, "_orig_mod", module)
    first = next(iter([*net.parameters(), *net.buffers()]), torch.empty(0))
    reading = read(batches, seconds=seconds, device=first.device)
    return Subject(
        net=_copy(net),
        prepare=nn.Identity(),
        loss_fn=_copy(loss_fn) if isinstance(loss_fn, nn.Module) else loss_fn,
        x=reading.x,
        y=reading.y,
        task=None,
        reading=reading,
        original=net,
        seeds=tuple(seeds),
    )


def _copy(net: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(net)
    except FAILURES as error:
        raise NetError(
            f"The network cannot be copied: {error}",
            given=type(net).__name__,
            do="Checks train copies only. Keep what cannot be copied outside the module.",
        ) from error


def _as_optimizers(optimizer: Optimizer | Sequence[Optimizer] | None) -> tuple[Optimizer, ...]:
    if optimizer is None:
        return ()
    return (optimizer,) if isinstance(optimizer, Optimizer) else tuple(optimizer)


def given_batches(batches: object) -> None:
    """Refuse what is one batch, or none, where batches are meant.

    Raises:
        DataError: it cannot be read batch by batch.
    """
    parts = batches if isinstance(batches, tuple | list) else ()
    if len(parts) > 1 and all(isinstance(part, Tensor | np.ndarray) for part in parts):
        raise DataError(
            "These are the parts of one batch, and batches are meant.",
            given=f"{len(parts)} tensors or arrays",
            do="Put the batch into a list, [(x, y)], or pass a DataLoader.",
        )
    if isinstance(batches, Tensor | np.ndarray | str) or not isinstance(batches, Iterable):
        raise DataError(
            "There are no batches to read.",
            given=type(batches).__name__,
            do="Pass a DataLoader, or a list of batches: [(x, y), ...].",
        )


@contextmanager
def undisturbed(*loaders: Any) -> Iterator[None]:
    """Leave every random generator as it was: torch's, numpy's, Python's, and the loaders' own."""
    generators = [generator for loader in loaders for generator in _generators(loader)]
    states = [generator.get_state() for generator in generators]
    ours = random.getstate()
    numpy_state = np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            yield
        finally:
            random.setstate(ours)
            np.random.set_state(numpy_state)
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)


@contextmanager
def gradients_kept(module: nn.Module) -> Iterator[None]:
    """Put the gradients back that a loss with a penalty may have changed."""
    parameters = list(module.parameters())
    before = [None if p.grad is None else p.grad.detach().clone() for p in parameters]
    held = [p.grad for p in parameters]
    try:
        yield
    finally:
        for parameter, gradient, values in zip(parameters, held, before, strict=True):
            parameter.grad = gradient
            if gradient is not None and values is not None:
                gradient.copy_(values)


def _generators(loader: Any) -> list[torch.Generator]:
    """Return the generators that a DataLoader and its samplers draw from, each once."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    holders = [loader, getattr(loader, "sampler", None), batch_sampler]
    holders.append(getattr(batch_sampler, "sampler", None))
    found = [getattr(holder, "generator", None) for holder in holders]
    return list({id(g): g for g in found if isinstance(g, torch.Generator)}.values())
