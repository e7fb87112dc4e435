"""PCA and whitening: one matrix that turns centred inputs, fitted on the training rows.

Before it, inputs are centred and brought to a common size: x' = (x - m) / s. Of the "correlation"
(tables, and arrays ``[N, D]``: columns have units of their own) s is the standard deviation of
each column; of the "covariance" (images and other arrays) it is one number, the root of the mean
variance of all features, so that differences between pixels stay. Either way the mean variance
of the features is 1, and ``eps`` is in that unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from ..errors import DataError
from ..recipe.inputs import Prepare
from .preparation import Matrix, Projection
from .scaling import SCALINGS, SMALLEST, CentreAndScale, Sample

# As many features as an image of 32 x 32 in colour has: the matrix takes 38 MB, and finding its
# eigenvectors some 20 s on one core; both grow with the square and the cube of the side.
MOST_FEATURES = 3 * 32 * 32
DEFAULT_EPS = 0.01

Turning = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def pca(variances: np.ndarray, directions: np.ndarray, eps: float) -> np.ndarray:
    """Rotate to the principal components: z = V^T x', where C = V diag(l) V^T.

    C ``[D, D]`` is the covariance of x' over the training rows (divisor N), V ``[D, K]`` its
    eigenvectors by falling variance l: the first component is the direction in which the rows
    differ most. K is ``components``: a number, or a share of the variance; by default all
    directions in which the rows differ. Images become vectors ``[K]``, so a dense network
    follows. x' is standardised of tables, centred of images (``pca_of`` decides). As
    scikit-learn's PCA, up to sign (here the largest entry of a direction is positive). ``eps``
    plays no part. Source: note n3, "Normalization, Preprocessing, and Augmentation".

    Example:
        >>> pca(np.array([4.0, 1.0]), np.eye(2), 0.0).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    del variances, eps
    return directions


def whiten(variances: np.ndarray, directions: np.ndarray, eps: float) -> np.ndarray:
    """Rotate to the principal components, each with spread 1: z_k = v_k^T x' / sqrt(l_k + eps).

    With ``eps`` = 0 the covariance of z ``[K]`` over the training rows is the identity. ``eps``, in
    units of the mean variance of the features (default 0.01), keeps directions that hardly vary,
    mostly noise, from being blown up. See pca for v, l and K. Source: note n3, "Whitening, e.g.
    through Principal Component Analysis (not common)".

    Example:
        >>> whiten(np.array([4.0, 0.25]), np.eye(2), 0.0).tolist()
        [[0.5, 0.0], [0.0, 2.0]]
    """
    return directions / np.sqrt(variances + eps)


def zca(variances: np.ndarray, directions: np.ndarray, eps: float) -> np.ndarray:
    """Whiten and rotate back: z = V diag(1 / sqrt(l + eps)) V^T x'.

    Of all whitenings it changes x' least: an image stays an image ``[C, H, W]``, with its edges
    sharpened, so that a convolutional network can follow. With ``eps`` = 0 the covariance of z over
    the training rows is the identity, in the directions in which they differ; ``eps`` as in
    whiten. ``components`` keeps the first K directions only. Source: Bell and Sejnowski, "The
    independent components of natural scenes are edge filters", 1997; Krizhevsky, 2009.

    Example:
        >>> zca(np.array([4.0, 0.25]), np.eye(2), 0.0).tolist()
        [[0.5, 0.0], [0.0, 2.0]]
    """
    return whiten(variances, directions, eps) @ directions.T


TURNINGS: Mapping[str, Turning] = {"pca": pca, "whiten": whiten, "zca": zca}


def common_size(sample: Sample, *, correlation: bool) -> CentreAndScale:
    """Return the mean and scale of each feature, after which the mean variance is 1.

    Example:
        >>> x = np.array([[0.0, 0.0], [2.0, 14.0]])
        >>> common_size(Sample(x, np.arange(2)), correlation=False)[1].tolist()
        [5.0, 5.0]
    """
    found = sample.moments
    scale = np.where(found.high == found.low, 0.0, found.std)
    if not correlation:
        scale = np.full_like(scale, np.sqrt(np.square(scale).mean()))
    return found.mean, np.where(scale < SMALLEST, 1.0, scale)


def centre_and_scale(sample: Sample, prepare: Prepare) -> CentreAndScale:
    """Return what to subtract and what to divide by, of each channel or feature.

    Example:
        >>> x = np.array([[0.0, 5.0], [4.0, 5.0]])
        >>> found = centre_and_scale(Sample(x, np.arange(2)), Prepare(scale="min-max"))
        >>> [part.tolist() for part in found]
        [[0.0, 5.0], [4.0, 1.0]]
    """
    if prepare.scale not in TURNINGS:
        return SCALINGS[prepare.scale](sample)
    has_own_units = sample.values.ndim == 2
    kind = prepare.pca_of or ("correlation" if has_own_units else "covariance")
    return common_size(sample, correlation=kind == "correlation")


def check_size(shape: tuple[int, ...]) -> None:
    """Refuse PCA where it has nothing to turn, or where its matrix would be huge.

    Raises:
        DataError: there is one feature or none, or more than 3,072.
    """
    num = int(np.prod(shape))
    if num < 2:
        raise DataError(
            "PCA and whitening need at least two columns of numbers.",
            given=f"{num} column{'' if num == 1 else 's'} of numbers",
            do='Take prepare.scale = "standardise".',
        )
    if num > MOST_FEATURES:
        size = " x ".join(f"{side:,}" for side in shape)
        raise DataError(
            "PCA and whitening of inputs of this size would make a huge matrix.",
            given=f"inputs of {size}: a matrix of {num:,} x {num:,}, {4 * num**2 / 1e6:,.0f} MB",
            do=f"Give inputs of at most {MOST_FEATURES:,} numbers (images of 32 x 32 in colour), "
            'or take prepare.scale = "standardise".',
        )


def project(blocks: Iterable[np.ndarray], *, num_features: int, prepare: Prepare) -> Projection:
    """Fit the matrix of a recipe on blocks ``[M, D]`` of training rows that have a common size.

    Raises:
        DataError: more components are asked for than the training rows have.
    """
    covariance, num_rows = _covariance(blocks, num_features)
    found, vectors = np.linalg.eigh(covariance)
    variances, directions = np.maximum(found[::-1], 0.0), vectors[:, ::-1]
    # eigh is off by about this much; below it, a direction is one in which no rows differ.
    rank = int((variances > num_features * np.finfo(np.float64).eps * variances[0]).sum())
    num_kept = _num_components(variances, rank, prepare, num_rows)
    kept, turned = variances[:num_kept], _signed(directions[:, :num_kept])
    eps = DEFAULT_EPS if prepare.eps is None else prepare.eps
    return Projection(
        matrix=Matrix.of(TURNINGS[prepare.scale](kept, turned, eps)),
        num_components=num_kept,
        share=min(1.0, float(kept.sum() / variances.sum())) if rank else 0.0,
        keeps_shape=prepare.scale == "zca",
    )


def _covariance(blocks: Iterable[np.ndarray], num_features: int) -> tuple[np.ndarray, int]:
    total, num_rows = np.zeros((num_features, num_features)), 0
    for block in blocks:
        total += block.T @ block
        num_rows += len(block)
    return total / max(1, num_rows), num_rows


def _num_components(variances: np.ndarray, rank: int, prepare: Prepare, num_rows: int) -> int:
    asked = prepare.components
    if asked is None:
        return max(1, rank)
    if isinstance(asked, float):
        shares = np.cumsum(variances) / max(SMALLEST, variances.sum())
        return min(int((shares < asked - 1e-12).sum()) + 1, max(1, rank))
    if asked > rank:
        raise DataError(
            "PCA cannot give more components than the training rows have directions.",
            given=f"components = {asked}; {len(variances):,} columns, {num_rows:,} training rows, "
            f"which differ in {rank:,} directions",
            do=f"Set prepare.components to at most {rank}, or to a share such as 0.95.",
        )
    return asked


def _signed(directions: np.ndarray) -> np.ndarray:
    """Turn each direction so that its largest entry is positive: eigenvectors have no sign."""
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return directions * np.where(largest < 0, -1.0, 1.0)
