"""What a recipe says about data: the source, its parts, how inputs are prepared."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from .parts import Count, Integer, NonNegative, Part, PartOrRows


class DataSource(Part):
    """Where the data comes from.

    ``path`` is a built-in name ("digits", "wine", ...), a CSV, Parquet or NPZ file, a folder of
    images with one folder per class, or a folder of four IDX files under MNIST's names. ``folder``
    says where a named set's files lie; ``path = "idx"`` names any set of such four files.
    """

    path: str = Field(min_length=1)
    target: str | None = None
    folder: str | None = None


class Split(Part):
    """Which rows validate and which test; the rest trains.

    ``validation`` and ``test`` are fractions of the rows (under 1) or numbers of rows (1, 2, ...).
    ``group`` names a column whose equal values stay in one part, as the scans of one patient do;
    ``time`` a column by which the earliest rows train, later ones validate and the latest test.
    Such a column is no input of the network unless ``as_input`` says so. ``seed`` says which rows;
    None means the recipe's own seed. Runs that are to be compared share it.

    Example:
        >>> Split(test=200, group="patient").test
        200
    """

    validation: PartOrRows = 0.15
    test: PartOrRows = 0.15
    stratify: bool = True
    group: Annotated[str, Field(min_length=1)] | None = None
    time: Annotated[str, Field(min_length=1)] | None = None
    as_input: bool = False
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] | None = None

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> Split:
        if all(share < 1 for share in (self.validation, self.test)) and (
            self.validation + self.test >= 1.0
        ):
            raise ValueError("validation + test must stay under 1, or nothing is left to train on")
        return self

    @model_validator(mode="after")
    def _goes_by_one_column(self) -> Split:
        if self.group is not None and self.time is not None:
            raise ValueError("goes by group or by time, not by both")
        return self


def _components(value: Any) -> Any:
    """Take a number of components, or a share of the variance."""
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    is_share = isinstance(value, float) and 0.0 < value < 1.0
    if value is None or is_number or is_share:
        return value
    raise ValueError(
        "should be a whole number of components from 1, or a share of the variance between 0 and 1"
    )


Scale = Literal[
    "standardise",
    "min-max",
    "none",
    "centre",
    "robust",
    "channel-mean",
    "channel-standardise",
    "mean-image",
    "pca",
    "whiten",
    "zca",
]
TURNING = ("pca", "whiten", "zca")
FLATTENING = ("pca", "whiten")  # what makes a vector of an image
WHITENING = ("whiten", "zca")
# More texts than this make a one-hot code that is wide and seen too rarely to be learned.
MAX_CATEGORIES, HASH_SIZE = 50, 32
# Fields that play no part where inputs are arrays or images.
FOR_TABLES = ("missing_category", "indicator", "encode", "max_categories", "hash_size", "dates")


class Prepare(Part):
    """How inputs are scaled; statistics come from the training part only.

    ``ignore`` names columns of a table that are no inputs.

    Of PCA and whitening: ``components`` is a number, or a share of the variance; ``pca_of``
    the "correlation" (of standardised columns) or the "covariance"; ``eps`` is added to the
    variances that whitening divides by, in units of the mean variance.

    Of gaps: ``impute`` (None: median of table columns, mean of array features) fills numbers;
    ``indicator`` adds a 0/1 column for each number or date that was missing in training;
    ``missing_category`` says what a missing text becomes.

    Of texts: ``encode`` "auto" is one-hot up to ``max_categories`` (50) different texts, and
    hashing into ``hash_size`` (32) numbers beyond; "one-hot" leaves such columns out. ``dates``
    takes dates apart into year, month, day, weekday, hour and days since the first; "cyclic"
    makes sine and cosine of what repeats.
    """

    scale: Scale = "standardise"
    components: Annotated[int | float | None, BeforeValidator(_components)] = None
    pca_of: Literal["correlation", "covariance"] | None = None
    eps: NonNegative | None = None
    impute: Literal["median", "mean", "most-frequent"] | None = None
    missing_category: Literal["zeros", "most-frequent", "own"] = "zeros"
    indicator: bool = False
    encode: Literal["one-hot", "ordinal", "hash", "auto"] = "one-hot"
    max_categories: Count | None = None
    hash_size: Annotated[Count, Field(ge=2)] | None = None
    dates: Literal["ignore", "parts", "cyclic"] = "ignore"
    ignore: tuple[str, ...] = ()

    @property
    def most_categories(self) -> int:
        """The most different texts that become a one-hot code."""
        return self.max_categories or MAX_CATEGORIES

    @property
    def num_hashes(self) -> int:
        """The numbers that a hashed text becomes."""
        return self.hash_size or HASH_SIZE

    @model_validator(mode="after")
    def _encodes_as_is_said(self) -> Prepare:
        needs = (("max_categories", ("one-hot", "auto")), ("hash_size", ("hash", "auto")))
        for name, encoders in needs:
            if getattr(self, name) is not None and self.encode not in encoders:
                known = ", ".join(f'"{encoder}"' for encoder in encoders)
                raise ValueError(
                    f'{name} plays no part with encode = "{self.encode}", only with {known}'
                )
        return self

    @model_validator(mode="after")
    def _uses_what_is_given(self) -> Prepare:
        for name, scales in (("components", TURNING), ("pca_of", TURNING), ("eps", WHITENING)):
            if getattr(self, name) is not None and self.scale not in scales:
                known = ", ".join(f'"{scale}"' for scale in scales)
                raise ValueError(
                    f'{name} plays no part with scale = "{self.scale}", only with {known}'
                )
        return self
