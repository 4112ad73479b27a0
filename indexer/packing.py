"""How a file is kept: its content and two halves of its facts, each compressed by the worker that parsed it.

The halves are apart because readers mostly want the layout, and only resolution wants the uses.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

import msgspec

from indexer.errors import DamagedIndexError
from indexer.types import Binding, ChunkFact, FileFacts, Import, Reference, Symbol

# Of zlib, for content and facts. Against level 1 it saves a tenth of the bytes, which keeps an index below one and a
# half times its source, for 2 % of the time of a build; 6 saves a hundredth more for as much time again.
LEVEL = 5


class Layout(msgspec.Struct, frozen=True, array_like=True):
    """What is where in a file."""

    language: str
    n_lines: int
    degraded: str
    package: str
    chunks: tuple[ChunkFact, ...]
    symbols: tuple[Symbol, ...]


class Uses(msgspec.Struct, frozen=True, array_like=True):
    """What a file needs of others, and what tells the types of its names."""

    references: tuple[Reference, ...]
    imports: tuple[Import, ...]
    bindings: tuple[Binding, ...]


class Outline(msgspec.Struct, frozen=True, dict=True):
    """`FileFacts` without what only the file itself needs, which is not decoded. Fields as there."""

    path: str
    language: str
    package: str
    symbols: tuple[Symbol, ...]
    imports: tuple[Import, ...]
    bindings: tuple[Binding, ...]
    references: msgspec.Raw = msgspec.Raw()

    @cached_property
    def within(self) -> Mapping[str, Sequence[Symbol]]:
        """The symbols by the qualified name of what they stand right in, in their order."""
        return symbols_within(self.symbols)

    @cached_property
    def fields(self) -> Sequence[Binding]:
        """The bindings of `self.name`."""
        return fields_of(self.bindings)


Seen: TypeAlias = FileFacts | Outline
"""What can be seen of a file from others, and maybe the rest."""


class _SymbolsOnly(msgspec.Struct, frozen=True, array_like=True):
    """A `Layout`."""

    language: str
    n_lines: int
    degraded: str
    package: str
    chunks: msgspec.Raw
    symbols: tuple[Symbol, ...]


class _ChunksOnly(msgspec.Struct, frozen=True, array_like=True):
    """A `Layout`."""

    language: str
    n_lines: int
    degraded: str
    package: str
    chunks: tuple[ChunkFact, ...]
    symbols: msgspec.Raw


class _RawReferences(msgspec.Struct, frozen=True, array_like=True):
    """A `Uses`."""

    references: msgspec.Raw
    imports: tuple[Import, ...]
    bindings: tuple[Binding, ...]


_encoder = msgspec.msgpack.Encoder()
_layout_decoder = msgspec.msgpack.Decoder(Layout)
_uses_decoder = msgspec.msgpack.Decoder(Uses)
_symbols_decoder = msgspec.msgpack.Decoder(_SymbolsOnly)
_chunks_decoder = msgspec.msgpack.Decoder(_ChunksOnly)
_raw_decoder = msgspec.msgpack.Decoder(_RawReferences)
_references_decoder = msgspec.msgpack.Decoder(tuple[Reference, ...])


def symbols_within(symbols: Iterable[Symbol]) -> Mapping[str, Sequence[Symbol]]:
    """See `Outline.within`."""
    found: dict[str, list[Symbol]] = {}
    for symbol in symbols:
        found.setdefault(symbol.qualname.rpartition(".")[0], []).append(symbol)
    return found


def fields_of(bindings: Iterable[Binding]) -> Sequence[Binding]:
    """See `Outline.fields`."""
    return [one for one in bindings if one.name.startswith("self.") and "." not in one.name[len("self.") :]]


def layout_of(facts: FileFacts) -> Layout:
    return Layout(facts.language, facts.n_lines, facts.degraded, facts.package, facts.chunks, facts.symbols)


def pack_layout(facts: FileFacts) -> bytes:
    return zlib.compress(_encoder.encode(layout_of(facts)), LEVEL)


def pack_uses(facts: FileFacts) -> bytes:
    return zlib.compress(_encoder.encode(Uses(facts.references, facts.imports, facts.bindings)), LEVEL)


def pack_content(data: bytes) -> bytes:
    return zlib.compress(data, LEVEL)


def unpack_content(packed: bytes) -> bytes:
    """Raises DamagedIndexError, as the others do."""
    try:
        return zlib.decompress(packed)
    except zlib.error as error:
        raise DamagedIndexError(f"index: content of a file: damaged ({error})") from None


def unpack_layout(packed: bytes) -> Layout:
    try:
        return _layout_decoder.decode(zlib.decompress(packed))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedIndexError(f"index: layout of a file: damaged ({error})") from None


def unpack_uses(packed: bytes) -> Uses:
    try:
        return _uses_decoder.decode(zlib.decompress(packed))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedIndexError(f"index: uses of a file: damaged ({error})") from None


def unpack_chunks(packed: bytes) -> tuple[ChunkFact, ...]:
    """The chunks of a layout."""
    try:
        return _chunks_decoder.decode(zlib.decompress(packed)).chunks
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedIndexError(f"index: layout of a file: damaged ({error})") from None


def unpack_outline(path: str, layout: bytes, uses: bytes) -> Outline:
    try:
        seen = _symbols_decoder.decode(zlib.decompress(layout))
        needs = _raw_decoder.decode(zlib.decompress(uses))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedIndexError(f"index: facts of a file: damaged ({error})") from None
    return Outline(
        path, seen.language, seen.package, seen.symbols, needs.imports, needs.bindings, needs.references
    )


def unpack_seen(path: str, layout: bytes, uses: bytes) -> Outline:
    """An outline to be kept: without its references, which would hold on to all that was unpacked."""
    return msgspec.structs.replace(unpack_outline(path, layout, uses), references=msgspec.Raw())


def unpack_references(raw: bytes) -> tuple[Reference, ...]:
    """The references of an `Outline`."""
    try:
        return _references_decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise DamagedIndexError(f"index: references of a file: damaged ({error})") from None


def facts_from(path: str, layout: Layout, uses: Uses) -> FileFacts:
    """Both halves put together."""
    return FileFacts(
        path,
        layout.language,
        layout.n_lines,
        layout.chunks,
        layout.symbols,
        uses.references,
        uses.imports,
        uses.bindings,
        layout.degraded,
        layout.package,
    )
