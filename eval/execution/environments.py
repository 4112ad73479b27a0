"""The worlds in which the function-level repositories of RepoEval can run their own tests.

Each has its own virtual environment in the user's cache, with every package pinned (`requirements/*.txt`), made with
Python 3.11 by the user's own pip, from the index that it is configured for. That step runs outside the sandbox and
needs a network; it installs published packages only, nothing of a repository and nothing generated. The repositories
themselves are never installed nor changed: their folders are put on the path inside the sandbox.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from repocoder.errors import StorageError, UsageError
from repocoder.paths import cache_dir

PYTHON = (3, 11)
"""The pinned packages have wheels for it; several have none for later ones."""

_REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
_INSTALL_S = 3600.0
_MARKER = "installed.json"  # written last: without it a folder is a stump

_TORCHVISION = """\
try:
    import torchvision
except RuntimeError:  # a build for CUDA beside torch for CPUs: its operators are not there; no test uses them
    import sys
    import torch
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    operators = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        operators.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    sys.torchvision_operators = operators
    import torchvision
"""

_T5_SIZE = """\
import transformers
def from_pretrained(name, *arguments, **options):  # asked for at import; the real one is on a network
    sizes = {"google/t5-v1_1-base": 768}
    return transformers.T5Config(d_model=sizes[name])
transformers.T5Config.from_pretrained = from_pretrained
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """How the tests of one repository are run."""

    repository: str
    tests: tuple[str, ...]  # files or folders of tests, in the repository
    paths: tuple[str, ...] = (".",)  # of the repository, for `sys.path`
    prelude: str = ""  # Python that runs before the tests: what the packages need to work here
    variables: Mapping[str, str] = field(default_factory=dict)
    note: str = ""  # what a reader of its numbers must know
    impossible: str = ""  # why the tests cannot be run at all; nothing is installed then

    @property
    def requirements(self) -> Path:
        """The pinned packages."""
        return _REQUIREMENTS / f"{self.repository}.txt"


ENVIRONMENTS = {
    environment.repository: environment
    for environment in (
        Environment("maxhumber_redframes", ("tests",)),
        Environment("deepmind_tracr", ("tracr",)),
        Environment("google_lightweight_mmm", ("lightweight_mmm",)),
        Environment(
            "amazon-science_patchcore-inspection",
            ("test",),
            ("src",),
            _TORCHVISION,
            note="the tests of its samplers need a GPU and are skipped",
        ),
        Environment("leopard-ai_betty", ("test", "betty/test_install.py")),
        Environment(
            "lucidrains_imagen-pytorch",
            ("imagen_pytorch/test/test_trainer.py",),
            (".",),
            _TORCHVISION + _T5_SIZE,
        ),
        Environment("facebookresearch_omnivore", ("tests",), (".",), _TORCHVISION),
        Environment(
            "CarperAI_trlx",
            ("tests",),
            note="33 of its 42 tests load models from a network and cannot pass here",
        ),
    )
}
"""By the name of the repository's folder."""

_VARIABLES = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",  # more threads than cores made tests of betty a hundred times slower
    "MPLBACKEND": "Agg",
    "HF_HUB_OFFLINE": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "JAX_PLATFORMS": "cpu",
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """An environment that is installed: its interpreter, and what of the host it must see."""

    environment: Environment
    python: Path
    visible: tuple[Path, ...]
    variables: Mapping[str, str]


def find(repository: str) -> Environment:
    """The environment of a repository. Raises UsageError if its tests cannot be run, with the reason."""
    environment = ENVIRONMENTS.get(repository)
    if environment is None:
        raise UsageError(
            f"unit tests: {repository}: no environment is known for it: choose {', '.join(ENVIRONMENTS)}"
        )
    if environment.impossible:
        raise UsageError(f"unit tests: {repository}: cannot be run: {environment.impossible}")
    return environment


def prepare(repository: str, folder: Path | None = None) -> Prepared:
    """Install what the tests of a repository need, once; minutes and up to 2 GB the first time.

    `folder`: where environments are kept, the user's cache if None. Raises UsageError where it cannot be done.
    """
    environment = find(repository)
    pinned = environment.requirements.read_bytes()
    name = f"{repository}-{hashlib.sha256(pinned).hexdigest()[:12]}"
    place = (folder or cache_dir() / "eval" / "environments") / name
    if not (place / _MARKER).exists():
        _install(environment, place)
    return describe(environment, place / "bin" / "python")


def describe(environment: Environment, python: Path) -> Prepared:
    """What a sandbox must show for this interpreter to work in it: its packages, and the Python it was made from."""
    variables = {**_VARIABLES, **environment.variables}
    named = Path(os.path.abspath(python))  # noqa: PTH100 (without following the link that makes it an environment)
    return Prepared(environment, named, _roots(named), variables)


@functools.cache
def _roots(python: Path) -> tuple[Path, ...]:
    code = "import json, sys; print(json.dumps([sys.prefix, sys.base_prefix, sys.exec_prefix]))"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UsageError(f"environment: {python}: does not start: remove its folder, it will be made again")
    named = [Path(path) for path in json.loads(done.stdout)]
    found = {*named, *(path.resolve() for path in named), python.resolve().parents[1]}
    forbidden = {Path("/"), Path.home(), Path("/home"), Path("/root")}
    if found & forbidden:
        raise UsageError(f"environment: {python}: lies right in {min(found & forbidden)}: use another Python")
    return tuple(sorted(found))


def _interpreter() -> Path:
    wanted = f"python{PYTHON[0]}.{PYTHON[1]}"
    own = Path(sys.base_prefix) / "bin" / wanted
    if sys.version_info[:2] == PYTHON and own.exists():
        return own
    found = shutil.which(wanted)
    if found is None:
        raise UsageError(f"environment: {wanted}: not found: install it, the pinned packages need it")
    return Path(found)


def _install(environment: Environment, place: Path) -> None:
    """Make the virtual environment; a half-made one of an earlier try goes first."""
    python = _interpreter()
    try:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise StorageError(
            f"environment: {place}: {error.strerror}: free some space or use another cache"
        ) from error
    _step(environment, [str(python), "-m", "venv", str(place)])
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    _step(environment, [*pip, "--requirement", str(environment.requirements)])
    (place / _MARKER).write_text(
        json.dumps({"requirements": environment.requirements.read_text(encoding="utf-8")})
    )


def _step(environment: Environment, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_INSTALL_S, env=_clean(), check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"environment: {environment.repository}: installing took too long: try again"
        ) from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise UsageError(
            f"environment: {environment.repository}: {lines[-1]}: see what pip says of its requirements"
        )


def _clean() -> dict[str, str]:
    """Our environment without what would lead another interpreter to our packages."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    }
