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

SET_PREFIX = {"ipv4": "gkong4-", "ipv6": "gkong6-"}
# Names of our ipsets in firewalld. The kernel's ipsets of the iptables backend have other names, because firewalld may make
# ipsets of the kernel as well.
FIREWALLD_SET_PREFIX = {"ipv4": "gkfwd4-", "ipv6": "gkfwd6-"}


def own_firewalld_files(host: Host) -> tuple[str, ...]:
    """Return the paths of our ipsets in firewalld's permanent configuration, with the backups that firewalld makes.

    Our rules in zone files exist only together with these files.
    """
    return tuple(
        f"{FIREWALLD}/ipsets/{path.name}"
        for prefix in FIREWALLD_SET_PREFIX.values()
        for path in sorted(host.path(f"{FIREWALLD}/ipsets").glob(f"{prefix}*"))
    )


def iptables_accepts(host: Host) -> bool:
    """Tell whether the late part for iptables is installed."""
    return host.path(IPTABLES_LATE).exists()
