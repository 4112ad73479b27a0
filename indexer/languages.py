"""File name -> language. A language is a row here, a `.scm` query file, and optionally a resolver."""

from __future__ import annotations

from dataclasses import dataclass

WORD = rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*"  # a name, as a regular expression over bytes
# Between the parts of a dotted name, as a regular expression over bytes.
DOT = rb"\s*\.\s*"
OPTIONAL_DOT = rb"\s*[?!]*\.\s*"
RUST_WORD = rb"(?<!')[A-Za-z_\x80-\xff][\w\x80-\xff]*"  # 'a is a lifetime
RUST_DOTS = rb"\s*\??(?:\.|::)\s*"  # `a()?.b`
C_DOTS = rb"\s*(?:\.|->|::)\s*"


@dataclass(frozen=True, slots=True)
class Language:
    """How the files of one language are read. Without a grammar they become text chunks."""

    name: str
    extensions: tuple[str, ...]
    grammar: str = ""  # module of the wheel, "" if there is none
    query: str = ""  # files in `indexer/queries/`, joined: "javascript.scm typescript.scm"
    line_comment: str = "#"
    names: tuple[str, ...] = ()  # whole file names, lower case, for files without an extension
    entry: str = "language"  # function of the grammar's module
    block_comment: tuple[str, str] = ("", "")  # "/*", "*/"
    word: bytes = WORD
    separators: bytes = DOT
    generics: bool = False  # whether `f<T>(x)` is a call
    # Whether a bare name that the file neither defines nor imports can only be the language's own. Where files see
    # their neighbours unasked (Java, Go), it cannot be said.
    closed: bool = False
    self_names: tuple[str, ...] = ()  # what a method calls its object
    keywords: frozenset[str] = frozenset()  # words that look like names but are none
    visibility: str = (
        ""  # how it is told: "words" (public, private, …), "underscore", "capital"; "" not at all
    )
    default_visibility: str = ""  # where words may stand and none does


_C_COMMENT = ("/*", "*/")

_PYTHON = frozenset(
    "False None True and as assert async await break class continue def del elif else except finally for from global if"
    " import in is lambda nonlocal not or pass raise return try while with yield".split()
)

# The predeclared names that packages do not define anew in practice are among the words.
_GO = frozenset(
    "any append bool break byte case chan complex64 complex128 comparable const continue default defer else error false"
    " fallthrough float32 float64 for func go goto if import int int8 int16 int32 int64 interface iota len make map new"
    " nil package panic range recover return rune select string struct switch true type uint uint8 uint16 uint32 uint64"
    " uintptr var cap".split()
)

# With the prelude's variants, which stand in every other line.
_RUST = frozenset(
    "Err None Ok Some as async await bool break char const continue dyn else enum extern f32 f64 false fn for i8 i16 i32"
    " i64 i128 if impl in isize let loop match mod move mut pub ref return static str struct trait true type u8 u16 u32"
    " u64 u128 unsafe use usize where while _".split()
)

LANGUAGES: tuple[Language, ...] = (
    Language(
        "python",
        (".py", ".pyi", ".pyw"),
        "tree_sitter_python",
        "python.scm",
        "#",
        closed=True,
        self_names=("self", "cls"),
        keywords=_PYTHON,
        visibility="underscore",
    ),
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
    Language(
        "go",
        (".go",),
        "tree_sitter_go",
        "go.scm",
        "//",
        block_comment=_C_COMMENT,
        keywords=_GO,
        visibility="capital",
    ),
    Language("java", (".java",), line_comment="//"),
    Language("javascript", (".js", ".mjs", ".cjs", ".jsx"), line_comment="//"),
    Language("kotlin", (".kt", ".kts"), line_comment="//"),
    Language("lua", (".lua",), line_comment="--"),
    Language("php", (".php",), line_comment="//"),
    Language("proto", (".proto",), line_comment="//"),
    Language("ruby", (".rb",), names=("gemfile", "rakefile")),
    Language(
        "rust",
        (".rs",),
        "tree_sitter_rust",
        "rust.scm",
        "//",
        block_comment=_C_COMMENT,
        word=RUST_WORD,
        separators=RUST_DOTS,
        generics=True,
        self_names=("self", "Self"),
        keywords=_RUST,
        visibility="words",
        default_visibility="private",
    ),
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
