"""What mistakes look like: places of targets, and rows that lie far from what was predicted."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from goodfit.probes.batch import Batch
from goodfit.probes.mistakes import (
    agreement_of_farthest,
    far_from_predicted,
    mistakes,
    places_of_targets,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def place_by_sorting(scores: Tensor, target: int) -> int:
    return scores.argsort(descending=True).tolist().index(target)


def test_places_against_sorting_each_row() -> None:
    scores, y = drawn(64, 7), torch.arange(64) % 7
    found = places_of_targets("cross-entropy", scores, y)
    assert found is not None
    assert found.tolist() == [
        place_by_sorting(*pair) for pair in zip(scores, y.tolist(), strict=True)
    ]


def test_random_targets_stand_halfway_down_and_confused_ones_next_to_the_best() -> None:
    scores = drawn(6000, 6)
    second = scores.argsort(1, descending=True)[:, 1]
    random = torch.randint(6, (6000,), generator=torch.Generator().manual_seed(1))
    for y, share in ((random, 0.5), (second, 0.0)):
        found = mistakes(Batch("cross-entropy", scores, y))
        ratio = float(found["misplaced"].mean() / found["mistaken"].float().mean())
        assert ratio == pytest.approx(share, abs=0.02)


def test_mixed_targets_count_by_their_share_and_ignored_ones_not_at_all() -> None:
    scores, y = torch.tensor([[3.0, 2.0, 1.0]] * 3), torch.tensor([2, 2, 0])
    hot = functional.one_hot(y, 3).float()
    mixed = torch.stack([0.95 * hot[0] + 0.05 * hot[2], 0.6 * hot[1] + 0.4 * hot[2], hot[2]])
    as_shares = places_of_targets("cross-entropy", scores, mixed)
    as_numbers = places_of_targets("cross-entropy", scores, torch.tensor([2, -100, 0]))
    assert as_shares is not None and as_numbers is not None
    assert as_shares.tolist() == as_numbers.tolist() == [2, 0, 0]


@pytest.mark.parametrize(
    ("kind", "outputs", "targets"),
    [
        ("mse", drawn(8, 3), torch.zeros(8, dtype=torch.long)),
        ("cross-entropy", drawn(8, 2), torch.zeros(8, dtype=torch.long)),
        ("cross-entropy", drawn(8, 5, 4), torch.zeros(8, 4, dtype=torch.long)),
        ("cross-entropy", drawn(8, 5), torch.zeros(8, 4)),
    ],
)
def test_places_are_left_out_where_there_are_none(
    kind: str, outputs: Tensor, targets: Tensor
) -> None:
    assert places_of_targets(kind, outputs, targets) is None
    assert mistakes(Batch(kind, outputs, targets)) == {}


@pytest.mark.parametrize(
    ("heavy", "above"), [(False, 0.84), (True, 0.25)], ids=["normal-20-%", "student-t-40-%"]
)
def test_noise_that_is_added_leaves_agreement_and_other_rows_targets_do_not(
    heavy: bool, above: float
) -> None:
    f, e = drawn(8000, seed=2), drawn(8000, seed=3)
    if heavy:
        e = e / drawn(3, 8000, seed=4).square().mean(0).sqrt()
    added = f + 0.6 * e
    exchanged = torch.where(drawn(8000, seed=5) > above, added.roll(1), added)
    plain, mixed = (agreement_of_farthest("mse", f, y) for y in (added, exchanged))
    assert plain is not None and mixed is not None
    assert float(plain) == pytest.approx(float(f.var() / added.var()), abs=0.1)
    assert float(mixed) < 0.0


@pytest.mark.parametrize("rows", [1, 8, 15])
def test_agreement_needs_rows_and_one_quantity(rows: int) -> None:
    assert far_from_predicted(Batch("mse", drawn(rows, 1), drawn(rows, 1))) == {}
    assert far_from_predicted(Batch("mse", drawn(32, 2), drawn(32, 2))) == {}
    assert far_from_predicted(Batch("mse", drawn(32, 1), drawn(32))) == {}
