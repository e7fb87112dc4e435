"""A disk that is really full, and a limit on file sizes that really strikes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from runs_helpers import names_in

from goodfit.errors import RunError
from goodfit.runs import Journal, checkpoints, create, read_rows

ROW = {"kind": "end", "notes": ["x" * 1000]}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mount(disk):
        pytest.skip("mounting a small disk is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def mount(disk: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))
    return filler


def test_a_checkpoint_that_does_not_fit_leaves_the_two_before_it(small_disk: Path) -> None:
    for step in (1, 2):
        checkpoints.save(small_disk, step, {"w": torch.full((4000,), float(step))}, {})
    with pytest.raises(RunError, match="No space is left") as caught:
        checkpoints.save(small_disk, 3, {"w": torch.full((9000,), 3.0)}, {})
    assert "36.2 kB needed" in str(caught.value)
    assert names_in(small_disk) == [
        "step-000000001.safetensors",
        "step-000000002.safetensors",
    ]
    latest = checkpoints.load_latest(small_disk)
    assert latest is not None and latest.step == 2 and not latest.skipped


def test_a_journal_on_a_full_disk_has_no_torn_row_and_goes_on_later(small_disk: Path) -> None:
    path = small_disk / "history.jsonl"
    with Journal(path) as journal:
        journal.append(ROW)
        filler = fill(small_disk)
        with pytest.raises(RunError, match="No space is left"):
            for _ in range(10):
                journal.append(ROW)
        written = len(read_rows(path).rows)
        filler.unlink()
        journal.append({"kind": "end", "stopped": "budget"})
    found = read_rows(path)
    assert found.note == "" and len(found.rows) == written + 1
    assert found.rows[-1]["stopped"] == "budget"


def test_a_run_folder_on_a_full_disk_leaves_nothing(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(RunError, match="No space is left"):
        create(small_disk / "runs" / "digits-1", recipe="seed = 0\n" * 100)
    assert names_in(small_disk) == ["filler"]


LIMITED = """
import resource, sys
from pathlib import Path
from goodfit.errors import RunError
from goodfit.runs import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_bytes(Path(sys.argv[1]), bytes(5000))
except RunError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes")
def test_a_limit_on_file_sizes_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "best.safetensors")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "larger than the system allows" in output and "5.0 kB needed" in output
    assert names_in(tmp_path) == []
