"""Memory that the C library keeps between steps, so that a step need not ask for it anew."""

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""The parameters of `mallopt` by the numbers of glibc's `malloc.h`."""
_KEPT_BYTES = 512 << 20
_LARGEST_BLOCKS = (1 << 30, 32 << 20)
"""Blocks of up to so many bytes come from the heap; older C libraries refuse the first."""
_OWN_SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_blocks() -> bool:
    """Ask glibc to keep up to 512 MiB that tensors have freed, and say whether it does.

    By itself it maps each block over 32 MiB anew and returns what is free at the top of the
    heap, so the activations of a convolutional step cost thousands of page faults in every
    step: 17 to 23 % of its time was the kernel's. The setting holds for the process. Where
    the C library is another, or the environment sets these parameters itself, nothing is done.
    See `mallopt(3)`, `M_MMAP_THRESHOLD` and `M_TRIM_THRESHOLD`.

    Examples:
        >>> isinstance(keep_freed_blocks(), bool)
        True
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in _OWN_SETTINGS):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    largest = any(mallopt(_MMAP_THRESHOLD, size) == 1 for size in _LARGEST_BLOCKS)
    return largest and mallopt(_TRIM_THRESHOLD, _KEPT_BYTES) == 1
