"""Ruby: constants of the whole program, modules and classes over many files, files by `require`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from indexer.resolvers.rules import FileView, Place, Rules
from indexer.types import Import

if TYPE_CHECKING:
    from indexer.resolvers.world import World

GUESS = 0.4  # the only method of that name in the repository, where the type of its object is not known
_PARAMETER = re.compile(r"[*&\s]*([^\W\d]\w*)")

# Methods of strings, lists, hashes, files and every object: what they are called on is seldom of the repository.
CORE = frozenset(
    "all? any? bytes bytesize call capitalize chomp class clear close collect compact concat count delete"
    " detect downcase dup each each_key each_pair each_value each_with_index each_with_object empty? end_with?"
    " eql? fetch find first flatten freeze frozen? gsub has_key? hash include? index inject inspect"
    " instance_of? is_a? join key? keys kind_of? last length lines lstrip map match match? max merge merge!"
    " message method min name new nil? object_id open path pop push puts raise read reduce reject replace"
    " respond_to? reverse rewind rstrip scan select send shift size slice sort sort_by split start_with? strip"
    " sub sum tap to_a to_h to_i to_json to_proc to_s to_str to_sym transform_values uniq unshift upcase"
    " update value values write zip".split()
)


class RubyRules(Rules):
    """Names of Ruby."""

    implicit_members = True
    same_package = True
    outer_packages = True
    spread_members = True
    open_classes = True
    names_call = True
    constructors = frozenset({"new"})
    super_names = frozenset()
    guess = GUESS
    builtins = CORE

    def imported(self, world: World, file: FileView, entry: Import) -> Sequence[Place]:
        """The file that `require` loads: below a `lib` folder first."""
        written = entry.module.removesuffix(".rb")
        if entry.level:
            path = posixpath.normpath(f"{file.folder}{written}.rb")
            return (Place(path),) if world.exists(path) else ()
        tail = posixpath.normpath(f"{written}.rb").replace("../", "")
        found = world.ending(tail)
        path = min(found, key=lambda path: _rank(path, tail, file.folder), default="")
        return (Place(path),) if path else ()

    def parameters(self, signature: str) -> list[str]:
        """The names of the parameters, with and without parentheses."""
        listed = signature.partition("(")[2] or " ".join(signature.split(" ")[2:])
        return [found[1] for part in listed.split(",") if (found := _PARAMETER.match(part))]


def _rank(path: str, tail: str, folder: str) -> tuple[bool, bool, int, str]:
    before = path[: len(path) - len(tail)]
    is_load_folder = before in ("", "lib/", "app/", "spec/", "test/") or before.endswith(("/lib/", "/app/"))
    return not is_load_folder, not folder.startswith(before.partition("/")[0]), before.count("/"), path
