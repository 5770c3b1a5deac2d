#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Creates .venv: the tools of requirements-dev.txt, and a folder in which Ansible finds the repository as a collection.
# A second run does nothing unless requirements-dev.txt or this file changes.
set -eu
cd "$(dirname "$0")/.."

wanted=$(cat requirements-dev.txt scripts/venv.sh | sha256sum | cut -d ' ' -f 1)
tree=.venv/collections/ansible_collections/gatehouse

# A name on PATH is not enough: version managers have shims for versions of Python that are not selected.
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
    echo "venv: no Python 3.11 to 3.13 found; install it, the tools need it" >&2
    exit 1
}

if [ "$(cat .venv/requirements.sha256 2>/dev/null)" = "$wanted" ] && [ -d "$tree/kong/" ] && supported .venv/bin/python; then
    exit 0
fi

if ! supported .venv/bin/python; then
    python=$(find_python)
    echo "venv: creating .venv with $("$python" --version)"
    # Debian's Python has no module to create an environment.
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        scripts/progress.sh "venv: installing packages" scripts/packages.sh "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    "$python" -m venv --clear .venv
fi

echo "venv: installing the tools of requirements-dev.txt, about a minute"
scripts/progress.sh "venv: installing" .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
mkdir -p "$tree"
ln -sfn ../../../.. "$tree/kong"
echo "$wanted" >.venv/requirements.sha256
