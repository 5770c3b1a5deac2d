# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventory names of addresses, also of hosts that are not in the plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import AddressError, canonicalise_address
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import Inventory, VariableError

_VARIABLES = ("kong_address", "ansible_host")


def list_names(inventory: Inventory) -> dict[str, list[str]]:
    """Return the hosts of each address that is the value of ``kong_address`` or ``ansible_host`` in the inventory."""
    names: dict[str, list[str]] = {}
    for host in inventory.groups.get("all", ()):
        for address in dict.fromkeys(_list_addresses(inventory, host)):
            names.setdefault(address, []).append(host)
    return names


def _list_addresses(inventory: Inventory, host: str) -> Iterator[str]:
    variables = inventory.read_variables(host)
    for name in _VARIABLES:
        try:
            value = variables.get(name)
        except VariableError:
            continue
        for item in value if isinstance(value, (list, tuple)) else [value]:
            yield from _read_address(item)


def _read_address(value: Any) -> Iterator[str]:
    try:
        yield canonicalise_address(str(value))
    except AddressError:
        return
