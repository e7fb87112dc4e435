"""How a recipe asks its trained network."""

from __future__ import annotations

from typing import Literal

from .parts import Count, Part

Views = Literal["none", "flip", "crops", "flip-crops"]


class Evaluate(Part):
    """How scores and predictions come about; training and early stopping do not know of it.

    ``views`` of an image are answered one by one, and the answers averaged: the image and its
    mirror image ("flip"), or the middle and the corners of the image padded by ``margin`` pixels
    ("crops"), or both. What a search compares is always the plain image's score.
    """

    views: Views = "none"
    margin: Count = 2
