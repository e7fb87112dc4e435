"""What Python code gives for a network or a loss: anything else is refused, with what to do."""

from __future__ import annotations

from torch import nn

from ..errors import NetError

# What stands in recipes is known by where its class comes from: to import them would take 12 MB
# and a tenth of a second from every loop that is watched.
NETWORKS = f"{__name__.split('.')[0]}.recipe.networks"


def given_module(value: object, argument: str = "net=") -> None:
    """Refuse what is no module where an argument takes one.

    Raises:
        NetError: says how a module is made of what was given.

    Example:
        >>> given_module(nn.Linear)
        Traceback (most recent call last):
        goodfit.errors.NetError: net= takes a module, not a class.
          given: the class Linear
          to do: Make one and pass that: net = Linear(...).
    """
    if isinstance(value, nn.Module):
        return
    what, do = f"{argument} takes a torch.nn.Module.", "Pass the network itself: a torch.nn.Module."
    given = type(value).__name__
    if isinstance(value, type):
        what, given = f"{argument} takes a module, not a class.", f"the class {value.__name__}"
        do = f"Make one and pass that: net = {value.__name__}(...)."
    elif type(value).__module__ == NETWORKS:
        do = f"It stands in the recipe: gf.Recipe(..., net=gf.{given}(...))."
    elif isinstance(value, str):
        given, do = repr(value), f'Kinds stand in the recipe: gf.Recipe(..., net="{value}").'
    elif callable(value):
        do = "Call it, and pass the module that it returns."
    raise NetError(what, given=given, do=do)


def given_loss(value: object) -> None:
    """Refuse what cannot be called as ``loss_fn(outputs, y)``.

    Raises:
        NetError: it is a class or a name of a loss, or something else.
    """
    if isinstance(value, type):
        name = value.__name__
        raise NetError(
            "loss_fn takes a loss, not a class.",
            given=f"the class {name}",
            do=f"Make one and pass that: loss_fn = nn.{name}().",
        )
    if not callable(value):
        raise NetError(
            "loss_fn takes a loss that can be called: loss_fn(outputs, y).",
            given=repr(value),
            do="Pass a module or a function, say nn.CrossEntropyLoss().",
        )
