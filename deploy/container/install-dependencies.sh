#!/bin/sh
# Makes a virtual environment with what the server needs to run, by the locked hashes.
#   install-dependencies.sh VENV
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/environment.sh"

make_environment "$1"
pip_in "$1" install --quiet --require-hashes --requirement "$here/../../requirements/runtime.txt"
