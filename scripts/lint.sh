#!/usr/bin/env bash
# Everything that judges the code without running it. Each tool speaks, even when one before it complained.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

PATH="$PWD/.venv/bin:$PATH"
status=0
check() {
    echo "--- $*"
    "$@" || status=1
}

check ruff check --output-format concise .
check ruff format --check --output-format concise .
check mypy
check lint-imports --no-logo
exit "$status"
