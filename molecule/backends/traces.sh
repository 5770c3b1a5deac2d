#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Print whatever is on the host of ours, in the kernel and in files; no line where there is nothing.
{ nft list ruleset; iptables-save; ip6tables-save; ipset save; } 2>/dev/null | grep -iE 'gatehouse|gkong'
if systemctl --quiet is-active firewalld; then
    for what in policies services ipsets; do
        firewall-cmd "--get-$what"
        firewall-cmd --permanent "--get-$what"
    done | grep -oE '(gatehouse-kong|gkong)[^ ]*'
fi
grep -s gatehouse /etc/ufw/*.rules
find /etc /lib/systemd /run/systemd /var/lib -iname '*gatehouse[-_]kong*'
