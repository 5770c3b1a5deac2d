# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths and names of the objects that each backend stores. They show which backends were used on a host."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

IPTABLES = "/etc/gatehouse_kong_iptables"
SCRIPT_FILE = f"{IPTABLES}/load.sh"
IPTABLES_LATE = "/etc/gatehouse_kong_accept/accept.sh"
FIREWALLD = "/etc/firewalld"

SET_PREFIX = {name: f"gkong{family.version}-" for name, family in FAMILY.items()}
# Prefixes of our ipsets in firewalld. They differ from the prefixes of the kernel ipsets of the iptables backend, because
# firewalld can create kernel ipsets too.
FIREWALLD_SET_PREFIX = {name: f"gkfwd{family.version}-" for name, family in FAMILY.items()}


def list_own_firewalld_files(host: Host) -> tuple[str, ...]:
    """Return the paths of our ipsets in firewalld's permanent configuration, and of firewalld's backups of them.

    Zone files contain our rules only if such files exist.
    """
    return tuple(
        f"{FIREWALLD}/ipsets/{path.name}"
        for prefix in FIREWALLD_SET_PREFIX.values()
        for path in sorted(host.locate(f"{FIREWALLD}/ipsets").glob(f"{prefix}*"))
    )


def has_iptables_accepts(host: Host) -> bool:
    """Tell whether the late part for iptables is installed."""
    return host.locate(IPTABLES_LATE).exists()
