"""Ways to centre and scale: each a function from the training rows to what to subtract and divide.

The network gets (x - centre) / scale. A scale of zero becomes 1, so that a column which is
constant in the training rows gives 0 there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .moments import Moments, moments, quantiles

# A smaller scale would be zero, or lose its digits, in float32.
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class Sample:
    """Training rows: ``values[rows]``; ``axes`` are what statistics run over, 0 among them."""

    values: np.ndarray
    rows: np.ndarray
    axes: tuple[int, ...] = (0,)

    @cached_property
    def moments(self) -> Moments:
        """Mean, standard deviation, lowest and highest; of each channel or feature."""
        return moments(self.values, self.rows, axes=self.axes)


CentreAndScale = tuple[np.ndarray, np.ndarray]
Scaling = Callable[[Sample], CentreAndScale]


def none(sample: Sample) -> CentreAndScale:
    """Leave inputs as they are: x' = x.

    Of columns, features ``[N, ...]`` and images ``[N, C, H, W]``, in the units of the data; only
    what is missing is filled in. Of use where inputs are of one size already, or where the network
    scales for itself. Notes n4, Data Preprocessing, say when it costs.

    Example:
        >>> [part.tolist() for part in none(Sample(np.array([[4.0], [6.0]]), np.arange(2)))]
        [[0.0], [1.0]]
    """
    mean = sample.moments.mean
    return np.zeros_like(mean), np.ones_like(mean)


def centre(sample: Sample) -> CentreAndScale:
    """Subtract the mean of the training rows: x' = x - m.

    m is of each column of a table, each feature of an array ``[N, ...]``, each channel of images
    ``[N, C, H, W]``; units stay those of the data. The mean is that of the training part, never of
    a batch. Source: note n4, "Data Preprocessing" (zero-centered).

    Example:
        >>> [part.tolist() for part in centre(Sample(np.array([[4.0], [6.0]]), np.arange(2)))]
        [[5.0], [1.0]]
    """
    mean = sample.moments.mean
    return mean, np.ones_like(mean)


def standardise(sample: Sample) -> CentreAndScale:
    """Subtract the mean and divide by the standard deviation: x' = (x - m) / s.

    m and s are of each column of a table, each feature of an array, each channel of images;
    s = sqrt(sum (x - m)^2 / N), as scikit-learn's StandardScaler. The result has mean 0 and
    standard deviation 1 over the training rows. Source: note n3, "Normalization, Preprocessing,
    and Augmentation" (the most common method).

    Example:
        >>> [part.tolist() for part in standardise(Sample(np.array([[4.0], [6.0]]), np.arange(2)))]
        [[5.0], [1.0]]
    """
    return sample.moments.mean, _divisor(sample.moments.std, sample.moments)


def min_max(sample: Sample) -> CentreAndScale:
    """Bring the training rows to [0, 1]: x' = (x - low) / (high - low).

    Low and high are of each column, feature or channel, as in scikit-learn's MinMaxScaler. One
    outlier squeezes all other values together, and rows outside the training range leave [0, 1].
    Source: scikit-learn's; beside note n3, "Normalization, Preprocessing, and Augmentation".

    Example:
        >>> [part.tolist() for part in min_max(Sample(np.array([[4.0], [6.0]]), np.arange(2)))]
        [[4.0], [2.0]]
    """
    found = sample.moments
    return found.low, _divisor(found.high - found.low, found)


def robust(sample: Sample) -> CentreAndScale:
    """Subtract the median and divide by the interquartile range: x' = (x - q50) / (q75 - q25).

    Quantiles are of each column, feature or channel of the training rows, as in scikit-learn's
    RobustScaler: outliers, up to a quarter of the rows on either side, move nothing. Where the
    middle half of the rows is one value, the standard deviation divides instead. Source:
    scikit-learn's; beside note n3, "Normalization, Preprocessing, and Augmentation".

    Example:
        >>> column = np.array([[0.0], [1.0], [2.0], [3.0], [1e6]])
        >>> [part.tolist() for part in robust(Sample(column, np.arange(5)))]
        [[2.0], [2.0]]
    """
    shares = (0.25, 0.5, 0.75)
    low, middle, high = quantiles(sample.values, sample.rows, axes=sample.axes, shares=shares)
    spread = np.where(high - low < SMALLEST, sample.moments.std, high - low)
    return middle, _divisor(spread, sample.moments)


def _divisor(scale: np.ndarray, found: Moments) -> np.ndarray:
    # Rounding leaves equal values a standard deviation of 1e-17 or so: ask the range instead.
    return np.where((found.high == found.low) | (scale < SMALLEST), 1.0, scale)


def channel_mean(sample: Sample) -> CentreAndScale:
    """Subtract the mean of each channel: x' = x - m_c, C numbers in all.

    For images ``[N, C, H, W]`` and arrays ``[N, C, ...]``; the mean runs over the training rows and
    all places of a channel. Source: note n4, "in practice for images: center only" (VGGNet).

    Example:
        >>> x = np.array([[[1.0, 3.0]], [[5.0, 7.0]]])  # two samples, one channel, two places
        >>> [part.tolist() for part in channel_mean(Sample(x, np.arange(2), axes=(0, 2)))]
        [[4.0], [1.0]]
    """
    return centre(sample)


def channel_standardise(sample: Sample) -> CentreAndScale:
    """Standardise each channel: x' = (x - m_c) / s_c, 2 C numbers in all.

    For images ``[N, C, H, W]`` and arrays ``[N, C, ...]``; mean and standard deviation run over the
    training rows and all places of a channel. Of images it is what "standardise" does. Source:
    notes n3, "Normalization, Preprocessing, and Augmentation" (per dimension).

    Example:
        >>> x = np.array([[[1.0, 3.0]], [[1.0, 3.0]]])
        >>> [part.tolist() for part in channel_standardise(Sample(x, np.arange(2), axes=(0, 2)))]
        [[2.0], [1.0]]
    """
    return standardise(sample)


def mean_image(sample: Sample) -> CentreAndScale:
    """Subtract the mean image: x' = x - M, where M ``[C, H, W]`` is the mean of each pixel.

    For images only; units stay those of the pixels (0 to 255 of bytes). Source: note n4, "in
    practice for images: center only" (AlexNet, whose mean image is a (32, 32, 3) array for
    CIFAR-10).

    Example:
        >>> images = np.array([[[[0, 10]]], [[[20, 30]]]], np.uint8)
        >>> mean_image(Sample(images, np.arange(2)))[0].tolist()
        [[[10.0, 20.0]]]
    """
    return centre(sample)


SCALINGS: Mapping[str, Scaling] = {
    "none": none,
    "centre": centre,
    "standardise": standardise,
    "min-max": min_max,
    "robust": robust,
    "channel-mean": channel_mean,
    "channel-standardise": channel_standardise,
    "mean-image": mean_image,
}
BY_CHANNEL = ("channel-mean", "channel-standardise")


def axes_of(how: str, *, is_image: bool, num_axes: int) -> tuple[int, ...]:
    """Return what statistics run over: the rows, and by channel all of its places too.

    Example:
        >>> axes_of("standardise", is_image=True, num_axes=4)
        (0, 2, 3)
        >>> axes_of("mean-image", is_image=True, num_axes=4)
        (0,)
    """
    by_channel = how in BY_CHANNEL or (is_image and how != "mean-image")
    return (0, *range(2, num_axes)) if by_channel else (0,)
