"""The list of runs: healthy ones over seeds; each fault in its doses over bases and seeds."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.faults.bases import BASES, PARTS
from bench.faults.fault import Fault
from bench.faults.faults import FAULTS
from bench.faults.pairs import PAIRS
from bench.faults.program import Program

HEALTHY_SEEDS = {"development": 6, "held-out": 14}
NUM_SEEDS, RUNS_PER_DOSE = 5, 3


@dataclass(frozen=True)
class Case:
    """One run: a base, what is planted in it ("" in a healthy one), and the seed."""

    part: str
    base: str
    fault: str
    dose: str
    seed: int

    @property
    def key(self) -> str:
        """The case in one word, as ``--case`` takes it.

        >>> Case("development", "wine-sgd", "lr-too-high", "x10", 3).key
        'development/wine-sgd/lr-too-high/x10/3'
        """
        return "/".join([self.part, self.base, self.fault or "healthy", self.dose, str(self.seed)])

    @classmethod
    def of_key(cls, key: str) -> "Case":
        """The case that a key names."""
        part, base, name, dose, seed = key.split("/")
        return cls(part, base, "" if name == "healthy" else name, dose, int(seed))


def fault_of(case: Case) -> Fault:
    """The fault that a case plants."""
    base = BASES[case.base]
    fitting = [
        f
        for f in (*FAULTS, *PAIRS)
        if f.name == case.fault and case.dose in f.doses and f.fits(base)
    ]
    if not fitting:
        raise ValueError(f"{case.fault!r} in dose {case.dose!r} does not fit {case.base!r}")
    return fitting[0]


def program_of(case: Case) -> Program:
    """The program of a case, the fault planted."""
    base = BASES[case.base]
    return fault_of(case).doses[case.dose](base) if case.fault else base


def healthy_cases(part: str) -> Iterator[Case]:
    """Every base over the seeds."""
    for base in PARTS[part]:
        for seed in range(HEALTHY_SEEDS[part]):
            yield Case(part, base.name, "", "", seed)


def planted_cases(part: str) -> Iterator[Case]:
    """Every fault; bases and seeds rotate, so a kind meets at least 5 seeds and many bases."""
    for place, fault in enumerate((*FAULTS, *PAIRS)):
        bases = [base.name for base in PARTS[part] if fault.fits(base)]
        runs = max(RUNS_PER_DOSE, -(-NUM_SEEDS // len(fault.doses)))
        for number in range(runs * len(fault.doses) if bases else 0):
            dose = list(fault.doses)[number % len(fault.doses)]
            base = bases[(5 * place + number * _stride(len(bases))) % len(bases)]
            yield Case(part, base, fault.name, dose, number % NUM_SEEDS)


def _stride(num: int) -> int:
    """A step through ``num`` places that visits distant ones first and, in time, all of them."""
    return next(s for s in (5, 7, 3, 2, 1) if (s < num and num % s) or s == 1)


def mixed(cases: Sequence[Case]) -> Sequence[Case]:
    """The cases in an order that depends on nothing else, so that any first part is a sample."""
    return random.Random(0).sample(cases, len(cases))


def at_new_seeds(cases: Sequence[Case], first: int) -> Sequence[Case]:
    """The same cases at seeds that begin at ``first`` instead of 0.

    >>> at_new_seeds([Case("held-out", "wine-sgd", "", "", 3)], 100)[0].key
    'held-out/wine-sgd/healthy//103'
    """
    return [replace(case, seed=case.seed + first) for case in cases]


def cases_of(part: str, *, quick: bool = False) -> Sequence[Case]:
    """All cases of a part; a quick bench has 3 seeds of each 4th base, and 1 in 4 of its faults."""
    healthy, planted = list(healthy_cases(part)), list(planted_cases(part))
    if not quick:
        return mixed([*healthy, *planted])
    bases = {base.name for base in PARTS[part][::4]}
    twins = [case for case in healthy if case.base in bases and case.seed < 3]
    return [*twins, *[case for case in planted if case.base in bases][::4]]
