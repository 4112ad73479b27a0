#!/usr/bin/env bash
# Make $VENV with the package (editable), its development tools and the encoder extra, all from constraints.txt.
# llama-cpp-python has no wheel: it is compiled once and kept in the user's cache, keyed by version, Python and processor,
# because llama.cpp is compiled for the processor at hand.
set -eu -o pipefail
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}

"$PYTHON" - <<'CHECK'
import sys
if sys.version_info < (3, 11):
    sys.exit(f"setup: Python {sys.version.split()[0]} is too old: install Python 3.11 or later, or run `make PYTHON=python3.11`")
CHECK
for tool in c++ make; do
  command -v "$tool" >/dev/null || { echo "setup: no $tool: install a C++ compiler and make (Debian: apt-get install build-essential)" >&2; exit 2; }
done

say() { printf 'setup: %s\n' "$*" >&2; }

say "virtual environment in $VENV"
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }
pip install --constraint constraints.txt pip

llama=$(sed -n 's/^llama[-_]cpp[-_]python==//p' constraints.txt)
flags=$(grep -m1 -E '^(flags|Features)' /proc/cpuinfo 2>/dev/null || sysctl -n machdep.cpu.features 2>/dev/null || uname -m)
tag=$("$VENV/bin/python" - "$flags" <<'TAG'
import hashlib, platform, sys
processor = hashlib.sha256(" ".join(sorted(sys.argv[1].split())).encode()).hexdigest()[:12]
print(f"{sys.implementation.cache_tag}-{platform.machine()}-{processor}")
TAG
)
wheels=${REPOCODER_WHEELS:-${XDG_CACHE_HOME:-$HOME/.cache}/repocoder/wheels}/$tag
mkdir -p "$wheels"
if ! ls "$wheels"/llama_cpp_python-"$llama"-*.whl >/dev/null 2>&1; then
  say "compiling llama-cpp-python $llama once, five to ten minutes on two cores (kept in $wheels)"
  building=$(mktemp -d "$wheels/.building.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  pip wheel --no-deps --wheel-dir "$building" "llama-cpp-python==$llama"
  mv "$building"/llama_cpp_python-*.whl "$wheels/"
fi

say "packages"
pip install --constraint constraints.txt --find-links "$wheels" --group dev --editable '.[encoders,eval,ray]'
"$VENV/bin/python" -c 'import llama_cpp, tree_sitter, textual, faiss' || { say "the environment does not import: run make clean and try again"; exit 1; }
say "ready: $VENV/bin/repocoder --help"
