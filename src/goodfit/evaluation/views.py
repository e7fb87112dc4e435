"""Test-time views: a network is asked about flips and crops of an image, its answers averaged."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import RecipeError
from ..recipe import Evaluate
from ..records import Task

View = Callable[[Tensor, int], list[Tensor]]


def flip(x: Tensor, margin: int) -> list[Tensor]:
    """Return images ``[N, C, H, W]`` and their mirror images; ``margin`` plays no part.

    The mean over both answers is the same for an image and its mirror image. Notes n3, Data
    Augmentation ("can be used during inference too").
    """
    return [x, x.flip(3)]


def crops(x: Tensor, margin: int) -> list[Tensor]:
    """Return five windows of the images' size: middle and corners, ``margin`` pixels around.

    What lies outside of an image ``[N, C, H, W]`` counts as 0, as in training's random crops.
    Source: Krizhevsky et al., "ImageNet classification", 2012, section 4.1; notes n3, Data
    Augmentation ("can be used during inference too").
    """
    height, width = x.shape[2:]
    padded = functional.pad(x, [margin] * 4)
    corners = product((0, 2 * margin), repeat=2)
    windows = [padded[..., top : top + height, left : left + width] for top, left in corners]
    return [x, *windows]


def flip_crops(x: Tensor, margin: int) -> list[Tensor]:
    """Return the five crops of images ``[N, C, H, W]``, and their mirror images: ten views.

    Source: Krizhevsky et al., "ImageNet classification", 2012, section 4.1; notes n3, Data
    Augmentation ("can be used during inference too").
    """
    return [view for window in crops(x, margin) for view in flip(window, margin)]


VIEWS: dict[str, View] = {"flip": flip, "crops": crops, "flip-crops": flip_crops}


class Viewed(nn.Module):
    """A model whose answers are means over views of what it is asked.

    Of classes the probabilities are averaged: ``log mean_v softmax(model(v(x)))``, which is what
    ``forward`` returns, has the mean as its softmax. Quantities are averaged as they are.
    """

    def __init__(self, model: nn.Module, view: View, *, margin: int, task: Task) -> None:
        super().__init__()
        self.model, self.view = model, view
        self.margin, self.task = margin, task

    def forward(self, x: Tensor) -> Tensor:
        outputs = torch.stack([self.model(view) for view in self.view(x, self.margin)])
        if self.task == "regression":
            return outputs.mean(0)
        return outputs.log_softmax(2).logsumexp(0) - math.log(len(outputs))


def viewed(model: nn.Module, settings: Evaluate, *, task: Task) -> nn.Module:
    """Return the model as it is to be asked: itself, or over views.

    Example:
        >>> asked = viewed(nn.Flatten(), Evaluate(views="flip"), task="regression")
        >>> asked(torch.tensor([[[[1.0, 3.0]]]])).tolist()
        [[2.0, 2.0]]
    """
    if settings.views == "none":
        return model
    return Viewed(model, VIEWS[settings.views], margin=settings.margin, task=task)


def check_views(settings: Evaluate, *, input_kind: str, shape: Sequence[int]) -> None:
    """Refuse views of what is no image, and crops beside the image.

    Raises:
        RecipeError: says which, and what to do.
    """
    if settings.views == "none":
        return
    if input_kind != "image":
        raise RecipeError(
            "Only images have flips and crops.",
            given=f'{input_kind} data, evaluate.views = "{settings.views}"',
            do='Leave evaluate.views at "none".',
        )
    if settings.views != "flip" and settings.margin >= min(shape[1:]):
        raise RecipeError(
            "Crops that far out show nothing of the image.",
            given=f"evaluate.margin = {settings.margin}, images of {shape[1]} x {shape[2]}",
            do=f"Take at most {max(1, min(shape[1:]) // 4)}, say.",
        )
