"""Modules: traceable, free of parameters, the same under vmap and in export."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from goodfit.data import (
    Preparation,
    TargetOutput,
    encode,
    fit,
    from_arrays,
    input_module,
    output_module,
)
from goodfit.data.preparation import TargetScale
from goodfit.recipe import Prepare

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=20), "c": RNG.choice(["x", "y"], 20)})
FRAME.loc[3] = [np.nan, None]
INPUTS = {
    "table": FRAME,
    "numbers only": FRAME[["a"]],
    "texts only": FRAME[["c"]],
    "image": RNG.integers(0, 256, (20, 3, 4, 4), dtype=np.uint8),
    "array": np.where(RNG.random((20, 2, 3)) < 0.1, np.nan, RNG.normal(size=(20, 2, 3))),
}


@pytest.fixture(params=INPUTS)
def case(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor]:
    """An input module, and encoded inputs for it."""
    data = from_arrays(INPUTS[request.param], np.arange(20) % 2)
    preparation = fit(data, np.arange(20), Prepare())
    return input_module(preparation), torch.from_numpy(encode(data, preparation))


def test_traced_is_the_same(case: tuple[nn.Module, Tensor]) -> None:
    module, encoded = case
    traced = make_fx(module)(encoded)
    assert torch.equal(traced(encoded.flip(0)), module(encoded.flip(0)))


def test_exported_is_the_same_for_any_number_of_rows(case: tuple[nn.Module, Tensor]) -> None:
    module, encoded = case
    rows = torch.export.Dim("rows")
    exported = torch.export.export(module, (encoded,), dynamic_shapes=({0: rows},)).module()
    assert torch.equal(exported(encoded[:7]), module(encoded[:7]))


def test_vmap_is_the_same(case: tuple[nn.Module, Tensor]) -> None:
    module, encoded = case
    stacked = torch.stack([encoded, encoded.flip(0)])
    expected = torch.stack([module(each) for each in stacked])
    assert torch.equal(torch.vmap(module)(stacked), expected)


def test_buffers_alone_and_float32_out(case: tuple[nn.Module, Tensor]) -> None:
    module, encoded = case
    assert not list(module.parameters())
    assert list(module.buffers())
    assert module(encoded).dtype == torch.float32
    assert module(encoded[:0]).shape == (0, *module(encoded).shape[1:])


def test_float64_numbers_are_taken(case: tuple[nn.Module, Tensor]) -> None:
    module, encoded = case
    assert torch.equal(module(encoded.double()), module(encoded))


def test_a_target_comes_back_in_its_unit() -> None:
    data = from_arrays(np.arange(20.0), np.linspace(100, 300, 20))
    preparation = fit(data, np.arange(20), Prepare())
    assert preparation.target is not None
    standardised = (data.target - preparation.target.centre) / preparation.target.scale
    back = output_module(preparation)(torch.from_numpy(standardised).float())
    np.testing.assert_allclose(back.numpy(), data.target, rtol=1e-6)
    traced = make_fx(TargetOutput(TargetScale(centre=1.0, scale=2.0)))(torch.ones(3, 1))
    assert traced(torch.ones(2, 1)).tolist() == [[3.0], [3.0]]


def test_classes_are_left_alone() -> None:
    data = from_arrays(np.arange(20.0), np.arange(20) % 2)
    preparation: Preparation = fit(data, np.arange(20), Prepare())
    outputs = torch.randn(3, 2)
    assert output_module(preparation)(outputs) is outputs
