#!/bin/sh
# Builds the supervisor's page, which the wheel takes along.
set -eu
exec "$(dirname "$0")/../../scripts/console.sh"
