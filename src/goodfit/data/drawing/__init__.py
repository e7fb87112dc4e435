"""What the data looks like, as parts of a sheet: of a sample, never of the whole."""

from .augmented import augmented_gallery, first_images, pngs_of
from .bars import bars_of, bits_told
from .parts import draw_data
from .pictures import png_of

__all__ = [
    "augmented_gallery",
    "bars_of",
    "bits_told",
    "draw_data",
    "first_images",
    "png_of",
    "pngs_of",
]
