#!/usr/bin/env bash
# Installs what the interoperability tests use and pip cannot bring: phones, a proxy, a browser, a TURN server, a database.
set -euo pipefail

commands=(sipp baresip linphonec kamailio chromium npm turnserver pg_createcluster)
packages=(sip-tester baresip-core linphone-cli kamailio chromium npm coturn postgresql)

missing=()
for index in "${!commands[@]}"; do
    command -v "${commands[$index]}" >/dev/null || missing+=("${packages[$index]}")
done
if [ "${#missing[@]}" -eq 0 ]; then
    echo "test-tools: ${commands[*]} are there"
    exit 0
fi

if ! command -v apt-get >/dev/null; then
    echo "test-tools: no apt-get here; install by your own package manager what gives these commands: ${commands[*]}" >&2
    exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "test-tools: as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 "$@"
}

install_missing() {
    apt install --yes --no-install-recommends "${missing[@]}"
}

echo "test-tools: installing ${missing[*]}"
# A fresh machine has no package lists yet, or old ones.
install_missing || { apt update && install_missing; }
