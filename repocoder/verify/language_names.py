"""Names that a language or its usual surroundings define, and members that every object has."""

from __future__ import annotations

import builtins
import collections
import collections.abc
import keyword

from indexer.languages import language_named


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Of a module: what the import system binds. `_` is gettext's, `reveal_type` of the type checkers.
_PYTHON = (
    frozenset(dir(builtins))
    | frozenset(keyword.kwlist)
    | frozenset(keyword.softkwlist)
    | _words("__file__ __path__ __builtins__ __class__ __annotations__ WindowsError _ reveal_type")
)

# ECMAScript 2024, what browsers, Node.js and bundlers add, and the globals of the usual test runners.
_ECMASCRIPT = _words(
    "AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError"
    " FinalizationRegistry Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl Iterator"
    " JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer"
    " String Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef"
    " WeakSet decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN"
    " parseFloat parseInt undefined unescape arguments super this async of get set target meta let static"
    " AbortController AbortSignal Blob BroadcastChannel Buffer ByteLengthQueuingStrategy Cache CompressionStream"
    " CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException DOMParser DecompressionStream Document Element"
    " Event EventSource EventTarget File FileList FileReader FormData HTMLElement Headers Image IntersectionObserver"
    " KeyboardEvent MessageChannel MessageEvent MessagePort MouseEvent MutationObserver Node Notification"
    " Performance PerformanceObserver ReadableStream Request ResizeObserver Response Storage TextDecoder"
    " TextDecoderStream TextEncoder TextEncoderStream TransformStream URL URLSearchParams WebAssembly WebSocket"
    " Window Worker WritableStream XMLHttpRequest __dirname __filename alert atob btoa caches cancelAnimationFrame"
    " clearImmediate clearInterval clearTimeout confirm console crypto customElements document exports fetch"
    " frames global history indexedDB localStorage location matchMedia module navigator performance postMessage"
    " process prompt queueMicrotask require requestAnimationFrame screen self sessionStorage setImmediate"
    " setInterval setTimeout structuredClone top window importScripts"
    " after afterAll afterEach assert before beforeAll beforeEach context cy describe expect it jasmine jest mocha"
    " sinon spyOn suite test vi xdescribe xit"
)

# What TypeScript's own library declares for types.
_TYPESCRIPT = _words(
    "any bigint boolean never number object string symbol unknown void is asserts keyof infer readonly unique out"
    " accessor declare abstract override namespace module type interface enum implements const NodeJS JSX React"
    " ArrayLike AsyncGenerator AsyncIterable AsyncIterableIterator AsyncIterator Awaited BufferEncoding Capitalize"
    " ConstructorParameters Disposable AsyncDisposable Exclude Extract Generator GeneratorFunction InstanceType"
    " Iterable IterableIterator IteratorResult Lowercase NoInfer NonNullable Omit OmitThisParameter Parameters Partial"
    " Pick PromiseConstructor PromiseLike PromiseRejectedResult PromiseSettledResult PropertyDescriptor PropertyKey"
    " Readonly ReadonlyArray ReadonlyMap ReadonlySet Record Required ReturnType TemplateStringsArray ThisParameterType"
    " ThisType Thenable TypedPropertyDescriptor Uncapitalize Uppercase WeakKey ClassDecorator MethodDecorator"
    " ParameterDecorator PropertyDecorator ArrayBufferLike ArrayBufferView BodyInit HeadersInit RequestInit"
    " RequestInfo ResponseInit ErrorOptions Thenable"
)

# The classes of java.lang that code names bare (Java 21), and the words that are no keywords everywhere.
_JAVA = _words(
    "AbstractMethodError AnnotationTypeMismatchException Appendable ArithmeticException"
    " ArrayIndexOutOfBoundsException ArrayStoreException AssertionError AutoCloseable Boolean BootstrapMethodError"
    " Byte CharSequence Character Class ClassCastException ClassCircularityError ClassFormatError ClassLoader"
    " ClassNotFoundException ClassValue CloneNotSupportedException Cloneable Comparable Compiler Deprecated Double"
    " Enum EnumConstantNotPresentException Error Exception ExceptionInInitializerError Float FunctionalInterface"
    " IllegalAccessError IllegalAccessException IllegalArgumentException IllegalCallerException"
    " IllegalMonitorStateException IllegalStateException IllegalThreadStateException IncompatibleClassChangeError"
    " IndexOutOfBoundsException InheritableThreadLocal InstantiationError InstantiationException Integer"
    " InternalError InterruptedException Iterable LayerInstantiationException LinkageError Long Math Module"
    " ModuleLayer NegativeArraySizeException NoClassDefFoundError NoSuchFieldError NoSuchFieldException"
    " NoSuchMethodError NoSuchMethodException NullPointerException Number NumberFormatException Object"
    " OutOfMemoryError Override Package Process ProcessBuilder ProcessHandle Readable Record"
    " ReflectiveOperationException Runnable Runtime RuntimeException RuntimePermission SafeVarargs SecurityException"
    " SecurityManager Short StackOverflowError StackTraceElement StackWalker StrictMath String StringBuffer"
    " StringBuilder StringIndexOutOfBoundsException SuppressWarnings System Thread ThreadDeath ThreadGroup ThreadLocal"
    " Throwable TypeNotPresentException UnknownError UnsatisfiedLinkError UnsupportedClassVersionError"
    " UnsupportedOperationException VerifyError VirtualMachineError Void IO"
    " this super record var yield sealed permits non when true false null length"
)

_KNOWN = {
    "python": _PYTHON,
    "javascript": _ECMASCRIPT,
    "typescript": _ECMASCRIPT | _TYPESCRIPT,
    "tsx": _ECMASCRIPT | _TYPESCRIPT,
    "java": _JAVA,
}
LANGUAGES = frozenset(_KNOWN)
"""Those whose completions are checked for names and members."""

SCRIPTS = frozenset({"javascript", "typescript", "tsx"})

_OBJECT_OF_SCRIPTS = _words(
    "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf"
)
_FUNCTION_OF_SCRIPTS = _words("apply bind call length name prototype")
_OBJECT_OF_JAVA = _words(
    "class clone equals finalize getClass hashCode notify notifyAll toString wait length this super"
)
_ENUM_OF_JAVA = _words("compareTo describeConstable getDeclaringClass name ordinal valueOf values")

_ENUM = frozenset(dir(object)) | _words(
    "name value _name_ _value_ __members__ _missing_ _generate_next_value_"
)
_BASES = {
    "abc.ABC": frozenset(dir(object)),
    "typing.Generic": frozenset(dir(object)),
    "typing.Protocol": frozenset(dir(object)),
    "typing.NamedTuple": frozenset(dir(tuple)) | _words("_asdict _replace _make _fields _field_defaults"),
    "enum.Enum": _ENUM,
    "enum.IntEnum": _ENUM | frozenset(dir(int)),
    "enum.StrEnum": _ENUM | frozenset(dir(str)),
    "enum.Flag": _ENUM,
    "enum.IntFlag": _ENUM | frozenset(dir(int)),
}
_COLLECTIONS = frozenset({"collections", "collections.abc", "typing"})


def known_names(language: str) -> frozenset[str]:
    """Bare names that need no definition in the repository, keywords included."""
    return _KNOWN.get(language, frozenset()) | language_named(language).keywords


def members_of_every(language: str, header: str) -> frozenset[str]:
    """Members that a class of that header has without saying so."""
    if language == "java":
        return _OBJECT_OF_JAVA | (_ENUM_OF_JAVA if "enum " in header else frozenset())
    if language in SCRIPTS:
        return _OBJECT_OF_SCRIPTS | _FUNCTION_OF_SCRIPTS
    return frozenset(dir(object)) | frozenset(dir(type))


def members_of_base(name: str) -> frozenset[str] | None:
    """Members that a class of Python's own brings to its heirs, by its full name; None for others."""
    module, _, last = name.replace("typing_extensions.", "typing.").rpartition(".")
    known = _BASES.get(f"{module}.{last}")
    if known is not None:
        return known
    if module in _COLLECTIONS:
        found = getattr(collections.abc, last, None) or getattr(collections, last, None)
    else:
        found = None if module else getattr(builtins, last, None)
    return frozenset(dir(found)) if isinstance(found, type) and found is not type else None
