"""Networks: built from a recipe or brought by the user, and their life as rows."""

from .activations import ACTIVATIONS
from .build import build_net
from .layers import ChannelsLast, Dropout, strongest_dropout, with_counted_dropout
from .masks import decaying, mask_of
from .noise import draw_noise, noise_from, recording_noise, uniform_noise
from .rows import Buffers, Layout, layout_of, pack_buffers, pack_parameters, write_row

__all__ = [
    "ACTIVATIONS",
    "Buffers",
    "ChannelsLast",
    "Dropout",
    "Layout",
    "build_net",
    "decaying",
    "draw_noise",
    "layout_of",
    "mask_of",
    "noise_from",
    "pack_buffers",
    "pack_parameters",
    "recording_noise",
    "strongest_dropout",
    "uniform_noise",
    "with_counted_dropout",
    "write_row",
]
