"""Evaluation: scores on a part, the trained model as a module, and views of what it is asked."""

from .metrics import score
from .model import Model, outputs_of
from .views import VIEWS, check_views, viewed

__all__ = ["VIEWS", "Model", "check_views", "outputs_of", "score", "viewed"]
