# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that only source terms name, such as a bastion: the hosts of which a playbook gathers facts before the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import SOURCE_VARIABLES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.hosts import read_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    HostVariables,
    Inventory,
    Names,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

# The group of the hosts whose facts a playbook has tried to gather in this run.
ASKED = "kong_asked_sources"
OUTSIDERS = "kong_verify_outsiders"


def find_source_hosts(inventory: Inventory, group: str) -> list[str]:
    """Return the hosts that source terms name and whose address, egress or other variables depend on facts.

    Nodes of the group are left out, and hosts in the group ``ASKED``. For invalid terms the plan has an error.
    """
    names = Names.read(inventory)
    nodes = inventory.groups.get(group, ())
    asked = inventory.groups.get(ASKED, ())
    others = names.hosts - {*nodes, *asked}
    if not others:
        return []
    named = {host for node in nodes for host in _list_named(HostVariables.read(inventory, node), names)}
    ordered = sorted(others & named, key=make_natural_key)
    return [host for host in ordered if _needs_facts(HostVariables.read(inventory, host))]


def _list_named(variables: HostVariables, names: Names) -> Iterator[str]:
    """Yield the hosts that the terms of a node name, including the members of groups."""
    for name in sorted(SOURCE_VARIABLES | {OUTSIDERS}):
        for term in _list_terms(variables.read_value(name, [])):
            yield from names.groups.get(term[1:], ()) if term.startswith("@") else [term]


def _list_terms(value: list[str] | Mapping[str, list[str] | None]) -> Iterator[str]:
    if isinstance(value, Mapping):
        for terms in value.values():
            yield from terms or ()
    else:
        yield from value


def _needs_facts(variables: HostVariables) -> bool:
    """Tell whether the addresses of a host depend on facts: without facts it has no kong_address, or an error."""
    own = variables.without_facts()
    if own.read_value("kong_address") is None:
        return True
    read_host(own)
    return bool(own.findings)
