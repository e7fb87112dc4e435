"""What the data looks like, as parts of a sheet: of a sample, never of the whole."""

from .bars import bars_of, bits_told
from .parts import draw_data
from .pictures import png_of

__all__ = ["bars_of", "bits_told", "draw_data", "png_of"]
