# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of a host's interfaces with their networks, from facts.

Ansible's facts have no flags of an address. Measured with ansible-core 2.19 and Linux 6: the list `ipv6` of an interface has
temporary addresses (RFC 8981) after all other addresses, because the kernel's flags for temporary and secondary addresses are
one bit, and Ansible lists primary addresses first. `default_ipv6` has the temporary address if the kernel prefers it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import compute_network, get_interface_id
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import parse_fact_address

# Bridges that programs for containers and virtual machines create. Only the host itself reaches their addresses.
_PRIVATE_BRIDGE = re.compile(r"docker\d+|br-[0-9a-f]{12}|(?:cni-)?podman\d+|cni\d+|virbr\d+|lxcbr\d+|lxdbr\d+")


class Attached(NamedTuple):
    """An address of an interface, the name of the interface, and the network of the address as CIDR text.

    ``primary`` tells whether it is the first address of its network on the interface, from which the kernel connects.
    ``temporary`` is a guess, see `_looks_temporary`.
    """

    interface: str
    address: str
    network: str
    primary: bool
    temporary: bool


def list_interfaces(facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and the facts of each interface."""
    for name in map(str, _make_list(facts.get("interfaces"))):
        data = facts.get(name.replace("-", "_"))
        if isinstance(data, Mapping):
            yield name, data


def _make_list(value: Any) -> list[Any]:
    """Return a list in facts. The facts of Linux have a mapping, the facts of BSD a list of mappings."""
    return list(value) if isinstance(value, (list, tuple)) else [value] if isinstance(value, Mapping) else []


def list_attached_to(interfaces: Iterable[tuple[str, Mapping[str, Any]]], *, bridges: bool) -> Iterator[Attached]:
    """Yield the addresses of private bridges, or of all other interfaces, each once.

    A label such as eth0:1 is an interface of its own in the facts, so the primary addresses of all interfaces are first.
    """
    chosen = [(name, data) for name, data in interfaces if bool(_PRIVATE_BRIDGE.fullmatch(name)) is bridges]
    known: set[str] = set()
    for key in ("ipv4", "ipv4_secondaries", "ipv6"):
        for name, data in chosen:
            for item in _list_attached(name, _make_list(data.get(key)), secondary=key == "ipv4_secondaries"):
                if item.address not in known:
                    yield item
                known.add(item.address)


def _list_attached(interface: str, items: Iterable[Any], *, secondary: bool) -> Iterator[Attached]:
    networks: set[str] = set()
    for item in items:
        address = parse_fact_address(item.get("address")) if isinstance(item, Mapping) else None
        network = compute_network(address, str(item.get("prefix") or item.get("netmask"))) if address else None
        if address and network:
            follows = network in networks
            temporary = follows and _looks_temporary(address, network)
            primary = not follows and not secondary
            yield Attached(interface, address, network, primary=primary, temporary=temporary)
            networks.add(network)


def _looks_temporary(address: str, network: str) -> bool:
    """Tell whether an address that follows another address of its network has a random interface identifier.

    An identifier from a MAC address has ff:fe in its middle, and an identifier written by people rarely uses its first 32 bits.
    """
    identifier = get_interface_id(address) if network.endswith("/64") else 0
    return identifier >> 32 != 0 and (identifier >> 24) & 0xFFFF != 0xFFFE
