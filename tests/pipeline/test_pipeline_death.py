"""A process that dies at each single write of its life, and goes on to the same end.

Each death is a real one: a forked process ends itself at once, without any clean-up, at the
write that it was told. One child does all the forking, so that torch is imported once; it trains
nothing itself, since autograd's threads do not survive a fork.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pipeline_helpers import TINY, bits_of

import goodfit as gf

DIER = """
import itertools, json, os, pathlib, sys
from pathlib import Path
import torch._dynamo
import goodfit as gf
from goodfit import pipeline  # imported once, here: each child is a fork
from goodfit.checks import family
from goodfit.recipe import read
from goodfit.runs import journal

RECIPE, ROOT = read(Path(sys.argv[1])), Path(sys.argv[2])
NEVER = 10**9
replace, append = pathlib.Path.replace, journal.write_all

class Death:
    def __init__(self, at):
        self.left = at
    def comes(self):
        self.left -= 1
        if self.left < 0:
            os._exit(9)

def arm(death):
    def dying_replace(path, target):
        death.comes()  # the temporary file is there, the name is not
        return replace(path, target)
    def dying_append(file, data):
        append(file, data[: len(data) // 2])
        death.comes()  # the line is torn
        append(file, data[len(data) // 2 :])
    pathlib.Path.replace = dying_replace
    journal.write_all = dying_append

family.CHECKS = family.CHECKS[:2]  # the others train for a while, and write nothing

def in_child(work, at):
    child = os.fork()
    if not child:
        arm(Death(at))
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def go_on(out):
    if (out / "recipe.toml").exists():
        return "resumed", lambda: gf.resume(out)
    return "anew", lambda: gf.train(RECIPE, out=out)

assert in_child(lambda: gf.train(RECIPE, out=ROOT / "whole"), NEVER) == 0
told = []
for at in itertools.count():
    out = ROOT / f"death-{at:03d}"
    died = in_child(lambda: gf.train(RECIPE, out=out), at)
    if died == 0:
        break
    assert died == 9, died
    held = sorted(path.name for path in out.iterdir())
    how, work = go_on(out)
    if how == "resumed" and at % 3 == 0:
        assert in_child(work, at // 6) == 9  # once more on the way
    assert in_child(work, NEVER) == 0
    told.append([how, held])
print(json.dumps(told))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    root = tmp_path_factory.mktemp("deaths")
    recipe = gf.recipe.write(RECIPE)
    (root / "given.toml").write_text(recipe, encoding="utf-8")
    command = [sys.executable, "-c", DIER, str(root / "given.toml"), str(root)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert result.returncode == 0, result.stderr
    return root, json.loads(result.stdout)


# Recipe, sizes, card, its drawings, preparation, split, verdicts, the setting, a checkpoint, a
# look, two rows for each of two epochs, a checkpoint, the end, info, best weights, scores,
# findings, report.
NUM_WRITES = 21
RECIPE = TINY.model_copy(
    update={
        "epochs": 2,
        "net": gf.MLP(hidden=(8,), norm="batch"),
        "engine": gf.Engine(mode="eager"),
    }
)


def test_after_any_death_the_run_ends_in_the_same_bits(deaths: tuple[Path, list]) -> None:
    root, told = deaths
    expected = bits_of(root / "whole")
    wrong = [
        number for number in range(len(told)) if bits_of(root / f"death-{number:03d}") != expected
    ]
    assert len(told) == NUM_WRITES and wrong == []


def test_deaths_struck_in_every_part_of_a_run(deaths: tuple[Path, list]) -> None:
    _, told = deaths
    assert {how for how, _ in told} == {"resumed", "anew"}
    seen = {name for _, held in told for name in held}
    whole = {path.name for path in (deaths[0] / "whole").iterdir()}
    assert seen >= whole - {"report.html"}  # with the last write everything is there
    assert any(name.endswith(".tmp") for name in seen)


def test_nothing_half_written_is_left(deaths: tuple[Path, list]) -> None:
    root, told = deaths
    whole = sorted(path.name for path in (root / "whole").iterdir())
    for number in range(len(told)):
        assert sorted(path.name for path in (root / f"death-{number:03d}").iterdir()) == whole
