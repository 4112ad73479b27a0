"""Fill-in-the-middle templates: which one a model was trained with, and the token ids of a prompt in it.

Where the ids come from, in this order: the metadata (`llama_vocab_fim_*` reads the same keys, and knows
names of its own), the token's text in the vocabulary, the user's override. The override wins, as it was asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from repocoder.errors import ModelError
from repocoder.gguf import GgufHeader

ROLES = ("prefix", "suffix", "middle", "repo", "file", "pad")

_METADATA_KEYS = {
    "prefix": ("fim_pre_token_id", "prefix_token_id"),
    "suffix": ("fim_suf_token_id", "suffix_token_id"),
    "middle": ("fim_mid_token_id", "middle_token_id"),
    "repo": ("fim_rep_token_id",),
    "file": ("fim_sep_token_id",),
    "pad": ("fim_pad_token_id",),
}

EMBEDDED_MARK = "repocoder"
"""In `general.name` of the models trained for this project: no line of their samples names the repository."""

EMBEDDED_SNIPPETS = 4
"""As in the training samples of those models. With the first of them, 100 holes of httpx and scrapy (the true line
taken out) cost 3.10 nats a token with four, 3.12 with three, 3.24 without snippets; more than four gained nothing."""


@dataclass(frozen=True, slots=True)
class Family:
    """One row of known templates: the texts of its control tokens. Empty: it has no such token."""

    name: str
    layout: str  # a key of `_LAYOUTS`
    prefix: str
    suffix: str
    middle: str = ""
    repo: str = ""
    file: str = ""
    pad: str = ""


def _marks(pattern: str) -> tuple[str, str, str]:
    return pattern.format("prefix"), pattern.format("suffix"), pattern.format("middle")


FAMILIES = (
    Family(
        "qwen2.5-coder",
        "repository",
        *_marks("<|fim_{}|>"),
        repo="<|repo_name|>",
        file="<|file_sep|>",
        pad="<|fim_pad|>",
    ),
    Family("codegemma", "separated", *_marks("<|fim_{}|>"), file="<|file_separator|>"),
    Family("granite", "comments", *_marks("<|fim_{}|>"), pad="<|fim_pad|>"),
    Family("starcoder2", "starcoder", *_marks("<fim_{}>"), "<repo_name>", "<file_sep>", "<fim_pad>"),
    Family("granite-code", "comments", *_marks("<fim_{}>"), pad="<fim_pad>"),
    Family("santacoder", "comments", *_marks("<fim-{}>"), pad="<fim-pad>"),
    Family("deepseek-coder", "hashed", "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # noqa: RUF001
    Family("codellama", "spaced", "▁<PRE>", "▁<SUF>", "▁<MID>"),
    Family("seed-coder", "plain-suffix-first", *_marks("<[fim-{}]>")),
    Family("codestral", "suffix-first", "[PREFIX]", "[SUFFIX]"),
)
"""Tried in this order: a family with more tokens comes before one whose tokens are among them."""


@dataclass(frozen=True, slots=True)
class VocabFacts:
    """What a vocabulary says, from the header alone or with llama.cpp's view of it."""

    ids: Mapping[str, int]  # text of a token -> its id; only the texts of `FAMILIES` matter
    fim: Mapping[str, int]  # role -> id, of the metadata or of llama.cpp
    name: str = ""
    bos: int | None = None  # None: no prompt begins with it
    end_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Template:
    """A layout with the ids of one vocabulary."""

    name: str
    layout: str
    ids: Mapping[str, int] = field(default_factory=dict)  # role -> id
    texts: Mapping[str, str] = field(default_factory=dict)  # role -> text, for display
    bos: int | None = None
    end_ids: frozenset[int] = frozenset()  # tokens that end a completion
    max_snippets: int | None = None

    @property
    def infills(self) -> bool:
        """Does it take a suffix?"""
        return "prefix" in self.ids

    @property
    def control_ids(self) -> frozenset[int]:
        """Every id that text of a repository must never become."""
        return frozenset(self.ids.values()) | self.end_ids

    @property
    def prefix_lead(self) -> str:
        """What the tokenizer of the model puts before a prefix."""
        return " " if self.layout == "spaced" else ""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a prompt. `ids` None: plain text that is still to be tokenised."""

    text: str
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Infill:
    """What goes into a template. The texts of `snippets` come from `render_snippet`."""

    repo_name: str
    snippets: tuple[Part, ...]
    path: str
    prefix: Part
    suffix: Part


def facts_of(header: GgufHeader) -> VocabFacts:
    """The facts that a header gives without loading the model."""
    metadata = header.metadata
    wanted = {text.encode(): text for family in FAMILIES for text in _texts(family).values()}
    ids = {wanted[token]: number for number, token in enumerate(header.tokens) if token in wanted}
    fim = {
        role: value
        for role, keys in _METADATA_KEYS.items()
        for key in reversed(keys)
        if isinstance(value := metadata.get(f"tokenizer.ggml.{key}"), int) and value < len(header.tokens)
    }
    ends = (metadata.get(f"tokenizer.ggml.{key}_token_id") for key in ("eos", "eot", "eom"))
    bos = metadata.get("tokenizer.ggml.bos_token_id")
    adds_bos = metadata.get("tokenizer.ggml.add_bos_token", metadata.get("tokenizer.ggml.model") == "llama")
    return VocabFacts(
        ids=ids,
        fim=fim,
        name=header.name,
        bos=bos if adds_bos and isinstance(bos, int) else None,
        end_ids=frozenset(end for end in ends if isinstance(end, int)),
    )


def detect(facts: VocabFacts, override: Mapping[str, str] | None = None) -> Template:
    """The template of a vocabulary; "none" if it has no fill-in-the-middle tokens.

    `override` maps roles to token texts. ModelError if one of them is not a role or not in the vocabulary.
    """
    family = next((row for row in FAMILIES if _has_all(facts.ids, row)), None)
    texts = {} if family is None else _texts(family)
    ids = {role: facts.ids[text] for role, text in texts.items() if text in facts.ids}
    layout = "comments" if family is None else family.layout
    name = "metadata" if family is None else family.name
    ids |= {role: number for role, number in facts.fim.items() if role in texts or family is None}
    for role, text in (override or {}).items():
        if role not in ROLES or text not in facts.ids:
            raise ModelError(f"template override: {role}={text}: name a role and a token of the model")
        ids[role], texts[role], name = facts.ids[text], text, "override"
    if "prefix" not in ids or "suffix" not in ids:
        return Template("none", "bare", bos=facts.bos, end_ids=facts.end_ids)
    snippets = None
    if layout == "repository" and EMBEDDED_MARK in facts.name.lower():
        name, layout, snippets = "repocoder", "files", EMBEDDED_SNIPPETS
    others = frozenset(ids[role] for role in ("repo", "file", "pad") if role in ids)
    texts |= {role: f"<{role}>" for role in ids if role not in texts}
    return Template(name, layout, ids, texts, facts.bos, facts.end_ids | others, snippets)


def render_snippet(template: Template, path: str, text: str, comment: str) -> str:
    """A snippet with its path as the template wants it, with a line end; `comment` begins a comment."""
    body = text.rstrip("\n")
    match template.layout:
        case "repository" | "files" | "starcoder" | "separated":
            return f"{path}\n{body}\n"
        case "hashed":
            return f"#{path}\n{body}\n\n"
        case "suffix-first":
            return f"+++++ {path}\n{body}\n"
        case "plain-suffix-first":
            return f"{comment} {path}\n{body}\n\n"
        case _:
            lines = (f"{comment} {line}".rstrip() for line in body.split("\n"))
            return f"{comment} {path}\n" + "\n".join(lines) + "\n"


def lay_out(template: Template, infill: Infill) -> tuple[Part, ...]:
    """The parts of a prompt in the order of the template; empty parts are left out."""
    parts = _LAYOUTS[template.layout](template, infill)
    bos = [] if template.bos is None else [Part("", (template.bos,))]
    return tuple(part for part in (*bos, *parts) if part.ids != () and (part.text or part.ids))


def assemble(
    template: Template, infill: Infill, tokenize_many: Callable[[Sequence[str]], Sequence[Sequence[int]]]
) -> tuple[tuple[int, ...], tuple[Part, ...]]:
    """The ids of a prompt and its parts. Whatever a text holds, it never becomes a control id."""
    parts = lay_out(template, infill)
    encoded = iter(tokenize_many([part.text for part in parts if part.ids is None]))
    ids: list[int] = []
    for part in parts:
        ids.extend(plain(next(encoded), template) if part.ids is None else part.ids)
    return tuple(ids), parts


def plain(ids: Sequence[int], template: Template) -> tuple[int, ...]:
    """Ids of a text without control ids: a second line of defence behind tokenising with `special=False`."""
    forbidden = template.control_ids
    return tuple(number for number in ids if number not in forbidden)


def _texts(family: Family) -> dict[str, str]:
    return {role: text for role in ROLES if (text := getattr(family, role))}


def _has_all(ids: Mapping[str, int], family: Family) -> bool:
    return all(text in ids for role, text in _texts(family).items() if role != "pad")


def _control(template: Template, role: str) -> Part:
    number = template.ids.get(role)
    return Part("", ()) if number is None else Part(template.texts[role], (number,))


def _infill(template: Template, before: Sequence[Part], infill: Infill) -> list[Part]:
    """Prefix, suffix, middle, with `before` at the head of the prefix."""
    control = [_control(template, role) for role in ("prefix", "suffix", "middle")]
    return [control[0], *before, infill.prefix, control[1], infill.suffix, control[2]]


def _repository(template: Template, infill: Infill) -> list[Part]:
    """Qwen2.5-Coder: repository's name, then files, the last one with the hole."""
    name = Part(f"{infill.repo_name}\n")
    return [_control(template, "repo"), name, *_context(template, infill), *_infill(template, (), infill)]


def _context(template: Template, infill: Infill) -> list[Part]:
    """The files of the snippets, and the head of the one with the hole."""
    file = _control(template, "file")
    others = [part for snippet in infill.snippets for part in (file, snippet)]
    return [*others, file, Part(f"{infill.path}\n")]


def _files(template: Template, infill: Infill) -> list[Part]:
    """The embedded model: the suffix first, then the prefix, which it goes on with, so that typed characters extend
    what is computed already. 70 % of its training samples had this order (Bavarian et al. 2022 call it SPM)."""
    control = [_control(template, role) for role in ("prefix", "suffix", "middle")]
    return [*_context(template, infill), *control[:2], infill.suffix, control[2], infill.prefix]


def _starcoder(template: Template, infill: Infill) -> list[Part]:
    repo, file = _control(template, "repo"), _control(template, "file")
    others = [part for snippet in infill.snippets for part in (file, snippet)]
    path = Part(f"{infill.path}\n")
    return [repo, Part(infill.repo_name), *others, file, *_infill(template, (path,), infill)]


def _separated(template: Template, infill: Infill) -> list[Part]:
    """CodeGemma: the separator stands between files; the path only where there are several."""
    file = _control(template, "file")
    others = [part for snippet in infill.snippets for part in (snippet, file)]
    path = [Part(f"{infill.path}\n")] if others else []
    return [*others, *path, *_infill(template, (), infill)]


def _hashed(template: Template, infill: Infill) -> list[Part]:
    """DeepSeek-Coder: files one after the other within the prefix, each under `#path`."""
    path = [Part(f"#{infill.path}\n")] if infill.snippets else []
    return _infill(template, (*infill.snippets, *path), infill)


def _comments(template: Template, infill: Infill) -> list[Part]:
    return _infill(template, infill.snippets, infill)


def _suffix_first(template: Template, infill: Infill) -> list[Part]:
    path = [Part(f"+++++ {infill.path}\n")] if infill.snippets else []
    return _swapped(template, (*infill.snippets, *path), infill)


def _plain_suffix_first(template: Template, infill: Infill) -> list[Part]:
    return _swapped(template, infill.snippets, infill)


def _swapped(template: Template, before: Sequence[Part], infill: Infill) -> list[Part]:
    suffix, prefix = _control(template, "suffix"), _control(template, "prefix")
    return [suffix, infill.suffix, prefix, *before, infill.prefix, _control(template, "middle")]


def _bare(_: Template, infill: Infill) -> list[Part]:
    """No such tokens: what follows the cursor cannot be shown."""
    return [*infill.snippets, infill.prefix]


_LAYOUTS: dict[str, Callable[[Template, Infill], list[Part]]] = {
    "repository": _repository,
    "files": _files,
    "starcoder": _starcoder,
    "separated": _separated,
    "hashed": _hashed,
    "comments": _comments,
    "spaced": _comments,
    "suffix-first": _suffix_first,
    "plain-suffix-first": _plain_suffix_first,
    "bare": _bare,
}
