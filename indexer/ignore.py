"""Which names are left out: .gitignore and .repocoderignore (nested), folders of tools, secrets, generated
files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pathspec import GitIgnoreSpec

from indexer.reading import UnreadableError, read_file

IGNORE_FILES = (".gitignore", ".repocoderignore")  # the second is read later, so it wins
MAX_IGNORE_FILE_BYTES = 256 * 1024  # a thousand times a usual one
MAX_PATTERNS = 5000  # of one folder
MAX_STARS = 3  # in one part of a pattern: matching backtracks with the power of their number
_DIRECTORY_GROUP = re.compile(r"\?P<\w+>")

IGNORED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", ".bzr", ".jj", "node_modules", "bower_components", ".venv", "venv",
        "__pycache__",
        ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".eggs",
        "site-packages", ".idea", ".vscode", ".ipynb_checkpoints", "htmlcov", ".gradle", ".next", ".nuxt",
        ".terraform", ".cache", ".direnv", ".pixi",
    }
)  # fmt: skip
OUTPUT_FOLDERS = frozenset({"build", "dist"})  # unless they are packages

# Never opened: their names say that they hold secrets.
_SECRET_NAME = re.compile(
    r"""(?xi)
    \.env(\..*)? | \.envrc | .*\.env
    | .*\.(pem|key|p8|p12|pfx|pkcs12|jks|keystore|kdbx?|ppk|ovpn|gpg|agekey|tfvars|tfstate(\.backup)?)
    | id_(rsa|dsa|ecdsa|ed25519)(_.*)? | .*_rsa | .*_ed25519
    | \.netrc | _netrc | \.npmrc | \.pypirc | \.pgpass | \.my\.cnf | \.htpasswd | \.git-credentials |
    \.dockercfg
    | \.dockerconfigjson | \.s3cfg | \.boto | \.vault-token | \.terraformrc
    | credentials(\.(json|ya?ml|toml|ini|csv))? | \.?secrets?\.(json|ya?ml|toml|ini|env|txt)
    | (client_secret|service[-_]account).*\.json | master\.key | kubeconfig | .*\.kubeconfig
    """
)
_GENERATED_NAME = re.compile(
    r"""(?xi)
    .*[.-]min\.(js|css|mjs) | .*\.(map|lock) | package-lock\.json | npm-shrinkwrap\.json | pnpm-lock\.yaml |
    go\.sum
    | .*_pb2(_grpc)?\.pyi? | .*\.pb\.(go|cc|h) | .*\.bundle\.js
    """
)
_BINARY_NAME = re.compile(
    r"""(?xi).*\.(
    png|jpe?g|gif|bmp|ico|webp|tiff?|psd|svg|pdf|docx?|xlsx?|pptx?|odt|zip|gz|tgz|bz2|xz|zst|7z|rar|tar|whl|
    egg|jar|war
    |so|o|a|dll|dylib|exe|bin|class|py[cod]|wasm|db|sqlite3?|npy|npz|pkl|pickle|parquet|h5|hdf5|onnx|pt|pth|
    safetensors
    |gguf|ttf|otf|woff2?|eot|mp[34]|m4a|wav|ogg|flac|mov|avi|mkv|webm|mo|ipynb)
    """
)


def reason_by_name(name: str) -> str:
    """The skip reason that a file's name alone gives, "" for none."""
    if _SECRET_NAME.fullmatch(name):
        return "secret-file"
    if _BINARY_NAME.fullmatch(name):
        return "binary"
    return "generated" if _GENERATED_NAME.fullmatch(name) else ""


class IgnoreRules:
    """The patterns of one folder and of those around it. Paths given to `ignores` are relative to the
    root.
    """

    def __init__(self, folder: str, lines: Iterable[str], outer: IgnoreRules | None = None) -> None:
        self._start = len(folder) + 1 if folder else 0
        self._outer = outer
        self._spec = GitIgnoreSpec.from_lines([_tame(line) for line in lines], backend="simple")
        self._any = _any_of(self._spec)

    def ignores(self, path: str, is_folder: bool) -> bool:
        """Whether the innermost rules that say something about `path` leave it out, as git does."""
        rules: IgnoreRules | None = self
        whole = path + "/" if is_folder else path
        while rules is not None:
            local = whole[rules._start :]
            if rules._any is not None and rules._any.match(local):
                decision = rules._spec.check_file(local).include
                if decision is not None:
                    return decision
            rules = rules._outer
        return False


def root_rules(root: Path, extra: Iterable[str]) -> IgnoreRules:
    """The rules around the root's own .gitignore: `.git/info/exclude`, then the patterns of the user's
    settings.
    """
    lines = _read_lines(root, ".git/info/exclude")
    return IgnoreRules("", [*lines, *extra])


def folder_rules(root: Path, folder: str, names: Iterable[str], outer: IgnoreRules) -> IgnoreRules:
    """`outer`, or new rules inside it if `names` (the entries of `folder`) hold an ignore file."""
    present = set(names)
    lines: list[str] = []
    for name in IGNORE_FILES:
        if name in present:
            lines += _read_lines(root, f"{folder}/{name}" if folder else name)
    return IgnoreRules(folder, lines, outer) if lines else outer


def _read_lines(root: Path, path: str) -> list[str]:
    try:
        data, _ = read_file(root, path, MAX_IGNORE_FILE_BYTES)
    except UnreadableError:
        return []
    return os.fsdecode(data).splitlines()[:MAX_PATTERNS]


def _tame(line: str) -> str:
    """The pattern with at most MAX_STARS stars in a part; what is dropped makes it match more, never less."""
    if line.count("*") <= MAX_STARS or line.startswith("#"):
        return line
    return "/".join(_tame_part(part) for part in line.split("/"))


def _tame_part(part: str) -> str:
    if part == "**" or part.count("*") <= MAX_STARS:
        return part
    return part[: part.index("*")] + "*" + part[part.rindex("*") + 1 :]


def _any_of(spec: GitIgnoreSpec) -> re.Pattern[str] | None:
    """One expression that matches wherever a pattern does: most paths match none, and are done with one
    call.
    """
    sources = [
        _DIRECTORY_GROUP.sub("?:", pattern.regex.pattern)
        for pattern in spec.patterns
        if pattern.include is not None and isinstance(pattern.regex, re.Pattern)
    ]
    return re.compile("|".join(f"(?:{source})" for source in sources)) if sources else None
