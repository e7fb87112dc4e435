"""Checkpoints read back bit for bit; a damaged one is recognised, and the one before it used."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from runs_helpers import names_in

from goodfit.errors import RunError
from goodfit.runs import checkpoints

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
    torch.complex64,
]


def weights(value: float) -> dict[str, torch.Tensor]:
    return {"w": torch.full((2, 3), value), "step": torch.tensor(int(value))}


def save_steps(folder: Path, *steps: int) -> None:
    for step in steps:
        checkpoints.save(folder, step, weights(step), {"epoch": step})


def latest(folder: Path) -> checkpoints.Checkpoint:
    found = checkpoints.load_latest(folder)
    assert found is not None
    return found


def file_of(folder: Path, step: int) -> Path:
    return folder / f"step-{step:09d}.safetensors"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_come_back_bit_for_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4, 5, generator=generator)
    tensors = {
        "matrix": noise.to(dtype),
        "scalar": noise[0, 0].to(dtype),
        "empty": torch.empty(0, 3, dtype=dtype),
        "columns": noise.to(dtype).T,
    }
    checkpoints.save(tmp_path, 1, tensors, {})
    back = latest(tmp_path).tensors
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert back[name].dtype == dtype and back[name].shape == tensor.shape
        assert torch.equal(back[name], tensor)


def test_nan_infinity_and_negative_zero_come_back(tmp_path: Path) -> None:
    odd = torch.tensor([math.nan, math.inf, -math.inf, -0.0])
    checkpoints.save(tmp_path, 1, {"odd": odd}, {})
    assert torch.equal(latest(tmp_path).tensors["odd"].view(torch.int32), odd.view(torch.int32))


def test_the_state_comes_back(tmp_path: Path) -> None:
    state = {"best_loss": math.inf, "lr": 0.1 + 0.2, "epoch": 3, "done": False, "note": "größer"}
    checkpoints.save(tmp_path, 7, {}, state)
    assert latest(tmp_path).state == state
    assert latest(tmp_path).step == 7


def test_tensors_may_share_memory(tmp_path: Path) -> None:
    row = torch.arange(6.0)
    shared = {"row": row, "same": row, "part": row[2:4], "matrix": row.view(2, 3)}
    checkpoints.save(tmp_path, 1, shared, {})
    back = latest(tmp_path).tensors
    assert all(torch.equal(back[name], tensor) for name, tensor in shared.items())
    back["row"].zero_()
    assert torch.equal(back["same"], row)


def test_saving_changes_nothing_that_it_saves(tmp_path: Path) -> None:
    weight = torch.ones(3, requires_grad=True)
    checkpoints.save(tmp_path, 1, {"w": weight}, {})
    assert weight.requires_grad and torch.equal(weight, torch.ones(3))


def test_equal_checkpoints_are_equal_files(tmp_path: Path) -> None:
    files: set[bytes] = set()
    for _ in range(8):
        checkpoints.save_best(tmp_path / "best", 1, weights(1), {"a": 1, "b": 2})
        files.add((tmp_path / "best").read_bytes())
    assert len(files) == 1


def test_the_seconds_that_it_took_are_returned(tmp_path: Path) -> None:
    assert 0 < checkpoints.save(tmp_path, 1, weights(1), {}) < 5
    assert 0 < checkpoints.save_best(tmp_path / "best", 1, weights(1), {}) < 5


def test_the_last_two_are_kept_and_other_files_are_left_alone(tmp_path: Path) -> None:
    best = tmp_path / "best.safetensors"
    checkpoints.save_best(best, 1, weights(1), {})
    (tmp_path / "step-by-step.txt").touch()
    save_steps(tmp_path, 1, 2, 10, 9_999_999_999)
    assert names_in(tmp_path) == [
        "best.safetensors",
        "step-000000010.safetensors",
        "step-9999999999.safetensors",
        "step-by-step.txt",
    ]
    assert latest(tmp_path).step == 9_999_999_999


def test_saving_an_earlier_step_removes_the_later_ones(tmp_path: Path) -> None:
    save_steps(tmp_path, 10, 20, 15)
    assert names_in(tmp_path) == [file_of(tmp_path, s).name for s in (10, 15)]


def test_saving_a_step_again_keeps_the_one_before_it(tmp_path: Path) -> None:
    save_steps(tmp_path, 10, 20, 20)
    assert len(names_in(tmp_path)) == 2


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert checkpoints.load_latest(tmp_path) is None
    assert checkpoints.load_latest(tmp_path / "gone") is None
    assert checkpoints.load_best(tmp_path / "best.safetensors") is None


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def become_another_programs(path: Path) -> None:
    safetensors.torch.save_file(weights(1), path)


DAMAGE = {
    flip_a_byte: "has changed since it was written",
    truncate: "is cut short",
    empty: "is cut short",
    become_zeros: "is cut short",
    become_a_folder: "cannot be read",
    become_another_programs: "is not a checkpoint",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_checkpoint_gives_way_to_the_one_before_it(tmp_path: Path, damage: Any) -> None:
    save_steps(tmp_path, 10, 20)
    damage(file_of(tmp_path, 20))
    found = latest(tmp_path)
    assert found.step == 10 and torch.equal(found.tensors["w"], torch.full((2, 3), 10.0))
    (word,) = found.skipped
    assert word.startswith("step-000000020.safetensors ") and DAMAGE[damage] in word
    assert word.endswith("; the checkpoint before it is used.")


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_when_all_are_damaged_there_is_an_error(tmp_path: Path, damage: Any) -> None:
    save_steps(tmp_path, 10, 20)
    for step in (10, 20):
        damage(file_of(tmp_path, step))
    with pytest.raises(RunError, match="Every checkpoint of the run is damaged") as caught:
        checkpoints.load_latest(tmp_path)
    assert "step-000000010" in str(caught.value.given) and "recipe.toml" in caught.value.do


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_best_is_an_error(tmp_path: Path, damage: Any) -> None:
    best = tmp_path / "best.safetensors"
    checkpoints.save_best(best, 1, weights(1), {})
    damage(best)
    with pytest.raises(RunError, match=DAMAGE[damage]):
        checkpoints.load_best(best)


def test_every_single_flipped_bit_is_recognised(tmp_path: Path) -> None:
    best = tmp_path / "best.safetensors"
    checkpoints.save_best(best, 3, {"w": torch.ones(2)}, {"epoch": 1})
    whole = best.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            data = bytearray(whole)
            data[position] ^= 1 << bit
            best.write_bytes(data)
            with pytest.raises(RunError, match=r"is cut short|has changed"):
                checkpoints.load_best(best)


def test_a_damaged_file_does_not_count_as_one_of_the_two(tmp_path: Path) -> None:
    save_steps(tmp_path, 10, 20)
    flip_a_byte(file_of(tmp_path, 20))
    checkpoints.remove_after(tmp_path, latest(tmp_path).step)
    save_steps(tmp_path, 25)
    flip_a_byte(file_of(tmp_path, 25))
    assert latest(tmp_path).step == 10


def test_a_newer_format_asks_for_an_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "FORMAT", checkpoints.FORMAT + 1)
        save_steps(tmp_path, 20)
    with pytest.raises(RunError, match="was written by a newer goodfit") as caught:
        checkpoints.load_latest(tmp_path)
    assert "format 2, known up to 1" in str(caught.value.given)
    assert "Update goodfit" in caught.value.do


def test_the_file_is_plain_safetensors_with_readable_metadata(tmp_path: Path) -> None:
    best = tmp_path / "best.safetensors"
    checkpoints.save_best(best, 3, weights(3), {"epoch": 1})
    with safetensors.safe_open(best, framework="pt") as file:
        entry = file.metadata()["goodfit"]
        assert sorted(file.keys()) == ["step", "w"]
    assert json.loads(entry.partition(" ")[2]) == {"format": 1, "step": 3, "state": {"epoch": 1}}
