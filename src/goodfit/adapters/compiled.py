"""Networks that torch.compile has taken: what of them hooks can see."""

from __future__ import annotations

from torch import nn
from torch._dynamo.eval_frame import OptimizedModule

UNSEEN = (
    "outputs of layers (dead and saturated units, batch-norm gap): the network is compiled, and "
    "hooks inside it would change what runs"
)


def inner(network: nn.Module) -> nn.Module:
    """Return the network inside wrappers of torch.compile."""
    while isinstance(network, OptimizedModule):
        network = network._orig_mod
    return network


def is_compiled(network: nn.Module) -> bool:
    """Say whether a network, or a part of it, runs compiled.

    Example:
        >>> is_compiled(nn.Linear(1, 1))
        False
    """
    return any(
        isinstance(module, OptimizedModule) or module._compiled_call_impl is not None
        for module in network.modules()
    )
