"""The tutorial loop with the optimiser's fused kernel."""

from bench.contenders.plain import run_loop
from bench.problems import Problem


def train(problem: Problem, *, epochs: int, seed: int) -> float:
    """Train with `AdamW(fused=True)`."""
    return run_loop(problem, epochs=epochs, seed=seed, fused=True)
