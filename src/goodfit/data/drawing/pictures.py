"""Images of the data as small pictures."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from ...records import Gallery
from ..checks import Rows
from ..checks.subject import spread_over

NUM_EACH, MOST_ROWS, LONGEST_SIDE = 8, 12, 48
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")


def gallery(rows: Rows) -> Gallery:
    """Draw 8 training images of each class, evenly spread; of a quantity, of each quarter.

    Of more than 12 classes, 12 are drawn, evenly spread over their names. Images are shown with at
    most 48 pixels a side; other than bytes, they are scaled to the range of those drawn.
    """
    names, chosen = _chosen(rows)
    images = [np.asarray(rows.dataset.inputs[places]) for places in chosen]
    low = min((float(each.min()) for each in images if each.size), default=0.0)
    high = max((float(each.max()) for each in images if each.size), default=1.0)
    if images[0].dtype == np.uint8 and high > 100.0:
        low, high = 0.0, 255.0
    told = "Training images, as they are before preparation."
    left_out = len(rows.dataset.classes) - len(names)
    if left_out > 0:
        told += f" {left_out:,} of {len(rows.dataset.classes):,} classes are left out."
    return Gallery(
        title="Images of each class" if rows.dataset.classes else "Images by target",
        names=tuple(names),
        pictures=tuple(tuple(_png(image, low, high) for image in each) for each in images),
        caption=told,
    )


def _chosen(rows: Rows) -> tuple[list[str], list[np.ndarray]]:
    """Return the name of each row of pictures, and the rows of the data that stand in it."""
    train = rows.parts.train
    target = rows.dataset.target[train]
    if rows.dataset.classes:
        codes = spread_over(np.arange(len(rows.dataset.classes)), MOST_ROWS)
        names = [rows.dataset.classes[code] for code in codes]
        members = [train[target == code] for code in codes]
    else:
        order = train[np.argsort(target, kind="stable")]
        names, members = [*map(str, QUARTERS)], np.array_split(order, len(QUARTERS))
    return names, [np.sort(spread_over(each, NUM_EACH)) for each in members]


def _png(image: np.ndarray, low: float, high: float) -> str:
    """Return one image ``[C, H, W]`` as PNG, its pixels between ``low`` and ``high``."""
    scaled = (image.astype(np.float32) - low) / ((high - low) or 1.0)
    pixels = (255.0 * scaled).round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
    return png_of(pixels, longest=LONGEST_SIDE)


def png_of(pixels: np.ndarray, *, longest: int | None = None) -> str:
    """Return an image ``[H, W, C]`` of bytes as PNG in base64; one, three or four channels.

    With ``longest``, no side has more pixels than that.

    Example:
        >>> png_of(np.zeros((2, 2, 1), dtype=np.uint8))[:8]
        'iVBORw0K'
    """
    made = Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[:, :, 0])
    if longest is not None and max(made.size) > longest:
        made.thumbnail((longest, longest))
    file = io.BytesIO()
    made.save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()
