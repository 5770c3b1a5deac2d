#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# usage: scripts/demo.sh up|down
# The lab of the scenario seed, run with playbooks and without Molecule, like a user's fleet. Both commands can be repeated.
set -eu
cd "$(dirname "$0")/.."

scenario=molecule/seed
lab="$PWD/.venv/bin/python molecule/lab/lab.py"
report="$PWD/.cache/demo"

case "${1:-}" in
    up)
        echo "demo: install the packages of the lab, about a minute the first time"
        scripts/progress.sh "demo: installing packages" molecule/lab/install
        echo "demo: build the image (about 90 seconds and 240 MB, the first time only) and start the hosts of $scenario"
        # shellcheck disable=SC2086  # the command is meant to be split
        scripts/progress.sh "demo: starting the hosts" $lab up "$scenario"
        echo "demo: configure the hosts, and test every listener from every source, about 2 minutes"
        export PATH="$PWD/.venv/bin:$PATH" LC_ALL=C.UTF-8
        export ANSIBLE_COLLECTIONS_PATH="$PWD/.venv/collections"
        export ANSIBLE_CONNECTION_PLUGINS="$PWD/molecule/lab/connection_plugins"
        scripts/progress.sh "demo: site is running" ansible-playbook gatehouse.kong.site -i examples/seed -i "$scenario/inventory" -e kong_report_path="$report"
        echo "demo: the report is $report/report.html"
        ;;
    down)
        $lab down "$scenario"
        ;;
    *)
        echo "usage: scripts/demo.sh up|down" >&2
        exit 2
        ;;
esac
