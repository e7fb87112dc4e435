"""The first signal asks, the second stops, and everything is put back."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from goodfit.errors import Interrupted
from goodfit.runs import Interruption, signals

# The handlers are set first: a child of a script's background job ignores SIGINT.
PROGRAM = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
from goodfit.runs import Interruption
with Interruption() as interruption:
    print("ready", flush=True)
    while not interruption.requested:
        time.sleep(0.01)
    print("saving after", interruption.name, flush=True)
    time.sleep(float(sys.argv[1]))
print("saved", flush=True)
"""

SIGNALS = [signal.SIGINT, signal.SIGTERM]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")


@contextmanager
def program(save_s: float) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    command = [sys.executable, "-c", PROGRAM, str(save_s)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process, process.stdout
        finally:
            process.kill()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_first_signal_lets_the_program_save(number: signal.Signals) -> None:
    with program(save_s=0.1) as (process, output):
        process.send_signal(number)
        assert output.read() == f"saving after {number.name}\nsaved\n"
        assert process.wait() == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_stops_at_once(number: signal.Signals) -> None:
    with program(save_s=60) as (process, output):
        process.send_signal(number)
        assert output.readline() == f"saving after {number.name}\n"
        time.sleep(2 * signals.ONE_REQUEST_S)
        process.send_signal(number)
        assert process.wait(timeout=20) == -number
        assert "saved" not in output.read()


def test_a_second_signal_of_the_other_kind_stops_as_well() -> None:
    with program(save_s=60) as (process, output):
        process.send_signal(signal.SIGINT)
        output.readline()
        time.sleep(2 * signals.ONE_REQUEST_S)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == -signal.SIGTERM


def test_a_signal_that_is_delivered_twice_at_once_is_one_request() -> None:
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert interruption.name == "SIGTERM"


def test_a_second_ctrl_c_is_a_keyboard_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0])
    monkeypatch.setattr(signals.time, "monotonic", lambda: next(clock))
    with pytest.raises(KeyboardInterrupt), Interruption():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_check_leaves_only_after_a_signal() -> None:
    with Interruption() as interruption:
        interruption.check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted, match="Stopped by SIGINT") as caught:
            interruption.check()
    assert "goodfit resume" in caught.value.do


@pytest.mark.parametrize("number", SIGNALS)
def test_the_old_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interruption():
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before
    with pytest.raises(RuntimeError), Interruption():
        raise RuntimeError
    assert signal.getsignal(number) == before


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
        assert not interruption.requested
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_is_handled() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with Interruption() as interruption:
            seen.extend([signal.getsignal(signal.SIGTERM), interruption.requested])
            interruption.check()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, False]
