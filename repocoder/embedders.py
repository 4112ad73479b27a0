"""Which encoder the setting `embedder` means: the embedded one, none, or one of sentence-transformers."""

from __future__ import annotations

from indexer.derived import Derived
from repocoder.cards import ASSETS, EMBEDDER, read_card
from repocoder.config import Settings
from retrieval.dense import VectorsBuilder
from retrieval.embed import Embedder, load_embedder
from retrieval.postings import PostingsBuilder
from retrieval.static import FILES, StaticEncoder

EMBEDDED, NONE = "embedded", "none"

FOLDER = ASSETS / "embedder"


def open_embedder(setting: str | None) -> Embedder | None:
    """The encoder that a setting means; None, for a setting that was not made, means the embedded one.

    Nothing of it is read before the first text. Raises EmbedderError for a folder that holds no encoder, ModelError for
    an installation that is damaged.
    """
    if setting == NONE:
        return None
    if setting is None or setting == EMBEDDED:
        return StaticEncoder(FOLDER, digests())
    return load_embedder(setting)


def channels_of(settings: Settings) -> tuple[str, ...]:
    """The channels of retrieval for completions: the dense one only with an encoder that the user has named.

    With the embedded one, on 100 tasks of RepoEval line (`eval retrieval --limit 100`), its hits pushed out others:
    the definition that was needed was among the snippets in 14 % of the cases instead of 38 % (21 cases).
    """
    if settings.embedder is not None:
        return settings.channels
    return tuple(name for name in settings.channels if name != "dense")


def digests() -> dict[str, str]:
    """SHA-256 of the files of the embedded encoder, as its card has them."""
    files = read_card(EMBEDDER).files
    return {name: files.get(f"{FOLDER.name}/{name}", "") for name in FILES}


def derived_of(embedder: Embedder | None) -> tuple[Derived, ...]:
    """What an index keeps beside its database: words, and vectors where there is an encoder."""
    parts: tuple[Derived, ...] = (PostingsBuilder(),)
    return parts if embedder is None else (*parts, vectors_of(embedder))


def vectors_of(embedder: Embedder) -> Derived:
    """What keeps its vectors in the index: those of the embedded encoder as int8, a quarter of the source's bytes."""
    return VectorsBuilder(embedder, "int8" if isinstance(embedder, StaticEncoder) else "float32")
