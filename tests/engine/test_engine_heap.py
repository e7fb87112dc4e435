"""Freed blocks are kept between steps: counted in page faults, in processes of their own."""

import os
import platform
import subprocess
import sys

import pytest

COUNT = """
import resource, torch
from goodfit.engine.heap import keep_freed_blocks
{ask}
def step():
    blocks = [torch.ones(12_000_000) for _ in range(4)]
    return sum(float(block[0]) for block in blocks)
for _ in range(6):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")


def _run(ask: str, **environment: str) -> str:
    own = {key: value for key, value in os.environ.items() if "MALLOC" not in key}
    call = [sys.executable, "-c", COUNT.format(ask=ask)]
    return subprocess.run(
        call, env=own | environment, capture_output=True, text=True, check=True
    ).stdout


@on_glibc
def test_steps_find_the_memory_of_the_step_before() -> None:
    by_itself, kept = int(_run("")), int(_run("assert keep_freed_blocks()"))
    assert kept < 0.05 * by_itself, (kept, by_itself)


@on_glibc
def test_settings_of_the_environment_stay() -> None:
    words = _run("print(keep_freed_blocks())", MALLOC_TRIM_THRESHOLD_="131072").split()
    assert words[0] == "False"
    assert int(words[1]) > 1_000
