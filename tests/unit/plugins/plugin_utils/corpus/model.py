# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory of the corpus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Hosts = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Fleet:
    """Nodes, other hosts and groups; ``later`` has changes of variables, by host, for a second plan.

    A variable of None is removed, and so is a host whose variables are None. A new host is a node. ``pictured`` tells whether
    there is a golden picture, and ``without`` names the sections that the golden text does not have.
    """

    nodes: Hosts
    others: Hosts = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    later: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    pictured: bool = False
    without: tuple[str, ...] = ()


def make_facts(default=None, **interfaces):
    """Return facts of a host: interfaces with IPv4 and IPv6 addresses as CIDR text, and the address of the default route."""
    facts = {"all_ipv4_addresses": [], "all_ipv6_addresses": [], "interfaces": [*interfaces]}
    for name, addresses in interfaces.items():
        told = facts[name] = {"device": name, "active": True, "ipv6": []}
        for text in addresses:
            address, _slash, prefix = text.partition("/")
            if ":" in address:
                facts["all_ipv6_addresses"].append(address)
                told["ipv6"].append({"address": address, "prefix": prefix, "scope": "global"})
            else:
                facts["all_ipv4_addresses"].append(address)
                entry = {
                    "address": address,
                    "prefix": prefix,
                    "network": _mask(address, prefix),
                    "netmask": _compute_netmask(prefix),
                }
                told.setdefault("ipv4_secondaries", []).append(entry) if "ipv4" in told else told.update(ipv4=entry)
    for address in default or ():
        key = "default_ipv6" if ":" in address else "default_ipv4"
        facts[key] = {"address": address, "interface": next(iter(interfaces))}
    return {"ansible_facts": facts}


def _compute_netmask(prefix):
    bits = (0xFFFFFFFF << (32 - int(prefix))) & 0xFFFFFFFF
    return ".".join(str(bits >> shift & 255) for shift in (24, 16, 8, 0))


def _mask(address, prefix):
    masks = _compute_netmask(prefix).split(".")
    return ".".join(str(int(part) & int(mask)) for part, mask in zip(address.split("."), masks, strict=True))
