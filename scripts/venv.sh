#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Make .venv: the tools of requirements-dev.txt, and a tree in which the repository is found as a collection.
# A second run does nothing until requirements-dev.txt or this file changes.
set -eu
cd "$(dirname "$0")/.."

wanted=$(cat requirements-dev.txt scripts/venv.sh | sha256sum | cut -d ' ' -f 1)
tree=.venv/collections/ansible_collections/gatehouse

# A name on PATH is not enough: the shims of version managers answer for Pythons that are not chosen.
supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

find_python() {
    for candidate in python3.11 python3.12 python3.13 python3; do
        if supported "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "venv: no Python 3.11 to 3.13 found; the tools need one" >&2
    exit 1
}

if [ "$(cat .venv/requirements.sha256 2>/dev/null)" = "$wanted" ] && [ -d "$tree/kong/" ] && supported .venv/bin/python; then
    exit 0
fi

if ! supported .venv/bin/python; then
    python=$(find_python)
    echo "venv: making .venv with $("$python" --version)"
    # Debian ships Python without the means to make an environment.
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        scripts/packages.sh "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    "$python" -m venv --clear .venv
fi

echo "venv: installing the tools of requirements-dev.txt"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
mkdir -p "$tree"
ln -sfn ../../../.. "$tree/kong"
echo "$wanted" >.venv/requirements.sha256
