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

SAVE = "for f in ip ip6; do ${f}tables-save >/etc/sysconfig/${f}tables; done; rm -rf /root/saved; cp -a /etc/sysconfig /root/saved"
RESTORE = "cp -a /root/saved/. /etc/sysconfig"
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
# ifup(8), which the lab's image does not have, runs the scripts of this folder in this way at boot.
NETWORKING = """\
[Unit]
DefaultDependencies=no
Wants=network.target
After=local-fs.target network-pre.target
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/run-parts --exit-on-error /etc/network/if-pre-up.d
[Install]
WantedBy=multi-user.target
"""
SCRIPT = """\
#!/bin/sh -e
iptables-restore </etc/sysconfig/iptables
ip6tables-restore </etc/sysconfig/ip6tables
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
USE_SCRIPT = f"""
systemctl disable --quiet iptables
rm /etc/systemd/system/iptables.service
mkdir -p /etc/network/if-pre-up.d
cat >/etc/network/if-pre-up.d/own-rules <<'SCRIPT'
{SCRIPT}SCRIPT
chmod 755 /etc/network/if-pre-up.d/own-rules
cat >/etc/systemd/system/networking.service <<'UNIT'
{NETWORKING}UNIT
systemctl daemon-reload
systemctl enable networking
"""
LIST = "for f in ip ip6; do ${f}tables-save | grep '^-A' | grep -v -e GATEHOUSE -e gatehouse || true; done"
# The states before and after a change, and an event after it. Before the change, the third party saves its rules with our rules.
KEPT, RESTORED = "the run cleans the saved rules", "the third party restores the saved rules"
CHANGES = (
    ("rules", "rules", KEPT),
    ("rules", "other rules", KEPT),
    ("rules", "other sets", RESTORED),
    ("other rules", "none", KEPT),
)
SCRIPT_CHANGES = (("rules", "other sets", RESTORED), ("other sets", "none", KEPT))


def try_boots(host: Host) -> str:
    """Boot after each change, with each program that loads the saved rules. Raises AssertionError."""
    host.set_state("none")
    host.run(PREPARE)
    rules = host.run(LIST)
    if "10050" not in rules:
        raise AssertionError(f"the host's rules are missing: {rules}")
    for change in CHANGES:
        _try_boot(host, change, rules)
    host.run(USE_SCRIPT)
    for change in SCRIPT_CHANGES:
        _try_boot(host, change, rules)
    host.run("chmod 755 /usr/sbin/nft")
    return f"{len(CHANGES) + len(SCRIPT_CHANGES)} boots"


def _try_boot(host: Host, change: tuple[str, str, str], rules: str) -> None:
    before, after, event = change
    host.set_state(before)
    host.run(SAVE)
    if after != before:
        host.set_state(after)
    if event == RESTORED:
        host.run(RESTORE)
    host.boot()
    label, found = f"{before} to {after}, {event}", host.look()
    # The restored rules name a set that is not in the ruleset any more. It is empty, and the next run removes it.
    unused = [line for line in found["live"] if line.endswith(": unused, or used only during a change")]
    saved = [f"/etc/sysconfig/{family}tables: has rules of gatehouse.kong" for family in ("ip", "ip6")]
    expected = (unused, saved) if event == RESTORED else ([], found["boot"])
    if found["state"] != after or (found["live"], found["boot"]) != expected:
        raise AssertionError(f"{label}: after the boot {found}")
    if (loaded := host.run(LIST)) != rules:
        raise AssertionError(f"{label}: after the boot these third-party rules: {loaded}")
    if event == RESTORED:
        host.set_state(after)
        if (found := host.look())["live"] or found["boot"] or host.run(LIST) != rules:
            raise AssertionError(f"{label}: after the next run {found}")
