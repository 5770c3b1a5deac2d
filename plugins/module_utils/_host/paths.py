# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each backend keeps what is its own: tells that it was used on a host, without loading the backend itself."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

IPTABLES = "/etc/gatehouse_kong_iptables"
SCRIPT_FILE = f"{IPTABLES}/load.sh"
IPTABLES_LATE = "/etc/gatehouse_kong_accept/accept.sh"
FIREWALLD = "/etc/firewalld"

POLICY = "gatehouse-kong"
SET_PREFIX = {"ipv4": "gkong4-", "ipv6": "gkong6-"}
# What firewalld's objects of ours are called, by kind.
PREFIXES = {"policies": [POLICY], "services": [f"{POLICY}-"], "ipsets": [*SET_PREFIX.values()]}


def own_firewalld_files(host: Host) -> tuple[str, ...]:
    """Firewalld's files of ours that are there, with the copies that firewalld keeps of what it overwrites."""
    return tuple(
        f"{FIREWALLD}/{kind}/{path.name}"
        for kind, prefixes in PREFIXES.items()
        for prefix in prefixes
        for path in sorted(host.path(f"{FIREWALLD}/{kind}").glob(f"{prefix}*"))
    )


def iptables_accepts(host: Host) -> bool:
    """Tell whether the late part for iptables is installed."""
    return host.path(IPTABLES_LATE).exists()
