"""Normalising layers by name, for features ``[N, D]`` and images ``[N, C, H, W]``."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def batch_norm(width: int, *, images: bool) -> nn.Module:
    """``y = gamma (x - E[x]) / sqrt(Var[x] + 1e-5) + beta`` with moments over the batch.

    For each feature of ``[N, D]`` over N; for each channel of ``[N, C, H, W]`` over N, H and W.
    ``gamma`` and ``beta`` are learned, one for each feature or channel. Evaluation takes moving
    averages, ``r <- 0.9 r + 0.1 E[x]``, with the unbiased variance. Needs two rows or more, and
    depends on the batch's size.

    Ioffe and Szegedy, ICML 2015; notes n0 4.1, n3, n4.
    """
    return nn.BatchNorm2d(width) if images else nn.BatchNorm1d(width)


def layer_norm(width: int, *, images: bool) -> nn.Module:
    """``y = gamma (x - E[x]) / sqrt(Var[x] + 1e-5) + beta`` with moments within one example.

    For ``[N, D]`` over D. For images over C, H and W together, with one ``gamma`` and ``beta`` for
    each channel: torch's GroupNorm with one group. The same in training and evaluation, and for
    any batch size.

    Ba et al., 2016; Wu and He, "Group normalization", ECCV 2018; notes n0 4.2,
    whose form has no parameters.
    """
    return nn.GroupNorm(1, width) if images else nn.LayerNorm(width)


NORMS: dict[str, Callable[..., nn.Module]] = {"batch": batch_norm, "layer": layer_norm}
