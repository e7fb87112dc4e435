"""Workspaces: never two live values in one block."""

from __future__ import annotations

from itertools import combinations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from goodfit.engine.workspace import Pool, is_dense, storage_of

SHAPES = [(4,), (2, 2), (4, 1), (6,), (2, 3), (3, 1, 2)]
DTYPES = [torch.float32, torch.float64, torch.int64]


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[Tensor, int, int]]:
    """Values with the positions at which they are made and read for the last time."""
    count = draw(st.integers(1, 25))
    return [
        (
            torch.empty(draw(st.sampled_from(SHAPES)), dtype=draw(st.sampled_from(DTYPES))),
            born,
            born + draw(st.integers(0, 8)),
        )
        for born in range(count)
    ]


def take_all(pool: Pool, wanted: list[tuple[Tensor, int, int]]) -> list[Tensor]:
    """Walk through a program in which one value is made at each position."""
    taken = []
    for like, born, last in wanted:
        taken.append(pool.take(like, last))
        pool.release(born)
    return taken


@given(lives())
def test_two_live_values_never_share_a_block(wanted: list[tuple[Tensor, int, int]]) -> None:
    taken = take_all(Pool(), wanted)
    spans = [(born, last, storage_of(t)) for (_, born, last), t in zip(wanted, taken, strict=True)]
    for (_, last, one), (born, _, other) in combinations(spans, 2):
        if born <= last:
            assert one != other


@given(lives())
def test_a_workspace_looks_like_what_it_is_for(wanted: list[tuple[Tensor, int, int]]) -> None:
    for (like, _, _), taken in zip(wanted, take_all(Pool(), wanted), strict=True):
        assert taken.shape == like.shape
        assert taken.stride() == like.stride()
        assert taken.dtype == like.dtype


@given(lives(), st.integers(0, 24), st.integers(0, 40))
def test_a_block_that_is_kept_for_longer_is_not_reused(
    wanted: list[tuple[Tensor, int, int]], which: int, longer: int
) -> None:
    pool, which = Pool(), which % len(wanted)
    before = take_all(pool, wanted[: which + 1])
    until = wanted[which][1] + longer
    pool.extend(before[which], until)
    for like, born, last in wanted[which + 1 :]:
        taken = pool.take(like, last)
        pool.release(born)
        assert born > until or storage_of(taken) != storage_of(before[which])


def test_a_dead_block_is_reused() -> None:
    """A chain of values, each read by the next alone, needs no more than three blocks."""
    chain = [(torch.empty(5), born, born + 1) for born in range(50)]
    assert len({storage_of(tensor) for tensor in take_all(Pool(), chain)}) <= 3


def test_transposed_values_keep_their_strides() -> None:
    like = torch.empty(3, 5).t()
    assert Pool().take(like, 0).stride() == (1, 5)


@st.composite
def strided(draw: st.DrawFn) -> Tensor:
    """Some view of a block: permuted, sliced, expanded."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    tensor = torch.zeros(sizes)
    tensor = tensor.permute(draw(st.permutations(range(len(sizes)))))
    if draw(st.booleans()):
        tensor = tensor[..., :: draw(st.integers(1, 3))]
    if draw(st.booleans()):
        tensor = tensor.unsqueeze(0).expand(draw(st.integers(1, 3)), *tensor.shape)
    return tensor[1:] if draw(st.booleans()) else tensor


def offsets(tensor: Tensor) -> list[int]:
    """Return where each element lies, from the first one on: the definition, by counting."""
    places = [0]
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        places = [place + i * stride for place in places for i in range(size)]
    return places


@given(strided())
def test_dense_means_each_place_of_a_block_once(tensor: Tensor) -> None:
    expected = tensor.numel() > 0 and sorted(offsets(tensor)) == list(range(tensor.numel()))
    assert is_dense(tensor) == expected


def test_views_share_a_storage_and_copies_do_not() -> None:
    tensor = torch.zeros(4)
    assert storage_of(tensor[1:]) == storage_of(tensor)
    assert storage_of(tensor.clone()) != storage_of(tensor)
