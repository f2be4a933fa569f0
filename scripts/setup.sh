#!/usr/bin/env bash
# Makes .venv from the hash-locked requirements, with the project in it as an editable install. Quick when nothing changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python="${PYTHON:-python3}"
stamp=.venv/.ready
export PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

wanted() {
    cat pyproject.toml requirements/development.txt scripts/setup.sh | cksum
    "$python" -c 'import sys; print(sys.version)'
    pwd
}

command -v "$python" >/dev/null || fail "'$python' is not installed; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "'$python' is $("$python" --version 2>&1), and 3.11 or newer is needed; name another one: make PYTHON=python3.12"

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
