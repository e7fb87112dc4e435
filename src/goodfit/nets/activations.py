"""Activation functions by name: each makes a module, and its docstring is its explanation."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def relu() -> nn.Module:
    """``f(x) = max(0, x)``: from 0 to infinity; slope 1 for x > 0, else 0.

    Any shape, number by number. Cheap, does not saturate above 0; not centred, and a unit that is
    never above 0 is dead. Notes n3, n4.
    """
    return nn.ReLU()


def leaky_relu() -> nn.Module:
    """``f(x) = max(0.01 x, x)``: unbounded; slope 1 for x > 0, else 0.01, so nothing dies.

    Any shape, number by number. Notes n3, n4.
    """
    return nn.LeakyReLU(0.01)


def prelu() -> nn.Module:
    """``f(x) = max(0, x) + a min(0, x)`` with one ``a`` for each layer, learned; it starts at 0.25.

    Any shape, number by number. Up to ``a = 1`` that is the notes' ``max(a x, x)``. He et al.,
    "Delving deep into rectifiers", ICCV 2015; notes n4.
    """
    return nn.PReLU()


def elu() -> nn.Module:
    """``f(x) = x for x > 0, else exp(x) - 1``: from -1 to infinity, mean output closer to 0.

    Any shape, number by number. Needs an exponential. Clevert et al., ICLR 2016; notes n4.
    """
    return nn.ELU()


def gelu() -> nn.Module:
    """``f(x) = x P(X < x)`` for X of N(0, 1): smooth, dips to -0.17, unbounded above.

    Any shape, number by number. Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    return nn.GELU()


def silu() -> nn.Module:
    """``f(x) = x / (1 + exp(-x))``: smooth, dips to -0.28, unbounded above.

    Any shape, number by number. Elfwing et al., 2018; "swish" of Ramachandran et al., 2017.
    """
    return nn.SiLU()


def tanh() -> nn.Module:
    """``f(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x))``: from -1 to 1, centred.

    Any shape, number by number. Saturates at both ends, where the gradient vanishes. Notes n3, n4.
    """
    return nn.Tanh()


def sigmoid() -> nn.Module:
    """``f(x) = 1 / (1 + exp(-x))``: from 0 to 1, always positive, slope at most 1/4.

    Any shape, number by number. Saturates at both ends; all gradients of a unit's weights then have
    one sign, and the descent zigzags. Notes n3, n4: avoid it but for outputs in [0, 1].
    """
    return nn.Sigmoid()


class Maxout(nn.Module):
    """``f(x) = max_j (w_j x + b_j)``: the largest of ``pieces`` affine functions.

    The layer before gives ``[N, pieces * width, ...]``, where the pieces of a unit stand side by
    side; the output is ``[N, width, ...]``. Generalises ReLU (one piece is 0) and leaky ReLU;
    neither saturates nor dies, and has ``pieces`` times the weights.

    Goodfellow et al., "Maxout networks", ICML 2013; notes n4.

    Example:
        >>> import torch
        >>> Maxout(2)(torch.tensor([[1.0, 3.0, -2.0, -5.0]]))
        tensor([[ 3., -2.]])
    """

    def __init__(self, pieces: int = 2) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (x.shape[1] // self.pieces, self.pieces)).amax(2)

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}"


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": relu,
    "leaky-relu": leaky_relu,
    "prelu": prelu,
    "elu": elu,
    "gelu": gelu,
    "silu": silu,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "maxout": Maxout,
}


def activation_of(name: str, pieces: int) -> nn.Module:
    """Return an activation; ``pieces`` counts for maxout only.

    Example:
        >>> activation_of("maxout", 3), activation_of("tanh", 3)
        (Maxout(pieces=3), Tanh())
    """
    return Maxout(pieces) if name == "maxout" else ACTIVATIONS[name]()


def width_before(name: str, pieces: int, width: int) -> int:
    """Return how many numbers a layer must give for an activation that gives ``width``.

    Example:
        >>> width_before("maxout", 3, 10), width_before("relu", 3, 10)
        (30, 10)
    """
    return pieces * width if name == "maxout" else width
