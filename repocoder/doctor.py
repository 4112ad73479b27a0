"""Health checks: can this machine run repocoder, and if not, what to do.

Native code is tried in child processes: a wheel that was built for another processor ends its process.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from indexer.errors import RepocoderError
from repocoder import paths
from repocoder.config import Settings

Status = Literal["ok", "warn", "fail"]

OLDEST_PYTHON = (3, 11)

NATIVE_MODULES = ("numpy", "msgspec", "tree_sitter", "tree_sitter_python", "faiss", "llama_cpp")

NATIVE_TIMEOUT_S = 60.0
"""A cold disk takes seconds for the larger ones."""

LEAST_MEMORY_BYTES = 1 << 30
"""A 0.5B model with its context; the embedded model needs a tenth."""

LEAST_COLUMNS, LEAST_LINES = 80, 24

_PROCESSOR_FEATURES = ("AVX", "AVX2", "FMA", "F16C", "AVX512F", "NEON")
"""What llama.cpp is compiled for, as /proc/cpuinfo names it too (in lower case)."""

_SYSTEM_INFO = """
import ctypes, llama_cpp
print(llama_cpp.llama_print_system_info().decode())
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `hint` says what to do unless all is well."""

    name: str
    status: Status
    detail: str
    hint: str = ""


def diagnose(root: Path | None, settings: Settings) -> Iterator[Finding]:
    """All checks, in the order in which their faults would be met. `root` None leaves out the index."""
    yield check_python()
    yield check_packages()
    yield from check_native_modules()
    yield check_processor()
    yield check_model(settings.model)
    yield check_folder("cache folder", paths.cache_dir())
    yield check_folder("data folder", paths.data_dir())
    if root is not None:
        yield check_index(root)
    yield check_memory()
    yield check_threads(settings)
    yield check_terminal()


def check_python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("python", "ok", version)
    return Finding("python", "fail", version, "install Python 3.11 or later")


def check_packages() -> Finding:
    """Every requirement of the distribution is installed, in a version that is new enough."""
    wrong = []
    requirements = [line for line in importlib.metadata.requires("repocoder") or () if "extra ==" not in line]
    for line in requirements:
        match = re.match(r"([A-Za-z0-9_.-]+)(?:>=([0-9.]+))?", line)
        if match is None:
            continue
        try:
            version = importlib.metadata.version(match[1])
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{match[1]} is missing")
            continue
        if _numbers(version) < _numbers(match[2] or "0"):
            wrong.append(f"{match[1]} {version} is older than {match[2]}")
    if wrong:
        return Finding("packages", "fail", ", ".join(wrong), "install the package again")
    return Finding("packages", "ok", f"{len(requirements)} requirements met")


def check_native_modules() -> Iterator[Finding]:
    """Import each in a process of its own, all at once."""
    children = {
        name: subprocess.Popen(
            [sys.executable, "-I", "-c", f"import {name}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for name in NATIVE_MODULES
    }
    for name, child in children.items():
        label = f"import {name}"
        try:
            _, errors = child.communicate(timeout=NATIVE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            yield Finding(label, "fail", f"not within {NATIVE_TIMEOUT_S:.0f} s", "reinstall it")
            continue
        if child.returncode == 0:
            yield Finding(label, "ok", "loads")
        elif child.returncode == -signal.SIGILL:
            yield Finding(
                label, "fail", "built for another processor", "build the wheel again on this machine"
            )
        else:
            last = errors.decode(errors="replace").strip().splitlines()[-1:] or [f"exit {child.returncode}"]
            yield Finding(label, "fail", last[0], "reinstall it")


def check_processor() -> Finding:
    """llama.cpp uses what this processor has: a wheel for an older one works, several times slower."""
    name = "wheel and processor"
    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-c", _SYSTEM_INFO],
            capture_output=True,
            text=True,
            timeout=NATIVE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return Finding(name, "fail", "llama.cpp does not answer", "reinstall llama-cpp-python")
    if answer.returncode:
        return Finding(
            name, "fail", f"llama.cpp ended with {answer.returncode}", "reinstall llama-cpp-python"
        )
    built = {feature for feature in _PROCESSOR_FEATURES if re.search(rf"\b{feature} = 1", answer.stdout)}
    here = _processor_flags()
    unused = [f for f in ("AVX2", "FMA", "F16C") if f.lower() in here and f not in built]
    if unused:
        hint = "build llama-cpp-python on this machine: it would be several times faster"
        return Finding(name, "warn", f"the wheel does not use {', '.join(unused)}", hint)
    return Finding(name, "ok", ", ".join(sorted(built)) or "plain")


def check_model(model: str | None) -> Finding:
    """The model that would be used loads; says its SHA-256, its FIM template and the ids of it."""
    from repocoder.llm.local import open_generator

    try:
        generator = open_generator(model)
        try:
            info, vocab = generator.info, generator.vocab
        finally:
            generator.close()
    except RepocoderError as error:
        return Finding("model", "fail", str(error), "see `repocoder models list`")
    template = vocab.template
    ids = ", ".join(f"{role} {number}" for role, number in template.ids.items())
    fim = f"template {template.name} ({ids or 'no ids'})"
    detail = f"{info.name}, sha256 {info.sha256[:12]}, context {vocab.n_ctx}, {fim}"
    if not template.infills:
        return Finding("model", "warn", detail, "it cannot fill in: what is after the cursor is not used")
    return Finding("model", "ok", detail)


def check_folder(name: str, folder: Path) -> Finding:
    """The folder can be written, by its owner only. It is made if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            pass
        found = folder.stat()
    except OSError as error:
        return Finding(
            name, "fail", f"{folder}: {error.strerror}", "make it writable, or set the XDG variable"
        )
    if found.st_uid != os.geteuid():
        return Finding(name, "fail", f"{folder}: belongs to another user", f"chown {folder}")
    if stat.S_IMODE(found.st_mode) & 0o022:
        return Finding(name, "warn", f"{folder}: others can write", f"chmod 700 {folder}")
    free = shutil.disk_usage(folder).free
    if free < LEAST_MEMORY_BYTES:
        return Finding(name, "warn", f"{folder}: {free >> 20} MiB free", "make room on that disk")
    return Finding(name, "ok", f"{folder}: writable, {free >> 30} GiB free")


def check_index(root: Path) -> Finding:
    """The index of `root`: database, manifest, every file that it names, and every chunk."""
    from indexer.check import check  # brings the store

    directory = paths.index_dir(root)
    if not directory.exists():
        return Finding("index", "ok", f"none yet for {root}")
    loose = [place for place in (directory, *directory.rglob("*")) if place.lstat().st_mode & 0o077]
    if loose:
        return Finding("index", "warn", f"others can read {loose[0]}", f"chmod -R go= {directory}")
    wrong = check(directory, root)
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return Finding("index", "fail", wrong[0] + more, "run `repocoder index --rebuild`")
    return Finding("index", "ok", f"{directory}: sound")


def check_memory() -> Finding:
    try:
        table = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return Finding("memory", "warn", "unknown", "check that 1 GiB is free")
    match = re.search(r"^MemAvailable:\s+(\d+) kB", table, re.MULTILINE)
    available = int(match[1]) << 10 if match else 0
    detail = f"{available / (1 << 30):.1f} GiB available"
    if available < LEAST_MEMORY_BYTES:
        return Finding("memory", "warn", detail, "close other programs before using a large model")
    return Finding("memory", "ok", detail)


def check_threads(settings: Settings) -> Finding:
    allowed = len(os.sched_getaffinity(0))
    detail = f"{allowed} processors"
    if settings.threads is not None and settings.threads > allowed:
        hint = f"set threads to {allowed} or less: more only wait for each other"
        return Finding("threads", "warn", f"{detail}, {settings.threads} threads set", hint)
    return Finding("threads", "ok", detail)


def check_terminal() -> Finding:
    if not sys.stdout.isatty():
        return Finding("terminal", "ok", "stdout is no terminal: the UI would not open here")
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:  # within the UI stdout is not the terminal's
        size = shutil.get_terminal_size()
    detail = f"{size.columns}x{size.lines}, TERM={os.environ.get('TERM', '')}"
    if size.columns < LEAST_COLUMNS or size.lines < LEAST_LINES:
        return Finding("terminal", "warn", detail, f"the UI wants {LEAST_COLUMNS}x{LEAST_LINES}")
    return Finding("terminal", "ok", detail)


def _processor_flags() -> frozenset[str]:
    try:
        table = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", table, re.MULTILINE)
    return frozenset(match[1].lower().split()) if match else frozenset()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])
