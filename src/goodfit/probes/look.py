"""One look: everything that is measured at one step, in one pass and with one transfer.

A driver (a watched loop, or our own) opens :func:`outputs_of` around a forward, keeps the weights
before the step by :func:`sampled`, and hands over what it has after the step:

    observer = Observer(network)
    with outputs_of(observer.places, observer.begin()) as seen:
        outputs = network(x)
    ...                                     # loss, backward, step
    observer.look(step, seen, names, Movement(...), Batch(...))
    observer.looks()                        # the record, so far
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..records import Looks
from .batch import Batch, batch_metric, wrong_and_sure
from .columns import LookColumns, Transfer
from .layers import Measured, Output, Seen, places_of
from .movement import Movement, descent, norms, turn
from .units import dead_share, moments, norm_gap, saturated_share

DEAD_ROWS = 512


@dataclass(frozen=True)
class Probe:
    """What is measured: columns of :class:`~goodfit.records.Looks` or its layers, and by what.

    ``of`` says on what: one layer's output, the step of the weights, or the training batch.
    """

    columns: tuple[str, ...]
    of: Literal["output", "movement", "batch"]
    measure: Callable[[Any], Mapping[str, Tensor]]


PROBES: tuple[Probe, ...] = (
    Probe(("output_mean", "output_std"), "output", moments),
    Probe(("dead_share",), "output", dead_share),
    Probe(("saturated_share",), "output", saturated_share),
    Probe(("norm_gap",), "output", norm_gap),
    Probe(("weight_norm", "grad_norm", "update_norm"), "movement", norms),
    Probe(("descent",), "movement", descent),
    Probe(("turn",), "movement", turn),
    Probe(("batch_metric",), "batch", batch_metric),
    Probe(("wrong_and_sure",), "batch", wrong_and_sure),
)


@torch.no_grad()
def measure(of: str, subject: Output | Movement | Batch) -> dict[str, Tensor]:
    """Return what all probes of one kind measure, by column; what cannot be is left out."""
    found: dict[str, Tensor] = {}
    for probe in PROBES:
        if probe.of == of:
            found.update(probe.measure(subject))
    return found


@dataclass
class _Units:
    """For how many rows on end each unit of a layer has been the same."""

    since: Tensor
    rows: int = 0

    def count(self, same: Tensor, rows: int) -> None:
        self.since.add_(rows).mul_(same)
        self.rows += rows


@dataclass
class Observer:
    """Measures looks of one network and keeps their columns."""

    network: nn.Module
    columns: LookColumns = field(default_factory=LookColumns)
    units: dict[str, _Units] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = places_of(self.network)

    def begin(self) -> Seen:
        """Return what the hooks of the next forward fill."""
        return Seen(lambda output: measure("output", output))

    def looks(self) -> Looks:
        """Return the record of all looks so far."""
        return self.columns.record()

    def look(
        self,
        step: int,
        seen: Seen,
        names: Sequence[str],
        moved: Movement | None,
        batch: Batch | None,
    ) -> Mapping[str, float]:
        """Take one look down; returns its numbers over the whole network.

        ``names`` are those of the parameters of ``moved``, in its order.
        """
        transfer = Transfer()
        for output in seen.outputs:
            for column, value in self._shares(output, fresh=batch is None or batch.fresh).items():
                transfer.add((output.name, column), value)
        found = measure("batch", batch) if batch else {}
        found.update(measure("movement", moved) if moved else {})
        for column, value in found.items():
            transfer.add(("", column), value)
        return self.columns.add(step, self.places, names, seen, transfer.fetch())

    def _shares(self, output: Measured, *, fresh: bool) -> dict[str, Tensor]:
        """Return the numbers of one output, its units that were the same counted up to now."""
        found = dict(output.found)
        same = found.pop("dead_share", None)
        dead = None if same is None else self._dead(output.name, same, output.rows, fresh)
        return found if dead is None else {**found, "dead_share": dead}

    def _dead(self, name: str, same: Tensor, rows: int, fresh: bool) -> Tensor | None:
        held = self.units.get(name)
        if held is None or held.since.shape != same.shape:
            held = self.units[name] = _Units(torch.zeros_like(same, dtype=torch.int64))
        if fresh:
            held.count(same, rows)
        if held.rows < DEAD_ROWS:
            return None
        return (held.since >= DEAD_ROWS).to(torch.float32).mean()
