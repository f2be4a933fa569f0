#!/bin/sh
# Installs the compiler that the wheel's build uses for the socket loop (Debian); the image that runs does not have it.
set -eu
apt-get update -qq
apt-get install --yes --no-install-recommends -qq gcc libc6-dev
rm -rf /var/lib/apt/lists/*
