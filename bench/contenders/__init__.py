"""The training loops that are compared: one module each, with one function

    train(problem: Problem, *, epochs: int, seed: int) -> float

that trains a fresh network with AdamW and cross-entropy, reshuffled at each epoch, and returns the
mean training loss of the last epoch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Contender:
    """A module of this folder and the package whose version its figures belong to."""

    name: str
    package: str


CONTENDERS = (
    Contender("plain", "torch"),
    Contender("plain_fused", "torch"),
    Contender("lightning", "lightning"),
    Contender("keras", "keras"),
    Contender("skorch", "skorch"),
    Contender("fastai", "fastai"),
    Contender("goodfit", "goodfit"),
    Contender("goodfit_compiled", "goodfit"),
)
CONTENDER_NAMES = tuple(contender.name for contender in CONTENDERS)


def load_train(name: str) -> Callable[..., float]:
    """Import a contender and give its `train`; raises ImportError where its package is absent."""
    return import_module(f"bench.contenders.{name}").train
