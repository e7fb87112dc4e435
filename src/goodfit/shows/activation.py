"""Activation functions, measured: range, centring, slopes, saturation, cost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import RecipeError, nearest
from ..nets import ACTIVATIONS
from ..records import Chart, Line, Sheet, Table

# Under this absolute slope an input counts as flat; the 0.01 of a leaky ReLU is not under it.
FLAT = 0.01
NEAR, FAR, WIDEST = 0.01, 10.0, 1e3
# A step of 0.1 over the widest range, then one of 0.00001 around what is lowest or highest there.
NUM_ENDS = 20_001
DRAWN, NUM_POINTS, NUM_DRAWS = 5.0, 401, 200_000
TIMED, TIMES = 1 << 16, 7
RANGE = ("activation", "lowest", "highest", "mean of N(0,1)", f"flat (|slope| < {FLAT:g}), %")
SLOPES = ("activation", "at -10", "at -0.01", "at 0.01", "at 10")
FLAT_IN_WORDS = (
    f"Flat: the share of inputs of N(0, 1) at which the slope is under {FLAT:g} in absolute value."
)
MAXOUT_IN_WORDS = (
    "Maxout is max(x, 0) in all figures: a function of its first piece, with the second at 0;"
    " where the first has no slope, the second has, so that no unit dies."
)
TIMES_OF = ("activation", "forward", "with backward")


@dataclass(frozen=True)
class Measured:
    """What was measured of one activation; ``flat`` is a share, times are ns for each output."""

    lowest: float
    highest: float
    mean: float
    slopes: tuple[float, float, float, float]
    flat: float
    forward_ns: float
    both_ns: float


def show_activation(names: Sequence[str] = ()) -> Sheet:
    """Measure and draw activations by name; all without a name.

    Lowest and highest are those on [-1000, 1000], "unbounded" where they still grow there. The
    mean and the flat share (inputs whose slope is under 0.01 in absolute value) are of 200,000
    inputs of N(0, 1). Maxout is ``max(x, 0)`` throughout: a function of its first piece, with the
    second at 0. Times depend on the machine: the fastest of 7 over 65,536 outputs in float32.
    Notes n3, n4.

    Raises:
        RecipeError: there is no activation of a name.

    Example:
        >>> sheet = show_activation(["relu"])
        >>> sheet.parts[2].rows[0][:3]
        ('relu', 0.0, 'unbounded')
    """
    names = tuple(names) or tuple(ACTIVATIONS)
    for name in names:
        if name not in ACTIVATIONS:
            raise RecipeError(
                f'There is no activation "{name}".', given=name, do=nearest(name, ACTIVATIONS)
            )
    modules = {name: ACTIVATIONS[name]() for name in names}
    measured = {name: measure(module) for name, module in modules.items()}
    return Sheet(
        title="Activation functions",
        headline=" ".join((_headline(measured), *_defined(measured))),
        parts=(
            _chart("Function", "f(x)", modules, lambda module, x: _values(module, x)),
            _chart("Derivative", "f'(x)", modules, slopes),
            *_tables(measured),
        ),
    )


def measure(module: nn.Module) -> Measured:
    """Return what an activation is like; inputs of N(0, 1) are drawn from seed 0."""
    x = torch.linspace(-WIDEST, WIDEST, NUM_ENDS, dtype=torch.float64)
    ends = _values(module, x)
    lowest = _around(module, x, int(ends.argmin())).min()
    highest = _around(module, x, int(ends.argmax())).max()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(NUM_DRAWS, generator=generator, dtype=torch.float64)
    at = slopes(module, torch.tensor([-FAR, -NEAR, NEAR, FAR], dtype=torch.float64))
    forward, both = _times(module)
    return Measured(
        lowest=_end(ends[0], lowest),
        highest=_end(ends[-1], highest),
        mean=float(_values(module, x).mean()),
        slopes=(float(at[0]), float(at[1]), float(at[2]), float(at[3])),
        flat=float((slopes(module, x).abs() < FLAT).double().mean()),
        forward_ns=forward,
        both_ns=both,
    )


def slopes(module: nn.Module, x: Tensor) -> Tensor:
    """Return ``f'(x)`` at each of ``x``, by torch's own derivative."""
    leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        total = _call(module, leaf).sum()
        return torch.autograd.grad(total, leaf)[0]


def _pieces(module: nn.Module) -> int:
    return int(getattr(module, "pieces", 1))


def _call(module: nn.Module, x: Tensor) -> Tensor:
    """Call on ``[N]``; a maxout gets a second piece of zeros beside it."""
    whole = module.to(x.dtype)
    if _pieces(module) == 1:
        return whole(x.unsqueeze(1)).squeeze(1)
    return whole(torch.stack([x, torch.zeros_like(x)], dim=1)).squeeze(1)


def _values(module: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return _call(module, x)


def _around(module: nn.Module, x: Tensor, place: int) -> Tensor:
    """Return values between the neighbours of a place on a grid, in as many steps."""
    left, right = x[max(place - 1, 0)], x[min(place + 1, len(x) - 1)]
    return _values(module, torch.linspace(float(left), float(right), len(x), dtype=x.dtype))


def _end(at_end: Tensor, extreme: Tensor) -> float:
    """Return the extreme, infinite where the function has come far by the end of the range."""
    far = abs(float(at_end)) >= WIDEST * 1e-3 and float(at_end) == float(extreme)
    return math.copysign(math.inf, float(extreme)) if far and abs(extreme) > 1.5 else float(extreme)


def _times(module: nn.Module) -> tuple[float, float]:
    """Return nanoseconds for each output: forward, and forward with backward."""
    width = _pieces(module)
    x = torch.randn(TIMED // 64, 64 * width, generator=torch.Generator().manual_seed(1))
    module = module.to(x.dtype)
    leaf = x.clone().requires_grad_()
    ones = torch.ones(TIMED // 64, 64)

    def forward() -> None:
        with torch.no_grad():
            module(x)

    def both() -> None:
        with torch.enable_grad():
            torch.autograd.grad(module(leaf), leaf, ones)

    return _best(forward), _best(both)


def _best(run: Callable[[], None]) -> float:
    found = math.inf
    for _ in range(TIMES):
        began = time.perf_counter()
        run()
        found = min(found, time.perf_counter() - began)
    return 1e9 * found / TIMED


def _chart(
    title: str,
    label: str,
    modules: dict[str, nn.Module],
    function: Callable[[nn.Module, Tensor], Tensor],
) -> Chart:
    x = torch.linspace(-DRAWN, DRAWN, NUM_POINTS, dtype=torch.float64)
    lines = tuple(
        Line(name=name, x=tuple(x.tolist()), y=tuple(function(module, x).tolist()))
        for name, module in modules.items()
    )
    return Chart(title=title, x_label="x", y_label=label, lines=lines)


def _tables(measured: dict[str, Measured]) -> tuple[Table, Table, Table]:
    threads = torch.get_num_threads()
    machine = f"Of this machine: torch {torch.__version__}, {threads} thread{'s' * (threads > 1)}."
    ranges = tuple((name, *_range(found)) for name, found in measured.items())
    slopes = tuple((name, *found.slopes) for name, found in measured.items())
    times = tuple((name, found.forward_ns, found.both_ns) for name, found in measured.items())
    return (
        Table(title="Range, centring, saturation", columns=RANGE, rows=ranges),
        Table(title="Slope at the start and at the extremes", columns=SLOPES, rows=slopes),
        Table(title="Nanoseconds an output", columns=TIMES_OF, rows=times, caption=machine),
    )


def _range(found: Measured) -> tuple[str | float, ...]:
    ends = ("unbounded" if math.isinf(end) else end for end in (found.lowest, found.highest))
    return (*ends, found.mean, 100.0 * found.flat)


def _defined(measured: dict[str, Measured]) -> tuple[str, ...]:
    """Say what the figures mean: in the headline, which page and terminal both show."""
    return (FLAT_IN_WORDS, MAXOUT_IN_WORDS) if "maxout" in measured else (FLAT_IN_WORDS,)


def _headline(measured: dict[str, Measured]) -> str:
    flat = max(measured, key=lambda name: measured[name].flat)
    centred = min(measured, key=lambda name: abs(measured[name].mean))
    if len(measured) == 1:
        found = measured[flat]
        return (
            f"{flat}: mean output {found.mean:.2g} for inputs of N(0, 1), "
            f"{100 * found.flat:.0f} % of them on a flat part."
        )
    return (
        f"For inputs of N(0, 1) {centred} is centred best "
        f"(mean {measured[centred].mean:.2g}), and {flat} has most of them on a flat part "
        f"({100 * measured[flat].flat:.0f} %)."
    )
