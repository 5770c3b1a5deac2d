# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots a host without nft after a third party saved the iptables rules, with ours among them; see kills.py.

The saved rules name our sets. After each change and boot the host has the third-party rules, and the rules of the plan that
was applied last.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from kills import Host

SAVE = "for f in ip ip6; do ${f}tables-save >/etc/sysconfig/${f}tables; done"
# The unit of RHEL's package iptables-services.
UNIT = """\
[Unit]
AssertPathExists=/etc/sysconfig/iptables
Before=network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables-restore /etc/sysconfig/iptables
ExecStart=/usr/sbin/ip6tables-restore /etc/sysconfig/ip6tables
[Install]
WantedBy=multi-user.target
"""
RULES = """\
*filter
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 10050 -j ACCEPT
-A INPUT -j REJECT
COMMIT
"""
PREPARE = f"""
dpkg --purge iptables-persistent netfilter-persistent
rm -f /etc/systemd/system/iptables.service /etc/systemd/system/ip6tables.service
chmod 0 /usr/sbin/nft
mkdir -p /etc/sysconfig
cat >/etc/systemd/system/iptables.service <<'UNIT'
{UNIT}UNIT
systemctl daemon-reload
for f in ip ip6; do ${{f}}tables-restore <<'RULES'
{RULES}RULES
done
{SAVE}
systemctl enable iptables
"""
LIST = "for f in ip ip6; do ${f}tables-save | grep '^-A' | grep -v -e GATEHOUSE -e gatehouse || true; done"
# The states before and after a change. In between, the third party saves its rules with our rules.
CHANGES = (("rules", "rules"), ("rules", "other rules"), ("other rules", "none"))


def try_boots(host: Host) -> str:
    """Boot after each change. Raises AssertionError."""
    host.set_state("none")
    host.run(PREPARE)
    rules = host.run(LIST)
    if "10050" not in rules:
        raise AssertionError(f"the host's rules are missing: {rules}")
    for before, after in CHANGES:
        host.set_state(before)
        host.run(SAVE)
        if after != before:
            host.set_state(after)
        host.boot()
        found = host.look()
        if found["state"] != after or found["live"]:
            raise AssertionError(f"{before} to {after}: after the boot {found}")
        if (loaded := host.run(LIST)) != rules:
            raise AssertionError(f"{before} to {after}: after the boot these third-party rules: {loaded}")
    host.run("chmod 755 /usr/sbin/nft")
    return f"{len(CHANGES)} boots"
