"""Looks that were taken one after the other, as one record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from .history import Layer, Looks

NAN = float("nan")
_COLUMNS = tuple(f.name for f in fields(Looks) if f.name != "layers")
_OF_WHOLE = ("name", "kind", "num_weights", "signal")
_OF_LAYER = tuple(f.name for f in fields(Layer) if f.name not in _OF_WHOLE)


def joined_looks(parts: Sequence[Looks]) -> Looks:
    """Return the columns of all parts, end to end; NaN where a part does not know a layer.

    Example:
        >>> one = Looks(step=(1,), layers=(Layer(name="a", kind="Linear", grad_norm=(0.5,)),))
        >>> two = Looks(step=(2,), layers=(Layer(name="b", kind="Linear", grad_norm=(0.1,)),))
        >>> both = joined_looks([one, two])
        >>> both.step, [layer.grad_norm for layer in both.layers]
        ((1, 2), [(0.5, nan), (nan, 0.1)])
    """
    columns = {name: _joined([getattr(part, name) for part in parts]) for name in _COLUMNS}
    known = {layer.name: layer for part in parts for layer in part.layers}
    layers = tuple(_joined_layer(layer, parts) for layer in known.values())
    return Looks(**columns, layers=layers)


def _joined(columns: Sequence[tuple]) -> tuple:
    return tuple(value for column in columns for value in column)


def _joined_layer(layer: Layer, parts: Sequence[Looks]) -> Layer:
    held = [{own.name: own for own in part.layers}.get(layer.name) for part in parts]
    columns = {}
    for name in _OF_LAYER:
        pairs = zip(held, parts, strict=True)
        columns[name] = _joined([_column(own, name, len(part.step)) for own, part in pairs])
    signal = next((own.signal for own in held if own is not None and own.signal), None)
    return replace(layer, signal=signal, **columns)


def _column(layer: Layer | None, name: str, length: int) -> tuple[float, ...]:
    found = getattr(layer, name) if layer else ()
    return found if len(found) == length else (NAN,) * length
