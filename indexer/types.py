"""The nouns of indexed code.

Conventions, stated once:
- A path is relative to the repository root, with `/` between its parts, decoded by `os.fsdecode` (so a name that is
  not UTF-8 survives as surrogates); the store keeps `os.fsencode(path)`.
- Lines are 1-based and inclusive. Bytes are 0-based and half-open, offsets of the original file.
- Columns are 0-based characters of the line.
- All types are frozen; collections in them are tuples.

The records are `msgspec.Struct`s instead of dataclasses because every one of them crosses a process boundary and is
kept in the store: they are encoded as arrays, about ten times faster than dataclasses. None can be part of a circle, so
the many small ones are no business of the collector's (`gc=False`).
"""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A stretch of a file: lines 1-based inclusive, bytes 0-based half-open."""

    start_line: int
    end_line: int
    start_byte: int
    end_byte: int


class ChunkFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One tile of a file. The tiles of a file, in order, cover every byte exactly once."""

    span: Span
    kind: str  # function | method | class | module | text
    name: str  # qualified name within the file ("Parser.feed"), "" for a run of statements or text
    signature: str  # signature of the enclosing class or function when the tile does not show it, else ""


class Symbol(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A definition. `id` is 0 until the store has given it one; it stays the same while path and qualname do."""

    name: str  # last part of the qualified name; "" for the file's own symbol
    qualname: str  # dotted path within the file ("Parser.feed"); "" for the file's own symbol
    kind: str  # file | namespace | class (any type) | function | method | variable
    span: Span
    signature: str  # the header as written, without body, white space runs folded: "def feed(self, text: str) -> None"
    doc: str  # first paragraph line of the docstring or leading comment, "" if none
    bases: tuple[str, ...]  # base classes as written
    decorators: tuple[str, ...] = ()  # decorators, annotations, attributes, as written
    visibility: str = ""  # public | protected | private | internal, "" where the language does not say
    id: int = 0
    path: str = ""


class Reference(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first use of a name in a scope: `self.vocab.lookup` is one reference with that dotted name.

    Names are joined by dots whatever the language writes (`a->b`, `a::b`, `a?.b`); `f(x).y` is `f().y`. What cannot
    mean anything outside the enclosing function is left out, and so is what the language itself defines.
    """

    name: str
    kind: str  # call | inherit | annotation | name
    line: int
    column: int
    scope: str  # qualname of the innermost enclosing definition, "" at top level


class Import(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One name that an import statement binds.

    CONTRIBUTING.md has a table of how the statements of each language are written in these fields.
    """

    module: str  # dotted, without the leading dots: "package.module"; JavaScript, Go, C: as written, unquoted
    level: int  # number of leading dots (Python); 1 for what is looked for beside the file (`#include "x"`)
    name: str  # the imported member; "" for the module itself; "*" for all; "default" (JavaScript)
    alias: str  # the name bound in this file; "" for "*"
    line: int
    scope: str  # qualname of the enclosing definition, "" at top level


class Binding(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What tells the type of a name: an annotation, or an assignment from a call or from another name."""

    name: str  # "parser", "self.parser"; "return" for a function's result
    type: str  # dotted expression as written, without subscripts: "Foo", "pkg.Foo"; "" for the kind local
    kind: str  # annotation | parameter | call | return | alias (`x = y.z`: has its type) | local (no type is told)
    line: int
    scope: str  # qualname of the enclosing definition


class FileFacts(msgspec.Struct, frozen=True, array_like=True):
    """All that parsing one file yields, apart from its bytes."""

    path: str
    language: str  # a name of `indexer.languages`, "text" for what has no grammar
    n_lines: int
    chunks: tuple[ChunkFact, ...]
    symbols: tuple[Symbol, ...]  # the first is the file's own
    references: tuple[Reference, ...]
    imports: tuple[Import, ...]
    bindings: tuple[Binding, ...]
    degraded: str = ""  # why the file was not parsed as its language says ("parse-timeout"), "" if it was
    package: str = ""  # the package or namespace that the whole file says it is in, dotted


class Chunk(msgspec.Struct, frozen=True):
    """A chunk as readers see it. `id` is unique in the store and never given twice."""

    id: int
    path: str
    span: Span
    language: str
    kind: str
    name: str
    signature: str
    text: str  # the file's slice, decoded as UTF-8 with replacement; secrets masked


class Edge(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A dependency between two symbols. `weight` is the confidence in (0, 1]: below 1 where resolution guesses."""

    source: int  # symbol id
    target: int  # symbol id
    kind: str  # contains | imports | calls | inherits | overrides | references
    weight: float
    line: int  # where in the source's file, 0 if nowhere


class Skip(msgspec.Struct, frozen=True, array_like=True):
    """A file that was not indexed, or only as text, and the named reason."""

    path: str
    reason: str  # one of `indexer.walk.REASONS`


class BuildReport(msgspec.Struct, frozen=True):
    """What one run of the indexer did. Counts are those of the whole index after the run."""

    files: int
    chunks: int
    symbols: int
    edges: int
    skipped: dict[str, int]  # reason -> count
    changed: int  # files added, changed or removed by this run
    generation: int
    seconds: float
    notes: tuple[str, ...] = ()  # one line each: "manifest of generation 3 does not match: rebuilt"


class Progress(msgspec.Struct, frozen=True):
    """One step of a running build, for whoever shows it."""

    stage: str  # walk | parse | resolve | derive | publish
    done: int
    total: int
    path: str = ""
    lines: int = 0  # of the files that are done, where that is known
