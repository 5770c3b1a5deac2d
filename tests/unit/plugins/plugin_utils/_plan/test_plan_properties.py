# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of every fleet: random small fleets, checked for each ordered pair of hosts separately."""

from __future__ import annotations

import json
import random
import re
from ipaddress import ip_network

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import find_paths
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import find_generation, parse_version
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_ruleset
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import (
    get_host,
    get_node,
    list_paths,
    list_rules,
)

SITES = ("north", "south", "e st")
GROUPS = {"bastions": ("n0", "x0"), "mixed": ("x1", "n1", "n2")}
TERMS = ("any", "n0", "n1", "x0", "x1", "@bastions", "@mixed", "@kong", "peers", "control_planes", "data_planes")
ADMIN_TERMS = (*TERMS[1:], "10.9.0.0/16", "2001:db8:9::/48")


def make_local(site, number):
    return [f"10.{site}.0.{number + 1}"]


def make_both_families(site, number):
    return [*make_local(site, number), f"fd00:{site}::{number + 1:x}"]


def make_only_ipv6(site, number):
    return [f"fd00:{site}::{number + 1:x}"]


def make_public(site, number):
    return [f"198.51.{site}.{number + 1}", f"2001:db8:{site}::{number + 1:x}"]


def make_mapping(rng, number, ports):
    outside = rng.choice([f"192.0.2.{number + 1}", f"10.200.0.{number + 1}", f"2001:db8:a::{number + 1:x}"])
    made = {"outside": outside}
    if rng.random() < 0.5:
        made["inside_port"] = rng.choice(ports)
        made["outside_port"] = rng.choice([made["inside_port"], 9000 + number])
    if rng.random() < 0.1:
        made["protocols"] = rng.choice([["tcp"], ["udp"], ["tcp", "udp"]])
    if rng.random() < 0.2:
        made["sites"] = rng.sample(SITES, rng.randint(1, 2))
    if rng.random() < 0.5:
        made["hairpin_source"] = "fd00:77::1" if ":" in outside else "10.77.0.1"
    return made


def make_host(rng, number, style, ports):
    site = rng.randint(0, 2)
    kinds = [make_local, make_local, make_local, make_both_families, make_both_families, make_public, make_only_ipv6]
    variables = {"kong_site": SITES[site], "kong_address": rng.choice(kinds[: style["kinds"]])(site, number)}
    if style["vpn"] and rng.random() < 0.8:
        variables["kong_vpn_address"] = [f"10.8.0.{number + 1}", f"fd00:8::{number + 1:x}"][: rng.randint(1, 2)]
    if style["nat"] and rng.random() < 0.7:
        families = {":" in address for address in variables["kong_address"]}
        made = [make_mapping(rng, number, ports) for _mapping in range(rng.randint(1, 2))]
        variables["kong_nat"] = [
            entry for entry in made if (":" in entry["outside"]) in families or rng.random() < 0.02
        ]
        if rng.random() < 0.3:
            egress = [["203.0.113.0/28"], [f"10.201.0.{number + 1}"], ["203.0.113.9", "2001:db8:e::/64"]]
            variables["kong_nat_egress"] = rng.choice(egress)
    variables["kong_flat_network"] = rng.choice(style["flat"])
    return variables


def choose_admin_listen(rng, variables, version):
    if not find_generation(parse_version(version)).modern:
        return rng.choice(["0.0.0.0:8001", "127.0.0.1:8001"])
    address = variables["kong_address"][0]
    vpn = (variables.get("kong_vpn_address") or ["127.0.0.1"])[0]
    shown = [f"[{text}]:8001" if ":" in text else f"{text}:8001" for text in (address, vpn)]
    ipv4_only = [["0.0.0.0:8001"], ["0.0.0.0:8001", "127.0.0.1:8444 ssl"], shown, shown[1:]]
    ipv6_too = [["0.0.0.0:8001", "[::]:8001"], ["[::]:8001 ipv6only=off"], ["[::]:8001", "0.0.0.0:8444 ssl"]]
    return rng.choice(ipv4_only + (ipv6_too if version == "3.9" else []))


def make_kong_node(rng, number, style):
    version = rng.choice(style["versions"])
    variables = make_host(rng, number, style, [7946 if version < "0.11" else 8005, 8000])
    variables["kong_version"] = version
    variables["kong_cluster"] = rng.choice(style["clusters"])
    if find_generation(parse_version(version)).hybrid:
        variables["kong_role"] = rng.choice(style["roles"])
    variables["kong_admin_listen"] = choose_admin_listen(rng, variables, version)
    variables["kong_admin_sources"] = rng.sample(ADMIN_TERMS, rng.randint(0, 3))
    if rng.random() < 0.3:
        variables["kong_proxy_sources"] = rng.sample(TERMS, rng.randint(0, 2))
    if version == "3.9" and rng.random() < 0.5:
        variables["kong_stream_listen"] = rng.choice(["0.0.0.0:9100", "0.0.0.0:9100, 0.0.0.0:9100 udp"])
        variables["kong_stream_sources"] = {9100: rng.sample(TERMS, rng.randint(0, 2))}
    if style["sources"] and rng.random() < 0.5:
        default = "data_planes" if variables.get("kong_role") == "control_plane" else "peers"
        variables["kong_cluster_sources"] = [default, rng.choice(ADMIN_TERMS)]
    return variables


def drop_empty_terms(variables, others):
    """Remove the terms without hosts, usually the only error of a fleet."""
    roles = {other.get("kong_role") for other in others if other["kong_cluster"] == variables["kong_cluster"]}
    meant = {"peers": bool(roles), "control_planes": "control_plane" in roles, "data_planes": "data_plane" in roles}
    for name in ("kong_admin_sources", "kong_proxy_sources", "kong_cluster_sources"):
        if name in variables:
            keep = "peers" if name == "kong_cluster_sources" else None
            variables[name] = [term for term in variables[name] if meant.get(term, True) or term == keep] or ["nobody"]
    for port, terms in variables.get("kong_stream_sources", {}).items():
        variables["kong_stream_sources"][port] = [term for term in terms if meant.get(term, True)] or ["nobody"]


def make_random_fleet(rng):
    style = {
        "vpn": rng.random() < 0.5,
        "nat": rng.random() < 0.5,
        "kinds": rng.choice([3, 5, 6, 6, 7]),
        "flat": rng.choice([[None], [True], [None, True], [None, True, False]]),
        "versions": rng.choice([["0.10.4"], ["0.8.3", "0.10.4"], ["3.9"], ["0.10.4", "1.5", "3.9"]]),
        "clusters": rng.choice([["default"], ["one", "two"]]),
        "roles": rng.choice([["traditional"], ["control_plane", "data_plane"]]),
        "sources": rng.random() < 0.5,
    }
    kong = {f"n{number}": make_kong_node(rng, number, style) for number in range(rng.randint(3, 6))}
    for name, variables in kong.items():
        drop_empty_terms(variables, [other for key, other in kong.items() if key != name])
    others = {f"x{number}": make_host(rng, 100 + number, style, [9999]) for number in range(2)}
    return kong, others


def as_inventory(fleet, order=None):
    kong, others = fleet
    names = order or [*kong, *others]
    groups = {"kong": [name for name in names if name in kong], "all": names}
    groups |= {group: [name for name in names if name in members] for group, members in GROUPS.items()}
    return PlainInventory(groups, {**kong, **others})


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_any_fleet(seed):
    rng = random.Random(seed)
    fleet = make_random_fleet(rng)
    inventory = as_inventory(fleet)
    compilation = compile_plan(inventory, "kong")
    event("accepted" if compilation.plan else f"refused: {compilation.errors[0].code}")
    check_findings(compilation.findings, inventory)
    check_same_in_any_order(fleet, compilation, rng)
    if compilation.plan:
        plan = compilation.plan
        assert make_plain(plan) == plan == json.loads(dump_json(plan))
        check_sets(plan)
        for name in plan["nodes"]:
            check_rules(plan, name, inventory)
        check_gossip(plan)
        check_hybrid(plan)
        check_forwards(plan)


def check_findings(findings, inventory):
    for finding in findings:
        assert finding.host in finding.message
        assert finding.variable in finding.message
        assert finding.host in inventory.hostvars


def check_same_in_any_order(fleet, compilation, rng):
    names = [*fleet[0], *fleet[1]]
    rng.shuffle(names)
    again = compile_plan(as_inventory(fleet, names), "kong")
    assert again.findings == compilation.findings
    if compilation.plan:
        assert dump_json(again.plan) == dump_json(compilation.plan)


def check_sets(plan):
    used = {name for node in plan["nodes"].values() for entry in node["ruleset"]["allow"] for name in entry["sources"]}
    used |= {content["includes"] for content in plan["sets"].values() if "includes" in content}
    assert used - {*"any"} == set(plan["sets"])
    for content in plan["sets"].values():
        assert all(ip_network(network).version == 4 for network in content["ipv4"])
        assert all(ip_network(network).version == 6 for network in content["ipv6"])
    for name in plan["nodes"]:
        ruleset_from_data(select_ruleset(plan, name))


def check_rules(plan, name, inventory):
    """Check that every rule allows exactly the sources of all hosts of its terms, host by host."""
    node = get_node(plan, name)
    rules = list_rules(plan, name)
    assert len(rules) == sum(len(listener.protocols) for listener in node.listeners)
    for listener in node.listeners:
        for protocol in listener.protocols:
            rule = rules.pop(0)
            assert (rule["listener"], rule["port"], rule["protocol"]) == (listener.name, listener.port, protocol)
            check_rule(plan, node, listener, protocol, rule["sources"], inventory)


def list_terms(node, listener, inventory):
    variables = inventory.hostvars[node.name]
    default = {"proxy": ["any"], "stream": ["any"], "cluster": ["peers"]}.get(listener.name, [])
    if listener.name == "cluster" and node.role == "control_plane":
        default = ["data_planes"]
    name = "admin" if listener.name == "admin_gui" else listener.name
    given_terms = variables.get(f"kong_{name}_sources", default)
    terms = given_terms[listener.port] if isinstance(given_terms, dict) else given_terms
    return [term for term in terms if term != "nobody"]


def select_callers(plan, node, listener, term, inventory):
    same = [name for name, other in plan["nodes"].items() if other["cluster"] == node.cluster]
    if term == "peers":
        gossips = listener.name == "cluster" and node.advertised
        return [name for name in same if get_node(plan, name).advertised or not gossips]
    if term in ("control_planes", "data_planes"):
        return [name for name in same if plan["nodes"][name]["role"] == term.removesuffix("s")]
    return list(inventory.groups[term[1:]]) if term.startswith("@") else [term]


def check_rule(plan, node, listener, protocol, allowed, inventory):
    terms = list_terms(node, listener, inventory)
    if listener.is_loopback:
        assert allowed == []
        return
    if "any" in terms:
        assert allowed == "any"
        return
    expected, own = set(), set()
    for term in terms:
        if "/" in term:
            expected.add(term)
            continue
        for caller in select_callers(plan, node, listener, term, inventory):
            found = {
                source
                for route in find_paths(get_host(plan, caller), node, listener)
                if route.protocol == protocol
                for source in route.sources
            }
            (own if caller == node.name else expected).update(found)
            if not found and caller != node.name:
                check_reported(plan, node, listener, term, caller)
    mine = {network for network in allowed if ip_network(network).version in listener.families}
    expected = {network for network in expected if ip_network(network).version in listener.families}
    assert expected <= mine <= expected | own, (node.name, listener, terms)


def check_reported(plan, node, listener, term, caller):
    """Check that a warning names each host without a path to a port, unless it is a node of the cluster."""
    equivalent = [socket for socket in node.select_listeners(listener.name) if socket.port == listener.port]
    if any(find_paths(get_host(plan, caller), node, socket) for socket in equivalent):
        return
    if listener.name == "cluster" and term in ("peers", "control_planes", "data_planes"):
        return
    messages = [
        finding["message"]
        for finding in plan["findings"]
        if finding["code"] == "source-no-path" and node.name in finding["hosts"]
    ]
    assert any(caller in text and str(listener.port) in text and repr(term) in text for text in messages) or any(
        re.search(r" more |\d+ hosts to|to \d+ ports of", text) for text in messages
    )


def check_gossip(plan):
    """Check that every ordered pair has tcp and udp paths at the advertised address, and that the target allows its source."""
    ring = {name: node for name in plan["nodes"] if (node := get_node(plan, name)).advertised}
    gossiping = {name for name, node in plan["nodes"].items() if node["generation"] in ("G2", "G3", "G4")}
    assert set(ring) == gossiping
    addresses = [(node.cluster, str(node.advertised)) for node in ring.values()]
    assert len(addresses) == len(set(addresses))
    for caller in ring.values():
        for target in ring.values():
            if caller.name != target.name and caller.cluster == target.cluster:
                paths = list_paths(plan, caller.name, target.name, "cluster")
                assert [path.protocol for path in paths] == ["tcp", "udp"]
                for path in paths:
                    assert path.dialled == target.advertised
                    rules = [r for r in list_rules(plan, target.name) if r["listener"] == "cluster"]
                    allowed = {source for r in rules if r["protocol"] == path.protocol for source in r["sources"]}
                    assert path.port == rules[0]["port"]
                    assert rules[0]["address"] in ("0.0.0.0", path.address)
                    assert set(path.sources) <= allowed


def check_hybrid(plan):
    """Check that every data plane has a path to a control plane of its cluster, which allows its source."""
    for name, data in plan["nodes"].items():
        if data["role"] == "data_plane":
            dialled = data["settings"]["cluster_control_plane"]
            control_planes = [
                other
                for other, node in plan["nodes"].items()
                if node["role"] == "control_plane" and node["cluster"] == data["cluster"]
            ]
            paths = [path for other in control_planes for path in list_paths(plan, name, other, "cluster")]
            assert dialled in [str(path.dialled) for path in paths]
            for path in paths:
                rules = [r["sources"] for r in list_rules(plan, path.target) if r["listener"] == "cluster"]
                assert set(path.sources) <= {source for sources in rules for source in sources}


def check_forwards(plan):
    """Check that each advertised outside address has forwards for both protocols to the port of the node."""
    allowed = [(f["device"], f["outside"], f["outside_port"], f["protocol"]) for f in plan["nat_forwards"]]
    for name, data in plan["nodes"].items():
        node = get_node(plan, name)
        outside = [mapping["outside"] for mapping in data["nat"]]
        if node.advertised and node.advertised.address in outside:
            wanted = [(node.advertised.address, node.advertised.port, protocol) for protocol in ("tcp", "udp")]
            peers = [
                o for o, d in plan["nodes"].items() if d["cluster"] == node.cluster and get_node(plan, o).advertised
            ]
            if len(peers) > 1:
                assert all(forward in [item[1:] for item in allowed] for forward in wanted)
