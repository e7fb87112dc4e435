"""Faults of the data: each function gives a plant, that is a function from program to program."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from bench.faults.data import PART_NAMES, Parts, Rows
from bench.faults.program import Program

Plant = Callable[[Program], Program]
PLANT_SEED = 7
SEEN = ("train", "validation")


def _draw(num: int) -> Tensor:
    return torch.rand(num, generator=torch.Generator().manual_seed(PLANT_SEED))


def _rows(change: Callable[[Rows], Rows], *names: str) -> Plant:
    def change_parts(parts: Parts) -> Parts:
        return parts.over(*names, change=change)

    return lambda program: program.with_data(change_parts)


def bad_inputs(value: float, share: float) -> Plant:
    """Put ``value`` (NaN or infinity) into one feature of a share of the rows (one at least)."""

    def spoil(rows: Rows) -> Rows:
        x = rows.x.clone()
        chosen = _draw(len(x)).argsort()[: max(1, round(share * len(x)))]
        x.flatten(1)[chosen, 3] = value
        return Rows(x, rows.y)

    return _rows(spoil, *SEEN)


def scaled_inputs(factor: float) -> Plant:
    """Multiply all inputs of all parts."""
    return _rows(lambda rows: Rows(rows.x * factor, rows.y), *PART_NAMES)


def scaled_column(factor: float) -> Plant:
    """Multiply one feature, as where a table was not standardised."""

    def scale(rows: Rows) -> Rows:
        x = rows.x.clone()
        x.flatten(1)[:, 2] *= factor
        return Rows(x, rows.y)

    return _rows(scale, *PART_NAMES)


def shifted_labels(by: int) -> Plant:
    """Count classes from ``by`` instead of 0."""
    return _rows(lambda rows: Rows(rows.x, rows.y + by), *SEEN)


def signed_labels() -> Plant:
    """Name the two classes -1 and 1 for a loss that expects 0 and 1."""
    return _rows(lambda rows: Rows(rows.x, 2 * rows.y - 1), *SEEN)


def sorted_rows(num_chunks: int) -> Plant:
    """Leave rows unshuffled, sorted by target within each of ``num_chunks`` pieces of the data."""

    def order(rows: Rows) -> Rows:
        index = torch.arange(len(rows)).chunk(num_chunks)
        return rows.pick(torch.cat([i[rows.y[i].flatten().argsort(stable=True)] for i in index]))

    plant = _rows(order, "train")
    return lambda program: plant(program).with_loop(shuffle=False)


def rare_classes(keep: float) -> Plant:
    """Keep only a share of the rows (two at least) of the upper half of the classes."""

    def thin(rows: Rows) -> Rows:
        y, kept = rows.y.flatten(), []
        for k in y.unique():
            index = (y == k).nonzero()[:, 0]
            rare = k >= (y.max() + 1) / 2
            kept.append(index[: max(2, round(keep * len(index)))] if rare else index)
        return rows.pick(torch.cat(kept).sort().values)

    return _rows(thin, *SEEN)


def overlapping_parts(share: float) -> Plant:
    """Fill a share of the validation part with training rows."""

    def overlap(parts: Parts) -> Parts:
        num = round(share * len(parts.validation))
        rows = Rows(
            torch.cat([parts.train.x[:num], parts.validation.x[num:]]),
            torch.cat([parts.train.y[:num], parts.validation.y[num:]]),
        )
        return replace(parts, validation=rows)

    return lambda program: program.with_data(overlap)


def wrong_labels(share: float) -> Plant:
    """Exchange the targets of a share of the rows among these rows; the sealed part stays right."""

    def spoil(rows: Rows) -> Rows:
        chosen = (_draw(len(rows)) < share).nonzero()[:, 0]
        y = rows.y.clone()
        y[chosen] = rows.y[chosen.roll(1)][_draw(len(chosen)).argsort()]
        return Rows(rows.x, y)

    return _rows(spoil, *SEEN)


def few_rows(share: float) -> Plant:
    """Train on a share of the rows for as many steps, without dropout, decay or augmentation."""

    def cut(program: Program) -> Program:
        options = {k: v for k, v in program.net_options.items() if k != "dropout"}
        program = replace(program, net_options=options, alter=None, epochs=program.epochs)
        program = program.with_optim(weight_decay=0.0).with_data(
            lambda parts: parts.over("train", change=lambda rows: rows.pick(_first(rows, share)))
        )
        return replace(program, epochs=round(program.epochs / share))

    return cut


def _first(rows: Rows, share: float) -> Tensor:
    return torch.arange(max(16, round(share * len(rows))))


def offset_target(by: float) -> Plant:
    """Leave the target's mean where it was: ``by`` standard deviations from 0."""
    return _rows(lambda rows: Rows(rows.x, rows.y + by), *PART_NAMES)
