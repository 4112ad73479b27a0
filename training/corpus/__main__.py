"""`python -m training.corpus --work DIR`: fetch, select and compare what the embedded models are trained on.

Writes `DIR/corpus/packages/…`, `DIR/corpus/files.jsonl` and the reports of contamination.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from indexer.errors import RepocoderError
from training.corpus import report
from training.corpus.benchmarks import benchmark_files, benchmark_folder, repositories
from training.corpus.build import Gathered, compare, gather, progress, write_list
from training.corpus.catalogue import CATALOGUE, Catalogue, read_catalogue
from training.corpus.contamination import index_benchmarks
from training.corpus.fetch import fetch
from training.corpus.names import BenchmarkNames, NameMatch

REPORTS = Path(__file__).parent.parent / "reports"


def main(arguments: list[str] | None = None) -> int:
    """Build the corpus; the exit code is that of the error, 0 if there was none."""
    parser = argparse.ArgumentParser(prog="python -m training.corpus", description=__doc__)
    parser.add_argument(
        "--work", type=Path, default=Path("build/training"), help="folder of the training's files"
    )
    parser.add_argument(
        "--offline", action="store_true", help="fetch nothing: use the archives that are there"
    )
    parser.add_argument(
        "--catalogue", type=Path, default=CATALOGUE, help="what to use instead of corpus.toml"
    )
    parser.add_argument("--reports", type=Path, default=REPORTS, help="folder of contamination.json and .md")
    options = parser.parse_args(arguments)
    try:
        summary = build(options.work, options.catalogue, options.reports, offline=options.offline)
    except RepocoderError as error:
        sys.stderr.write(f"corpus: {error}\n")
        return error.exit_code
    sys.stdout.write(summary)
    return 0


def build(work: Path, catalogue: Path, reports: Path, *, offline: bool) -> str:
    """All steps; returns the summary. Raises RepocoderErrors that say what to do."""
    folder = benchmark_folder()  # first: without the benchmarks nothing of the corpus may be used
    listed = read_catalogue(catalogue)
    benchmarks = benchmark_files(folder)
    names = BenchmarkNames(known := repositories(folder))
    root = work / "corpus"
    archives = fetch(listed.named, root / "archives", offline=offline)
    gathered, matches = _gather_all(listed, archives, root / "packages", names)
    progress("reading the benchmarks")
    index = index_benchmarks(folder, benchmarks, root)
    compared = compare([file for one in gathered for file in one.files], root / "packages", index)
    write_list(compared.files, root / "files.jsonl")
    found = report.Findings(benchmarks, known, matches, index, gathered, compared)
    report.write(found, reports)
    return report.summary(found)


def _gather_all(
    catalogue: Catalogue, archives: dict[str, Path], packages: Path, names: BenchmarkNames
) -> tuple[list[Gathered], list[NameMatch]]:
    """The files of all packages but those that are a benchmark's by name."""
    gathered: list[Gathered] = []
    matches: list[NameMatch] = []
    for package in sorted(catalogue.package, key=lambda one: one.folder):
        one = gather(package, archives.get(package.name), packages)
        # modules of the standard library are older than both benchmarks, and no repositories: `io` is one's name
        if hits := names.matches(package, one.modules if package.kind != "stdlib" else ()):
            matches += hits
            one.files, one.note = [], f"is {hits[0].repository} of a benchmark by its name: nothing was taken"
        gathered.append(one)
    progress(f"{sum(len(one.files) for one in gathered):,} files of {len(gathered)} packages")
    return gathered, matches


if __name__ == "__main__":
    sys.exit(main())
