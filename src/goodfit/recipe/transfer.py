"""Where a network's first weights come from, and which of its layers move how much."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from .parts import Count, NonNegative, Part, PartOfAll, told

Prefix = Annotated[str, Field(min_length=1)]


class Transfer(Part):
    """Start from trained weights: those of another run, or of a safetensors file. Notes n2.

    ``source`` is a run folder or a file of tensors by parameter name. ``layers`` are the beginnings
    of the names that are taken over (``"1"`` means ``1.weight``, not ``10.weight``); without them
    all are, but those of the output layer where its shape differs. Layers named in ``freeze`` and
    the first ``freeze_first`` (counted by matrices and kernels, each with its norm) keep all bits:
    weights, moments, decay, batch norm's averages, by which a frozen batch norm also normalises.
    From ``unfreeze_epoch`` (epochs that are finished) on they train, with a state that begins
    then. ``lr_scale`` multiplies the learning rate by beginning of name; ``layer_decay`` multiplies
    it by ``layer_decay^j`` for the j-th layer from the output.
    """

    source: Annotated[
        Prefix, told("A run folder, or a safetensors file of tensors by parameter name.")
    ]
    layers: Annotated[
        tuple[Prefix, ...],
        told("Beginnings of the names that are taken over; without them all that fit."),
    ] = ()
    freeze: Annotated[
        tuple[Prefix, ...], told("Beginnings of the names of layers that keep their weights.")
    ] = ()
    freeze_first: Annotated[
        Count | None, told("How many layers from the input keep their weights; without it none.")
    ] = None
    unfreeze_epoch: Annotated[
        Count | None, told("After how many epochs frozen layers train too; without it never.")
    ] = None
    lr_scale: Annotated[
        dict[str, NonNegative], told("What the rate is multiplied by, by beginning of name.")
    ] = {}  # noqa: RUF012 - pydantic copies it
    layer_decay: Annotated[
        PartOfAll | None,
        told("The rate times this for each layer further from the output; without it one rate."),
    ] = None

    @property
    def freezes(self) -> bool:
        """Whether any layer is frozen at the start."""
        return bool(self.freeze or self.freeze_first)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.unfreeze_epoch is not None and not self.freezes:
            raise ValueError(
                "has an unfreeze_epoch and freezes nothing; set freeze_first or freeze"
            )
        if self.lr_scale and self.layer_decay is not None:
            raise ValueError("scales rates by lr_scale and by layer_decay; leave one of them out")
        return self
