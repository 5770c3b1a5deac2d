# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bounds for addresses from facts: the networks of kong_address_networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonicalise_network,
    contains,
    explain_unusable,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first

NETWORKS = "kong_address_networks"
Given = Iterable[tuple[str, str]]  # a variable, and an address or network in it


def check_bounds(variables: HostVariables, found: Given, read_again: Callable[[HostVariables], Given]) -> None:
    """Add an error for each address outside kong_address_networks that a variable takes from facts.

    ``read_again`` reads the same addresses from the variables without facts. These addresses are given by the inventory and
    may be in any network.
    """
    if variables.read_value(NETWORKS) is None:
        return
    own = variables.without_facts()
    networks = read_networks(own, NETWORKS)
    # Several variables of a host are checked; a network that cannot be read is one finding.
    variables.findings += [finding for finding in own.findings if finding not in variables.findings]
    outside = [pair for pair in found if not any(contains(network, pair[1]) for network in networks)]
    given = set(read_again(own)) if outside else set()
    for name, address in outside:
        if (name, address) not in given:
            variables.add_error(
                "address-outside-networks",
                name,
                address,
                f"it comes from facts and is in no network of {NETWORKS} ({list_first(networks, 4)}). Add its network, or "
                "write the address into the inventory",
            )


def read_networks(variables: HostVariables, name: str) -> tuple[str, ...]:
    """Return a variable that is a list of addresses and networks as CIDR text, of those that other hosts may see or dial."""
    found = []
    for item in variables.list_items(name):
        try:
            network = canonicalise_network(item)
        except AddressError as exc:
            variables.add_error("address-invalid", name, item, f"{exc}; give addresses or networks")
            continue
        if reason := explain_unusable(network):
            variables.add_error("address-invalid", name, item, f"it is {reason}; give addresses or networks of hosts")
            continue
        found.append(network)
    return tuple(found)
