"""The journal: rows come back bit for bit, and damage never yields a wrong row."""

from __future__ import annotations

import errno
import io
import math
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.errors import RunError
from goodfit.records import EpochColumns
from goodfit.runs import Journal, journal, read_history, read_rows

STEPS = {
    "kind": "steps",
    "step": [1, 2],
    "loss": [2.3, 1.9],
    "grad_norm": [1.0, 0.5],
    "lr": [0.1, 0.1],
}
EPOCH = {
    "kind": "epoch",
    "epoch": 1,
    "step": 2,
    "train_loss": 2.1,
    "validation_loss": 1.8,
    "metric": 0.7,
}
END = {"kind": "end", "stopped": "early-stopping", "best_epoch": 1, "notes": ["compiled"]}
ROWS = (STEPS, EPOCH, END)


def write(path: Path, *rows: dict[str, Any]) -> int:
    with Journal(path) as book:
        for row in rows:
            book.append(row)
        return book.sync()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def same_bits(left: float, right: float) -> bool:
    if math.isnan(left):
        return math.isnan(right)
    return struct.pack("d", left) == struct.pack("d", right)


@given(st.lists(st.lists(st.floats(), max_size=5), max_size=5))
def test_floats_come_back_bit_for_bit(chunks: list[list[float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        names = ("step", "loss", "grad_norm", "lr")
        write(path, *({"kind": "steps", **dict.fromkeys(names, chunk)} for chunk in chunks))
        loss = read_history(path, metric="r2").steps.loss
    expected = [value for chunk in chunks for value in chunk]
    assert len(loss) == len(expected)
    assert all(map(same_bits, loss, expected))


def test_a_history_is_built_from_its_rows(path: Path) -> None:
    write(path, STEPS, EPOCH, {**STEPS, "step": [3, 4]}, {"kind": "unknown"}, END)
    history = read_history(path, metric="accuracy", steps_per_epoch=2, clipped=True)
    assert history.steps.step == (1, 2, 3, 4) and history.steps.loss == (2.3, 1.9, 2.3, 1.9)
    assert history.epochs == EpochColumns(
        epoch=(1,), step=(2,), train_loss=(2.1,), validation_loss=(1.8,), metric=(0.7,)
    )
    assert (history.metric, history.steps_per_epoch, history.clipped) == ("accuracy", 2, True)
    assert (history.stopped, history.best_epoch) == ("early-stopping", 1)
    assert history.notes == ("compiled",)


def test_no_journal_is_an_empty_history(path: Path) -> None:
    history = read_history(path, metric="accuracy")
    assert history.steps.step == () and history.stopped == "" and history.notes == ()


def test_an_end_that_was_gone_on_from_does_not_count(path: Path) -> None:
    write(path, STEPS, {"kind": "end", "stopped": "interrupted"}, STEPS)
    assert read_history(path, metric="accuracy").stopped == ""


def test_a_row_without_a_column_is_named(path: Path) -> None:
    write(path, STEPS, {"kind": "steps", "step": [3]})
    with pytest.raises(RunError, match=r'Some rows of history.jsonl have no "loss"'):
        read_history(path, metric="accuracy")


def test_a_column_that_no_row_has_is_empty(path: Path) -> None:
    write(path, {"kind": "steps", "step": [3], "loss": [0.5]})
    assert read_history(path, metric="accuracy").steps.grad_norm == ()


def test_every_line_is_json_that_others_can_read(path: Path) -> None:
    write(path, END)
    assert path.read_text() == (
        '{"kind":"end","stopped":"early-stopping","best_epoch":1,"notes":["compiled"],'
        '"crc":"c7a9fbec"}\n'
    )


def test_cut_at_any_byte_only_whole_rows_are_read_and_writing_goes_on(path: Path) -> None:
    write(path, *ROWS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        before = read_rows(path)
        assert before.note == "" and before.rows == ROWS[: whole[:length].count(b"\n")]
        write(path, EPOCH)
        after = read_rows(path)
        assert after.note == "" and after.rows == (*before.rows, EPOCH)


def test_a_flipped_bit_never_yields_a_wrong_row(path: Path) -> None:
    write(path, *ROWS)
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            data = bytearray(whole)
            data[position] ^= 1 << bit
            path.write_bytes(data)
            rows = read_rows(path).rows
            assert len(rows) < len(ROWS) and rows == ROWS[: len(rows)]


def test_a_damaged_line_is_named_and_reading_stops_there(path: Path) -> None:
    write(path, *ROWS)
    path.write_bytes(path.read_bytes().replace(b"2.1", b"1.1"))
    assert read_rows(path).rows == (STEPS,)
    notes = read_history(path, metric="accuracy").notes
    assert notes == ("history.jsonl: left out from line 2 on: it is damaged.",)


def test_rows_after_a_checkpoint_are_dropped_and_written_again_with_the_same_bytes(
    path: Path,
) -> None:
    write(path, *ROWS)
    whole = path.read_bytes()
    with Journal(path) as book:
        book.truncate_to(len(whole.splitlines(keepends=True)[0]))
        assert read_rows(path).rows == (STEPS,)
        for row in ROWS[1:]:
            book.append(row)
        assert book.sync() == len(whole)
    assert path.read_bytes() == whole


def test_a_journal_that_is_shorter_than_its_checkpoint_is_an_error(path: Path) -> None:
    length = write(path, *ROWS)
    os.truncate(path, length - 5)
    with Journal(path) as book, pytest.raises(RunError, match="has lost rows") as caught:
        book.truncate_to(length)
    assert f"at least {length} expected" in str(caught.value.given)


def test_a_row_is_readable_at_once(path: Path) -> None:
    with Journal(path) as book:
        book.append(EPOCH)
        assert read_rows(path).rows == (EPOCH,)


def test_a_row_that_was_half_written_is_taken_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: io.FileIO, data: bytes) -> None:
        file.write(data[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(path) as book:
        book.append(STEPS)
        with monkeypatch.context() as patch:
            patch.setattr(journal, "write_all", fail)
            with pytest.raises(RunError, match="No space is left"):
                book.append(EPOCH)
        book.append(END)
    assert read_rows(path) == journal.Rows((STEPS, END))


def test_sync_reaches_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    with Journal(path) as book:
        book.append(END)
        monkeypatch.setattr(os, "fsync", synced.append)
        book.sync()
    assert len(synced) == 1


def test_a_folder_in_the_place_of_the_journal_is_an_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(RunError, match="cannot be read: Is a directory"):
        read_rows(path)
    with pytest.raises(RunError, match="There is a folder of this name"):
        Journal(path)
