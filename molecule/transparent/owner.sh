#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Sets up the firewall manager of a gateway, by name. Both forward packets to other hosts.
set -eu
case $1 in
firewalld)
    systemctl enable --now firewalld
    firewall-cmd --permanent --add-forward
    firewall-cmd --permanent --add-interface=clients --add-interface=servers
    # Intercepted packets keep their address and port, and firewalld cannot match a mark.
    firewall-cmd --permanent --add-port=80/tcp --add-port=5432/tcp
    firewall-cmd --reload
    ;;
ufw)
    ufw default allow routed
    ufw allow 22/tcp
    ufw --force enable
    systemctl enable --now ufw
    ;;
esac
touch /root/owner
