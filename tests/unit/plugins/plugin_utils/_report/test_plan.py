# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notes above the ports of a node: its addresses, and the nodes that are equivalent to it."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Callers, list_hosts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.plan import make_ports_section
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet


def read_notes(nodes):
    """Return the notes of each node, and whether its table is printed."""
    plan = plan_fleet(nodes)
    section = make_ports_section(plan, Callers(list_hosts(plan)))
    return {table.title: (table.notes, table.is_printed) for table in section.tables}


def test_the_first_of_equivalent_nodes_names_the_others():
    notes = read_notes({f"n{number}": {"kong_address": f"10.0.0.{number}"} for number in range(1, 21) if number != 10})
    other = "Equivalent nodes, each with its own addresses (not in print): n2 to n9, n11 to n20."
    assert {name for name, (texts, _is_printed) in notes.items() if other in texts} == {"n1"}
    assert {name for name, (_texts, is_printed) in notes.items() if is_printed} == {"n1"}


def test_all_addresses_of_a_node_are_named():
    node = {
        "kong_address": ["10.0.0.1", "fd00::1"],
        "kong_vpn_address": ["10.9.0.1", "fd09::1"],
        "kong_virtual_addresses": ["10.0.0.100", "10.0.0.101"],
        "kong_proxy_listen": "10.0.0.100:8000, 10.0.0.101:8000",
    }
    [(texts, _is_printed)] = read_notes({"n": node}).values()
    assert "; address 10.0.0.1, fd00::1; on the VPN 10.9.0.1, fd09::1; may hold 10.0.0.100, 10.0.0.101" in texts[0]
