#!/bin/sh
# To be sourced: makes environments and installs into them. Where the Python that makes them has a pip that can do so, they need none.
set -eu

if python3 -c 'import pip, sys; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (22, 3))' 2>/dev/null; then
    has_pip=yes
else
    has_pip=
fi

# make_environment VENV
make_environment() {
    python3 -m venv ${has_pip:+--without-pip} "$1"
}

# pip_in VENV COMMAND ...
pip_in() {
    venv=$1
    shift
    if [ -x "$venv/bin/pip" ]; then
        "$venv/bin/pip" --disable-pip-version-check "$@"
    else
        python3 -m pip --disable-pip-version-check --python "$venv/bin/python" "$@"
    fi
}
