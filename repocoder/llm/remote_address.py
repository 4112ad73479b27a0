"""Where a remote model is: and what its URL may say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from repocoder.errors import UsageError

KEY_VARIABLE = "REPOCODER_REMOTE_KEY"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is; `root` comes before `/v1` and the other paths."""

    scheme: str
    host: str
    port: int | None
    root: str

    @property
    def is_here(self) -> bool:
        """Is it on this machine?"""
        return self.host in LOCAL_HOSTS

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port is None else f':{self.port}'}{self.root}"


def parse_url(url: str) -> Address:
    """Scheme, host, port and path. UsageError, without the URL if it holds a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("remote model: not a URL: give http://HOST:PORT") from None
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"remote model: no user or password in its URL: put the key in {KEY_VARIABLE}")
    path = parts.path.rstrip("/").removesuffix("/v1")
    odd = parts.query or parts.fragment or re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path) is None
    if parts.scheme not in ("http", "https") or not parts.hostname or odd:
        raise UsageError("remote model: not a URL of a server: give http://HOST:PORT or http://HOST:PORT/v1")
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", parts.hostname):
        raise UsageError("remote model: not the name of a host: give http://HOST:PORT")
    return Address(parts.scheme, parts.hostname, port, path)
