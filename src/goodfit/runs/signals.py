"""Ctrl-C and SIGTERM: the first asks the run to save and stop, a second stops at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from ..errors import Interrupted

_DEFAULTS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}

Handler = Callable[[int, FrameType | None], Any] | int | None

# GNU timeout signals its child, then the child's group: of 60 trials on two busy cores the
# child saw two signals twice, up to 4 ms apart. Nobody presses Ctrl-C that fast.
ONE_REQUEST_S = 0.2


class Interruption:
    """Handles SIGINT and SIGTERM while its block runs; outside the main thread does nothing.

    The first signal sets ``requested`` and ``name`` ("SIGINT"), and the program goes on
    until it looks. A second one, more than 0.2 s later, acts as if there were no handler:
    `KeyboardInterrupt` for SIGINT, the end of the process for SIGTERM. A signal that was
    ignored before (``nohup``, a background job of a script) stays ignored.

    Look in everything that takes long, also in evaluation and compiling: with ``requested``
    where the state can be saved, and with `check` where there is nothing to save.

    Example:
        >>> with Interruption() as interruption:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     interruption.requested, interruption.name
        (True, 'SIGTERM')
    """

    def __init__(self) -> None:
        self.requested = False
        self.name = ""
        self._since_s = 0.0
        self._replaced: dict[signal.Signals, Handler] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _DEFAULTS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._replaced[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._replaced.items():
            # None: a handler that was not set from Python, and cannot be set back from it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def check(self) -> None:
        """Leave by an exception if a signal came; costs one attribute.

        Raises:
            Interrupted: a signal came.
        """
        if self.requested:
            raise Interrupted(f"Stopped by {self.name}.", do="Go on with: goodfit resume RUN")

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.requested:
            self.requested, self.name, self._since_s = True, signal.Signals(number).name, now
        elif now - self._since_s > ONE_REQUEST_S:
            signal.signal(number, _DEFAULTS[signal.Signals(number)])
            signal.raise_signal(number)
