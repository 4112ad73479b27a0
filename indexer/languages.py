"""File name -> language. A language is a row here, a `.scm` query file, and optionally a resolver."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """How the files of one language are read. Without a grammar they become text chunks."""

    name: str
    extensions: tuple[str, ...]
    grammar: str = ""  # module with a `language()` function, "" if there is none
    query: str = ""  # file in `indexer/queries/`
    line_comment: str = "#"
    resolver: str | None = None  # module in `indexer.resolvers`
    names: tuple[str, ...] = ()  # whole file names, lower case, for files without an extension


LANGUAGES: tuple[Language, ...] = (
    Language("python", (".py", ".pyi", ".pyw"), "tree_sitter_python", "python.scm", "#", "python"),
    Language("markdown", (".md", ".markdown", ".mdx"), line_comment="<!--"),
    Language("rst", (".rst",), line_comment=".."),
    Language(
        "text", (".txt", ".text"), names=("readme", "license", "notice", "changelog", "authors", "todo")
    ),
    Language("toml", (".toml",)),
    Language("yaml", (".yaml", ".yml")),
    Language("json", (".json", ".jsonc"), line_comment="//"),
    Language("ini", (".ini", ".cfg", ".conf", ".properties")),
    Language("shell", (".sh", ".bash", ".zsh", ".fish")),
    Language("make", (".mk",), names=("makefile", "gnumakefile", "justfile")),
    Language("docker", (".dockerfile",), names=("dockerfile", "containerfile")),
    Language("sql", (".sql",), line_comment="--"),
    Language("html", (".html", ".htm", ".jinja", ".j2"), line_comment="<!--"),
    Language("css", (".css", ".scss", ".less", ".tcss"), line_comment="/*"),
    Language("xml", (".xml", ".xsd"), line_comment="<!--"),
    Language("scheme", (".scm",), line_comment=";"),
    Language("c", (".c", ".h"), line_comment="//"),
    Language("cpp", (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx"), line_comment="//"),
    Language("csharp", (".cs",), line_comment="//"),
    Language("go", (".go",), line_comment="//"),
    Language("java", (".java",), line_comment="//"),
    Language("javascript", (".js", ".mjs", ".cjs", ".jsx"), line_comment="//"),
    Language("kotlin", (".kt", ".kts"), line_comment="//"),
    Language("lua", (".lua",), line_comment="--"),
    Language("php", (".php",), line_comment="//"),
    Language("proto", (".proto",), line_comment="//"),
    Language("ruby", (".rb",), names=("gemfile", "rakefile")),
    Language("rust", (".rs",), line_comment="//"),
    Language("scala", (".scala",), line_comment="//"),
    Language("swift", (".swift",), line_comment="//"),
    Language("typescript", (".ts", ".tsx", ".mts"), line_comment="//"),
    Language("cython", (".pyx", ".pxd", ".pxi")),
)

PLAIN_TEXT = Language("text", ())  # what any other text file is indexed as

_BY_EXTENSION = {extension: language for language in LANGUAGES for extension in language.extensions}
_BY_NAME = {name: language for language in LANGUAGES for name in language.names}
_BY_LANGUAGE = {language.name: language for language in LANGUAGES}


def language_of(path: str) -> Language | None:
    """The language of a file by its name; None if the name tells nothing (it may still be text)."""
    name = path.rpartition("/")[2].lower()
    dot = name.rfind(".")
    found = _BY_EXTENSION.get(name[dot:]) if dot > 0 else None
    return found or _BY_NAME.get(name)


def language_named(name: str) -> Language:
    """The row with this name; plain text if there is none."""
    return _BY_LANGUAGE.get(name, PLAIN_TEXT)
