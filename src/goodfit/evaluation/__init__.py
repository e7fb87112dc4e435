"""Evaluation: scores on a part, and the trained model as a module."""

from .metrics import score
from .model import Model, outputs_of

__all__ = ["Model", "outputs_of", "score"]
