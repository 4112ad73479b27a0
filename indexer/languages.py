"""File name -> language. A language is a row here, a `.scm` query file, and optionally a resolver."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from indexer.csharp_directives import hide_directives
from indexer.kotlin_lines import mark_newlines
from indexer.macros import hide_macros

# What joins the parts of a name besides the dot, the longest first.
RUST_JOINTS = (b"?.", b"::")  # `a()?.b`, `A::b`
C_JOINTS = (b"->", b"::")
JAVA_JOINTS = (b"::",)
JAVASCRIPT_JOINTS = (b"?.", b"!.", b".#")  # `a?.b`, `a!.b`, `this.#b`
PHP_JOINTS = (b"?->", b"->", b"::", b"\\")  # `$a?->b`, `A::b`, `A\\B`
RUBY_JOINTS = (b"&.", b"::")  # `a&.b`, `A::B`
OPTIONAL_JOINTS = (b"!!.", b"?.", b"!.", b"::")  # `a?.b`, `a!!.b`, `A::b`


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
    joints: tuple[bytes, ...] = ()
    sigils: bytes = b"$"  # signs that a name may start with
    marks: bytes = b""  # signs that a name may end with
    generics: bool = False  # whether `f<T>(x)` is a call
    # Whether a bare name that the file neither defines nor imports can only be the language's own. Where files see
    # their neighbours unasked (Java, Go), it cannot be said.
    closed: bool = False
    stars: bool = True  # whether imports of all names let the file itself use them; `export *` does not
    named_arguments: bool = (
        False  # `f(name=1)`: a bare name before `=` is bound there, or another's parameter
    )
    fields_apart: bool = False  # whether a class may have a field and a method of one name
    self_names: tuple[str, ...] = ()  # what a method calls its object
    keywords: frozenset[str] = frozenset()  # words that look like names but are none
    visibility: str = (
        ""  # how it is told: "words" (public, private, …), "underscore", "capital"; "" not at all
    )
    default_visibility: str = (
        ""  # where words may stand and none does; "internal private": members are private
    )
    # Bytes of the same length for the parser, where the grammar cannot read the file as it is.
    prepare: Callable[[bytes], bytes] | None = None


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
    " uintptr var cap _".split()
)

# With the prelude's variants, which stand in every other line.
_RUST = frozenset(
    "Err None Ok Some as async await bool break char const continue dyn else enum extern f32 f64 false fn for i8 i16"
    " i32 i64 i128 if impl in isize let loop match mod move mut pub ref return static str struct trait true type u8 u16"
    " u32 u64 u128 unsafe use usize where while _".split()
)

# Words of the preprocessor stand beside those of the language; `defined(X)` and `sizeof(x)` look like calls.
_C = frozenset(
    "_Bool _Generic _Static_assert alignof asm auto bool break case char const continue default define"
    " defined do double elif else endif enum error extern float for goto if ifdef ifndef include inline int"
    " line long pragma register restrict return short signed size_t sizeof static struct switch typedef typeof"
    " undef union unsigned void volatile while __attribute__ __asm__ __extension__ __inline __restrict"
    " __typeof__ __va_arg_pack va_arg va_end va_start int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t"
    " uint64_t ssize_t NULL".split()
)
_CPP = _C | frozenset(
    "alignas and catch char8_t char16_t char32_t class co_await co_return co_yield concept const_cast"
    " consteval constexpr constinit decltype delete dynamic_cast explicit export false final friend mutable"
    " namespace new noexcept not nullptr operator or override private protected public reinterpret_cast"
    " requires static_assert static_cast template thread_local throw true try typeid typename using virtual"
    " wchar_t xor".split()
)
_RUBY = frozenset(
    "BEGIN END __FILE__ __LINE__ __dir__ __method__ alias and begin block_given? break case class def"
    " defined? do else elsif end ensure false for if in lambda loop module next nil not or p private"
    " private_class_method private_constant proc protected public puts raise redo require require_relative"
    " rescue retry return self super then true undef unless until when while yield".split()
)
_PHP = frozenset(
    "__CLASS__ __DIR__ __FILE__ __FUNCTION__ __LINE__ __METHOD__ __NAMESPACE__ abstract and array as bool"
    " break callable case catch class clone const continue declare default do echo else elseif empty"
    " enddeclare endfor endforeach endif endswitch endwhile enum eval exit extends false final finally float"
    " fn for foreach function global goto if implements include include_once instanceof insteadof int"
    " interface isset iterable list match mixed namespace never new null object or print private protected"
    " public readonly require require_once return string switch throw trait true try unset use var void while"
    " xor yield".split()
)

# With the types that every other line names and no repository defines; so in the next two.
_JAVA = frozenset(
    "abstract assert boolean break byte case catch char class const continue default do double else enum extends"
    " false final finally float for goto if implements import instanceof int interface long native new null"
    " package private protected public return short static strictfp switch synchronized throw throws transient"
    " true try var void volatile while yield String Object Integer Long Boolean Double Float Character Byte"
    " Short".split()
)
_KOTLIN = frozenset(
    "Any Boolean Byte Char Double Float Int Long Nothing Short String Unit abstract annotation as break by catch"
    " class companion const constructor continue crossinline do else enum false final finally for fun if import"
    " in init interface is it lateinit noinline null object override package private protected public reified"
    " return sealed suspend tailrec throw true try typealias typeof val var vararg when where while field".split()
)
_CSHARP = frozenset(
    "abstract as async await bool break byte case catch char checked class const continue decimal default"
    " delegate do double dynamic else enum event explicit extern false finally fixed float for foreach from get"
    " global goto if implicit in init int interface internal into is join let lock long nameof namespace new nint"
    " not null object operator orderby out override params partial private protected public readonly ref required"
    " return sbyte sealed select set short sizeof stackalloc static string struct switch throw true try typeof"
    " uint ulong unchecked unsafe ushort using var virtual void volatile when where while yield _".split()
)

# Only reserved words: `get`, `of`, `type` and `string` are names as well.
_ECMASCRIPT = frozenset(
    "arguments await break case catch class const continue debugger default delete do else enum export extends false"
    " finally for function if import in instanceof new null return switch throw true try typeof undefined var void"
    " while with yield".split()
)
_TYPESCRIPT = _ECMASCRIPT | frozenset(
    "abstract as asserts declare implements infer interface keyof namespace private protected public readonly"
    " satisfies".split()
)

LANGUAGES: tuple[Language, ...] = (
    Language(
        "python",
        (".py", ".pyi", ".pyw"),
        "tree_sitter_python",
        "python.scm",
        "#",
        closed=True,
        named_arguments=True,
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
    Language(
        "c",
        (".c", ".h"),
        "tree_sitter_c",
        "c.scm",
        "//",
        block_comment=_C_COMMENT,
        joints=C_JOINTS,
        prepare=hide_macros,
        keywords=_C,
    ),
    Language(
        "cpp",
        (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".c++", ".h++", ".inl", ".ipp", ".tpp"),
        "tree_sitter_cpp",
        "c.scm cpp.scm",
        "//",
        block_comment=_C_COMMENT,
        joints=C_JOINTS,
        prepare=hide_macros,
        generics=True,
        self_names=("this",),
        keywords=_CPP,
    ),
    Language(
        "csharp",
        (".cs",),
        "tree_sitter_c_sharp",
        "csharp.scm",
        "//",
        block_comment=_C_COMMENT,
        joints=OPTIONAL_JOINTS,
        generics=True,
        prepare=hide_directives,
        self_names=("this",),
        keywords=_CSHARP,
        visibility="words",
        default_visibility="internal private",
    ),
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
    Language(
        "java",
        (".java",),
        "tree_sitter_java",
        "java.scm",
        "//",
        block_comment=_C_COMMENT,
        joints=JAVA_JOINTS,
        generics=True,
        fields_apart=True,
        self_names=("this",),
        keywords=_JAVA,
        visibility="words",
        default_visibility="internal",
    ),
    Language(
        "javascript",
        (".js", ".mjs", ".cjs", ".jsx"),
        "tree_sitter_javascript",
        "ecmascript.scm javascript.scm jsx.scm",
        "//",
        block_comment=_C_COMMENT,
        joints=JAVASCRIPT_JOINTS,
        closed=True,
        stars=False,
        self_names=("this",),
        keywords=_ECMASCRIPT,
        visibility="words",
        default_visibility="public",
    ),
    Language(
        "kotlin",
        (".kt", ".kts"),
        "tree_sitter_kotlin",
        "kotlin.scm",
        "//",
        block_comment=_C_COMMENT,
        joints=OPTIONAL_JOINTS,
        generics=True,
        prepare=mark_newlines,
        fields_apart=True,
        self_names=("this",),
        keywords=_KOTLIN,
        visibility="words",
        default_visibility="public",
    ),
    Language("lua", (".lua",), line_comment="--"),
    Language(
        "php",
        (".php", ".phtml", ".php5"),
        "tree_sitter_php",
        "php.scm",
        "//",
        entry="language_php",
        block_comment=_C_COMMENT,
        joints=PHP_JOINTS,
        self_names=("$this", "self", "static", "parent"),
        keywords=_PHP,
        visibility="words",
        default_visibility="public",
    ),
    Language("proto", (".proto",), line_comment="//"),
    Language(
        "ruby",
        (".rb", ".rake", ".gemspec", ".ru", ".rbw"),
        "tree_sitter_ruby",
        "ruby.scm",
        names=("gemfile", "rakefile", "guardfile", "capfile", "vagrantfile"),
        block_comment=("=begin", "=end"),
        joints=RUBY_JOINTS,
        sigils=b"@$",
        marks=b"?!",
        self_names=("self",),
        keywords=_RUBY,
    ),
    Language(
        "rust",
        (".rs",),
        "tree_sitter_rust",
        "rust.scm",
        "//",
        block_comment=_C_COMMENT,
        sigils=b"'",  # of a lifetime, which is no name
        joints=RUST_JOINTS,
        generics=True,
        self_names=("self", "Self"),
        keywords=_RUST,
        visibility="words",
        default_visibility="private",
    ),
    Language("scala", (".scala",), line_comment="//"),
    Language("swift", (".swift",), line_comment="//"),
    Language(
        "typescript",
        (".ts", ".mts", ".cts"),
        "tree_sitter_typescript",
        "ecmascript.scm typescript.scm",
        "//",
        entry="language_typescript",
        block_comment=_C_COMMENT,
        joints=JAVASCRIPT_JOINTS,
        generics=True,
        closed=True,
        stars=False,
        self_names=("this",),
        keywords=_TYPESCRIPT,
        visibility="words",
        default_visibility="public",
    ),
    Language(
        "tsx",
        (".tsx",),
        "tree_sitter_typescript",
        "ecmascript.scm typescript.scm jsx.scm",
        "//",
        entry="language_tsx",
        block_comment=_C_COMMENT,
        joints=JAVASCRIPT_JOINTS,
        generics=True,
        closed=True,
        stars=False,
        self_names=("this",),
        keywords=_TYPESCRIPT,
        visibility="words",
        default_visibility="public",
    ),
    Language("cython", (".pyx", ".pxd", ".pxi")),
)

PLAIN_TEXT = Language("text", ())  # what any other text file is indexed as

MAX_SIGN_BYTES = 1 << 18  # of a header, in which C++ would have shown itself
# At the start of a line, as it would be in C++ and not in a comment.
_CPP_SIGNS = re.compile(
    rb"^[ \t]*(?:(?:public|private|protected)[ \t]*:|template[ \t]*<|namespace(?:[ \t]+[\w:]+)?[ \t]*\{"
    rb"|class[ \t]+\w[\w \t]*[;:{\n]|using[ \t]+(?:namespace\b|[\w:]+[ \t]*[;=])|#[ \t]*include[ \t]*<\w+>)"
    rb"|^[^/*\n]*\bstd::\w",
    re.MULTILINE,
)
_BY_EXTENSION = {extension: language for language in LANGUAGES for extension in language.extensions}
_BY_NAME = {name: language for language in LANGUAGES for name in language.names}
_BY_LANGUAGE = {language.name: language for language in LANGUAGES}


def language_of(path: str) -> Language | None:
    """The language of a file by its name; None if the name tells nothing (it may still be text)."""
    name = path.rpartition("/")[2].lower()
    dot = name.rfind(".")
    found = _BY_EXTENSION.get(name[dot:]) if dot > 0 else None
    return found or _BY_NAME.get(name)


def language_in(path: str, data: bytes) -> Language | None:
    """The language of a file by its name and, where two share the name, by what stands in it: `.h` is C or C++."""
    language = language_of(path)
    if language is not None and language.name == "c" and _CPP_SIGNS.search(data, 0, MAX_SIGN_BYTES):
        return _BY_LANGUAGE["cpp"] if path.lower().endswith(".h") else language
    return language


def language_named(name: str) -> Language:
    """The row with this name; plain text if there is none."""
    return _BY_LANGUAGE.get(name, PLAIN_TEXT)
