# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual addresses: addresses that keepalived, VRRP or a cloud moves between hosts, and listeners that bind them."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonicalise_address,
    explain_unusable,
    find_family,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import get_bind_variable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.collisions import find_sharing
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Report
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

VIRTUAL = "kong_virtual_addresses"


def read_virtual(variables: HostVariables) -> tuple[str, ...]:
    """Return the addresses of kong_virtual_addresses. Errors are added to the findings of ``variables``."""
    found = []
    for item in variables.list_items(VIRTUAL):
        try:
            address = canonicalise_address(item)
        except AddressError as exc:
            variables.add_error("address-invalid", VIRTUAL, item, f"{exc}; give addresses without a prefix length")
            continue
        if reason := explain_unusable(address):
            variables.add_error(
                "address-invalid", VIRTUAL, item, f"it is {reason}; give addresses that other hosts dial"
            )
            continue
        found.append(address)
    return tuple(dict.fromkeys(found))


def check_own(variables: HostVariables, virtual: Iterable[str], own: Iterable[str]) -> None:
    """Add an error for each virtual address that is also an own address of the host."""
    for address in sorted(set(virtual) & set(own), key=make_natural_key):
        message = (
            "it is the host's own address as well, and a virtual address may move to another host; set kong_address or "
            f"kong_vpn_address to an address that stays on the host, or remove it from {VIRTUAL}"
        )
        variables.add_error("address-invalid", VIRTUAL, address, message)


def find_standby_notes(node: Node) -> list[Finding]:
    """Return a note for each virtual address that a listener binds: the kernel must allow that on a standby host.

    An entry whose port nginx opens on every address binds no address.
    """
    report = Report(node.name)
    for listener in node.reachable:
        is_bound = listener.bound in node.host.virtual and not find_sharing(listener, node.reachable)
        if is_bound and "transparent" not in listener.flags:
            sysctl = f"net.ipv{find_family(listener.address)}.ip_nonlocal_bind"
            name = get_bind_variable(listener)
            message = (
                f"a node that does not hold this virtual address can bind it only with the sysctl {sysctl}=1; without it Kong "
                "does not start there. Set the sysctl on each of these nodes, or bind 0.0.0.0 or [::]"
            )
            report.add_info("virtual-address-bind", name, listener.address, message)
    return report.findings
