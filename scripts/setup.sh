#!/usr/bin/env bash
# Makes .venv from the hash-locked requirements, with the project in it as an editable install. Quick when nothing changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python="${PYTHON:-}"
stamp=.venv/.ready
export PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

wanted() {
    cat pyproject.toml requirements/development.txt scripts/setup.sh hatch_build.py rtp/socket_loop.c | cksum
    "$python" -c 'import sys; print(sys.version)'
    pwd
}

is_new_enough() {
    command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if [ -z "$python" ]; then
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if is_new_enough "$candidate"; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || fail "no Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3"
fi
command -v "$python" >/dev/null || fail "'$python' is not installed; name a Python 3.11 or newer: make PYTHON=/path/to/python3"
is_new_enough "$python" || fail "'$python' is $("$python" --version 2>&1), and 3.11 or newer is needed; name another one: make PYTHON=python3.12"

if [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ "$(wanted)" = "$(cat "$stamp")" ] && .venv/bin/python -c ''; then
    exit 0
fi

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "this Python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv"

echo "setup: building .venv from requirements/development.txt (once; a minute or two on a slow line)"
rm -f "$stamp"
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
# A line a package is progress enough; what pip has to complain about comes through whole.
.venv/bin/python -m pip install --progress-bar off --require-hashes --requirement requirements/development.txt |
    sed -n -e 's/^Collecting \([^ ]*\).*/  \1/p' -e 's/^Installing collected packages.*/  installing/p'
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
wanted >"$stamp"
echo "setup: done"
