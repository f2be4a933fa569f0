#!/bin/sh
# Makes the user without rights that the server runs as, and the folders that are his.
#   make-user.sh NAME UID
set -eu
name=$1
uid=$2

groupadd --gid "$uid" "$name"
useradd --uid "$uid" --gid "$uid" --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$name"
install --directory --owner="$name" --group="$name" --mode=0750 "/etc/$name" "/var/lib/$name"
