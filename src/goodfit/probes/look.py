"""One look: everything that is measured at one step, in one pass and with one transfer.

A driver (a watched loop, or our own) opens :func:`outputs_of` around a forward, keeps the weights
before the step by :func:`row_of`, and hands over what it has after the step:

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

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..records import Looks
from .batch import Batch, batch_metric, wrong_and_sure
from .columns import LookColumns, Transfer
from .layers import Output, Seen, places_of
from .mistakes import far_from_predicted, mistakes
from .movement import Movement, descent, norms, turn
from .signals import signal
from .units import dead_share, moments, norm_gap, saturated_share

DEAD_ROWS = 512
# Of so many rows chance does not make all units of a layer the same.
SURE_ROWS = 64
NAN = float("nan")


@dataclass(frozen=True)
class Probe:
    """What is measured: columns of :class:`~goodfit.records.Looks` or its layers, and by what.

    ``of`` says on what: one layer's output, the step of the weights, or the training batch.
    """

    columns: tuple[str, ...]
    of: Literal["output", "movement", "batch"]
    measure: Callable[[Any], Mapping[str, Any]]


PROBES: tuple[Probe, ...] = (
    Probe(("output_mean", "output_std"), "output", moments),
    Probe(("dead_share",), "output", dead_share),
    Probe(("saturated_share",), "output", saturated_share),
    Probe(("norm_gap",), "output", norm_gap),
    Probe(("gain", "size_in", "spread_in", "spread_out"), "output", signal),
    Probe(("weight_norm", "grad_norm", "update_norm"), "movement", norms),
    Probe(("descent",), "movement", descent),
    Probe(("turn",), "movement", turn),
    Probe(("batch_metric",), "batch", batch_metric),
    Probe(("wrong_and_sure",), "batch", wrong_and_sure),
    Probe(("mistaken", "misplaced"), "batch", mistakes),
    Probe(("far_agreement",), "batch", far_from_predicted),
)


_MEASURES = {
    of: tuple(probe.measure for probe in PROBES if probe.of == of)
    for of in ("output", "movement", "batch")
}


def measure(of: str, subject: Output | Movement | Batch) -> dict[str, Any]:
    """Return what all probes of one kind measure, by column; what cannot be is left out."""
    found: dict[str, Any] = {}
    for run in _MEASURES[of]:
        found.update(run(subject))
    return found


@dataclass
class _Units:
    """For how many rows on end each unit of a layer has been the same."""

    since: NDArray[np.float32]
    rows: int = 0

    def count(self, same: NDArray[np.float32], rows: int) -> None:
        self.since = (self.since + rows) * same
        self.rows += rows

    @property
    def dead_share(self) -> float:
        """The share of units that are dead; NaN until enough rows were seen.

        All of them are known to be dead after 64 rows, a share of them after 512.
        """
        if self.rows < DEAD_ROWS:
            all_dead = self.rows >= SURE_ROWS and bool((self.since >= self.rows).all())
            return 1.0 if all_dead else NAN
        return float(np.count_nonzero(self.since >= DEAD_ROWS) / max(len(self.since), 1))


@dataclass
class Observer:
    """Measures looks of one network and keeps their columns."""

    network: nn.Module
    columns: LookColumns = field(default_factory=LookColumns)
    units: dict[str, _Units] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = places_of(self.network)

    @property
    def carried(self) -> dict[str, Tensor]:
        """What goes from look to look, for a checkpoint: by layer ``[units + 1]``.

        For how many rows on end each unit has been the same, and behind that of how many rows.
        """
        return {
            name: torch.from_numpy(np.append(held.since, np.float32(held.rows)))
            for name, held in self.units.items()
        }

    @carried.setter
    def carried(self, held: Mapping[str, Tensor]) -> None:
        rows = {name: value.numpy() for name, value in held.items()}
        self.units = {name: _Units(row[:-1].copy(), int(row[-1])) for name, row in rows.items()}

    def begin(self, *, start: bool = False) -> Seen:
        """Return what the hooks of the next forward fill; ``start`` says that it is the first."""
        return Seen(lambda output: measure("output", output), start)

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
        transfer, fresh = Transfer(), batch is None or batch.fresh
        for output in seen.outputs:
            transfer.add(output.name, output.found)
        if batch is not None:
            transfer.add("", measure("batch", batch))
        if moved is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # numbers that explode are shown so
                transfer.add("", measure("movement", moved))
        numbers = transfer.fetch()
        for output in seen.outputs:
            same = numbers.get((output.name, "dead_share"))
            if isinstance(same, np.ndarray):
                share = self._dead(output.name, same, output.num_rows, fresh)
                numbers[output.name, "dead_share"] = share
        self.columns.meet(self.places, seen.outputs, names)
        return self.columns.add(step, numbers)

    def _dead(self, name: str, same: NDArray[np.float32], rows: int, fresh: bool) -> float:
        held = self.units.get(name)
        if held is None or held.since.shape != same.shape:
            held = self.units[name] = _Units(np.zeros_like(same))
        if fresh:
            held.count(same, rows)
        return held.dead_share
