"""Networks: built from a recipe or brought by the user, and their life as rows."""

from .activations import ACTIVATIONS, Maxout
from .build import build_net
from .initialisers import INITIALISERS
from .layers import (
    DROPOUTS,
    ChannelsLast,
    Dropout,
    DropoutAtTest,
    with_counted_dropout,
)
from .masks import decaying, mask_of
from .noise import draw_noise, noise_from, recording_noise, uniform_noise
from .norms import NORMS
from .rows import Buffers, Layout, layout_of, pack_buffers, pack_parameters, write_row
from .synchronised import SyncBatchNorm
from .transfer import HELD, as_trained, frozen_names, rate_mask, still_names, take_over

__all__ = [
    "ACTIVATIONS",
    "DROPOUTS",
    "HELD",
    "INITIALISERS",
    "NORMS",
    "Buffers",
    "ChannelsLast",
    "Dropout",
    "DropoutAtTest",
    "Layout",
    "Maxout",
    "SyncBatchNorm",
    "as_trained",
    "build_net",
    "decaying",
    "draw_noise",
    "frozen_names",
    "layout_of",
    "mask_of",
    "noise_from",
    "pack_buffers",
    "pack_parameters",
    "rate_mask",
    "recording_noise",
    "still_names",
    "take_over",
    "uniform_noise",
    "with_counted_dropout",
    "write_row",
]
