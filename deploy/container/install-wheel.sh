#!/bin/sh
# Installs the one wheel in FOLDER into an environment that has the dependencies, and checks that they fit together.
#   install-wheel.sh VENV FOLDER
set -eu
venv=$1
folder=$2

"$venv/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps "$folder"/mediaserver-*.whl
"$venv/bin/pip" check --disable-pip-version-check
