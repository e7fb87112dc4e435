"""A file is whole or not there, whatever fails while it is written."""

from __future__ import annotations

import errno
import io
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_helpers import names_in

from goodfit.errors import RunError
from goodfit.runs import atomic

Failure = Callable[[pytest.MonkeyPatch, int], None]


def fail_on_open(patch: pytest.MonkeyPatch, code: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    patch.setattr(Path, "open", fail)


def fail_half_written(patch: pytest.MonkeyPatch, code: int) -> None:
    def fail(file: io.FileIO, data: bytes) -> None:
        file.write(data[: len(data) // 2])
        raise OSError(code, os.strerror(code))

    patch.setattr(atomic, "write_all", fail)


def fail_on_sync(patch: pytest.MonkeyPatch, code: int) -> None:
    def fail(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    patch.setattr(os, "fsync", fail)


def fail_on_rename(patch: pytest.MonkeyPatch, code: int) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    patch.setattr(os, "replace", fail)


STAGES = [fail_on_open, fail_half_written, fail_on_sync, fail_on_rename]


@pytest.mark.parametrize("stage", STAGES)
def test_a_failure_at_any_stage_leaves_the_old_bytes_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: Failure
) -> None:
    path = tmp_path / "info.json"
    atomic.write_bytes(path, b"old")
    with monkeypatch.context() as patch:
        stage(patch, errno.ENOSPC)
        with pytest.raises(RunError) as caught:
            atomic.write_bytes(path, b"new" * 12_000)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["info.json"]
    assert "No space is left" in caught.value.what
    assert "saved before is whole" in caught.value.what
    assert str(caught.value.given).endswith("info.json, 36.0 kB needed")
    assert "Free some space" in caught.value.do


@pytest.mark.parametrize("stage", STAGES)
def test_a_failed_first_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: Failure
) -> None:
    with monkeypatch.context() as patch:
        stage(patch, errno.EIO)
        with pytest.raises(RunError, match="Input/output error"):
            atomic.write_text(tmp_path / "info.json", "new")
    assert names_in(tmp_path) == []


def test_a_stop_by_ctrl_c_removes_the_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic.write_text(tmp_path / "info.json", "new")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "wording"),
    [
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "larger than the system allows"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not write"),
        (errno.EPERM, "may not write"),
    ],
)
def test_each_kind_of_failure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, wording: str
) -> None:
    fail_half_written(monkeypatch, code)
    with pytest.raises(RunError, match=wording) as caught:
        atomic.write_text(tmp_path / "info.json", "new")
    assert caught.value.do


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="The folder is not there"):
        atomic.write_text(tmp_path / "gone" / "info.json", "new")


def test_a_page_makes_its_folders(tmp_path: Path) -> None:
    page = tmp_path / "pages" / "of" / "today.html"
    for text in ("old", "new"):
        atomic.write_out(page, text)
        assert page.read_text(encoding="utf-8") == text
    assert names_in(page.parent) == ["today.html"]


@pytest.mark.parametrize("inside", ["file/today.html", "file/of/today.html"])
def test_a_page_inside_of_a_file_is_named(inside: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="A part of the path is a file") as caught:
        atomic.write_out(tmp_path / inside, "new")
    assert caught.value.do == "Choose another folder."


def test_the_file_is_synced_before_it_is_renamed_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    sync, rename = os.fsync, os.replace

    def fsync(handle: int) -> None:
        happened.append("sync " + Path(f"/proc/self/fd/{handle}").readlink().suffix)
        sync(handle)

    def replace(source: Path, target: Path) -> None:
        happened.append("rename")
        rename(source, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc to name a file by its handle")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    atomic.write_text(tmp_path / "info.json", "new")
    assert happened == ["sync .tmp", "rename", "sync "]


def test_a_file_that_takes_bytes_in_pieces_gets_all_of_them(tmp_path: Path) -> None:
    class Slow(io.FileIO):
        def write(self, data: bytes, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
            return super().write(data[:3])

    with Slow(tmp_path / "slow", "wb") as file:
        atomic.write_all(file, b"0123456789")
    assert (tmp_path / "slow").read_bytes() == b"0123456789"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EBADF])
def test_a_file_system_that_cannot_sync_folders_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    fail_on_sync(monkeypatch, code)
    atomic.sync_folder(tmp_path)


def test_a_folder_that_cannot_be_synced_for_another_reason_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_on_sync(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        atomic.sync_folder(tmp_path)


def test_json_keeps_floats_that_json_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    atomic.write_json(path, [0.1, math.inf, -math.inf, math.nan, "größer"])
    back = json.loads(path.read_text(encoding="utf-8"))
    assert back[:3] == [0.1, math.inf, -math.inf] and math.isnan(back[3])
    assert "größer" in path.read_text(encoding="utf-8")


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = [".lock", "info.json", "notes.tmp"]
    for name in (*kept, ".info.json.1f2e3d4c.tmp"):
        (tmp_path / name).touch()
    atomic.remove_leftovers(tmp_path)
    assert names_in(tmp_path) == kept


def test_a_folder_of_the_files_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    with pytest.raises(RunError, match="There is a folder of this name") as caught:
        atomic.write_text(tmp_path / "page.html", "")
    assert "Name a file in it" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
