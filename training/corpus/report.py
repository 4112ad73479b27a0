"""The reports of a corpus: `contamination.json` for programs, `contamination.md` for readers, and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from indexer.errors import StorageError
from training.corpus import contamination, duplicates, fingerprint, select
from training.corpus.benchmarks import BenchmarkFile
from training.corpus.build import Compared, CorpusFile, Gathered
from training.corpus.contamination import BenchmarkIndex
from training.corpus.names import NameMatch

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was compared, and what came of it."""

    benchmarks: list[BenchmarkFile]
    repositories: list[str]
    matches: list[NameMatch]
    index: BenchmarkIndex
    gathered: list[Gathered]
    compared: Compared

    @property
    def gathered_files(self) -> list[CorpusFile]:
        return [file for one in self.gathered for file in one.files]


def write(found: Findings, folder: Path) -> None:
    """Both reports, into `folder`. Raises StorageError if they cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        data = msgspec.json.format(msgspec.json.encode(as_data(found)), indent=1)
        (folder / "contamination.json").write_bytes(data + b"\n")
        (folder / "contamination.md").write_text(as_markdown(found), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"corpus: {folder}: {error.strerror}: name another one with --reports") from error


def as_data(found: Findings) -> dict[str, object]:
    """The whole report as plain data."""
    compared, files = found.compared, found.gathered_files
    return {
        "benchmarks": {
            "files": found.benchmarks,
            "repositories": found.repositories,
            "sampled_passages": len(found.index.passages),
        },
        "thresholds": thresholds(),
        "packages": [
            {
                "name": one.package.name,
                "version": one.package.version,
                "licence": one.package.licence,
                "split": one.package.split,
                "files": len(one.files),
                "left_out": dict(sorted(one.left_out.items())),
                "note": one.note,
            }
            for one in found.gathered
        ],
        "by_name": found.matches,
        "by_content": {
            "files_compared": len(files),
            "bytes_compared": sum(file.bytes for file in files),
            "files_kept_that_share_less": compared.touched,
            "left_out": [
                {"package": one.file.package, "path": one.file.path, "split": one.file.split,
                 "passages": one.passages}
                for one in compared.contaminated
            ],
        },
        "duplicates": {
            "by_split_and_reason": {
                split: dict(sorted(Counter(d.reason for d in compared.duplicates if d.split == split).items()))
                for split in SPLITS
            },
            "held_out_that_was_too_near": [
                d for d in compared.duplicates if d.split != "train" and d.of_split != d.split
            ],
        },
        "corpus": sizes(compared.files),
    }  # fmt: skip


def thresholds() -> dict[str, int | float]:
    """The rules that decide, by name."""
    return {
        "passage_bytes": fingerprint.PASSAGE,
        "passages_sampled_one_in": fingerprint.PASSAGES_ONE_IN,
        "max_sampled_passages_shared_with_benchmarks": contamination.MAX_PASSAGES,
        "minhash_permutations": fingerprint.PERMUTATIONS,
        "minhash_shingle_bytes": fingerprint.SHINGLE,
        "minhash_shingles_sampled_one_in": fingerprint.SHINGLES_ONE_IN,
        "near_copy_in_one_split": duplicates.SAME_SPLIT,
        "near_copy_across_splits": duplicates.ACROSS_SPLITS,
        "held_out_passages_in_training_share": duplicates.INSIDE,
        "min_bytes": select.MIN_BYTES,
        "max_bytes": select.MAX_BYTES,
    }


def sizes(files: Iterable[CorpusFile]) -> dict[str, dict[str, dict[str, int]]]:
    """Files and bytes by split and language."""
    table: dict[str, dict[str, dict[str, int]]] = {split: {} for split in SPLITS}
    for file in files:
        cell = table[file.split].setdefault(file.language, {"files": 0, "bytes": 0})
        cell["files"] += 1
        cell["bytes"] += file.bytes
    return {
        split: dict(sorted(row.items(), key=lambda item: -item[1]["bytes"])) for split, row in table.items()
    }


def as_markdown(found: Findings) -> str:
    """What a reader wants to know first."""
    compared, files = found.compared, found.gathered_files
    count = len(compared.contaminated)
    parts = [
        "# What the training data shares with the benchmarks\n",
        "Written by `python -m training.corpus`; all of it, with every name and digest: `contamination.json`.\n",
        "## By name\n",
        f"{len(found.gathered)} packages (their names, their repositories, the modules that they install) against "
        f"{len(found.repositories)} repositories of RepoEval and CrossCodeEval (with their owner, and alone, as a fork "
        f"or a package would be called): {_matches(found.matches)}.\n",
        "## By content\n",
        f"{len(files):,} files, {_mb(sum(file.bytes for file in files))}, against every repository snapshot and every "
        f"task text of both benchmarks ({len(found.benchmarks)} files): {len(found.index.passages):,} passages of "
        f"{fingerprint.PASSAGE} bytes of code, one in {fingerprint.PASSAGES_ONE_IN}. Comments, imports and white space "
        "do not count.\n",
        f"A file may share {contamination.MAX_PASSAGES} of the sampled passages: more are some 220 bytes of code in a "
        f"row. **{count} files share more and are left out**, {compared.touched} share that little and stay.\n",
        _table(("package", "split", "files left out", "passages shared"), _by_package(found)),
        "RepoEval's FederatedScope, evaluate, rl and vizier are not in the copy of the benchmarks that was compared: "
        "they were compared by name only.\n",
        "## Duplicates\n",
        _table(("split", "copies", "near copies", "inside of training files"), _duplicates(compared.duplicates)),
        f"A near copy has an estimated Jaccard similarity of {duplicates.SAME_SPLIT} in its own split, "
        f"{duplicates.ACROSS_SPLITS} across splits; the held-out file is the one that goes.\n",
        "## What is left\n",
        _table(("split", "language", "files", "size"), _sizes(compared.files)),
    ]  # fmt: skip
    return "\n".join(parts)


def summary(found: Findings) -> str:
    """One screen."""
    compared = found.compared
    lines = [
        f"by name     {_matches(found.matches)}",
        f"by content  {len(compared.contaminated)} files left out, {compared.touched} stay that share less",
    ]
    for split, *counts in _duplicates(compared.duplicates):
        lines.append(
            f"duplicates  {split}: {counts[0]} copies, {counts[1]} near copies, {counts[2]} inside of others"
        )
    for split, language, files, size in _sizes(compared.files):
        lines.append(f"{split:<11} {language:<12} {files:>7} files {size:>10}")
    lines += [f"note        {one.package.name}: {one.note}" for one in found.gathered if one.note]
    return "\n".join(lines) + "\n"


def _matches(matches: Sequence[NameMatch]) -> str:
    if not matches:
        return "no name in common"
    return "; ".join(
        f"{match.package} ({match.what} {match.name}) is {match.repository}" for match in matches
    )


def _by_package(found: Findings) -> list[tuple[str, ...]]:
    rows: dict[tuple[str, str], tuple[int, int]] = {}
    for one in found.compared.contaminated:
        key = (one.file.package, one.file.split)
        files, passages = rows.get(key, (0, 0))
        rows[key] = (files + 1, passages + one.passages)
    ordered = sorted(rows.items(), key=lambda row: (-row[1][0], row[0]))
    return [(*key, str(files), f"{passages:,}") for key, (files, passages) in ordered]


def _duplicates(found: Sequence[duplicates.Duplicate]) -> list[tuple[str, ...]]:
    counts: Counter[tuple[str, str]] = Counter((one.split, one.reason) for one in found)
    return [
        (split, *(str(counts[split, reason]) for reason in ("copy", "near-copy", "inside")))
        for split in SPLITS
    ]


def _sizes(files: Iterable[CorpusFile]) -> list[tuple[str, ...]]:
    return [
        (split, language, f"{cell['files']:,}", _mb(cell["bytes"]))
        for split, row in sizes(files).items()
        for language, cell in row.items()
    ]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines) + "\n"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
