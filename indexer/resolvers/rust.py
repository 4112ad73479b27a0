"""Rust: the module tree of each crate, made of its files, and the crates of the repository by their names."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from indexer.resolvers.rules import FileView, Named, Place, Rules
from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

GUESS = 0.4  # the only method of that name in the repository, where the type of its object is not known
MACRO = 0.9  # confidence of a name without an import that the crate defines: only macros are seen so
MAX_MANIFEST_TEXT = 200_000  # characters of a Cargo.toml that are read
MAX_DEPTH = 64  # modules in modules
# What needs no import, the standard library's crates and macros.
PRELUDE = frozenset(
    "alloc core proc_macro std"
    " AsMut AsRef Box Clone Copy Default DoubleEndedIterator Drop Eq Err ExactSizeIterator Extend Fn FnMut FnOnce From"
    " FromIterator Into IntoIterator Iterator None Ok Option Ord PartialEq PartialOrd Result Send Sized Some String"
    " Sync ToOwned ToString TryFrom TryInto Unpin Vec assert assert_eq assert_ne cfg column compile_error concat dbg"
    " debug_assert debug_assert_eq debug_assert_ne drop env eprint eprintln file format format_args include"
    " include_bytes include_str line macro_rules matches module_path option_env panic print println stringify"
    " thread_local todo try unimplemented union unreachable vec write writeln".split()
)
# Of wrappers, locks, lists, maps and iterators.
TRANSPARENT = frozenset(
    "as_deref as_deref_mut as_mut as_ref as_slice await back back_mut borrow borrow_mut by_ref chain clone cloned"
    " collect context copied deref deref_mut downgrade drain expect expect_err filter first first_mut front front_mut"
    " get get_mut get_or_insert_with get_ref insert into into_boxed_slice into_inner into_iter into_values iter"
    " iter_mut last last_mut load lock make_mut map_err next next_back nth ok ok_or ok_or_else or_default or_else"
    " or_insert or_insert_with peek peek_mut peekable pop pop_back pop_front read recv remove replace rev skip"
    " skip_while swap_remove take take_while to_owned to_vec try_lock try_recv unwrap unwrap_or"
    " unwrap_or_default unwrap_or_else unwrap_unchecked upgrade values values_mut with_context write".split()
)
_SECTIONS = ("dependencies", "dev-dependencies", "build-dependencies")
_ROOTS = ("lib", "main")
_OWNERS = ("mod", *_ROOTS)  # their submodules are beside them


class Module(NamedTuple):
    """A module: a file, and the dotted names of the inline modules in it ("" for the file's own)."""

    path: str
    inner: str = ""


class RustRules(Rules):
    """Paths begin at the crate, at the module, at the one around it, or with the name of a crate."""

    passes_imports = True  # of `pub use`, and of all to the modules inside
    relative_names = True
    spread_members = True
    bare_in_class_body = False
    guess = GUESS
    guessed_kinds = frozenset({"method"})
    class_names = frozenset({"Self"})
    self_types = frozenset({"Self"})
    super_names = frozenset()  # `super` is a module
    builtins = PRELUDE
    transparent = TRANSPARENT

    def package(self, path: str, stated: str) -> str:
        """The path stands for the module: modules are files, whatever crate they are of."""
        return path.removesuffix(".rs").removesuffix("/mod")

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """Where a `use` path or a `mod` leads."""
        if entry.level:  # #[path = "x.rs"]
            path = f"{file.folder}{entry.module}"
            return (Place(path),) if world.exists(path) else ()
        here = _module_at(file, entry.scope)
        if entry.module == "self" and (below := _child(world, here, entry.name)):
            return (Place(below),)
        name = "" if entry.name == "*" else entry.name
        parts = [part for part in (*entry.module.split("."), *name.split(".")) if part]
        return self._walk(world, file, here, parts, entry)

    def is_outside(self, world: World, file: FileView, name: str) -> bool:
        """The prelude, and the crates that a package depends on but that are not in the repository."""
        if name in PRELUDE:
            return True
        own = world.remember(("rust package", file.folder), lambda: _manifest_folder(world, file.folder))
        if name not in world.remember(("rust dependencies", own), lambda: _dependencies(world, own)):
            return False
        return not world.remember(("rust crate", name, file.folder), lambda: _crate(world, name, file.folder))

    def neighbours(self, world: World, file: FileView, name: str, scope: str) -> Sequence[Place]:
        """The first name of a path, and macros of the modules around."""
        here = _module_at(file, scope)
        start = self._start(world, file, here, name)
        if start:
            return tuple(Place(module.path, module.inner, how=f"the module `{name}`") for module in start)
        if not name[:1].islower():
            return ()
        crate = world.remember(("rust package", file.folder), lambda: _manifest_folder(world, file.folder))
        found = [one for one in world.named(name) if one.kind == "function" and one.path.startswith(crate)]
        near = [one for one in found if one.qualname == name and one.path != file.path]
        return tuple(Place(one.path, name, MACRO, "a macro of the crate") for one in near[:1])

    def elsewhere(self, world: World, file: FileView, qualname: str) -> Sequence[Named]:
        """Members that an `impl` in another file gives a type: that file imports the type, or says its path."""
        owner, _, name = qualname.rpartition(".")
        owner = owner.rpartition(".")[2]
        found: list[Named] = []
        holders = world.remember(("rust holders", name), lambda: _by_holder(world.named(name)))
        for one in holders.get(owner, ()):
            holder = one.qualname.rpartition(".")[0]
            question = ("rust impl", one.path, holder, file.path)
            if one.path != file.path and world.remember(
                question, partial(self._extends, world, one.path, holder, file.path)
            ):
                found.append(one)
        return found

    def _extends(self, world: World, source: str, holder: str, path: str) -> bool:
        """Whether the type that the file `source` calls `holder`, without defining it, is of the file `path`."""
        view = world.file(source)
        if view is None or view.kind(holder):
            return False
        first, _, rest = holder.partition(".")
        if rest:
            entry = Import(holder.rpartition(".")[0], 0, holder.rpartition(".")[2], "", 0, "")
            return any(place.path == path for place in self.imported(world, view, entry))
        return any(
            place.path == path
            for entry in view.imports
            if entry.alias == first or entry.name == "*"
            for place in self.imported(world, view, entry)
        )

    # -- paths -------------------------------------------------------------------------------------------------

    def _walk(
        self, world: World, file: FileView, here: Module, parts: list[str], entry: Import
    ) -> tuple[Place, ...]:
        """Follow a path through files as far as they go; the rest is left to the names of the last file."""
        if not parts:
            return ()
        first = parts[0]
        starts = self._start(world, file, here, first)
        rest = parts[1:]
        if not starts:
            if not _declares(file, here, first, entry):
                return ()
            starts, rest = [here], parts
        places: list[Place] = []
        for module in starts:
            names = list(rest)
            while names and names[0] == "super":
                module = _parent(world, module) or module
                names.pop(0)
            while names and (below := _child(world, module, names[0])):
                module = Module(below)
                names.pop(0)
            places.append(Place(module.path, ".".join(part for part in (module.inner, *names) if part)))
        return tuple(places)

    def _start(self, world: World, file: FileView, here: Module, name: str) -> list[Module]:
        """The modules that the first name of a path may stand for, other than what the module itself binds."""
        if name == "self":
            return [here]
        if name == "super":
            around = _parent(world, here)
            return [around] if around else []
        if name == "crate":
            return [Module(path) for path in _crate_roots(world, file.path)]
        root = world.remember(("rust crate", name, file.folder), lambda: _crate(world, name, file.folder))
        return [Module(root)] if root else []


def _by_holder(members: Sequence[Named]) -> dict[str, list[Named]]:
    """Last name of the type that has a member -> those members."""
    found: dict[str, list[Named]] = {}
    for one in members:
        holder = one.qualname.rpartition(".")[0]
        found.setdefault(holder.rpartition(".")[2], []).append(one)
    return found


def _module_at(file: FileView, scope: str) -> Module:
    """The module that a scope of a file is in: inline modules are the namespaces around it."""
    inner = ""
    for part in scope.split("."):
        below = f"{inner}.{part}" if inner else part
        if file.kind(below) != "namespace":
            break
        inner = below
    return Module(file.path, inner)


def _declares(file: FileView, here: Module, name: str, entry: Import) -> bool:
    """Whether the module has the name, other than by the import that asks."""
    if file.kind(f"{here.inner}.{name}" if here.inner else name):
        return True
    return name not in (entry.alias, entry.name) and file.binds(name)


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".rs")


def _folder(path: str) -> str:
    """The folder of a file, "" or "a/b/"."""
    return path[: path.rfind("/") + 1]


def _below(module: Module) -> str:
    """The folder in which the files of a module's submodules are."""
    folder, stem = _folder(module.path), _stem(module.path)
    inner = "".join(f"{part}/" for part in module.inner.split(".") if part)
    return f"{folder}{inner}" if stem in _OWNERS else f"{folder}{stem}/{inner}"


def _child(world: World, module: Module, name: str) -> str:
    """The file of a submodule, "" if it has none. Roots of binaries and tests may have theirs beside them."""
    if not name or name == "*":
        return ""
    folder = _below(module)
    found = world.first((f"{folder}{name}.rs", f"{folder}{name}/mod.rs"))
    if found or _stem(module.path) in _OWNERS:
        return found
    beside = _folder(module.path)
    if not _is_declared(world, module.path, name):
        return ""
    return world.first((f"{beside}{name}.rs", f"{beside}{name}/mod.rs"))


def _is_declared(world: World, path: str, name: str) -> bool:
    """Whether a file says `mod name;`."""
    return name in world.remember(("rust declared", path), lambda: _declared(world, path))


def _declared(world: World, path: str) -> frozenset[str]:
    view = world.file(path)
    imports = view.imports if view is not None else ()
    return frozenset(entry.name for entry in imports if entry.module == "self")


def _parent(world: World, module: Module) -> Module | None:
    """The module around one."""
    if module.inner:
        return Module(module.path, module.inner.rpartition(".")[0])
    path = world.remember(("rust parent", module.path), lambda: _parent_file(world, module.path))
    return Module(path) if path else None


def _parent_file(world: World, path: str) -> str:
    """The file that declares the module of a file, "" for the root of a crate."""
    folder, name = _folder(path), _stem(path)
    if name in _ROOTS:
        return ""
    if name == "mod":
        name = folder.rstrip("/").rpartition("/")[2]
        folder = _folder(folder.rstrip("/"))
    choices = [f"{folder}{owner}.rs" for owner in _OWNERS]
    if folder:
        choices.append(f"{folder.rstrip('/')}.rs")
    existing = [choice for choice in choices if choice != path and world.exists(choice)]
    for choice in existing:
        if _is_declared(world, choice, name):
            return choice
    if existing:  # declared by a macro
        return existing[0]
    beside = [other for other in world.folder(folder) if other.endswith(".rs") and other != path]
    return next((other for other in beside if _is_declared(world, other, name)), "")


def _ancestors(world: World, path: str) -> list[str]:
    """The files of the modules around one, nearest first."""
    found: list[str] = []
    module = _parent(world, Module(path))
    while module is not None and module.path not in found and len(found) < MAX_DEPTH:
        found.append(module.path)
        module = _parent(world, module)
    return found


def _crate_roots(world: World, path: str) -> list[str]:
    """The root files of the crates that a file may be in: the library, and the program that shares its folder."""
    around = world.remember(("rust around", path), lambda: _ancestors(world, path))
    root = around[-1] if around else path
    if _stem(root) not in _ROOTS or root == path:
        return [root]
    other = f"{_folder(root)}{'main' if _stem(root) == 'lib' else 'lib'}.rs"
    return [root, other] if world.exists(other) else [root]


# -- crates by name --------------------------------------------------------------------------------------------


def _crate(world: World, name: str, importer: str) -> str:
    """The root file of the library that a name means in a folder, "" if it is not in the repository."""
    own = world.remember(("rust package", importer), lambda: _manifest_folder(world, importer))
    renamed = world.remember(("rust renamed", own), lambda: _renamed(world, own))
    libraries = world.remember(("rust libraries",), lambda: _libraries(world))
    return libraries.get(renamed.get(name, name), "")


def _manifest_folder(world: World, folder: str) -> str:
    """The folder of the nearest Cargo.toml at or above a folder."""
    while folder and not world.exists(f"{folder}Cargo.toml"):
        folder = _folder(folder.rstrip("/"))
    return folder


def _libraries(world: World) -> dict[str, str]:
    """Name of a crate -> root file of its library; of two with one name the nearest to the top."""
    found: dict[str, str] = {}
    for path in sorted(world.ending("Cargo.toml"), key=lambda path: (path.count("/"), path)):
        manifest, folder = _manifest(world, path), _folder(path)
        package, library = _table(manifest, "package"), _table(manifest, "lib")
        name = _identifier(library.get("name") or package.get("name"))
        root = f"{folder}{library.get('path') or 'src/lib.rs'}".replace("/./", "/")
        if name and world.exists(root):
            found.setdefault(name, root)
            found.setdefault(_identifier(package.get("name")), root)
    return found


def _dependencies(world: World, folder: str) -> frozenset[str]:
    """What a package calls the crates that it depends on."""
    manifest = _manifest(world, f"{folder}Cargo.toml")
    return frozenset(_identifier(name) for section in _SECTIONS for name in _table(manifest, section))


def _renamed(world: World, folder: str) -> dict[str, str]:
    """Name in the code -> name of the crate, of dependencies that a package calls otherwise."""
    manifest = _manifest(world, f"{folder}Cargo.toml")
    found: dict[str, str] = {}
    for section in _SECTIONS:
        for name, about in _table(manifest, section).items():
            if isinstance(about, dict) and (package := _identifier(about.get("package"))):
                found[_identifier(name)] = package
    return found


def _manifest(world: World, path: str) -> dict[str, Any]:
    """A Cargo.toml; {} if it cannot be read."""
    try:
        return tomllib.loads(world.text(path)[:MAX_MANIFEST_TEXT])
    except (ValueError, RecursionError):
        return {}


def _table(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    value = manifest.get(name)
    return value if isinstance(value, dict) else {}


def _identifier(name: object) -> str:
    return name.replace("-", "_") if isinstance(name, str) else ""
