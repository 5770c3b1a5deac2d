#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs processes.py and kills.py on the host for it, with what of this collection runs on hosts: kills.sh START
set -eu
scenario=$(dirname "$0")
folder=/root/collections/ansible_collections/gatehouse/kong/plugins

killed() {
    python3 "$scenario/../lab/lab.py" exec "$scenario" killed "$@"
}

killed systemctl enable --now firewalld
killed mkdir -p "$folder"
tar -C "$scenario/../../plugins" -c module_utils | killed tar -C "$folder" -x
for program in processes kills; do
    killed tee "/root/$program.py" <"$scenario/$program.py" >/dev/null
done
killed env PYTHONPATH=/root/collections python3 /root/processes.py
killed env PYTHONPATH=/root/collections python3 /root/kills.py "$1"
