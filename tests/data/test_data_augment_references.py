"""Augmentation against references of others: Pillow, colour systems by hand, scipy, rectangles."""

from __future__ import annotations

import colorsys
import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy import ndimage, stats
from torch import Tensor

from goodfit.data import augment as changes
from goodfit.data.augmenting import Augmentation, augmentation_of
from goodfit.recipe import Augment

# Rec. 601: the share of red, green and blue in grey.
RED, GREEN, BLUE = 0.299, 0.587, 0.114
ENHANCERS = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
}


def bytes_of(num: int, *, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Return images ``[N, H, W, C]`` of bytes."""
    return np.random.default_rng(seed).integers(0, 256, (num, 11, 14, channels), np.uint8)


def tensor_of(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2)


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def made(shape: tuple[int, ...], **settings: Any) -> Augmentation:
    found = augmentation_of(
        Augment(**settings), input_kind="image", shape=shape, num_classes=2, bounded=True
    )
    assert found is not None
    return found


# Colours


@pytest.mark.parametrize("name", ENHANCERS)
def test_colours_are_pillows(name: str) -> None:
    images, u = bytes_of(12), noise(12, 1)
    augmentation = made((3, 11, 14), **{name: 0.9})
    found, _ = augmentation(tensor_of(images), torch.zeros(12, dtype=torch.long), [u])
    for k, image in enumerate(images):
        factor = 1.0 + 0.9 * (2.0 * float(u[k, 0]) - 1.0)
        wanted = np.asarray(ENHANCERS[name](Image.fromarray(image)).enhance(factor), np.float32)
        # Pillow rounds the grey, and what comes out, to whole bytes.
        np.testing.assert_allclose(found[k].permute(1, 2, 0), wanted, atol=2.5)


def test_colours_are_rec_601s_to_the_last_digits() -> None:
    images, u = bytes_of(6), noise(6, 1)
    x = tensor_of(images)
    red, green, blue = np.moveaxis(images.astype(np.float64), 3, 0)
    grey = (RED * red + GREEN * green + BLUE * blue)[..., None]
    factor = (1.0 + 0.6 * (2.0 * u.double().numpy() - 1.0))[:, :, None, None]
    wanted = {
        "brightness": factor * images,
        "saturation": grey + factor * (images - grey),
        "contrast": grey.mean((1, 2), keepdims=True) * (1.0 - factor) + factor * images,
    }
    for name, values in wanted.items():
        found = getattr(changes, name)(x, u, most=0.6).permute(0, 2, 3, 1)
        np.testing.assert_allclose(found, values, atol=1e-3)


def test_the_contrast_of_grey_images_is_about_their_mean() -> None:
    images, u = bytes_of(5, channels=1), noise(5, 1)
    found = changes.contrast(tensor_of(images), u, most=0.5)[:, 0].double().numpy()
    for k, image in enumerate(images[..., 0].astype(np.float64)):
        factor = 1.0 + 0.5 * (2.0 * float(u[k, 0]) - 1.0)
        np.testing.assert_allclose(
            found[k], image.mean() + factor * (image - image.mean()), atol=1e-3
        )


@pytest.mark.parametrize("angle", [-0.5, -0.2, 0.1, 0.35])
def test_hue_turns_the_chroma_of_yiq(angle: float) -> None:
    """By hand in each pixel: to Y, I and Q by colorsys' matrix, whose digits differ from ours."""
    images = bytes_of(1, seed=4)[:, :4, :5]
    turned = changes.hue(tensor_of(images), torch.tensor([[angle + 0.5]]), most=0.5)
    cos, sin = math.cos(2 * math.pi * angle), math.sin(2 * math.pi * angle)
    wanted = np.empty((4, 5, 3))
    for place in np.ndindex(4, 5):
        luma, in_phase, quadrature = colorsys.rgb_to_yiq(*(images[0][place] / 255.0))
        chroma = (cos * in_phase - sin * quadrature, sin * in_phase + cos * quadrature)
        wanted[place] = _to_rgb(luma, *chroma)
    # The two matrices have three digits or four: their turns differ by a few of 255 levels.
    np.testing.assert_allclose(turned[0].permute(1, 2, 0) / 255.0, wanted, atol=0.03)


def test_hue_takes_red_towards_yellow_or_back_by_its_sign() -> None:
    red = torch.tensor([[[[200.0]], [[40.0]], [[40.0]]]])
    one = changes.hue(red, torch.tensor([[0.6]]), most=0.5).flatten()
    other = changes.hue(red, torch.tensor([[0.4]]), most=0.5).flatten()
    green_or_blue = {int(one[1:].argmax()), int(other[1:].argmax())}
    assert green_or_blue == {0, 1}


def _to_rgb(luma: float, in_phase: float, quadrature: float) -> np.ndarray:
    """Undo colorsys' matrix without its clipping to [0, 1]."""
    matrix = np.array([colorsys.rgb_to_yiq(*axis) for axis in np.eye(3)]).T
    return np.linalg.solve(matrix, np.array([luma, in_phase, quadrature]))


# Rectangles


def rectangle_of(inside: np.ndarray) -> tuple[int, int, int, int]:
    """Return top, left, height, width of the one rectangle that is true; fail where it is none."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, left, height, width = rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1
    assert inside[top : top + height, left : left + width].all()
    assert int(inside.sum()) == height * width
    return int(top), int(left), int(height), int(width)


def test_an_erased_rectangle_has_sides_in_the_ratio_and_lies_anywhere_inside() -> None:
    num, high, wide = 2000, 120, 90
    u = noise(num, 5, seed=7)
    gone = (changes.erase(torch.ones(num, 1, high, wide), u, probability=1.0) == 0.0)[:, 0].numpy()
    found = np.array([rectangle_of(mask) for mask in gone], float)
    top, left, height, width = found.T / [[high], [wide], [high], [wide]]
    area, ratio = height * width, height / width
    share = 0.02 + 0.31 * u[:, 1].numpy()
    wanted = np.exp(np.log(0.3) + np.log(3.3 / 0.3) * u[:, 2].numpy())
    fits = np.sqrt(share * wanted) < 1.0
    np.testing.assert_allclose(area[fits], share[fits], atol=0.02)
    large = fits & (share > 0.1)
    np.testing.assert_allclose(np.log(ratio[large]), np.log(wanted[large]), atol=0.08)
    assert ratio[large].min() < 0.4 and ratio[large].max() > 2.5
    # The place is uniform among those where the whole rectangle is within the image.
    for begin, side, count in ((top, height, high), (left, width, wide)):
        room = large & (side < 0.8)
        freedom = (begin[room] * count + 0.5) / ((1.0 - side[room]) * count + 1.0)
        assert stats.kstest(freedom, "uniform").statistic < 0.06


@pytest.mark.parametrize(("high", "wide"), [(40, 60), (28, 28)])
def test_cutmix_cuts_one_rectangle_of_the_right_sides_about_a_middle_in_the_image(
    high: int, wide: int
) -> None:
    share, u = noise(500, seed=3), noise(500, 2, seed=4)
    cut = ~changes.cut_mask(u, share, high, wide).numpy()
    side = np.sqrt(1.0 - share.numpy().astype(float))
    for mask, length, (down, along) in zip(cut, side, u.numpy().astype(float), strict=True):
        ends = []
        for middle, size in ((down, high), (along, wide)):
            begin = max(0.0, (middle - length / 2.0) * size)
            end = min(float(size), (middle + length / 2.0) * size)
            ends.append((begin, end))
        if not mask.any():
            assert min(end - begin for begin, end in ends) <= 1.0
            continue
        top, left, height, width = rectangle_of(mask)
        for first, count, (begin, end) in zip((top, left), (height, width), ends, strict=True):
            assert abs(first - begin) <= 0.5 + 1e-4 and abs(first + count - end) <= 0.5 + 1e-4


def test_the_middle_of_cutmix_is_anywhere_in_the_image() -> None:
    """Of small rectangles the middle can be seen: it is uniform over height and width."""
    u = noise(1500, 2, seed=5)
    cut = ~changes.cut_mask(u, torch.full((1500,), 0.99), 100, 80).numpy()
    whole = [rectangle_of(mask) for mask in cut]
    middles = np.array([(t + h / 2, a + w / 2) for t, a, h, w in whole if (h, w) == (10, 8)])
    assert len(middles) > 1000
    for k, size, side in ((0, 100, 10), (1, 80, 8)):
        shares = (middles[:, k] - side / 2.0) / (size - side)
        assert stats.kstest(shares, "uniform").statistic < 0.06


# The affine map


@pytest.mark.parametrize(
    ("high", "wide", "degrees", "slant", "scale", "down", "right"),
    [
        (15, 22, 30.0, 0.0, 0.0, 0.0, 0.0),
        (15, 22, 0.0, 25.0, 0.0, 0.0, 0.0),
        (15, 22, 0.0, 0.0, 0.3, 0.1, -0.2),
        (15, 22, 35.0, 20.0, -0.25, 0.12, -0.15),
        (24, 13, -50.0, 30.0, 0.4, -0.1, 0.2),
    ],
)
def test_an_affine_map_is_scipys_in_the_documented_order(
    high: int, wide: int, degrees: float, slant: float, scale: float, down: float, right: float
) -> None:
    """A point p of the new image shows the old one at (1/s) R S (p - t), about the middle."""
    image = np.random.default_rng(2).random((high, wide))
    most = {"rotate": 60.0, "shear": 40.0, "scale": 0.5, "translate": 0.25}
    at = (degrees / 60.0, slant / 40.0, scale / 0.5, right / 0.25, down / 0.25)
    u = torch.tensor([[0.5 + 0.5 * value for value in at]], dtype=torch.float64)
    found = changes.affine(torch.from_numpy(image)[None, None], u, **most)[0, 0]
    turn, tan = math.radians(degrees), math.tan(math.radians(slant))
    # With x to the right and y down, as images have them.
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    linear = rotation @ np.array([[1.0, tan], [0.0, 1.0]]) / (1.0 + scale)
    middle = np.array([(wide - 1) / 2.0, (high - 1) / 2.0])
    moved = np.array([right * wide, down * high])
    offset = middle - linear @ (middle + moved)
    # scipy counts rows first.
    where: dict[str, Any] = {"offset": offset[::-1], "order": 1, "mode": "grid-constant"}
    wanted = ndimage.affine_transform(image, linear[::-1, ::-1], **where)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
