#!/bin/sh
# Makes a virtual environment with what the server needs to run, by the locked hashes.
#   install-dependencies.sh VENV
set -eu
venv=$1
root=$(cd "$(dirname "$0")/../.." && pwd)

python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$root/requirements/runtime.txt"
