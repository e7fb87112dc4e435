"""What README and its companions say is true of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

import goodfit
from goodfit.cli import app

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "docs/design.md", "bench/README.md")
COMMANDS = get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]


def shell_lines() -> list[str]:
    """Return the goodfit commands in the README's indented blocks."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    found = [re.match(r"    (?:goodfit|scripts/run) (.*?)(?:\s+#.*)?$", line) for line in lines]
    return [match[1] for match in found if match]


@pytest.mark.parametrize("line", shell_lines())
def test_each_command_is_one_that_the_command_line_knows(line: str) -> None:
    name, *arguments = line.split()
    command = COMMANDS[name]
    if name == "show":
        command = command.commands[arguments.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("-")} <= known


def test_the_readme_shows_commands() -> None:
    assert len(shell_lines()) >= 7


@pytest.mark.parametrize("page", PAGES)
def test_each_linked_file_exists(page: str) -> None:
    path = ROOT / page
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8"))
    assert all((path.parent / target).exists() for target in targets)


@pytest.mark.parametrize("script", ["scripts/run", "scripts/test", ".ci/run"])
def test_the_two_commands_are_there_and_run(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111


@pytest.mark.parametrize("command", ["scripts/run train digits", "scripts/test"])
def test_the_gate_calls_the_readmes_commands(command: str) -> None:
    for page in ("README.md", ".ci/run"):
        assert command in (ROOT / page).read_text(encoding="utf-8")


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)
    assert newest is not None
    assert project["version"] == goodfit.__version__ == newest[1]
