"""Augmentation against loops of slices, scipy, closed forms; labels follow areas and shares."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torch import Tensor
from torch.nn import functional

from goodfit.data import augment as changes
from goodfit.data.augmenting import (
    AUGMENTATIONS,
    PARTS_OF,
    Augmentation,
    augmentation_of,
    beta_quantile,
)
from goodfit.errors import RecipeError
from goodfit.explaining import explain
from goodfit.recipe import Augment

GENERATOR = torch.Generator().manual_seed(0)


def images(num: int = 64, channels: int = 3, height: int = 12, width: int = 10) -> Tensor:
    return 255.0 * torch.rand(num, channels, height, width, generator=GENERATOR)


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=GENERATOR)


def made(shape: tuple[int, ...] = (3, 12, 10), **settings: Any) -> Augmentation:
    found = augmentation_of(
        Augment(**settings), input_kind="image", shape=shape, num_classes=4, bounded=False
    )
    assert found is not None
    return found


def test_every_field_acts_by_a_member_that_is_explained() -> None:
    fields = [
        name.replace("_", "-")
        for name in Augment.model_fields
        if not name.startswith("mix") and not name.endswith("_probability")
    ]
    members = {PARTS_OF.get(name, name) for name in fields}
    assert members | {"mixup", "cutmix", "cowmix"} == set(AUGMENTATIONS)
    for name in (*fields, "sometimes"):
        assert explain(name).startswith(f"{name} (an augmentation)")
    for name, change in AUGMENTATIONS.items():
        text = " ".join((change.__doc__ or "").lower().split())
        assert "source: " in text or "notes n3, data augmentation" in text
        assert ("notes n3" in text) == (name != "mixup")  # the only one that the notes do not have


def test_all_off_is_none() -> None:
    assert (
        augmentation_of(
            Augment(mix="mixup", mix_probability=0.0),
            input_kind="image",
            shape=(1, 8, 8),
            num_classes=3,
            bounded=True,
        )
        is None
    )


@pytest.mark.parametrize("dim", [2, 3])
def test_flips_are_slices_backwards_for_the_share_asked_for(dim: int) -> None:
    x, u = images(4000, 1, 3, 3), noise(4000, 1)
    flip = changes.horizontal_flip if dim == 3 else changes.vertical_flip
    flipped = flip(x, u, probability=0.3)
    turned = u[:, 0] < 0.3
    assert torch.equal(flipped[turned], x[turned].flip(dim))
    assert torch.equal(flipped[~turned], x[~turned])
    assert stats.binomtest(int(turned.sum()), 4000, 0.3).pvalue > 1e-4


def test_a_crop_is_a_window_of_the_padded_image() -> None:
    x, u = images(), noise(64, 2)
    cropped = changes.crop(x, u, padding=3)
    padded = np.pad(x.numpy(), [(0, 0), (0, 0), (3, 3), (3, 3)])
    for k in range(64):
        top, left = (int(7 * float(v)) for v in u[k])
        np.testing.assert_array_equal(cropped[k], padded[k, :, top : top + 12, left : left + 10])
    assert {int(7 * float(v)) for v in u[:, 0]} == set(range(7))


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("affine", {"rotate": 40.0}),
        ("crop", {"crop": 4}),
        ("colour", {"brightness": 0.5}),
        ("colour", {"hue": 0.4}),
    ],
)
def test_a_change_is_made_for_the_share_of_images_asked_for(
    field: str, settings: dict[str, Any]
) -> None:
    x, y = images(2000), torch.zeros(2000, dtype=torch.long)
    share: dict[str, Any] = {f"{field}_probability": 0.3}
    every, some = made(**settings), made(**settings, **share)
    (num, width), (_, one_more) = every.noise_shapes(x.shape)[0], some.noise_shapes(x.shape)[0]
    assert one_more == width + 1
    u = noise(num, one_more)
    always, changed = every(x, y, [u[:, :-1]])[0], some(x, y, [u])[0]
    taken = u[:, -1] < 0.3
    assert torch.equal(changed, torch.where(taken[:, None, None, None], always, x))
    assert stats.binomtest(int(taken.sum()), 2000, 0.3).pvalue > 1e-4
    never: dict[str, Any] = {f"{field}_probability": 0.0}
    kept = augmentation_of(
        Augment(**settings, **never), input_kind="image", shape=(3, 12, 10), num_classes=4,
        bounded=False,
    )  # fmt: skip
    assert kept is None


@pytest.mark.parametrize("degrees", [30.0, -75.0])
def test_a_turn_is_scipys(degrees: float) -> None:
    x = images(1, 1, 15, 21)
    u = torch.tensor([[0.5 + degrees / 180.0, 0.5, 0.5, 0.5, 0.5]])
    turned = changes.affine(x, u, rotate=90.0, shear=0.0, scale=0.0, translate=0.0)
    wanted = ndimage.rotate(
        x[0, 0].numpy(), degrees, reshape=False, order=1, mode="grid-constant", prefilter=False
    )
    np.testing.assert_allclose(turned[0, 0], wanted, atol=1e-2)


def test_moving_scaling_and_shearing_by_hand() -> None:
    x = images(1, 1, 9, 9)
    whole = torch.tensor([[0.5, 0.5, 0.5, 0.5 + 0.5 * 2 / 3, 0.5]])
    moved = changes.affine(x, whole, rotate=0.0, shear=0.0, scale=0.0, translate=1.0 / 3.0)
    torch.testing.assert_close(moved[..., 2:], x[..., :-2], atol=1e-2, rtol=0)
    larger = torch.tensor([[0.5, 0.5, 1.0, 0.5, 0.5]])
    grown = changes.affine(x, larger, rotate=0.0, shear=0.0, scale=0.5, translate=0.0)
    about = ndimage.affine_transform(
        x[0, 0].numpy(), np.eye(2) / 1.5, offset=4 - 4 / 1.5, order=1, mode="grid-constant"
    )
    np.testing.assert_allclose(grown[0, 0], about, atol=1e-2)
    slanted = torch.tensor([[0.5, 1.0, 0.5, 0.5, 0.5]])
    sheared = changes.affine(x, slanted, rotate=0.0, shear=45.0, scale=0.0, translate=0.0)
    for row in range(9):
        shift = row - 4
        columns = np.arange(9) + shift
        inside = (columns >= 0) & (columns < 9)
        wanted = np.where(inside, x[0, 0, row].numpy()[columns.clip(0, 8)], 0.0)
        np.testing.assert_allclose(sheared[0, 0, row], wanted, atol=1e-2)


def test_colours_by_their_formulas() -> None:
    x, u = images(), noise(64, 1)
    factor = (1.0 + 0.4 * (2.0 * u[:, 0] - 1.0))[:, None, None, None]
    grey = (x * torch.tensor(changes.YIQ[0])[:, None, None]).sum(1, keepdim=True)
    torch.testing.assert_close(changes.brightness(x, u, most=0.4), factor * x)
    torch.testing.assert_close(
        changes.saturation(x, u, most=0.4), grey + factor * (x - grey), rtol=1e-4, atol=1e-2
    )
    mean = grey.mean((1, 2, 3), keepdim=True)
    stretched = changes.contrast(x, u, most=0.4)
    torch.testing.assert_close(stretched, mean + factor * (x - mean), rtol=1e-4, atol=1e-2)


def test_hue_keeps_grey_and_turns_back() -> None:
    x, u = images(), noise(64, 1)
    turned = changes.hue(x, u, most=0.5)
    weights = torch.tensor(changes.YIQ[0])[:, None, None]
    torch.testing.assert_close((turned * weights).sum(1), (x * weights).sum(1), atol=0.1, rtol=0)
    back = changes.hue(turned, 1.0 - u, most=0.5)
    torch.testing.assert_close(back, x, atol=0.1, rtol=1e-3)
    assert (turned - x).abs().max() > 10.0
    grey = images(8, 1).expand(-1, 3, -1, -1)
    torch.testing.assert_close(changes.hue(grey, u[:8], most=0.5), grey, atol=0.6, rtol=0)


def test_an_erased_rectangle_has_the_area_that_was_asked_for() -> None:
    x, u = torch.ones(400, 1, 60, 60), noise(400, 5)
    gone = changes.erase(x, u, probability=0.5) == 0.0
    hit = u[:, 0] < 0.5
    assert not gone[~hit].any()
    areas = gone[hit].float().mean((1, 2, 3))
    wanted = 0.02 + 0.31 * u[hit, 1]
    torch.testing.assert_close(areas, wanted, atol=0.03, rtol=0)


@pytest.mark.parametrize("mask", ["cutmix", "cowmix"])
def test_what_a_mask_keeps_is_what_labels_keep(mask: Any) -> None:
    x, y = images(200, 1, 24, 24), torch.arange(200) % 4
    augmentation = made((1, 24, 24), mix=mask)
    draws = [noise(*shape) for shape in augmentation.noise_shapes(x.shape)]
    mixed, targets = augmentation(x, y, draws)
    partner = draws[0][:, 0].argsort()
    mine = (mixed == x).float().mean((1, 2, 3))
    other = (mixed == x[partner]).float().mean((1, 2, 3))
    assert (((mixed == x) | (mixed == x[partner])).all(1)).all()
    own = partner == torch.arange(200)
    torch.testing.assert_close((mine + other)[~own], torch.ones(200)[~own], atol=1e-3, rtol=0)
    one_hot = functional.one_hot(y, 4).float()
    wanted = mine[:, None] * one_hot + (1 - mine[:, None]) * one_hot[partner]
    torch.testing.assert_close(targets[~own], wanted[~own], atol=1e-5, rtol=0)


def test_cowmix_areas_follow_beta_and_masks_are_smooth() -> None:
    share = torch.linspace(0.0, 1.0, 500)
    areas = changes.cow_mask(noise(500, 28, 28), share, 28, 28).float().mean((1, 2))
    torch.testing.assert_close(areas, share, atol=0.2, rtol=0)
    assert abs(float((areas - share).mean())) < 0.01
    assert float(areas[0]) == 0.0 and float(areas[-1]) == 1.0
    half = changes.cow_mask(noise(50, 28, 28), torch.full((50,), 0.5), 28, 28)
    edges = (half[:, 1:] != half[:, :-1]).float().mean()
    assert edges < 0.15  # white noise would have 0.5


def test_the_blur_of_cowmix_is_scipys() -> None:
    u = noise(3, 20, 28)
    wanted = ndimage.gaussian_filter(
        u.double().numpy(), 2.5, axes=(1, 2), mode="nearest", truncate=2.8
    )
    # A sigma of an eighth of the smaller side; 7 = ceil(2.5 sigma) = floor(2.8 sigma + 0.5).
    np.testing.assert_allclose(changes.blurred(u, 20 / 8), wanted, atol=1e-5)


def test_mixup_is_a_convex_combination_also_of_quantities() -> None:
    x, y = torch.randn(100, 6, generator=GENERATOR), torch.randn(100, 1, generator=GENERATOR)
    augmentation = augmentation_of(
        Augment(mix="mixup", mix_alpha=0.4),
        input_kind="table",
        shape=(6,),
        num_classes=0,
        bounded=False,
    )
    assert augmentation is not None
    draws = [noise(*shape) for shape in augmentation.noise_shapes(x.shape)]
    mixed, targets = augmentation(x, y, draws)
    partner = draws[0][:, 0].argsort()
    share = torch.from_numpy(stats.beta.ppf(draws[0][:, 1].numpy(), 0.4, 0.4)).float()[:, None]
    torch.testing.assert_close(mixed, share * x + (1 - share) * x[partner], atol=0.02, rtol=0)
    torch.testing.assert_close(targets, share * y + (1 - share) * y[partner], atol=0.02, rtol=0)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_betas(alpha: float) -> None:
    shares = beta_quantile(noise(20_000), alpha).numpy()
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).statistic < 0.02


def test_mixed_with_a_probability() -> None:
    x, y = images(4000, 1, 2, 2), torch.arange(4000) % 4
    augmentation = made((1, 2, 2), mix="mixup", mix_probability=0.25)
    draws = [noise(*shape) for shape in augmentation.noise_shapes(x.shape)]
    mixed, _ = augmentation(x, y, draws)
    changed = int((mixed != x).any(3).any(2).any(1).sum())
    assert stats.binomtest(changed, 4000, 0.25).pvalue > 1e-4


def test_rows_with_batches_of_their_own_change_as_each_alone() -> None:
    augmentation = made(crop=2, rotate=20.0, hue=0.1, erase=0.5, mix="cutmix", mix_alpha=0.8)
    x, y = torch.stack([images(16) for _ in range(3)]), torch.arange(48).reshape(3, 16) % 4
    draws = [noise(3, *shape) for shape in augmentation.noise_shapes(x.shape[1:])]
    together = augmentation(x, y, draws)
    for k in range(3):
        alone = augmentation(x[k], y[k], [u[k] for u in draws])
        for one, row in zip(alone, together, strict=True):
            torch.testing.assert_close(row[k], one, atol=1e-3, rtol=1e-5)


def test_bytes_stay_between_0_and_255() -> None:
    settings = Augment(brightness=0.9, contrast=0.9)
    augmentation = augmentation_of(
        settings, input_kind="image", shape=(1, 8, 8), num_classes=2, bounded=True
    )
    assert augmentation is not None
    x = torch.randint(0, 256, (32, 1, 8, 8), dtype=torch.uint8, generator=GENERATOR)
    draws = [noise(*shape) for shape in augmentation.noise_shapes(x.shape)]
    changed, _ = augmentation(x, torch.zeros(32, dtype=torch.long), draws)
    assert changed.dtype == torch.float32
    assert float(changed.min()) >= 0.0 and float(changed.max()) == 255.0


def test_the_floor_of_mixed_classes() -> None:
    settings = {"mix": "mixup", "mix_alpha": 1.0, "mix_probability": 0.5}
    # The mean of the binary entropy over a uniform share is 1/2 nat.
    floor = made(**settings).floor([0.25] * 4)
    assert math.isclose(floor, 0.5 * 0.75 * 0.5, rel_tol=1e-3)
    assert made(crop=1).floor([0.5, 0.5]) == 0.0


@pytest.mark.parametrize(
    ("settings", "kind", "shape", "wording"),
    [
        ({"crop": 2}, "table", (9,), "Only images can be flipped"),
        ({"mix": "cutmix"}, "table", (9,), 'mix = "mixup"'),
        ({"hue": 0.1}, "image", (1, 8, 8), "Hue and saturation are of colour images"),
        ({"crop": 9}, "image", (1, 8, 8), "could show nothing of it"),
        ({"crop": 8}, "image", (1, 8, 8), "could show nothing of it"),
        ({"crop": 8}, "image", (3, 20, 8), "could show nothing of it"),
    ],
)
def test_what_does_not_fit_is_refused(
    settings: dict[str, Any], kind: str, shape: tuple[int, ...], wording: str
) -> None:
    with pytest.raises(RecipeError, match=wording.split("=")[0]):
        augmentation_of(
            Augment(**settings), input_kind=kind, shape=shape, num_classes=2, bounded=True
        )


def test_the_largest_crop_leaves_a_pixel_of_the_image_in_every_draw() -> None:
    augmentation = made(crop=7)
    corners = [torch.tensor([[0.0, 0.0], [0.999, 0.999]])]
    assert augmentation.noise_shapes((2, 1, 8, 8)) == [(2, 2)]
    changed, _ = augmentation(torch.ones(2, 1, 8, 8), torch.zeros(2, dtype=torch.long), corners)
    assert changed.sum(dim=(1, 2, 3)).tolist() == [1.0, 1.0]
