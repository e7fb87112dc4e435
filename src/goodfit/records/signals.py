"""How a signal passes through a network at its start, and what that says of weights and inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .base import Record
from .findings import Curve

NAN = float("nan")
# Standardised inputs lie around 1. An MLP on digits was harmed from 30 times that on (SGD), and by
# a mean of 10 standard deviations.
LARGEST_SIZE, FAR_SIZE, FAR_SHIFT = 15.0, 3.0, 5.0
# Gains of healthy starts: 0.58 (PyTorch), 1 (Xavier), 1.41 (He), 1.67 (Xavier for tanh).
LARGEST_GAIN, SMALLEST_GAIN = 2.0, 0.3
GROWN, FADED, GONE, SATURATED_SHARE = 8.0, 1e-3, 1e-6, 0.5


@dataclass(frozen=True, kw_only=True)
class Signal(Record):
    """One layer with weights, as the first data passed it.

    ``gain`` is ``rms(weight) * sqrt(fan_in)``: sqrt(2) after He, 1 after Xavier between layers of
    equal width, 0.58 as PyTorch starts; NaN where the layer is neither dense nor convolutional.
    ``size_in`` is the root mean square of what goes in. ``spread_in`` and ``spread_out`` are the
    standard deviation over rows of what goes in and comes out, the root mean square over features;
    NaN for token ids.
    """

    gain: float = NAN
    size_in: float = NAN
    spread_in: float = NAN
    spread_out: float = NAN

    @property
    def shift_in(self) -> float:
        """The features' means by their standard deviations, root mean squares of each.

        Example:
            >>> Signal(size_in=5.0, spread_in=3.0).shift_in
            1.3333333333333333
        """
        mean = math.sqrt(max(self.size_in**2 - self.spread_in**2, 0.0))
        return mean / self.spread_in if self.spread_in > 0.0 else NAN


def start_spread(signals: Sequence[Signal]) -> float:
    """Return the spread of what goes in: of the first layer's output for token ids."""
    first = signals[0]
    return first.spread_out if math.isnan(first.spread_in) else first.spread_in


def mean_gain(signals: Sequence[Signal]) -> float:
    """Return the geometric mean of the hidden layers' gains; NaN where none is known.

    Example:
        >>> mean_gain([Signal(gain=2.0), Signal(gain=0.5), Signal(gain=9.0)])
        1.0
    """
    gains = [max(s.gain, 1e-12) for s in signals[:-1] if math.isfinite(s.gain)]
    return math.exp(math.fsum(map(math.log, gains)) / len(gains)) if gains else NAN


def growth(signals: Sequence[Signal]) -> float:
    """Return how many times the inputs' spread the outputs' is; NaN where inputs do not differ."""
    start = start_spread(signals)
    return signals[-1].spread_out / start if start > 0.0 else NAN


def fading(signals: Sequence[Signal]) -> float:
    """Return which share of the inputs' spread is left before the last layer."""
    start = start_spread(signals)
    return signals[-1].spread_in / start if start > 0.0 else NAN


def is_far_out(size: float, shift: float) -> bool:
    """Return whether inputs are far from unit size, or their means many deviations from 0."""
    return size > LARGEST_SIZE or (size > FAR_SIZE and shift > FAR_SHIFT)


def grows_or_saturates(signals: Sequence[Signal], saturated: float) -> bool:
    """Return whether weights are large, and signals grow by them or units saturate."""
    large = mean_gain(signals) > LARGEST_GAIN
    return large and (growth(signals) > GROWN or saturated >= SATURATED_SHARE)


def fades(signals: Sequence[Signal]) -> bool:
    """Return whether weights are small, and next to nothing of the signal is left."""
    left = fading(signals)
    return (mean_gain(signals) < SMALLEST_GAIN and left < FADED) or left < GONE


def spread_by_layer(signals: Sequence[Signal]) -> Curve:
    """Return the spread by layer, as a small picture."""
    shown = [s.spread_out for s in signals if math.isfinite(s.spread_out)][:64]
    places = tuple(float(number) for number in range(1, len(shown) + 1))
    return Curve(x_label="layer", y_label="spread over rows", x=places, y=tuple(shown), log=True)
