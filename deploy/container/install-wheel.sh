#!/bin/sh
# Installs the one wheel in FOLDER into an environment that has the dependencies, and checks that they fit together.
#   install-wheel.sh VENV FOLDER
set -eu
folder=$2
. "$(dirname "$0")/environment.sh"

pip_in "$1" install --quiet --no-index --no-deps "$folder"/mediaserver-*.whl
pip_in "$1" check
