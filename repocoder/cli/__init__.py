"""The command line: parsing and printing over the one engine. stdout is data, stderr is talk."""

from __future__ import annotations

from collections.abc import Sequence

from repocoder.cli.signals import SignalWatch, Stopped, end_now


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. A signal ends the process with its own."""
    watch = SignalWatch()
    try:
        from repocoder.cli.edge import run  # after the signals are ours: imports take their time

        return run(arguments, watch)
    except Stopped as stopped:
        end_now(stopped.exit_code)
    finally:
        watch.release()


__all__ = ["main"]
