"""The logistic gate that the package carries: labelled and fitted by the product's own code, on several repositories.

    python -m training.gate --work build/gate --holes 200 --repositories encode/httpx=DIR scrapy/scrapy=DIR …

None may be a repository of a benchmark: `$REPOCODER_BENCHMARKS` says where those are. Whole repositories are held out.
Labels are kept in `--work`, so the same command goes on. Writes `repocoder/assets/gate.json`, with the weights that are
better than the free rule and no others, and `training/reports/gate-logistic.json`, with the figures of all.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from repocoder.config import Settings
from repocoder.engine import Engine
from repocoder.errors import RepocoderError
from repocoder.gate.calibration import CalibrationOptions, commit_of, label_holes, weigh
from repocoder.gate.fitting import why_refused
from repocoder.gate.labels import Label
from repocoder.gate.weights import SHIPPED, Figures, GateFile, Made, Weights, readable
from repocoder.llm.generator import Generator
from repocoder.llm.local import open_generator
from training.completion.weights import TrainingError
from training.corpus.benchmarks import benchmark_folder, repositories
from training.corpus.catalogue import Package
from training.corpus.names import BenchmarkNames

REPORT = Path(__file__).parent / "reports" / "gate-logistic.json"
SAID_EVERY = 20  # labels


class Tried(msgspec.Struct, frozen=True):
    """One way of use: what the weights are worth on repositories that they were not fitted on."""

    model: str
    memory: str
    made: Made
    figures: Figures
    refused: str | None  # why they are not in the package, None if they are


class Report(msgspec.Struct, frozen=True):
    """What was tried. `benchmark_repositories`: so many names no repository may have."""

    benchmark_repositories: int
    tried: list[Tried]


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        named = [_named(one) for one in given.repositories]
        known = check_names([name for name, _ in named])
        found = [one for memory in given.memory for one in try_out(named, given, memory)]
    except RepocoderError as error:
        print(f"training.gate: {error}", file=sys.stderr)
        return error.exit_code
    kept = [weights for weights, refused in found if refused is None]
    tried = [Tried(one.model, one.memory, one.made, one.figures, refused) for one, refused in found]
    given.assets.write_bytes(readable(GateFile(kept)))
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_bytes(msgspec.json.format(msgspec.json.encode(Report(known, tried)), indent=1) + b"\n")
    for one in tried:
        area, similarity = one.figures.area, one.figures.similarity
        print(
            f"{one.model}, memory {one.memory}: {one.figures.holes} holes, {one.figures.helped:.1f} % helped, "
            f"area {area}, skips {one.figures.skipped[0]:.1f} %, similarity {similarity}: {one.refused or 'kept'}"
        )
    return 0


def check_names(names: Sequence[str]) -> int:
    """How many repositories the benchmarks have; TrainingError if one of these is among them."""
    others = repositories(benchmark_folder())
    check = BenchmarkNames(others)
    for name in names:
        package = Package(name.rpartition("/")[2], "", "", "wheel", repository=name)
        if matches := check.matches(package):
            what = matches[0].repository
            raise TrainingError(f"gate: {name}: is {what} of a benchmark by its name: take another")
    return len(others)


def try_out(
    named: Sequence[tuple[str, Path]], given: argparse.Namespace, memory: str
) -> list[tuple[Weights, str | None]]:
    """The weights of each model, and why they are refused if they are."""
    found = []
    for model in given.models or [None]:
        generator = open_generator(model, threads=given.threads)
        try:
            labels: list[Label] = []
            groups: list[str] = []
            for name, place in named:
                some = _labels(name, place, generator, given, memory)
                labels += some
                groups += [name] * len(some)
            commits = [commit_of(place) for _, place in named]
            today = datetime.now(UTC).date().isoformat()
            made = Made([name for name, _ in named], commits, len(labels), given.seed, today, 0.0)
            weights = weigh(labels, groups, generator.info, memory, made)
        finally:
            generator.close()
        found.append((weights, why_refused(weights.figures)))
    return found


def _labels(
    name: str, place: Path, generator: Generator, given: argparse.Namespace, memory: str
) -> list[Label]:
    """Of one repository, in an index folder of its own for each model and way of use."""
    folder = given.work / f"{name.replace('/', '-')}-{generator.info.sha256[:8]}-{memory}"
    settings = replace(Settings(workers=1, threads=given.threads), memory=memory)  # type: ignore[arg-type]
    started = time.monotonic()

    def say(done: int, wanted: int, seconds_left: float) -> None:
        if done % SAID_EVERY == 0:
            print(f"{name}: {done}/{wanted} holes, {seconds_left:.0f} s left", file=sys.stderr, flush=True)

    with Engine(place, settings, generator=generator, directory=folder) as engine:
        engine.ensure_index()
        options = CalibrationOptions(given.holes, given.seed, given.limit_s)
        labels, wanted, made = label_holes(engine, options, on_label=say)
    told = f"{len(labels)} labels of {wanted} holes, {made} new, {time.monotonic() - started:.0f} s"
    print(f"{name}: {told}", file=sys.stderr, flush=True)
    return labels


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or name.count("/") != 1 or not Path(folder).is_dir():
        raise TrainingError(f"gate: {text}: give OWNER/NAME=FOLDER")
    return name, Path(folder).resolve()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="training.gate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("build/gate"), help="indexes and labels")
    parser.add_argument("--repositories", nargs="+", required=True, metavar="OWNER/NAME=DIR")
    parser.add_argument("--models", nargs="+", help="recorded names or paths; by default the embedded one")
    parser.add_argument("--memory", nargs="+", choices=("mixed", "off"), default=["mixed"])
    parser.add_argument("--holes", type=int, default=200, help="of each repository")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit-s", type=float, help="for labelling one repository")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--assets", type=Path, default=SHIPPED)
    parser.add_argument("--report", type=Path, default=REPORT)
    return parser


if __name__ == "__main__":
    sys.exit(main())
