"""What a recipe says about data: the source, its parts, how inputs are prepared."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from .parts import Count, Integer, InWords, NonNegative, Part, PartOrRows, told

Name = Annotated[str, Field(min_length=1)]


class DataSource(Part):
    """Where the data comes from.

    ``path`` is a built-in name ("digits", "wine", ...), a CSV, Parquet or NPZ file, a folder of
    images with one folder per class, or a folder of four IDX files under MNIST's names. ``folder``
    says where a named set's files lie; ``path = "idx"`` names any set of such four files.
    """

    path: Annotated[
        str,
        Field(min_length=1),
        told("A built-in name, a file, or a folder of images or IDX files."),
    ]
    target: Annotated[
        str | None,
        told("The column of a table that is learned; sets that know their own take none."),
    ] = None
    folder: Annotated[str | None, told("Where the files of a named set lie.")] = None


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

    validation: Annotated[
        PartOrRows, told("How much validates: a share of all rows, or how many.")
    ] = 0.15
    test: Annotated[
        PartOrRows, told("How much is sealed until the test: a share of all rows, or how many.")
    ] = 0.15
    stratify: Annotated[bool, told("Whether each part has each class's share.")] = True
    group: Annotated[
        Name | None, told("The column whose equal values stay in one part; without it none is.")
    ] = None
    time: Annotated[
        Name | None, told("The column by which the earliest rows train and the latest test.")
    ] = None
    as_input: Annotated[
        bool, told("Whether the column of group or time is an input of the network too.")
    ] = False
    seed: Annotated[
        Annotated[Integer, Field(ge=0, lt=2**63)] | None,
        told("What the draw of the parts comes from; without it the recipe's own seed."),
    ] = None

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> Split:
        if all(share < 1 for share in (self.validation, self.test)) and (
            self.validation + self.test >= 1.0
        ):
            raise ValueError(
                "validation + test must stay under 1, or nothing is left to train on; "
                "make split.validation or split.test smaller"
            )
        return self

    @model_validator(mode="after")
    def _goes_by_one_column(self) -> Split:
        if self.group is not None and self.time is not None:
            raise ValueError("goes by group or by time, not by both; leave one of them out")
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

    scale: Annotated[Scale, told("How inputs are scaled, by statistics of the training part.")] = (
        "standardise"
    )
    components: Annotated[
        int | float | None,
        BeforeValidator(_components),
        InWords("a whole number from 1, or a share of the variance over 0 and under 1"),
        told("How many directions of largest variance are kept; without it all are."),
    ] = None
    pca_of: Annotated[
        Literal["correlation", "covariance"] | None,
        told(
            "Whether PCA and whitening go by standardised columns (correlation) or centred ones "
            "(covariance); without it tables go by the first, images by the second."
        ),
    ] = None
    eps: Annotated[
        NonNegative | None,
        told("What is added to the variances that whitening divides by, in units of their mean."),
    ] = None
    impute: Annotated[
        Literal["median", "mean", "most-frequent"] | None,
        told("What fills missing numbers; without it the median of tables, the mean of arrays."),
    ] = None
    missing_category: Annotated[
        Literal["zeros", "most-frequent", "own"],
        told("What a missing text becomes: a code of zeros, the usual text, or one of its own."),
    ] = "zeros"
    indicator: Annotated[
        bool, told("Whether a 0/1 column says which number or date was missing.")
    ] = False
    encode: Annotated[
        Literal["one-hot", "ordinal", "hash", "auto"],
        told("How texts become numbers; auto hashes those of many values."),
    ] = "one-hot"
    max_categories: Annotated[
        Count | None, told("Up to how many different texts one-hot takes; 50 without it.")
    ] = None
    hash_size: Annotated[
        Annotated[Count, Field(ge=2)] | None,
        told("How many numbers a hashed text becomes; 32 without it."),
    ] = None
    dates: Annotated[
        Literal["ignore", "parts", "cyclic"],
        told("Whether dates are left out, taken apart, or made sine and cosine."),
    ] = "ignore"
    ignore: Annotated[tuple[str, ...], told("Columns of a table that are no inputs.")] = ()

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
                    f'{name} plays no part with encode = "{self.encode}", only with {known}; '
                    "leave it out, or choose what it belongs to"
                )
        return self

    @model_validator(mode="after")
    def _uses_what_is_given(self) -> Prepare:
        for name, scales in (("components", TURNING), ("pca_of", TURNING), ("eps", WHITENING)):
            if getattr(self, name) is not None and self.scale not in scales:
                known = ", ".join(f'"{scale}"' for scale in scales)
                raise ValueError(
                    f'{name} plays no part with scale = "{self.scale}", only with {known}; '
                    "leave it out, or choose what it belongs to"
                )
        return self
