"""The clock by which watching counts its own cost."""

from __future__ import annotations

import time

# The thread's own time, so that what other processes take from it is not counted as a look's cost;
# where it ticks too slowly (15 ms on Windows), the wall's.
FINE_S = 1e-6
now_s = (
    time.thread_time
    if hasattr(time, "thread_time") and time.get_clock_info("thread_time").resolution <= FINE_S
    else time.perf_counter
)
