"""The clock by which watching counts its own cost."""

from __future__ import annotations

import time

# The wall's: 0.05 us a call, where the thread's own costs 0.5. That others interrupt a look now and
# then is why a look's cost is a median.
now_s = time.perf_counter
