"""What one language must say so that its names can be followed across files.

The core (`lookup`, `values`, `members`, `edges` beside this module) knows scopes, imports, stars, classes with their
bases and the types of variables; it is the same for all languages. A language is a subclass of `Rules` that is named in
`indexer/resolvers/__init__.py`. Most languages set flags and write `imported`.

Two laws. Rules are pure: what they answer follows from the `World` alone, which notes everything that was looked at,
so that a later change of a file finds those whose answers it can change. And they are asked once for each
(file, import) and (file, scope, name); whatever is dearer than a few dictionary lookups goes through `World.remember`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

_STRINGS = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")  # a default may hold brackets and commas
_WORDS = re.compile(r"[^\W\d]\w*")
_BASE_END = re.compile(r"[\[<({\s]")
_MARKS = re.compile(r"[\[\](){}<>,]")
_OPEN = "([{<"


class Place(NamedTuple):
    """Where an import or a name may lead.

    ("a/b.py", "") is the file itself, as a module. ("a/b.py", "X") is what X means at the end of that file: its own
    definition, or what it imports under that name (followed, if the rules of that file's language say that others see
    its imports). ("a/B.java", "B.Inner.f") goes on through members. ("", "a.b") is the package or namespace a.b.
    """

    path: str
    name: str = ""
    weight: float = 1.0  # confidence in (0, 1]: below 1 where it is a guess
    how: str = ""  # in words; "" lets the core say "imported at line 3 from a.b"


class Named(NamedTuple):
    """A symbol of the repository, as `World.named` gives it."""

    path: str
    package: str  # what `Rules.package` makes of its file
    qualname: str
    kind: str

    @property
    def full(self) -> str:
        """package + "." + qualname"""
        return f"{self.package}.{self.qualname}" if self.package else self.qualname


class FileView(Protocol):
    """What rules see of a file."""

    path: str
    folder: str  # "" or "a/b/"
    language: str
    package: str  # what `Rules.package` makes of it
    imports: Sequence[Import]  # all of them, stars included, in their order

    @property
    def namespaces(self) -> Collection[str]:
        """The qualified names of the namespaces that stand in it."""
        ...

    def kind(self, qualname: str) -> str:
        """The kind of a symbol of this file; "" if there is none of that name."""
        ...

    def binds(self, name: str) -> bool:
        """Whether the file's top level defines, imports or assigns the name."""
        ...


class Rules:
    """A language of which nothing is known: names of the same file and of what is found under no rules at all."""

    # -- flags ---------------------------------------------------------------------------------------------------

    # Languages whose definitions can be used from this one (Java and Kotlin); its own always can.
    family: frozenset[str] = frozenset()
    # A bare name in a method may be a member of the class around it, also an inherited one (Java; not Python).
    implicit_members = False
    # Whether what a file imports can be had from it in turn (Python, JavaScript's `export from`, Rust's `pub use`).
    # Names that it has by stars included (`from x import *`, `#include`).
    passes_imports = True
    # Confidence of the last resort: the name stands for the only symbol in the repository that is called so.
    # 0: never guess. For bare names and for the last part of `x.name` where nothing is known about x.
    guess = 0.0
    # Kinds of symbols that are guessed; empty: all.
    guessed_kinds: frozenset[str] = frozenset()
    # Bare names may be defined in another file of the same package or namespace (Java, Go, C#, Kotlin).
    same_package = False
    # ... and of the packages and namespaces around that (C#, C++, Rust no).
    outer_packages = False
    # Whether what `neighbours` says depends on the namespace around (Rust's `super`).
    relative_names = False
    # Members of a class or namespace may stand in other files than it: Go methods, Rust impl, C# partial classes,
    # C++ definitions, reopened Ruby classes. They are found by package + qualified name.
    spread_members = False
    # Naming a function calls it (Ruby): parentheses tell nothing.
    names_call = False
    # Whether names of the classes around are looked up over all files like those of namespaces (Ruby's constants).
    open_classes = False
    # Of `Language.self_names` those that mean the class itself ("cls"); the others mean an instance of it.
    class_names: frozenset[str] = frozenset()
    # Whether the body of a class can name its members bare (Python); its methods, see `implicit_members`.
    bare_in_class_body = True
    # Whether the body of a class itself can name its object (`int x = this.y;`; not Python).
    self_in_class_body = True
    # What the next class in the line of bases is called: `super().f()` has the name "super().f".
    super_names: frozenset[str] = frozenset({"super"})
    # Types that stand for the class around a method: `-> Self`.
    self_types: frozenset[str] = frozenset()
    # Calls of these on a class make an instance of it unless it says otherwise (Ruby's `Foo.new`).
    constructors: frozenset[str] = frozenset()
    # Whether anything asks `World.named` or `World.qualified` for symbols of this language. If not, files need not note
    # the last names of all their symbols. False only where no other language of a family asks either.
    asks_by_name = True
    # A method that is called like its class is its constructor: inside, the name means the class (Java, C#, C++).
    named_constructors = False
    # Names that the language itself defines where nothing binds them, see `is_outside`.
    builtins: frozenset[str] = frozenset()
    # Members that give what they are asked of, or what it holds, where its type has none of that name (Rust's `unwrap`
    # and `iter`: the type of a wrapper or list is told as that of what is inside).
    transparent: frozenset[str] = frozenset()
    # A function can be a class whose methods are assigned to it, and a variable an object with methods (JavaScript).
    functions_have_members = False
    # In a parameter the name stands last ("String name") instead of first ("name: str").
    parameter_name_last = False
    # Whether declarations and definitions are apart, so that `bodies` is asked.
    has_bodies = False

    # Whether functions defined elsewhere may be called as members (Kotlin, C#), so that `extension` is asked.
    has_extensions = False

    # Whether a bare name that no scope, import or star of the file binds means nothing in the repository, whatever the
    # flags above say, and no member can be named bare. What leads out of the repository is then left at once (Python).
    is_lexical = False

    # -- hooks ---------------------------------------------------------------------------------------------------

    def module_keys(self, path: str) -> Iterable[str]:
        """What `World.note` may have noted when this path was missing or found, by names of the language.

        Only for lookups that do not go through `World`'s own functions, which note for themselves. Asked for every
        path of the repository: give nothing for what is not this language's.
        """
        return ()

    def package(self, path: str, stated: str) -> str:
        """The package or namespace, dotted, that the top level of a file is in; `stated` is what the file says.

        Only has to be unique and the same for all files of a package: for Go it is made of the folder.
        """
        return stated

    def bound_name(self, entry: Import) -> str:
        """The name that an import other than a star binds in its scope; "" if none. The module's first part where it
        is imported whole without another name.
        """
        return (entry.alias or entry.name or entry.module).partition(".")[0]

    def module_words(self, entry: Import) -> str:
        """The module of an import as users write it."""
        return entry.module

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """What an import leads to, likeliest first; () if it is not in the repository.

        The first place that leads to something wins. For `name == "*"` all places count: files whose names become
        visible, packages, or classes whose members do. For `name == ""` it is the module itself.
        """
        return ()

    def module(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """The module that the import statement names, for an `imports` edge to its file; by default what `imported`
        says of the module alone.
        """
        return self.imported(world, file, Import(entry.module, entry.level, "", "", entry.line, entry.scope))

    def neighbours(self, world: World, file: FileView, name: str, scope: str) -> Sequence[Place]:
        """What a bare name means that neither a scope around it nor an import nor a star binds, likeliest first.

        Asked after `same_package`. `scope` is the qualified name of the innermost definition around it.
        """
        return ()

    def is_outside(self, world: World, file: FileView, name: str) -> bool:
        """Whether a name that nothing binds is known to be of the language or of what is installed: it is not looked
        for among neighbours, and neither it nor its members are guessed.
        """
        return name in self.builtins

    def attribute(self, world: World, file: FileView, name: str) -> Sequence[Place]:
        """`module.name` where the module `file` does not bind the name: Python's submodules."""
        return ()

    def package_member(self, world: World, package: str, name: str) -> Sequence[Place]:
        """`package.name` for a package: a top-level symbol of any of its files, or a deeper package."""
        below = f"{package}.{name}" if package else name
        found = [Place(named.path, named.qualname) for named in world.qualified(below)]
        if not found and world.is_package(below):
            found.append(Place("", below))
        return found

    def elsewhere(self, world: World, file: FileView, qualname: str) -> Sequence[Named]:
        """Symbols in other files that are the member of a class or namespace of this one; asked if `spread_members`."""
        return world.qualified(f"{file.package}.{qualname}" if file.package else qualname)

    def extension(self, world: World, file: FileView, name: str, classes: frozenset[str]) -> Sequence[Place]:
        """The functions called `name` that the file sees and that extend one of the classes, given by their last names;
        those that may be meant if there are none, because nothing is known of the object. Asked if `has_extensions`.
        """
        return ()

    def bodies(self, world: World, path: str, qualname: str) -> Sequence[Place]:
        """Where the definition is of what a file only declares (C, C++); asked if `has_bodies`. They come before the
        declaration among the targets.
        """
        return ()

    def star_hides(self, name: str) -> bool:
        """Whether a star does not bring the name (Python: names with an underscore)."""
        return False

    def base_name(self, written: str) -> str:
        """The dotted name of a base class as written in `Symbol.bases`; "" for what is none (`metaclass=M`)."""
        name = _BASE_END.split(written.strip(), maxsplit=1)[0]
        return name.replace("::", ".").replace("\\", ".").lstrip(".")

    def parameters(self, signature: str) -> list[str]:
        """The names of the parameters in a header as written."""
        which = -1 if self.parameter_name_last else 0
        words = (_WORDS.findall(part.partition("=")[0]) for part in parameter_texts(signature))
        return [found[which] for found in words if found]


def parameter_texts(signature: str) -> list[str]:
    """The texts between the commas of the first parentheses of a header: "def f(a: int = g(1, 2), *b)" -> 2 texts."""
    signature = _STRINGS.sub("_", signature)
    start = signature.find("(")
    if start < 0:
        return []
    depth, word, parts = 0, start + 1, []
    for match in _MARKS.finditer(signature, start):
        letter, at = match[0], match.start()
        if letter in _OPEN:
            depth += 1
        elif letter == ",":
            if depth == 1:
                parts.append(signature[word:at])
                word = at + 1
        elif letter != ">" or signature[at - 1] not in "-=":
            depth -= 1
            if not depth:
                parts.append(signature[word:at])
                break
    return parts
