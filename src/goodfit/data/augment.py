"""Changes of whole batches of training images, each a function of the images and of noise.

``x`` is float ``[N, C, H, W]``, ``u`` noise in [0, 1), one row for each image; no function draws by
itself, so that the same noise gives the same images, traced or not. What lies outside of an image
counts as 0: black for bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

# Grey of a colour, and the two axes of chroma; NTSC, to three digits as the standard has them.
YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
# An erased rectangle takes such a share of the image, with sides in such a ratio.
ERASED, SIDES = (0.02, 0.33), (0.3, 3.3)


def horizontal_flip(x: Tensor, u: Tensor, *, probability: float) -> Tensor:
    """Mirror an image left to right: ``x[..., ::-1]`` where ``u < probability``; ``u`` is [N, 1].

    ``x`` is [N, C, H, W]. Notes n3, Data Augmentation.
    """
    return torch.where(_wide(u[:, 0] < probability), x.flip(3), x)


def vertical_flip(x: Tensor, u: Tensor, *, probability: float) -> Tensor:
    """Mirror an image top to bottom where ``u < probability``; ``u`` is [N, 1].

    ``x`` is [N, C, H, W], and becomes ``x[..., ::-1, :]``. Notes n3, Data Augmentation.
    """
    return torch.where(_wide(u[:, 0] < probability), x.flip(2), x)


def affine(
    x: Tensor, u: Tensor, *, rotate: float, shear: float, scale: float, translate: float
) -> Tensor:
    """Turn, shear, scale and move an image by one map, bilinear; ``u`` is [N, 5].

    With r, h uniform within ``rotate`` and ``shear`` degrees, s within ``1 - scale`` and
    ``1 + scale``, t within ``translate`` of width and height, a point p of the new image shows
    the old one at ``(1/s) R(r) S(h) (p - t)`` about the middle, where R turns and S is
    ``[[1, tan h], [0, 1]]``; ``x`` is [N, C, H, W]. Notes n3, Data Augmentation (translation,
    rotation, scale, shear).
    """
    turn, slant = (math.radians(most) * _signed(u[:, k]) for k, most in enumerate((rotate, shear)))
    factor = 1.0 / (1.0 + scale * _signed(u[:, 2]))
    moved = 2.0 * translate * _signed(u[:, 3:5])
    height, width = x.shape[2:]
    cos, sin, tan = turn.cos() * factor, turn.sin() * factor, slant.tan()
    # In pixels a turn is a turn; grid_sample counts both sides from -1 to 1.
    first = torch.stack([cos, (cos * tan - sin) * (height / width)], 1)
    second = torch.stack([sin * (width / height), sin * tan + cos], 1)
    linear = torch.stack([first, second], 1)
    shift = -(linear * moved[:, None, :]).sum(2, keepdim=True)
    grid = functional.affine_grid(
        torch.cat([linear, shift], 2), [len(x), *x.shape[1:]], align_corners=False
    )
    return functional.grid_sample(x, grid, align_corners=False)


def crop(x: Tensor, u: Tensor, *, padding: int) -> Tensor:
    """Take a window of the image's size from the image padded by ``padding``; ``u`` is [N, 2].

    The window of ``x`` [N, C, H, W] begins at ``floor(u (2 padding + 1))`` of the padded rows and
    columns; around the image is 0. Notes n3, Data Augmentation (random crops).
    """
    height, width = x.shape[2:]
    padded = functional.pad(x, [padding] * 4)
    top, left = (u * (2 * padding + 1)).long().unbind(1)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(x), device=x.device), :, top, left]


def brightness(x: Tensor, u: Tensor, *, most: float) -> Tensor:
    """Multiply an image by a factor within ``1 - most`` and ``1 + most``; ``u`` is [N, 1].

    ``f x`` with f = 1 + most (2 u - 1); ``x`` is [N, C, H, W]. Notes n3, Data
    Augmentation (colour jitter).
    """
    return x * _factor(u, most)


def contrast(x: Tensor, u: Tensor, *, most: float) -> Tensor:
    """Stretch an image about its mean grey: ``m + f (x - m)``; ``u`` is [N, 1].

    f = 1 + most (2 u - 1), m the mean over pixels of 0.299 R + 0.587 G + 0.114 B, or of the
    channels; ``x`` is [N, C, H, W]. Notes n3, Data Augmentation (colour jitter).
    """
    grey = _grey(x).mean((1, 2, 3), keepdim=True)
    return grey + (x - grey) * _factor(u, most)


def saturation(x: Tensor, u: Tensor, *, most: float) -> Tensor:
    """Stretch colours about their grey: ``g + f (x - g)`` in each pixel; ``u`` is [N, 1].

    f = 1 + most (2 u - 1), g = 0.299 R + 0.587 G + 0.114 B; ``x`` is [N, 3, H, W]. Notes
    n3, Data Augmentation (colour jitter).
    """
    grey = _grey(x)
    return grey + (x - grey) * _factor(u, most)


def hue(x: Tensor, u: Tensor, *, most: float) -> Tensor:
    """Turn the chroma of YIQ by up to ``most`` of a circle, grey kept; ``u`` is [N, 1].

    ``x' = Y^-1 T(a) Y x`` for ``x`` [N, 3, H, W], T a turn of I and Q by a = 2 pi most (2 u - 1),
    Y from RGB to YIQ: one product with a 3 x 3 matrix for each image, ten times faster than by way
    of HSV, whose hue it is not. Notes n3, Data Augmentation.
    """
    yiq = torch.tensor(YIQ, dtype=x.dtype, device=x.device)
    angle = 2.0 * math.pi * most * _signed(u[:, 0])
    zero, one, cos, sin = torch.zeros_like(angle), torch.ones_like(angle), angle.cos(), angle.sin()
    rows = ((one, zero, zero), (zero, cos, -sin), (zero, sin, cos))
    turn = torch.stack([torch.stack(row, 1) for row in rows], 1)
    matrix = torch.linalg.inv(yiq) @ turn @ yiq
    return (matrix @ x.flatten(2)).reshape(x.shape)


def erase(x: Tensor, u: Tensor, *, probability: float) -> Tensor:
    """Put 0 into a rectangle of 2 to 33 % of the image, with ``probability``; ``u`` is [N, 5].

    Its area's share is uniform, the logarithm of its sides' ratio within 0.3 and 3.3 too; ``x`` is
    [N, C, H, W]. Source: Zhong et al., "Random erasing data augmentation", AAAI 2020; beside
    notes n3.
    """
    height, width = x.shape[2:]
    share = ERASED[0] + (ERASED[1] - ERASED[0]) * u[:, 1]
    ratio = (math.log(SIDES[0]) + math.log(SIDES[1] / SIDES[0]) * u[:, 2]).exp()
    sides = torch.stack([(share * ratio).sqrt(), (share / ratio).sqrt()], 1).clamp(max=1.0)
    inside = _rectangle(u[:, 3:5] * (1.0 - sides), sides, height, width)
    gone = inside & (u[:, 0] < probability)[:, None, None]
    return x.masked_fill(gone[:, None], 0.0)


def mixup(x: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Return the convex combination of two rows, ``s x + (1 - s) x'``, for masks and shares alike.

    MixUp takes one s from Beta(a, a) for all values of a row; CutMix and CowMix take a mask of 0
    and 1. Targets are mixed by the share of the row that is kept. ``share`` is [N, ...], with
    as many dimensions as ``x``. Source: Zhang et al., "mixup", ICLR 2018.
    """
    return share * x + (1.0 - share) * other


def cut_mask(u: Tensor, share: Tensor, height: int, width: int) -> Tensor:
    """Return where CutMix keeps the first image: outside of a rectangle ``[N, H, W]``.

    The rectangle has the image's shape, the area ``1 - share`` and its middle anywhere; what
    lies outside of the image is cut off, so labels follow the area that is left. ``u`` is [N, 2].
    Source: Yun et al., "CutMix", ICCV 2019; notes n3.
    """
    side = (1.0 - share).sqrt()[:, None].expand(-1, 2)
    return ~_rectangle(u - 0.5 * side, side, height, width)


def cow_mask(u: Tensor, share: Tensor, height: int, width: int) -> Tensor:
    """Return where CowMix keeps the first image: blurred noise under its quantile of ``share``.

    The quantile is that of a normal distribution with the mean and spread of the image's own
    noise, so the area is about ``share`` and labels follow the area that it is. ``u`` is
    [N, H, W]; the blur is a Gaussian of an eighth of the smaller side. Source: French,
    Oliver and Salimans, "Milking CowMask for semi-supervised image classification", 2020; notes
    n3.
    """
    smooth = blurred(u, min(height, width) / 8.0)
    spread, mean = torch.std_mean(smooth, (1, 2), keepdim=True)
    level = mean + math.sqrt(2.0) * spread * torch.erfinv(2.0 * share - 1.0)[:, None, None]
    return smooth <= level


def _rectangle(corner: Tensor, sides: Tensor, height: int, width: int) -> Tensor:
    """Return what lies inside of rectangles given in shares of the image, ``[N, H, W]``."""
    inside = []
    for k, size in enumerate((height, width)):
        at = (torch.arange(size, device=corner.device) + 0.5) / size
        begin, end = corner[:, k, None], (corner[:, k] + sides[:, k])[:, None]
        inside.append((at >= begin) & (at < end))
    return inside[0][:, :, None] & inside[1][:, None, :]


def blurred(u: Tensor, sigma: float) -> Tensor:
    """Blur ``[N, H, W]`` along both axes; as matrix products, much faster than as convolutions."""
    down, along = (
        torch.tensor(_gaussian(size, sigma), dtype=u.dtype, device=u.device) for size in u.shape[1:]
    )
    return down @ u @ along.T


@cache
def _gaussian(size: int, sigma: float) -> tuple[tuple[float, ...], ...]:
    """Return the blur of a line as a matrix; what lies beside the line has its end's value."""
    reach = math.ceil(2.5 * sigma)
    weights = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(-reach, reach + 1)]
    found = [[0.0] * size for _ in range(size)]
    for at, k in product(range(size), range(-reach, reach + 1)):
        found[at][min(max(at + k, 0), size - 1)] += weights[k + reach] / sum(weights)
    return tuple(map(tuple, found))


def _grey(x: Tensor) -> Tensor:
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    weights = torch.tensor(YIQ[0], dtype=x.dtype, device=x.device)
    return (x * weights[:, None, None]).sum(1, keepdim=True)


def sometimes(
    x: Tensor, u: Tensor, *, change: Callable[[Tensor, Tensor], Tensor], probability: float
) -> Tensor:
    """Change an image with a probability: ``change(x)`` where the last of ``u`` is under it.

    ``u`` is [N, k + 1], its first k columns the change's own noise. The affine map, the crop and
    each colour have a probability like this (1 by default), so that they combine at random. Notes
    n3, Data Augmentation (combining transformations).
    """
    return torch.where(_wide(u[:, -1] < probability), change(x, u[:, :-1]), x)


def _factor(u: Tensor, most: float) -> Tensor:
    return _wide(1.0 + most * _signed(u[:, 0]))


def _signed(u: Tensor) -> Tensor:
    """Return noise in [-1, 1)."""
    return 2.0 * u - 1.0


def _wide(values: Tensor) -> Tensor:
    """Return one value for each image, to go with its pixels."""
    return values[:, None, None, None]
