"""The names of the commands, and whether one is meant: known before click is imported, which takes 30 ms."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A subcommand: where it is, and its line in `--help` (the same as in its own help; a test compares)."""

    place: str
    help: str


COMMANDS: dict[str, Entry] = {
    "tui": Entry("repocoder.cli.tui:tui", "Open the terminal UI (the same as no command)."),
    "index": Entry("repocoder.cli.index:index", "Build the index, or bring it up to date."),
    "watch": Entry("repocoder.cli.watch:watch", "Keep the index up to date while files change."),
    "status": Entry("repocoder.cli.index:status", "Show what is indexed, and what was skipped."),
    "search": Entry("repocoder.cli.search:search", "Search the repository, in plain language or code."),
    "explain": Entry("repocoder.cli.explain:explain", "Show what a completion would use."),
    "complete": Entry("repocoder.cli.complete:complete", "Complete at a place; the text goes to stdout."),
    "pins": Entry("repocoder.cli.pins:pins", "Pin or exclude files, definitions and snippets."),
    "calibrate": Entry(
        "repocoder.cli.calibrate:calibrate", "Learn from REPO itself where snippets help its completions."
    ),
    "graph": Entry(
        "repocoder.cli.graph:graph",
        "Write the dependency graph of the repository or of a file, or ask it a question.",
    ),
    "eval": Entry(
        "eval.cli:evaluation",
        "Measure completions and retrieval on RepoEval, CrossCodeEval or your own repository.",
    ),
    "models": Entry("repocoder.cli.models:models", "List, add, download, check and remove models."),
    "config": Entry("repocoder.cli.config:config", "Show the settings, with the origin of each value."),
    "doctor": Entry("repocoder.cli.doctor:doctor", "Check that everything works on this machine."),
    "clean": Entry("repocoder.cli.clean:clean", "Remove the index of a repository."),
}

COMPLETION_VARIABLE = "_REPOCODER_COMPLETE"
"""Set by a shell that asks for completions of the command line."""


def ui_asked(arguments: Sequence[str]) -> bool:
    """Do these words, without any option, ask for the UI: none, or a folder that has no command's name?"""
    if os.environ.get(COMPLETION_VARIABLE):
        return False
    if not arguments:
        return True
    word = arguments[0]
    return len(arguments) == 1 and not word.startswith("-") and word not in COMMANDS and Path(word).is_dir()
