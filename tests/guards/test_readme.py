"""The README tells the truth about the command line."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from repocoder.cli.root import COMMANDS, cli


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    text = (root / "README.md").read_text(encoding="utf-8")
    if not text.strip():
        pytest.skip("README.md is not written yet")
    return text


def test_commands_of_the_readme_exist(readme: str) -> None:
    named = set(re.findall(r"^\s*(?:\$ )?repocoder ([a-z]+)\b", readme, re.MULTILINE))
    assert named <= set(COMMANDS), named - set(COMMANDS)


def test_flags_of_the_readme_exist(readme: str) -> None:
    root = click.Context(cli)
    for line in re.findall(r"^\s*(?:\$ )?repocoder ([a-z]+\b.*)$", readme, re.MULTILINE):
        words = line.split("#")[0].split()
        command = cli.get_command(root, words[0])
        if isinstance(command, click.Group) and len(words) > 1:
            command = command.get_command(root, words[1]) or command
        assert command is not None, line
        known = {
            name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
        }
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*", line.split("#")[0]):
            assert flag in known | {"--help"}, f"{flag} of: {line}"


def test_short_help_is_the_help_of_the_command() -> None:
    root = click.Context(cli)
    for name, entry in COMMANDS.items():
        command = cli.get_command(root, name)
        assert command is not None
        assert (command.help or "").split("\n\n")[0].replace("\n", " ") == entry.help


def test_links_to_files_lead_somewhere(readme: str, root: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", readme) + re.findall(r"src=\"([^\":]+)\"", readme):
        assert (root / target).exists(), target
