# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources in a node's sets that are the node itself are no connections of their own."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.caller_lists import Listed
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import (
    Callers,
    Flow,
    Rule,
    list_hosts,
    list_ports,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

(MAPPING,) = SEED_NODES["b1"]["kong_nat"]


@pytest.mark.parametrize("source", [None, "192.168.23.1"])
def test_the_node_itself_is_no_source(source):
    mapping = {**MAPPING, **({"hairpin_source": source} if source else {})}
    nodes = {**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [mapping]}}
    plan = plan_fleet(nodes, SEED_OTHERS)
    node = get_node(plan, "b1")
    flows = [flow for port in list_ports(plan, node, Callers(list_hosts(plan))) for flow in port.flows]
    networks = {text for name in plan["sets"] if "from-branch" in name for text in plan["sets"][name]["ipv4"]}
    assert networks == {"192.168.10.11/32", "192.168.10.12/32", f"{source or '192.168.23.45'}/32"}
    assert {flow.label for flow in flows if not flow.callers} == {"anyone at site branch"}
    assert [flow.callers for flow in flows if flow.callers] == [("a1", "a2")]


@pytest.mark.parametrize(("count", "needs_summary"), [(50, False), (51, True)])
def test_callers_of_more_than_50_networks_are_in_lists(count, needs_summary):
    rule = Rule((), tuple(f"10.0.0.{number}/32" for number in range(count)), frozenset())
    assert Callers([]).needs_summary(rule) is needs_summary


LIST = (Listed(1, 40, (), ()),)


@pytest.mark.parametrize(
    ("callers", "via", "sources", "listed", "has_known_hosts", "is_network"),
    [
        (("a",), "nat", ("192.0.2.1/32",), (), True, False),
        ((), "nat", (), LIST, True, False),
        ((), "", ("192.0.2.0/24",), LIST, False, False),  # the networks of the list are its sources
        ((), "", ("192.0.2.0/24",), (), False, True),
        ((), "nat", ("192.0.2.1/32",), (), False, False),  # any host of a site
        ((), "", (), (), False, False),  # any source
    ],
)
def test_kinds_of_callers(callers, via, sources, listed, has_known_hosts, is_network):
    flow = Flow("label", callers, None, via, None, (), (), sources, listed=listed)
    assert (flow.has_known_hosts, flow.is_network) == (has_known_hosts, is_network)
