"""The useful part of a type as languages other than Python write it: the one whose members one would look up."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_STEPS = 24  # wrappers in wrappers that are opened

_HEAD = re.compile(r"[^\W\d]\w*(?:\s*(?:::|\.|\\)\s*[^\W\d]\w*)*")
_JOINTS = re.compile(r"\s*(?:::|\.|\\)\s*")
_OPEN, _CLOSE = "([{<", ")]}>"


class Form(NamedTuple):
    """How a language writes types."""

    before: re.Pattern[str]  # what stands before a type and does not change whose members it has
    bracket: str  # that opens type arguments
    inner: dict[str, int]  # types of which an argument is what counts, and which: 0 the first, -1 the last
    lists_apart: bool = False  # `Foo[]` has not the members of Foo, nor has `Foo["part"]`


_GO = Form(
    re.compile(r"(?:[*&~(\s]|\.\.\.|\[[^\[\]]{0,80}\]|map\[[^\[\]]{0,200}\]|(?:<-\s*)?chan\b(?:\s*<-)?)+"),
    "[",
    {},
)

# What these hold is found behind `.` as well, or behind the calls that open them.
_RUST_FIRST = frozenset(
    "Option Box Rc Arc Weak Cell RefCell Mutex RwLock OnceCell OnceLock LazyLock Cow Pin Ref RefMut MutexGuard"
    " RwLockReadGuard RwLockWriteGuard ManuallyDrop MaybeUninit NonNull Vec VecDeque LinkedList BinaryHeap HashSet"
    " BTreeSet Result Iterator IntoIterator DoubleEndedIterator ExactSizeIterator Peekable Iter IntoIter Future"
    " Stream Deref DerefMut AsRef AsMut Borrow Poll Sender Receiver UnboundedSender UnboundedReceiver".split()
)
_RUST_LAST = frozenset("HashMap BTreeMap IndexMap DashMap".split())
_RUST = Form(
    re.compile(r"(?:[&*\[\s]|'\w+|(?:mut|dyn|impl|const|ref)\b|\?Sized\s*\+|\w+\s*=(?!=)|(?:::))+"),
    "<",
    dict.fromkeys(_RUST_FIRST, 0) | dict.fromkeys(_RUST_LAST, -1),
)

# Primitive types and literals in a union tell nothing; `typeof x` has the type of x.
_TYPESCRIPT_FIRST = frozenset(
    "Promise PromiseLike Awaited Readonly Partial Required NonNullable Pick Omit Exclude Extract InstanceType".split()
)
_TYPESCRIPT = Form(
    re.compile(
        r"(?:[|&(\s]|\[\]|'[^'\n]*'|\"[^\"\n]*\"|-?\d+"
        r"|(?:readonly|typeof|unique|string|number|boolean|bigint|symbol|object|any|unknown|never|void|null|undefined"
        r"|true|false)\b(?!\s*\.))+"
    ),
    "<",
    dict.fromkeys(_TYPESCRIPT_FIRST, 0),
    lists_apart=True,
)

# Smart pointers are looked through by `->`; of a container it is the element that code names most.
_CPP_FIRST = frozenset(
    "unique_ptr shared_ptr weak_ptr scoped_refptr auto_ptr optional reference_wrapper atomic vector deque list set"
    " array unordered_set span initializer_list future promise".split()
)
_CPP = Form(
    re.compile(
        r"(?:[*&(\s]|(?:const|volatile|struct|class|union|enum|typename|mutable|static|constexpr)\b|::)+"
    ),
    "<",
    dict.fromkeys(_CPP_FIRST, 0) | dict.fromkeys(("map", "unordered_map", "flat_hash_map"), -1),
)
_RUBY = Form(re.compile(r"(?:\s|::)+"), "[", {})
_PHP = Form(re.compile(r"(?:[?|&(\s\\]|(?:null|array|iterable|callable|false|true|mixed)\b)+"), "<", {})

# What a wrapper holds is found behind one call or `await`. Of containers nothing is said: `list.add` is none of the
# element's.
_JAVA_FIRST = frozenset(
    "Optional Future CompletableFuture CompletionStage ListenableFuture AtomicReference WeakReference SoftReference"
    " ThreadLocal Supplier Provider Lazy Deferred".split()
)
_JAVA = Form(
    re.compile(r"(?:[(\s?]|@[\w.]+(?:\([^()]*\))?|(?:final|extends|super|in|out|suspend)\b)+"),
    "<",
    dict.fromkeys(_JAVA_FIRST, 0),
)
_CSHARP_FIRST = frozenset(
    "Task ValueTask Lazy Nullable IOptions IOptionsSnapshot IOptionsMonitor WeakReference".split()
)
_CSHARP = Form(
    re.compile(r"(?:[(\s]|(?:ref|readonly|in|out|scoped|params)\b|global::)+"),
    "<",
    dict.fromkeys(_CSHARP_FIRST, 0),
)

FORMS = {"c": _CPP, "cpp": _CPP, "php": _PHP, "ruby": _RUBY}
FORMS |= {"go": _GO, "rust": _RUST, "typescript": _TYPESCRIPT, "tsx": _TYPESCRIPT}
FORMS |= {"java": _JAVA, "kotlin": _JAVA, "csharp": _CSHARP}


def useful_part(written: str, form: Form) -> str:
    """The dotted name that counts in a type as written, "" if there is none.

    `&mut Option<Box<ns::Foo<T>>>` gives `ns.Foo`, `map[string][]*pkg.Foo` gives `pkg.Foo`.
    """
    text = written
    for _ in range(MAX_STEPS):
        found = form.before.match(text)
        head = _HEAD.match(text, found.end() if found else 0)
        if head is None:
            return ""
        name = _JOINTS.sub(".", head[0])
        rest = text[head.end() :].lstrip()
        which = form.inner.get(name.rpartition(".")[2])
        if rest.startswith("::<"):
            rest = rest[2:]
        if form.lists_apart and _is_list(text, rest):
            return ""
        if which is None or not rest.startswith(form.bracket):
            return name
        arguments = [part for part in _arguments(rest) if not part.lstrip().startswith("'")]
        if not arguments:
            return name
        text = arguments[which]
    return ""


def _is_list(text: str, rest: str) -> bool:
    """Whether brackets follow the type whose name `rest` follows, or the parentheses around it."""
    if rest.startswith("<"):
        depth = 0
        for at, letter in enumerate(rest):
            depth += (letter in _OPEN) - (letter in _CLOSE and rest[at - 1 : at + 1] != "=>")
            if not depth:
                rest = rest[at + 1 :].lstrip()
                break
    return rest.startswith("[") or (text.lstrip().startswith("(") and text.rstrip().endswith("]"))


def _arguments(text: str) -> list[str]:
    """The texts between the commas of the brackets that `text` starts with."""
    parts: list[str] = []
    depth, start = 0, 1
    for at, letter in enumerate(text):
        if letter in _OPEN:
            depth += 1
        elif letter in _CLOSE and text[at - 1 : at + 1] not in ("->", "=>"):
            depth -= 1
            if not depth:
                parts.append(text[start:at])
                break
        elif letter == "," and depth == 1:
            parts.append(text[start:at])
            start = at + 1
    return [part for part in parts if part.strip()]
