"""Ask a server what it is: its model, its context, its tokenizer, and the control tokens of the wanted template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repocoder.errors import ModelError, UsageError
from repocoder.fim import FAMILIES, ROLES, Template, VocabFacts, detect
from repocoder.llm.generator import Vocab
from repocoder.llm.remote import RefusedError, Server
from repocoder.llm.remote_model import RemoteGenerator, RemoteModel
from repocoder.llm.remote_tokens import ServerTokens, TextTokens, find_dialect
from repocoder.types import ModelInfo

if TYPE_CHECKING:
    from repocoder.llm.local import LocalGenerator

DEFAULT_CTX = 4096
"""Tokens of context where the server does not say: what the protocols of the evaluation need, and code models have."""

MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class ListedModel:
    """What `/v1/models` says of a model; 0 for a number that it does not say."""

    id: str
    n_ctx: int
    n_vocab: int


def connect(server: Server, model: str, template: str) -> RemoteGenerator:
    """Ask the server what it is and what it can do."""
    family = _family(template)
    listed = _listed(server, model)
    dialect = find_dialect(server, listed.id)
    n_ctx = listed.n_ctx or _props_ctx(server)
    tokens = TextTokens(_counter()) if dialect is None else ServerTokens(dialect)
    # vLLM counts one new token, also where only the prompt is wanted.
    usable = (n_ctx or DEFAULT_CTX) - int(dialect is not None and dialect.can_score)
    try:
        vocab = Vocab(usable, listed.n_vocab, _template(server, family, tokens, listed.id))
    except ModelError:
        tokens.close()
        raise
    info = ModelInfo(f"remote:{server.address.host}/{_shown(server, listed.id)}", "")
    return RemoteGenerator(server, RemoteModel(listed.id, info, vocab, tokens, _notes(server, tokens, n_ctx)))


def _shown(server: Server, model: str) -> str:
    """The model's name in results; a server may call it by the place of its file, which is nobody's business."""
    name = model.rstrip("/").rsplit("/", 1)[-1] if model.startswith("/") else model
    return server.quoted(name)[:MAX_NAME]


def _family(name: str) -> Mapping[str, str]:
    """The control tokens of a family of models, role -> text; none of them for "none"."""
    if name == "none":
        return {}
    for family in FAMILIES:
        if family.name == name:
            return {role: text for role in ROLES if (text := getattr(family, role))}
    names = ", ".join(("none", *(family.name for family in FAMILIES)))
    raise UsageError(f"remote template: {name}: no such one: choose one of {names}")


def _template(
    server: Server, family: Mapping[str, str], tokens: ServerTokens | TextTokens, model: str
) -> Template:
    if not family:
        return Template("none", "bare", bos=tokens.bos)
    ids = {text: token_id for text in family.values() if (token_id := tokens.control(text)) is not None}
    missing = [text for role, text in family.items() if text not in ids and role != "pad"]
    if missing:
        raise server.problem(f"its model has no token {missing[0]}", "choose another template, or none")
    return detect(VocabFacts(ids, {}, name=model, bos=tokens.bos))


def _listed(server: Server, model: str) -> ListedModel:
    """The named model, or the first one; the named one also if the server lists none."""
    try:
        answer = server.ask("/v1/models")
    except RefusedError as error:
        if error.status != 404 or not model:
            raise
        return ListedModel(model, 0, 0)
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise server.problem("/v1/models is no list", "is it an OpenAI-compatible server?")
    found = next((row for row in rows if isinstance(row.get("id"), str) and model in ("", row["id"])), None)
    if found is None:
        raise server.problem(
            f"it has no model {server.quoted(model)}" if model else "it lists no model", "look at /v1/models"
        )
    meta = found.get("meta") if isinstance(found.get("meta"), dict) else {}
    n_ctx = _count(found.get("max_model_len")) or _count(meta.get("n_ctx"))
    return ListedModel(found["id"], n_ctx, _count(meta.get("n_vocab")))


def _props_ctx(server: Server) -> int:
    """What older versions of llama-server say elsewhere; 0 if it is not said."""
    try:
        answer = server.ask("/props")
    except RefusedError:
        return 0
    settings = answer.get("default_generation_settings") if isinstance(answer, dict) else None
    return _count(settings.get("n_ctx")) if isinstance(settings, dict) else 0


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _counter() -> LocalGenerator:
    from repocoder.llm.local import open_generator

    return open_generator(threads=1)


def _notes(server: Server, tokens: ServerTokens | TextTokens, n_ctx: int) -> tuple[str, ...]:
    notes: list[str] = []
    if isinstance(tokens, TextTokens):
        notes.append(f"remote: the server does not tokenise: {tokens.name} counts; control tokens are broken")
    elif not tokens.tells_apart:
        notes.append(
            "remote: control tokens in the code are cut in two: the tokenizer does not know text from them"
        )
    if not n_ctx:
        notes.append(f"remote: the server does not say its context: {DEFAULT_CTX} tokens are used")
    if server.is_key_readable:
        notes.append("remote: the key travels unencrypted: the URL begins with http://")
    return tuple(notes)
