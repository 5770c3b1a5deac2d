# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services of a host that load firewall rules at boot."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._host.units import Units

# Services that load iptables rules at boot, with their files: of Debian, and of the package iptables-services.
IPTABLES_SERVICES = (
    ("netfilter-persistent", ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6")),
    ("iptables", ("/etc/sysconfig/iptables",)),
    ("ip6tables", ("/etc/sysconfig/ip6tables",)),
)


def is_enabled(units: Units, service: str) -> bool:
    """Tell whether a boot starts a service: a link in a folder of systemd, or another unit that the boot starts, names it."""
    return units.starts_at_boot(f"{service}.service")
