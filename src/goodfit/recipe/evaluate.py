"""How a recipe asks its trained network."""

from __future__ import annotations

from typing import Annotated, Literal

from .parts import Count, Part, told

Views = Literal["none", "flip", "crops", "flip-crops"]


class Evaluate(Part):
    """How scores and predictions come about; training and early stopping do not know of it.

    ``views`` of an image are answered one by one, and the answers averaged: the image and its
    mirror image ("flip"), or the middle and the corners of the image padded by ``margin`` pixels
    ("crops"), or both. What a search compares is always the plain image's score.
    """

    views: Annotated[Views, told("Over which views of an image answers are averaged.")] = "none"
    margin: Annotated[
        Count, told("By how many pixels an image is padded before crops are taken.")
    ] = 2
