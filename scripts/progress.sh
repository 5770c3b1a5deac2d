#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# usage: scripts/progress.sh TEXT COMMAND [ARGUMENT...]
# Runs a command, and prints the text with the elapsed time every 10 seconds until the command ends. The exit status is
# that of the command.
set -eu

text=$1
shift
(
    elapsed=0
    while sleep 10 >/dev/null 2>&1; do
        elapsed=$((elapsed + 10))
        echo "$text: $elapsed s"
    done
) &
clock=$!
trap 'kill "$clock" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$@"
