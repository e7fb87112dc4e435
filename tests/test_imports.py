"""The import table of the design: nothing imports a later stage, nothing imports torch unasked."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import goodfit

SOURCE = Path(goodfit.__file__).parent
# In the order of the flow: a module may import from what stands before it, and from its own stage.
ORDER = (
    "errors",
    "seeds",
    "records",
    "recipe",
    "data",
    "nets",
    "optim",
    "engine",
    "probes",
    "checks",
    "looks",
    "loop",
    "diagnosis",
    "evaluation",
    "runs",
    "report",
    "pipeline",
    "shows",
    "studies",
    "adapters",
    "explaining",
    "commands",
    "study_commands",
    "show_commands",
    "cli_options",
    "cli_show",
    "cli",
    "__main__",
)
WITHOUT_TORCH = ("errors", "seeds", "records", "recipe", "diagnosis", "report", "cli")
FILES = sorted(SOURCE.rglob("*.py"))


def stage_of(path: Path) -> str:
    """Return the stage that a file belongs to; the package's own __init__ stands outside."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_stages(path: Path) -> set[str]:
    """Return the stages of goodfit that a file imports."""
    package = path.relative_to(SOURCE.parent).parent.parts
    stages = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            full = [".".join([*base, name]) for name in names]
            stages |= {name.split(".")[1] for name in full if name.startswith("goodfit.")}
    return stages & set(ORDER)


def hidden_imports(path: Path) -> list[int]:
    """Return the lines of imports inside functions."""
    return [
        inner.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_imports_a_later_stage(path: Path) -> None:
    stage = stage_of(path)
    if stage == "__init__":
        return
    allowed = set(ORDER[: ORDER.index(stage) + 1])
    assert imported_stages(path) <= allowed


def test_every_stage_stands_in_the_order() -> None:
    assert {stage_of(path) for path in FILES} == {*ORDER, "__init__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_import_hides_in_a_function(path: Path) -> None:
    assert not hidden_imports(path)


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_records_report_and_help_need_no_torch(module: str) -> None:
    code = f"import sys, goodfit.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_table_of_names_is_the_public_list() -> None:
    assert sorted(["__version__", *goodfit._HOME]) == sorted(goodfit.__all__)


@pytest.mark.parametrize("name", goodfit.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(goodfit, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = goodfit.trian  # pyright: ignore[reportAttributeAccessIssue]


def test_a_watch_imports_nothing_within_the_training_and_no_pydantic_at_all() -> None:
    code = """
import sys, torch, goodfit
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
optimizer, loss_fn = torch.optim.AdamW(net.parameters()), torch.nn.CrossEntropyLoss()
x, y = torch.randn(64, 4), torch.randint(2, (64,))
with goodfit.watch(net, optimizer, loss_fn) as watching:
    for step in range(60):
        before = set(sys.modules) if step == 3 else before if step else set()
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
    watching.findings
print(sorted(set(sys.modules) - before), 'pydantic' in sys.modules)
"""
    made = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert made.stdout.strip() == "[] False", made.stdout
