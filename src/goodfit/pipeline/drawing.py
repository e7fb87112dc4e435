"""What a run's report draws of its data, and of what augmentation makes of it."""

from __future__ import annotations

from dataclasses import replace

from ..data.assemble import IMAGE_CHANNELS
from ..data.checks import Rows
from ..data.drawing import augmented_gallery, draw_data, first_images
from ..nets import draw_noise
from ..recipe import Recipe
from ..records import Gallery, Sheet
from .material import Material, augmentation_for


def draw(recipe: Recipe, material: Material, rows: Rows | None) -> Sheet | None:
    """Draw the data where it is known, and where images are augmented, some before and after.

    Nothing is read for the latter: they are of the first batch, which the checks look at too.
    """
    sheet, gallery = draw_data(rows) if rows is not None else None, _augmented(recipe, material)
    if gallery is None:
        return sheet
    sheet = sheet or Sheet(title=material.card.source, headline="", parts=())
    return replace(sheet, parts=(*sheet.parts, gallery))


def _augmented(recipe: Recipe, material: Material) -> Gallery | None:
    augmentation, (x, y) = augmentation_for(recipe, material), first_images(*material.sample)
    # A loader's maps of many channels are no pictures.
    if augmentation is None or x.dim() != 4 or x.shape[1] not in IMAGE_CHANNELS:
        return None
    shapes = augmentation.noise_shapes(x.shape)
    noise = [draw_noise(s, seed=recipe.seed, step=0, layer=n) for n, s in enumerate(shapes)]
    return augmented_gallery(augmentation, x, y, noise)
