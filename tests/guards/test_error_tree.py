"""Every error has an exit code of its own, the one that the documentation says."""

from __future__ import annotations

import re

from repocoder import errors
from repocoder.errors import RepocoderError

DOCUMENTED = {name: int(code) for name, code in re.findall(r"(\w+Error)\s+(\d)\s", errors.__doc__ or "")}


def below(kind: type[RepocoderError]) -> list[type[RepocoderError]]:
    return [kind] + [deeper for child in kind.__subclasses__() for deeper in below(child)]


def test_the_drawn_tree_is_the_tree() -> None:
    public = {name: getattr(errors, name).exit_code for name in errors.__all__}
    assert public == DOCUMENTED


def test_exit_codes_differ() -> None:
    codes = list(DOCUMENTED.values())
    assert sorted(codes) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_deeper_errors_keep_the_code_of_their_parent() -> None:
    """A subclass says more, it does not mean another code. All modules are imported to find all of them."""
    import importlib
    import pkgutil

    for package in ("indexer", "retrieval", "repocoder"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith(("__main__", "worker")):
                importlib.import_module(module.name)
    named = {getattr(errors, name) for name in errors.__all__}
    for kind in below(RepocoderError):
        parents = [parent for parent in kind.__mro__ if parent in named]
        if parents[0] is RepocoderError:  # raised below the package that names them all
            assert kind.exit_code in DOCUMENTED.values(), kind
        else:
            assert kind.exit_code == parents[0].exit_code, kind
        assert kind.__doc__, kind
