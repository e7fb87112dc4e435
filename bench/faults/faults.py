"""The planted faults: which plants, in which doses, into which bases, and by which name right.

``right`` was fixed before any result of Goodfit was seen, but for one correction after the first
development run: a network that answers every row by the first one mixes the batch, and was filed
under ``input-ignored`` alone. It holds the planted fault's own name,
and another only where both name the same mistake (sorted rows are rows that were not shuffled).
``near`` are names of what the fault brings about (a rate far too high makes the loss explode):
counted apart, and not as right.

Not planted: statements and pure symptoms (``lr-good``, ``loss-flat-metric-rising``, ``plateau``,
``flat-then-sudden``, ``loss-exploded``), and ``regularization-inert``, whose healthy twin would be
another program than the base.
"""

from bench.faults.fault import Fault
from bench.faults.planted_data import DATA, OUTPUT
from bench.faults.planted_loop import LOOP
from bench.faults.planted_net import NET

FAULTS: tuple[Fault, ...] = (*DATA, *OUTPUT, *NET, *LOOP)
