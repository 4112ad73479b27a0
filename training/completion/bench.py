"""llama.cpp's `llama-bench`, compiled once into the user's cache and linked with the installed llama-cpp-python.

The sources are those of the same release, from its source distribution. Only the tool and what it needs of
llama.cpp's common code is compiled; what computes comes from the wheel. Its options
to download a model, and those that need words for yes and no, are left out.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from training.completion.weights import TrainingError

PACKAGE = "llama-cpp-python"
SOURCES = (
    "tools/llama-bench/main.cpp",
    "tools/llama-bench/llama-bench.cpp",
    "common/common.cpp",
    "common/fit.cpp",
    "common/log.cpp",
)
INCLUDES = ("common", "include", "ggml/include", "vendor", "src")
LIBRARIES = ("llama", "ggml", "ggml-cpu", "ggml-base")
COMPILE = ("c++", "-O2", "-DNDEBUG", "-std=c++17", "-ffunction-sections")
TIMEOUT_S = 3600.0

BUILD_INFO = """
int LLAMA_BUILD_NUMBER = 0;
const char * LLAMA_COMMIT = "sdist";
const char * LLAMA_COMPILER = "";
const char * LLAMA_BUILD_TARGET = "";
#include "build-info.h"
int llama_build_number(void) { return 0; }
const char * llama_commit(void) { return "sdist"; }
const char * llama_compiler(void) { return ""; }
const char * llama_build_target(void) { return ""; }
const char * llama_build_info(void) { return "sdist"; }
void llama_print_build_info(const char *, FILE *) {}
"""
"""What llama.cpp's build would write about itself."""


def find_tool() -> Path:
    """The compiled tool; it is made now if it is not there. TrainingError: it cannot be."""
    version = importlib.metadata.version(PACKAGE)
    folder = Path(platformdirs.user_cache_dir("repocoder")) / "baselines" / f"llama-bench-{version}"
    tool = folder / "llama-bench"
    if not tool.exists():
        print(f"compiling llama-bench {version}: some minutes, once", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="building-") as place:
            _build(unpack_sources(version, Path(place)), Path(place)).replace(tool)
    return tool


def unpack_sources(version: str, place: Path) -> Path:
    """llama.cpp's folder out of the source distribution."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps"]
    run_step([*pip, "--no-binary", PACKAGE, "--dest", str(place), f"{PACKAGE}=={version}"])
    (archive,) = place.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(place, filter="data")
    (found,) = place.glob("*/vendor/llama.cpp")
    return found


def _build(source: Path, place: Path) -> Path:
    """Compile and link in `place`; the executable."""
    info = place / "build-info.cpp"
    info.write_text(BUILD_INFO)
    include = [f"-I{source / name}" for name in INCLUDES]
    objects = []
    for path in (info, *(source / name for name in SOURCES)):
        target = place / f"{path.stem}.o"
        run_step([*COMPILE, *include, "-c", str(path), "-o", str(target)])
        objects.append(str(target))
    specification = importlib.util.find_spec("llama_cpp")
    assert specification is not None and specification.origin is not None
    libraries = Path(specification.origin).parent / "lib"
    tool, stubs = place / "llama-bench", place / "left_out.c"
    stubs.write_text(left_out(objects))
    options = ["-Wl,--gc-sections", f"-Wl,-rpath,{libraries}", f"-L{libraries}"]
    linked = [f"-l{name}" for name in LIBRARIES]
    run_step(["cc", "-c", str(stubs), "-o", f"{stubs}.o"])
    run_step(["c++", *objects, f"{stubs}.o", *options, *linked, "-lpthread", "-o", str(tool)])
    return tool


def left_out(objects: Sequence[str]) -> str:
    """C functions that end the program, for the parts of llama.cpp's common code that are not compiled."""
    listed = run_step(["nm", "--format=posix", *objects]).splitlines()
    symbols = [line.split() for line in listed if len(line.split()) > 1]
    defined = {name for name, kind, *_ in symbols if kind != "U"}
    missing = {name for name, kind, *_ in symbols if kind == "U" and "common_" in name} - defined
    return "#include <stdlib.h>\n" + "".join(
        f"void {name}(void) {{ abort(); }}\n" for name in sorted(missing)
    )


def run_step(command: Sequence[str]) -> str:
    """Run a command of the build; its output. TrainingError: it is not there or fails, with its last line."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TrainingError(
            f"llama-bench: {command[0]}: {error}: install a C++ compiler, and pip's sources"
        ) from error
    if done.returncode:
        last = (done.stderr.strip() or "failed").splitlines()[-1]
        raise TrainingError(f"llama-bench: {' '.join(command[:4])} …: {last}: see what it needs")
    return done.stdout
