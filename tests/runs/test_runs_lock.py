"""One writer at a time, and a lock that dies with its holder."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from goodfit.errors import RunError
from goodfit.runs import RunFolder, create, lock

HOLDER = """
import sys, time
from pathlib import Path
from goodfit.runs import open_run
with open_run(Path(sys.argv[1])).locked() as note:
    print("locked", note, flush=True)
    time.sleep(60)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return create(tmp_path / "digits-1", recipe="seed = 0")


@contextmanager
def another_process_holding(run: RunFolder) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(run.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "locked"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_told_who_trains(run: RunFolder) -> None:
    with (
        another_process_holding(run) as process,
        pytest.raises(RunError, match=f"is being trained by process {process.pid} on"),
    ):
        run.locked().__enter__()


def test_a_lock_is_free_after_its_holder_was_killed(run: RunFolder) -> None:
    with another_process_holding(run) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with run.locked() as note:
            assert note == ""


def test_a_lock_is_free_after_its_block(run: RunFolder) -> None:
    for _ in range(2):
        with run.locked():
            pass


def test_taking_the_lock_removes_what_a_killed_writer_left(run: RunFolder) -> None:
    leftovers = [run.path / ".info.json.1.tmp", run.checkpoints / ".step-1.safetensors.2.tmp"]
    for path in leftovers:
        path.touch()
    with run.locked():
        assert not any(path.exists() for path in leftovers)


def test_a_holder_that_could_not_sign_still_holds(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lock, "write_all", fail)
    with run.locked(), pytest.raises(RunError, match="by process that has just started"):
        run.locked().__enter__()


def test_where_there_are_no_locks_a_note_says_so_and_nothing_is_removed(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", fail)
    other = run.path / ".info.json.1.tmp"
    other.touch()
    with run.locked() as note:
        assert "has no file locks" in note and other.exists()


def test_windows_gets_the_note(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with run.lock_file.open("ab+", buffering=0) as file, monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        assert lock._acquire(file, run.lock_file) == lock.NOT_LOCKED
