"""One repository of a benchmark: its files, the engine on it, the tokenizer that counts budgets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from eval.ablations import channels_without
from eval.corpus import benchmark_files, own_files
from repocoder.config import CHANNELS, Settings
from repocoder.types import CompletionRequest
from retrieval.types import Exclusion, Query

if TYPE_CHECKING:
    from eval.metrics.context import RepositoryNames
    from eval.types import Task
    from repocoder.engine import Engine
    from repocoder.llm.generator import Generator
    from repocoder.llm.messages import Remember

RETRIEVED = 16
"""Hits that our channels give: what of them enters a prompt is the budget's matter."""

ONE_CHANNEL: dict[str, tuple[str, ...]] = {name: (name,) for name in CHANNELS if name != "recent"}
"""Method -> the only channel of the engine that is on; all of these are on for the others. In a benchmark no file was
edited lately, whatever the clock says of its checkout."""

TokenizeMany = Callable[[Sequence[str]], list[list[int]]]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What of the engine is chosen apart from its channels."""

    embedder: str | None = None
    memory: str = "off"  # see `repocoder.config.MEMORIES`
    gate: str = "free"  # see `repocoder.config.GATES`; or "always": it is not asked
    without: tuple[str, ...] = ()  # see `eval.ablations`: what of them are channels is off here


class Workspace:
    """What methods need of a repository; everything is made when first asked for. Not for two threads."""

    def __init__(
        self,
        root: Path,
        language: str,
        generator: Generator,
        *,
        indexes: Path,
        method: str = "hybrid",
        both_sides: bool = False,
        is_own: bool = False,
        options: EngineOptions | None = None,
    ) -> None:
        """`indexes`: the folder for the index, which is made once and found again. `method`: decides which channels of
        the engine are on. `both_sides`: may methods see what follows the hole? `is_own`: the user's repository, not one
        of a benchmark.
        """
        self.root = root.resolve()
        self.language = language
        self.generator = generator
        self.both_sides = both_sides
        self._is_own = is_own
        self._indexes = indexes
        self._options = options or EngineOptions()
        on = ONE_CHANNEL.get(method, tuple(ONE_CHANNEL))
        self._channels = channels_without(on, self._options.without)
        self._engine: Engine | None = None
        self._before: Engine | None = None  # of another repository, with workers that this one can use

    @cached_property
    def files(self) -> Mapping[str, str]:
        """Path -> text of every file that the baselines search: see `eval.corpus`."""
        return (own_files if self._is_own else benchmark_files)(self.root, self.language)

    @cached_property
    def names(self) -> RepositoryNames:
        """Which file holds and defines which name, for the metrics of contexts."""
        from eval.metrics.context import RepositoryNames

        return RepositoryNames(self.files, "" if self._is_own else self.language)

    @property
    def gate(self) -> str:
        """What decides where our channels retrieve; see `EngineOptions`."""
        return self._options.gate

    @property
    def tokenize_many(self) -> TokenizeMany:
        """The tokenizer of the model."""
        return self.generator.tokenize_many

    @property
    def engine(self) -> Engine:
        """The engine of the product, on an index of this repository with the settings that users have by default.

        Neither the user's configuration nor the repository's is read: a figure must not depend on them.
        """
        if self._engine is None:
            from repocoder.engine import Engine

            settings = Settings(
                k=RETRIEVED,
                embedder=self._options.embedder,
                channels=self._channels,
                memory=self._options.memory,  # type: ignore[arg-type]  # of a RunConfig, which was checked
                gate="free" if self.gate == "always" else self.gate,  # type: ignore[arg-type]  # the same
            )
            name = f"{self.root.name}-{hashlib.sha256(str(self.root).encode()).hexdigest()[:12]}"
            self._engine = Engine(
                self.root, settings, generator=self.generator, directory=self._indexes / name
            )
            if self._before is not None:
                self._engine.take_over(self._before)
                self._before = None
            self._engine.ensure_index()
            if self._options.memory != "off":
                self._engine.remember()
        return self._engine

    def remembered(self, task: Task, typed: str = "") -> Remember | None:
        """What the repository says at a hole: all of its code, but of the hole's file only what stands above it.

        `typed`: the end of the prefix, if the model is to write that again.
        """
        exclusions = (Exclusion(task.path, task.line, task.line + task.truth.count("\n")),)
        query = Query(
            task.path, task.language, task.line, task.column, task.prefix.removesuffix(typed), "", "", (),
            exclusions=exclusions,
        )  # fmt: skip
        return self.engine.recollect(query)

    def request(self, task: Task) -> CompletionRequest:
        """The completion of a task as the engine takes it: the buffer without the truth, the truth's lines excluded."""
        return CompletionRequest(
            path=task.path,
            line=task.line,
            column=task.column,
            text=task.prefix + (task.suffix if self.both_sides else ""),
            retrieval="always",
            exclusions=(Exclusion(task.path, task.line, task.line + task.truth.count("\n")),),
        )

    def take_over(self, other: Workspace) -> None:
        """Go on with the parse workers of the repository before, which is closed with it."""
        self._before = other._engine or other._before
        other._engine = other._before = None

    def close(self) -> None:
        """End the workers; the generator stays open."""
        for engine in (self._engine, self._before):
            if engine is not None:
                engine.close()
        self._engine = self._before = None
