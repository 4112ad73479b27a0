"""`doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from repocoder.cli.options import Command, json_option, repo_argument
from repocoder.cli.place import repository
from repocoder.cli.show import bad, dim, good, out, print_json, warn
from repocoder.config import load_settings
from repocoder.doctor import Finding, diagnose
from repocoder.paths import find_root
from repocoder.terminal import safe

_MARKS = {"ok": good("ok  "), "warn": click.style("warn", fg="yellow"), "fail": bad("fail")}


@click.command(cls=Command)
@repo_argument
@json_option
def doctor(repo: str | None, as_json: bool) -> int:
    """Check that everything works on this machine."""
    root = repository(repo) if repo is not None else find_root(Path.cwd())
    loaded = load_settings(root)
    for line in loaded.warnings:
        warn(line)
    findings = []
    for finding in diagnose(root, loaded.settings):
        findings.append(finding)
        if not as_json:
            _print_finding(finding)
    healthy = all(finding.status != "fail" for finding in findings)
    if as_json:
        checks = [
            {"name": item.name, "status": item.status, "detail": item.detail, "hint": item.hint}
            for item in findings
        ]
        print_json({"ok": healthy, "checks": checks})
    return 0 if healthy else 1


def _print_finding(finding: Finding) -> None:
    out(f"{_MARKS[finding.status]}  {finding.name.ljust(24)}  {safe(finding.detail)}")
    if finding.hint:
        out(dim(f"      {finding.hint}"))
