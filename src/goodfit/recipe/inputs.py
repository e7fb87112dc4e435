"""What a recipe says about data: the source, its parts, how inputs are prepared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .parts import Integer, Part, PartOfAll


class DataSource(Part):
    """Where the data comes from.

    ``path`` is a built-in name ("digits", "wine", ...), a CSV, Parquet or NPZ file, or a
    folder of images with one folder per class. ``folder`` says where a named set's files lie.
    """

    path: str = Field(min_length=1)
    target: str | None = None
    folder: str | None = None


class Split(Part):
    """Fractions of the rows that validate and that test; the rest trains.

    ``seed`` says which rows; None means the recipe's own seed. Runs that are to be compared
    share it.
    """

    validation: PartOfAll = 0.15
    test: PartOfAll = 0.15
    stratify: bool = True
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] | None = None

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> Split:
        if self.validation + self.test >= 1.0:
            raise ValueError("validation + test must stay under 1, or nothing is left to train on")
        return self


class Prepare(Part):
    """How inputs are scaled; statistics come from the training part only."""

    scale: Literal["standardise", "min-max", "none"] = "standardise"
