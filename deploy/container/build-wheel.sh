#!/bin/sh
# Builds the project's wheel with the locked build tools, in an environment of its own that is thrown away.
#   build-wheel.sh FOLDER
set -eu
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/environment.sh"

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
make_environment "$tools"
pip_in "$tools" install --quiet --require-hashes --requirement "$root/requirements/build.txt"
pip_in "$tools" wheel --quiet --no-deps --no-build-isolation --wheel-dir "$folder" "$root"
