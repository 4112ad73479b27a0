"""The command line: parsing and printing over the one engine. stdout is data, stderr is talk."""

from __future__ import annotations

from repocoder.cli.edge import main

__all__ = ["main"]
