"""What a search costs: wall time, and processor time of a whole family of processes.

A worker's time is the kernel's own count, be it alive, dead and waited for, or dead and forgotten:
Ray's daemon never waits for its children, so a thread that looks now and then keeps what it saw.
"""

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psutil

Found = TypeVar("Found")

LOOKED_AT_EVERY_S = 0.1


def own_s(process: psutil.Process) -> float:
    """Processor seconds of one process."""
    times = process.cpu_times()
    return times.user + times.system


def waited_for_s(process: psutil.Process) -> float:
    """Processor seconds of its children that have ended and were waited for."""
    times = process.cpu_times()
    return times.children_user + times.children_system


def family_s() -> float:
    """Processor seconds of this process, of its living descendants and of the dead they buried."""
    me, total = psutil.Process(), 0.0
    for process in (me, *me.children(recursive=True)):
        try:
            total += own_s(process) + waited_for_s(process)
        except psutil.NoSuchProcess:
            continue
    return total


class Watched:
    """Processor seconds of each descendant as last seen, for families that bury nobody."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, float], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watched":
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def total_s(self) -> float:
        """Seconds of all that were ever seen."""
        self._look()
        return sum(self._seen.values())

    def _watch(self) -> None:
        while not self._over.wait(LOOKED_AT_EVERY_S):
            self._look()

    def _look(self) -> None:
        me = psutil.Process()
        for process in (me, *me.children(recursive=True)):
            try:
                self._seen[process.pid, process.create_time()] = own_s(process)
            except psutil.NoSuchProcess:
                continue


@dataclass(frozen=True)
class Cost:
    """Seconds."""

    wall_s: float
    cpu_s: float


def cost_of(search: Callable[[], Found], *, buries: bool = True) -> tuple[Found, Cost]:
    """Run and time; `buries` tells whether ended workers are waited for by their parents."""
    gc.collect()
    if buries:
        return timed(search, family_s)
    with Watched() as watched:
        return timed(search, watched.total_s)


def timed(search: Callable[[], Found], cpu_s: Callable[[], float]) -> tuple[Found, Cost]:
    """Run, with both clocks read before and after."""
    cpu, wall = cpu_s(), time.perf_counter()
    found = search()
    wall = time.perf_counter() - wall
    return found, Cost(wall, cpu_s() - cpu)
