"""A network of the user's own, by import path."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

from torch import nn

from ..errors import NetError, nearest
from ..recipe import OwnNet
from .blame import told_with_place


def own_net(net: OwnNet, input_shape: tuple[int, ...], num_outputs: int) -> nn.Module:
    """Call the user's factory, with (input_shape, num_outputs) where it takes them.

    Raises:
        NetError: it cannot be imported, fails (where is told), or returns no module.
    """
    module_name, colon, factory_name = net.make.partition(":")
    if not colon:
        raise NetError(
            "An own network is named as package.module:factory.",
            given=f'net.make = "{net.make}"',
            do='Write net.make = "my_nets:make_net", or pass the module: train(recipe, net=...).',
        )
    factory = _import_factory(module_name, factory_name, net.make)
    try:
        takes_shapes = bool(inspect.signature(factory).parameters)
        made = factory(input_shape, num_outputs) if takes_shapes else factory()
    except Exception as error:
        raise NetError(
            f"{net.make} failed: {told_with_place(error)}",
            given=f"input_shape = {list(input_shape)}, num_outputs = {num_outputs}",
            do="Let the factory take (input_shape, num_outputs), or nothing, and return the "
            "module; mend what it raises.",
        ) from error
    if not isinstance(made, nn.Module):
        raise NetError(
            f"{net.make} did not return a torch.nn.Module.",
            given=type(made).__name__,
            do="Let the factory take (input_shape, num_outputs) and return the module.",
        )
    return made


def _import_factory(module_name: str, factory_name: str, given: str):
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module_name), factory_name)
    except Exception as error:
        raise NetError(
            f"The network {given} cannot be imported: {told_with_place(error)}.",
            given=given,
            do=_advice(module_name, factory_name, error),
        ) from error


def _advice(module_name: str, factory_name: str, error: Exception) -> str:
    module = sys.modules.get(module_name)
    if module is not None and not hasattr(module, factory_name):
        own = [name for name, it in vars(module).items() if _is_made_in(module_name, it)]
        hint = nearest(factory_name, own) if own else "no function or class is defined there."
        return f"{module_name} was found; {hint}"
    if not module_name or isinstance(error, ImportError):
        return "Run from the folder that holds the file, or install its package."
    return f"Mend {module_name}: it was found, and fails while it is imported."


def _is_made_in(module_name: str, it: object) -> bool:
    return callable(it) and getattr(it, "__module__", None) == module_name
