# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callers of a port that allows many networks are in lists. With their exceptions they are the same callers as without lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan import flows
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.caller_lists import (
    MOST_NAMED,
    CallerLists,
    Listed,
    _CallerList,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import (
    Callers,
    group_ports,
    list_group_flows,
    list_hosts,
    list_ports,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.forward_sources import (
    list_forward_callers,
    list_forward_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    GOSSIP,
    make_gossip_sites,
    make_hybrid_sites,
    plan_fleet,
)

SITES = 60
OTHERS = {
    "ops": {"kong_site": "office", "kong_address": "192.0.2.9"},
    "lan": {"kong_site": "s0003", "kong_address": "10.0.3.9"},
}


def make_mixed_sites(count):
    """Return gossip sites with several nodes at a site, a VPN, a device that serves some sites, and sources of all kinds."""
    nodes = make_gossip_sites(count, kong_proxy_sources=["@kong", "ops", "lan", "203.0.113.0/24"])
    for number, node in enumerate(nodes.values()):
        node["kong_admin_sources"] = ["@kong", "10.0.0.0/16", "203.0.113.77"] if number % 2 else ["ops"]
        if number % 5 == 0:
            node["kong_vpn_address"] = f"172.20.{number // 250}.{number % 250 + 1}"
    nodes["near"] = {
        **GOSSIP,
        "kong_site": "s0003",
        "kong_address": "10.0.3.5",
        "kong_nat": [{"outside": "198.18.9.9"}],
    }
    nodes["k0007"]["kong_nat"] += [{"outside": "10.99.0.7", "sites": ["s0003", "office"]}]
    return nodes


FLEETS = {
    "gossip": lambda: make_gossip_sites(SITES),
    "hybrid": lambda: make_hybrid_sites(SITES),
    "mixed": lambda: make_mixed_sites(SITES),
}


def expand(listed, callers):
    """Return the names of callers, or the networks, in lists with their exceptions."""
    members = callers.lists.lists.get(listed.number, {})
    found = [name for name in members if name not in listed.without]
    assert len(found) + len(listed.further) == listed.callers
    return {*found, *(name for name, _sources in listed.further)}


def list_exact(flow):
    return {*flow.callers} or {f"{network}" for network in flow.sources}


@pytest.fixture(params=FLEETS)
def plan(request):
    return plan_fleet(FLEETS[request.param](), OTHERS)


def test_lists_have_the_same_callers_of_ports_as_pairs(plan, monkeypatch):
    callers = Callers(list_hosts(plan), plan["sets"])
    by_lists = gather(plan, callers)
    assert any(flow.listed for name in plan["nodes"] for port in list_ports(plan, get_node(plan, name), callers)
               for flow in port.flows)  # fmt: skip
    monkeypatch.setattr(flows, "_MANY_NETWORKS", 10**6)
    assert by_lists == gather(plan, Callers(list_hosts(plan)))


def gather(plan, callers):
    """Return the callers of each port by the kind of their path."""
    found = {}
    for name in plan["nodes"]:
        for port in list_ports(plan, get_node(plan, name), callers):
            for flow in port.flows:
                key = name, port.listener, port.port, port.protocols, flow.via, flow.device
                names = (
                    set().union(*(expand(part, callers) for part in flow.listed)) if flow.listed else list_exact(flow)
                )
                found.setdefault(key, set()).update(names)
    return found


def test_lists_have_the_same_sources_of_forwards_as_pairs(plan, monkeypatch):
    callers = Callers(list_hosts(plan), plan["sets"])
    listed = [list_forward_callers(plan, forward, callers) for forward in plan["nat_forwards"]]
    names = [set().union(*(expand(part, callers) for part in parts)) for parts in listed]
    monkeypatch.setattr(flows, "_MANY_NETWORKS", 10**6)
    exact = Callers(list_hosts(plan))
    for forward, parts, found in zip(plan["nat_forwards"], listed, names, strict=True):
        sources = [text.partition(" (")[0] for text in list_forward_sources(plan, forward, exact)]
        if parts:
            assert {name.removesuffix("/32") for name in found} == set(sources), forward
    assert any(listed) is bool(plan["nat_forwards"])


@pytest.mark.parametrize("wide", ["198.18.0.53/32", "198.18.0.52/30"])
def test_a_set_differs_from_its_shared_set(wide):
    plan = plan_fleet(make_gossip_sites(SITES), OTHERS)
    outside = {name: f"198.18.0.{number + 1}/32" for number, name in enumerate(plan["nodes"])}
    names = [*outside]
    sets = {
        "shared": {"ipv4": [outside[name] for name in names[:40]], "ipv6": []},
        "own": {"includes": "shared", "except": [outside[names[10]]], "ipv4": [outside[names[50]], wide], "ipv6": []},
    }
    lists = CallerLists(sets, list_hosts(plan))
    node = get_node(plan, names[3])
    [listener] = [listener for listener in node.reachable if listener.name == "cluster"]
    [(route, site, listed)] = lists.list_callers(node, listener, "tcp", 4, ("own",))
    assert (route.via, site) == ("nat", None)
    assert listed.without == (names[3], names[10])
    expected = [
        *names[:3],
        *names[4:10],
        *names[11:40],
        names[50],
        *(name for name in names[40:] if contains(wide, outside[name])),
    ]
    found = [name for name in lists.lists[listed.number] if name not in listed.without]
    assert sorted([*found, *(name for name, _sources in listed.further)]) == sorted(expected)
    assert listed.callers == len(expected)


@pytest.mark.parametrize("sites", [2, SITES])
def test_a_forward_through_which_no_source_comes_has_no_text(sites):
    nodes = make_gossip_sites(sites, kong_admin_listen="0.0.0.0:8001", kong_admin_sources=["@kong"])
    nodes["k0001"]["kong_nat"] += [
        {"outside": "198.18.99.9", "outside_port": 8001, "inside_port": 8001, "sites": ["office"]}
    ]
    plan = plan_fleet(nodes, OTHERS)
    callers = Callers(list_hosts(plan), plan["sets"])
    forwards = [forward for forward in plan["nat_forwards"] if forward["outside"] == "198.18.99.9"]
    assert forwards
    assert [list_forward_sources(plan, forward, callers) for forward in forwards] == [[]] * len(forwards)


def test_lists_with_the_same_members_have_one_number():
    plan = plan_fleet(make_mixed_sites(SITES), OTHERS)
    callers = Callers(list_hosts(plan), plan["sets"])
    gather(plan, callers)
    members = [tuple(found.items()) for found in callers.lists.lists.values()]
    assert len(members) == len(set(members)) > 1
    assert [*callers.lists.lists] == [*range(1, len(members) + 1)]


def test_a_few_callers_are_named_without_a_list():
    plan = plan_fleet(make_gossip_sites(SITES, kong_admin_sources=["@kong", "ops", "192.0.2.128/25"]), OTHERS)
    callers = Callers(list_hosts(plan), plan["sets"])
    [port, *_others] = [port for port in list_ports(plan, get_node(plan, "k0003"), callers) if port.listener == "admin"]
    assert [(flow.callers, flow.site, flow.sources) for flow in port.flows if not flow.listed] == [
        (("ops",), "office", ("192.0.2.9/32",)),
        ((), None, ("192.0.2.128/25",)),
    ]
    assert [flow.has_known_hosts for flow in port.flows if flow.listed] == [True]
    assert min(map(len, callers.lists.lists.values())) > MOST_NAMED


def list_networks(count):
    return tuple(f"10.0.0.{number}/32" for number in range(count))


@pytest.mark.parametrize(("count", "number"), [(3, 0), (4, 1)])
def test_a_list_has_more_than_3_members(count, number):
    lists = CallerLists({}, [])
    listed = lists.list_networks(list_networks(count))
    assert (listed.number, listed.callers, listed.without) == (number, count, ())
    assert len(listed.further) == (0 if number else count)
    assert lists.choose_examples(listed) == (list_networks(3), count - 3)
    assert lists.list_networks(()) is None


def test_examples_are_no_exceptions():
    lists = CallerLists({}, [])
    listed = lists.list_networks(list_networks(6))
    without = replace(listed, without=("10.0.0.1/32",), further=(("192.0.2.9/32", ()),))
    assert lists.choose_examples(without) == (("10.0.0.0/32", "10.0.0.2/32", "10.0.0.3/32"), 3)


def test_a_source_that_callers_share_is_one_source():
    """Hosts behind a NAT have its address, which is a source until none of them may connect."""
    lists = CallerLists({}, [])
    members = {f"h{number}": ("192.0.2.7/32",) for number in range(5)} | {"h9": ("192.0.2.9/32",)}
    lists._lists["of the test"] = _CallerList(1, members, {}, {}, {})
    assert lists.choose_examples(Listed(1, 6, (), ())) == (("192.0.2.7/32", "192.0.2.9/32"), 0)
    assert lists.choose_examples(Listed(1, 5, ("h0",), ())) == (("192.0.2.7/32", "192.0.2.9/32"), 0)
    assert lists.choose_examples(Listed(1, 5, ("h9",), ())) == (("192.0.2.7/32",), 0)


def test_further_sources_of_a_list_are_counted_once_for_all_ports_and_protocols():
    plan = plan_fleet(make_gossip_sites(SITES, kong_admin_sources=["@kong"]))
    callers = Callers(list_hosts(plan), plan["sets"])
    ports = list_ports(plan, get_node(plan, "k0003"), callers)
    flows = [flow for group in group_ports(ports) for flow in list_group_flows(group) if flow.listed]
    assert len(flows) > 1
    for flow in flows:
        ((listed, *_same),) = [flow.listed]
        members = callers.lists.lists[listed.number]
        sources = {source for name in {*members} - {*listed.without} for source in members[name]}
        assert (set(flow.sources) <= sources, len(flow.sources) + flow.more) == (True, len(sources))
