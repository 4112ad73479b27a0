"""Secrets in file contents are replaced by stars of the same length, so that every byte offset still holds.

Two kinds: tokens whose own form gives them away, and literals assigned to a name that says what they are.
Identifiers, calls and placeholders stay: code is only useful if it can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

STAR = 0x2A
MAX_KEY_BYTES = 16 * 1024  # of a private key block: the largest real ones have 13 KB
MIN_PASSWORD_BYTES = 4  # shorter ones are examples, and masking them would hit ordinary words
MIN_TOKEN_BYTES = 8  # "token" also names what a parser reads: only what looks random counts

# Forms that give themselves away. One literal prefix each, so that a file without it costs one search of
# the bytes.
_FORMS: tuple[tuple[bytes, re.Pattern[bytes]], ...] = tuple(
    (prefix, re.compile(pattern))
    for prefix, pattern in (
        (b"AKIA", rb"AKIA[A-Z0-9]{16}"),
        (b"ASIA", rb"ASIA[A-Z0-9]{16}"),
        (b"gh", rb"gh[pousr]_[A-Za-z0-9]{20,255}"),
        (b"github_pat_", rb"github_pat_[A-Za-z0-9_]{20,255}"),
        (b"glpat-", rb"glpat-[\w-]{20,64}"),
        (b"xox", rb"xox[abeoprs]-[A-Za-z0-9-]{10,255}"),
        (b"xapp-", rb"xapp-[A-Za-z0-9-]{20,255}"),
        (b"hooks.slack.com/services/", rb"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,100}"),
        (b"AIza", rb"AIza[\w-]{30,40}"),
        (b"ya29.", rb"ya29\.[\w-]{20,512}"),
        (b"GOCSPX-", rb"GOCSPX-[\w-]{20,40}"),
        (b"_live_", rb"[prs]k_live_[0-9a-zA-Z]{10,255}"),
        (b"_test_", rb"[prs]k_test_[0-9a-zA-Z]{16,255}"),
        (b"whsec_", rb"whsec_[A-Za-z0-9+/=]{20,100}"),
        (b"sk-", rb"\bsk-(?:proj-|ant-|or-)?[\w-]{20,255}"),
        (b"hf_", rb"\bhf_[A-Za-z0-9]{30,64}"),
        (b"npm_", rb"\bnpm_[A-Za-z0-9]{36}"),
        (b"pypi-Ag", rb"pypi-Ag[\w-]{40,512}"),
        (b"SG.", rb"\bSG\.[\w-]{16,64}\.[\w-]{16,128}"),
        (b"SK", rb"\bSK[0-9a-f]{32}\b"),
        (b"key-", rb"\bkey-[0-9a-f]{32}\b"),
        (b"dop_v1_", rb"dop_v1_[0-9a-f]{40,80}"),
        (b"sq0", rb"sq0(?:atp|csp)-[\w-]{20,50}"),
        (b"shp", rb"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
        (b":AA", rb"\b[0-9]{8,10}:AA[\w-]{30,40}"),
        (b"dapi", rb"\bdapi[0-9a-f]{32}"),
        (b"hvs.", rb"\bhvs\.[\w-]{20,255}"),
        (b"AGE-SECRET-KEY-1", rb"AGE-SECRET-KEY-1[A-Z0-9]{50,64}"),
        (b"AccountKey=", rb"(?<=AccountKey=)[A-Za-z0-9+/=]{20,100}"),
        (b"eyJ", rb"\beyJ[\w-]{8,4096}\.eyJ[\w-]{8,8192}\.[\w-]{0,1024}"),
        (b"earer ", rb"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{20,1024}=*"),
        (b"asic ", rb"(?<=[Bb]asic )[A-Za-z0-9+/]{16,512}=*"),
    )
)
_URL_PASSWORD = re.compile(rb"://[^\s:/@'\"<>]{0,100}:([^\s/@'\"]{1,200})@")
_KEY_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")

# Names, by their last word, and what must follow: an operator and a literal.
_STEMS = (b"passw", b"passphrase", b"pwd", b"secret", b"token", b"credential")
_KEY = b"key"  # after one of these words, joined by `_`, `-` or nothing; alone it is any dictionary's
_KEY_WORDS = (b"api", b"access", b"account", b"private", b"auth", b"encryption", b"signing", b"secret")
_NAME = (
    rb"(?i:(pass(?:word|wd|phrase)?|passw|pwd)"
    rb"|(?:api|access|account|private|auth|encryption|signing|secret)[_-]?key|secret|token|credential)s?[0-9]{0,3}"
)
_OPERATOR = (
    rb"[\"'\]]{0,2}[ \t]{0,8}"  # the end of a key in quotes or brackets
    rb"(?::[ \t]{0,8}[A-Za-z_][\w.\[\] |]{0,40}?)?"  # an annotation
    rb"[ \t]{0,8}(?:=>|:=|[!=]=|=|:)[ \t]{0,8}"
)
_QUOTED = re.compile(_NAME + _OPERATOR + rb"[bBrRuUfF]{0,2}(?:\"([^\"\n]{4,500})\"|'([^'\n]{4,500})')")
_BARE = re.compile(_NAME + _OPERATOR + rb"([^\s\"'#;,]{4,500})[ \t]*(?=[\r\n#;,]|\Z)")
_PLACEHOLDER = re.compile(
    rb"""(?xi)
    [$<%].* | .*(\{\{? | \$\{ | \}\} | %\( | <[a-z_ -]+>).* | [*.x_-]+ | \W+
    | (my|your|the|an?|new|old|user|db|test|some)?[_-]?(password|passwd|pwd|secret|token|api[_-]?key)s?
    | none | null | true | false | str(ing)? | bytes | required | optional | hidden | undefined | self |
    basic | bearer
    | [a-z]+://[^:@]*
    """
)
_RANDOM = re.compile(rb"(?=.*[0-9])(?=.*[A-Za-z])[\w+/=.:~!@$%^&*?-]+")
_IDENTIFIER = re.compile(rb"[A-Za-z_][\w.]*")
_CALL = re.compile(rb"[\w.]*[(\[{].*")


def mask(data: bytes, *, config: bool = False) -> bytes:
    """`data` with secrets replaced by stars, line ends kept: the same length.

    With `config` (settings files), values without quotes count as literals too.
    """
    masked: bytearray | None = None
    for start, end in _secret_spans(data, config):
        masked = bytearray(data) if masked is None else masked
        masked[start:end] = bytes(byte if byte in b"\r\n" else STAR for byte in data[start:end])
    return data if masked is None else bytes(masked)


def mask_text(text: str, *, config: bool = False) -> str:
    """The same for text; a secret of other than ASCII characters becomes one star for each of its bytes."""
    return mask(text.encode("utf-8", "surrogateescape"), config=config).decode("utf-8", "surrogateescape")


def _secret_spans(data: bytes, config: bool) -> Iterator[tuple[int, int]]:
    for prefix, pattern in _FORMS:
        if prefix in data:
            yield from (match.span() for match in pattern.finditer(data))
    if b"PRIVATE KEY" in data:
        yield from _private_keys(data)
    if b"://" in data and b"@" in data:
        for match in _URL_PASSWORD.finditer(data):
            if not _PLACEHOLDER.fullmatch(match[1]):
                yield match.span(1)
    yield from _assigned(data, config)


def _private_keys(data: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while begin := _KEY_BEGIN.search(data, position):
        limit = min(len(data), begin.end() + MAX_KEY_BYTES)
        end = _KEY_END.search(data, begin.end(), limit)
        position = end.start() if end else limit
        yield begin.end(), position


def _assigned(data: bytes, config: bool) -> Iterator[tuple[int, int]]:
    for position in _names_of_secrets(data.lower()):
        match = _QUOTED.match(data, position)
        if match:
            group = 2 if match[2] is not None else 3
            if _is_secret(match[group], bool(match[1])):
                yield match.span(group)
        elif config and (match := _BARE.match(data, position)) and _is_bare_secret(match[2], bool(match[1])):
            yield match.span(2)


def _names_of_secrets(lower: bytes) -> Iterator[int]:
    """Where names start that say they hold a secret. `lower` is the data in lower case."""
    for stem in _STEMS:
        position = lower.find(stem)
        while position >= 0:
            yield position
            position = lower.find(stem, position + len(stem))
    position = lower.find(_KEY)
    while position >= 0:
        joint = position - (lower[position - 1 : position] in (b"_", b"-"))
        for word in _KEY_WORDS:
            if lower.endswith(word, 0, joint):
                yield joint - len(word)
        position = lower.find(_KEY, position + len(_KEY))


def _is_secret(value: bytes, password: bool) -> bool:
    """Whether a quoted literal is one: any word for a password, only what looks random for tokens and
    keys.
    """
    if _PLACEHOLDER.fullmatch(value) or any(byte in value for byte in b" \t"):
        return False
    if password:
        return len(value) >= MIN_PASSWORD_BYTES
    return len(value) >= MIN_TOKEN_BYTES and bool(_RANDOM.fullmatch(value))


def _is_bare_secret(value: bytes, password: bool) -> bool:
    if _CALL.fullmatch(value):
        return False
    if _IDENTIFIER.fullmatch(value) and not any(0x30 <= byte <= 0x39 for byte in value):
        return False
    return _is_secret(value, password)
