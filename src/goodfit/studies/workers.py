"""Workers: one process per core where the system can fork, else one thread per core.

A fork has the data, the traced steps and the tiles of its parent without a copy, and begins in
some 20 ms; a new interpreter takes 4 s to import torch. Threads share one interpreter lock, which
costs small networks half of what the second core brings (measured: 97 us of CPU a step and trial
with one worker, 150 with two threads).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .desks import LocalDesk, Stopped, Watcher, work_on
from .forks import Forks
from .group import Group

CAN_FORK = sys.platform == "linux"


def run_wave(groups: Sequence[Group], until: int, num_workers: int, watcher: Watcher) -> None:
    """Train all that waits in ``groups`` until ``until`` epochs are done, on all workers.

    What ``watcher.check`` or a worker raises first is raised here; the other workers stop too.

    Raises:
        SearchError: a worker failed, or workers died again and again.
    """
    pairs = [(group, _rows(group, len(groups), num_workers)) for group in groups]
    for group, rows in pairs:
        group.give_back(rows, group.take_tile(rows))
    if num_workers == 1:
        work_on(pairs, until, LocalDesk(watcher))
    elif CAN_FORK:
        Forks(pairs, until, num_workers, watcher).run()
    else:
        _in_threads(pairs, until, num_workers, watcher)


def _rows(group: Group, num_groups: int, num_workers: int) -> int:
    """Return a tile's size: a worker's share where workers share a group."""
    waiting = len(group.waiting)
    return group.rows_for(waiting if num_groups >= num_workers else -(-waiting // num_workers))


def _in_threads(
    pairs: Sequence[tuple[Group, int]], until: int, num_workers: int, watcher: Watcher
) -> None:
    desk = LocalDesk(watcher)

    def work(first: int) -> None:
        try:
            work_on([*pairs[first:], *pairs[:first]], until, desk)
        except Stopped:
            pass
        except BaseException:
            desk.stopped = True
            raise

    with ThreadPoolExecutor(num_workers, thread_name_prefix="goodfit") as pool:
        jobs = [pool.submit(work, n % len(pairs)) for n in range(num_workers)]
        try:
            for job in jobs:
                job.result()
        finally:
            desk.stopped = True
