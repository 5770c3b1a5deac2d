#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints our rules and files on the host; no line if there are none.
{ nft list ruleset; iptables-save; ip6tables-save; ipset save; } 2>/dev/null | grep -iE 'gatehouse|gkfwd|gkong'
if systemctl --quiet is-active firewalld; then
    { firewall-cmd --list-all-zones; firewall-cmd --get-ipsets; firewall-cmd --permanent --get-ipsets; } | grep -o 'gkfwd[^ ]*'
fi
grep -rE 'gatehouse|gkfwd|gkong' /etc/ufw /etc/firewalld /etc/iptables 2>/dev/null
find /etc /lib/systemd /run/systemd /usr/share/netfilter-persistent /var/lib -iname '*gatehouse[-_]kong*' 2>/dev/null
