"""The texts and the names of the benchmarks, read from their archives in `$REPOCODER_BENCHMARKS`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from eval.datasets.archives import sha256, unpacked
from eval.datasets.places import VARIABLE
from eval.datasets.records import read_records
from indexer import languages
from repocoder.errors import UsageError

REPOEVAL = (
    "CarperAI/trlx",
    "amazon-science/patchcore-inspection",
    "deepmind/tracr",
    "facebookresearch/omnivore",
    "google/lightweight_mmm",
    "leopard-ai/betty",
    "lucidrains/imagen-pytorch",
    "maxhumber/redframes",
    "alibaba/FederatedScope",
    "awslabs/fortuna",
    "google/vizier",
    "huggingface/diffusers",
    "huggingface/evaluate",
    "nerfstudio-project/nerfstudio",
    "opendilab/ACE",
    "pytorch/rl",
)
"""RepoEval's 16 repositories (Zhang et al., 2023): eight of function level, eight of line and API level."""

DISTRIBUTIONS = (
    "torchrl",
    "google-vizier",
    "aws-fortuna",
    "betty-ml",
    "federatedscope",
    "torchmetrics-fortuna",
)
"""Names under which RepoEval's repositories are published where the repository's own name differs."""

_LEVELS = ("repoeval", "crosscodeeval")
_COMMIT = re.compile(r"-[0-9a-f]{7}$")
_MAPPED = re.compile(r"^(\S+/\S+) \{", re.MULTILINE)


class _Chunk(msgspec.Struct, frozen=True):
    retrieved_chunk: str = ""


class _CrossFile(msgspec.Struct, frozen=True):
    chunks: list[_Chunk] = msgspec.field(name="list", default_factory=list)


class _Task(msgspec.Struct, frozen=True):
    """What a task file of either benchmark says in words."""

    prompt: str = ""
    groundtruth: str = ""
    right_context: str = ""
    metadata: dict[str, object] = {}
    crossfile_context: _CrossFile | str | None = None


@dataclass(frozen=True, slots=True)
class BenchmarkFile:
    """One file of the benchmarks' data, as it was read."""

    path: str  # relative to the folder with the benchmarks
    sha256: str
    bytes: int


def benchmark_folder() -> Path:
    """The folder that `$REPOCODER_BENCHMARKS` names. Raises UsageError if it is not set or holds no benchmark."""
    named = os.environ.get(VARIABLE, "")
    folder = Path(named)
    if not named or not any((folder / level).is_dir() for level in _LEVELS):
        raise UsageError(
            f"contamination: {named or 'no benchmarks'}: set {VARIABLE} to the folder that holds repoeval/ and "
            "crosscodeeval/: without them nobody can say what the corpus shares with them"
        )
    return folder.absolute()


def benchmark_files(folder: Path) -> list[BenchmarkFile]:
    """Every archive of repositories and every task file, in order. Raises UsageError if there are none of either."""
    paths = sorted(
        path
        for level in _LEVELS
        for path in (folder / level).rglob("*")
        if path.is_file() and (".jsonl" in path.name or ".tar" in path.suffixes)
    )
    for kind in (".jsonl", ".tar"):
        if not any(kind in path.name for path in paths):
            raise UsageError(f"contamination: {folder}: no *{kind}* file: set {VARIABLE} to a complete copy")
    return [BenchmarkFile(str(path.relative_to(folder)), sha256(path), path.stat().st_size) for path in paths]


def texts_of(folder: Path, file: BenchmarkFile) -> Iterator[str]:
    """All source texts of an archive, or all texts of a task file: prompt, truth, right and cross-file context."""
    path = folder / file.path
    if ".jsonl" in path.name:
        yield from _task_texts(path)
        return
    for source in sorted(unpacked(path).rglob("*")):
        if source.is_file() and languages.language_of(source.name) is not None:
            yield source.read_bytes().decode("utf-8", "replace")


def _task_texts(path: Path) -> Iterator[str]:
    seen: set[str] = set()
    for task in read_records(path, _Task):
        truth = task.groundtruth or str(task.metadata.get("ground_truth", ""))
        context = task.crossfile_context
        chunks = (
            [chunk.retrieved_chunk for chunk in context.chunks] if isinstance(context, _CrossFile) else []
        )
        for text in (task.prompt + truth + task.right_context, *chunks):
            if text and text not in seen:
                seen.add(text)
                yield text


def repositories(folder: Path) -> list[str]:
    """`owner/name` of every repository of both benchmarks, sorted; `owner-name` where nobody says where it is cut."""
    mapped = _mapped(folder / "crosscodeeval" / "LICENSES" / "project_license_map.txt")
    joined = {name.replace("/", "-"): name for name in mapped}
    found = set(REPOEVAL) | mapped
    for archive in sorted((folder / "crosscodeeval").glob("*/repositories.tar*")):
        root = unpacked(archive)
        tops = [top for top in root.iterdir() if top.is_dir()]
        if len(tops) == 1 and not _COMMIT.search(tops[0].name):  # the language's folder around them
            tops = [top for top in tops[0].iterdir() if top.is_dir()]
        for top in tops:
            name = _COMMIT.sub("", top.name)
            found.add(joined.get(name, name))
    return sorted(found)


def _mapped(path: Path) -> set[str]:
    try:
        return set(_MAPPED.findall(path.read_text()))
    except OSError:
        return set()
