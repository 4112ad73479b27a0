"""Places of files: the user's configuration, cache and data folders (XDG), and the root of a repository."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import platformdirs

APP = "repocoder"

_NAME_LENGTH = 40
"""Characters of a repository's own name in the name of its index folder: enough to tell folders apart."""


def cache_dir() -> Path:
    """Where what can be made again lives: `$XDG_CACHE_HOME/repocoder`."""
    return Path(platformdirs.user_cache_dir(APP))


def data_dir() -> Path:
    """Where what cannot be made again lives, such as the record of models: `$XDG_DATA_HOME/repocoder`."""
    return Path(platformdirs.user_data_dir(APP))


def state_dir() -> Path:
    """Where what a program remembers between two runs lives, such as undo steps: `$XDG_STATE_HOME/repocoder`."""
    return Path(platformdirs.user_state_dir(APP))


def models_dir() -> Path:
    """Where downloaded models live."""
    return data_dir() / "models"


def config_file() -> Path:
    """The user's configuration: `$XDG_CONFIG_HOME/repocoder/config.toml`."""
    return Path(platformdirs.user_config_dir(APP)) / "config.toml"


def indexes_dir() -> Path:
    """The folder that holds the index folders of all repositories."""
    return cache_dir() / "index"


def index_dir(root: Path) -> Path:
    """The index folder of the repository at `root`: one for each real path, with a name people recognise.

    Nothing is created. The name holds only ASCII letters, digits, `.`, `_` and `-`, whatever the repository's
    name is.
    """
    real = os.path.realpath(root)
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(real).name).strip(".")[:_NAME_LENGTH] or "root"
    return indexes_dir() / f"{name}-{digest}"


def find_root(start: Path) -> Path:
    """The nearest folder with a `.git` at or above `start`; without one `start` or the folder of a file."""
    folder = Path(os.path.realpath(start))
    if not folder.is_dir():
        folder = folder.parent
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return folder
