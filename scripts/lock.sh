#!/usr/bin/env bash
# Writes requirements/*.txt anew from pyproject.toml: versions and hashes for every platform, and no registry's address.
#   scripts/lock.sh              keeps the versions that are there, as far as pyproject.toml allows
#   scripts/lock.sh --upgrade    takes the newest that it allows
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export UV_CUSTOM_COMPILE_COMMAND="make lock"
compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header "$@"
}

compile "$@" --group build --output-file requirements/build.txt
compile "$@" pyproject.toml --output-file requirements/runtime.txt
# What is shipped is what was tested: the development file takes the runtime file's versions.
compile "$@" pyproject.toml --group development --constraint requirements/runtime.txt --output-file requirements/development.txt
