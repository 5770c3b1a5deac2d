# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gateways by name: the hosts of the inventory that are the NAT device of another host, without a plan."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.mappings import read_devices
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    HostVariables,
    Inventory,
    Names,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

NETWORK_OS = "ansible_network_os"


def find_gateway_hosts(inventory: Inventory) -> tuple[list[str], list[Finding]]:
    """Return the gateways in natural order, and the errors in kong_nat, because of which a gateway may be missing.

    A host with ``ansible_network_os`` is no gateway: modules of other collections configure it.
    """
    hosts = Names.read(inventory).hosts
    devices: set[str] = set()
    errors: list[Finding] = []
    for host in sorted(hosts, key=make_natural_key):
        variables = HostVariables.read(inventory, host)
        found = read_devices(variables)
        errors.extend(variables.findings)
        devices |= found - {host}
    gateways = (host for host in devices & hosts if NETWORK_OS not in inventory.read_variables(host))
    return sorted(gateways, key=make_natural_key), errors
