# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random fleets with missing paths: each remedy, applied as its text says, removes its finding and gives no other host a new one."""

from __future__ import annotations

import os
import random
import re
import sys
from collections import Counter
from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import ERROR, INFO
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet import paths
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.remedies import format_ports
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    compile_fleet,
    list_warnings,
    make_gossip_sites,
    plan_fleet,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.model import ADMIN

# More fleets with FUZZ=30000 in the environment.
FLEETS = int(os.environ.get("FUZZ", "3000")) // 4
CODES = "no-path", "advertise-not-single", "source-no-path"
PRIVATE = "10.", "192.168.", "fd"
# By family.
OUTSIDE, PRIVATE_OUTSIDE = {4: "192.0.2.77", 6: "2001:db8:2::77"}, {4: "192.168.99.77", 6: "fd99::77"}
EGRESS, PRIVATE_EGRESS = {4: "192.0.2.9", 6: "2001:db8:2::9"}, {4: "192.168.99.9", 6: "fd99::9"}
# A long name, which may be shortened, in place of a short one.
LONG = re.compile(r"\b(c|n\d)-x+(?:…x+)?")
FIRST = re.compile(r"\. (?=Give|Set|Add|Bind|Map|Then)")
NEXT = re.compile(r", (?:or )?(?=give |set |add |bind |map )")
STEP = re.compile(r"\. First (.+?)\. Then ")


def make_host(rng, number):
    host = {
        "kong_site": rng.choice("abc"),
        "kong_address": rng.choice(
            [f"10.0.0.{number}", "10.0.0.9", f"10.1.0.{number}", f"198.51.100.{number}", f"192.168.7.{number}"]
        ),
    }
    if rng.random() < 0.3:
        host["kong_nat"] = [{"outside": rng.choice([f"203.0.113.{number}", f"192.168.0.{number}"])}]
    if rng.random() < 0.25:
        host["kong_nat_egress"] = rng.choice([f"203.0.113.{number}", f"192.168.0.{number}"])
    if rng.random() < 0.2:
        host["kong_flat_network"] = rng.choice([True, False])
    if rng.random() < 0.2:
        host["kong_vpn_address"] = rng.choice([f"10.8.0.{number}", f"fd08::{number}"])
    return host


def make_gossip(rng):
    nodes = {f"n{number}": make_host(rng, number) for number in range(1, rng.randint(3, 4))}
    for node in nodes.values():
        listen = rng.choice([None, None, None, None, "0.0.0.0:7946", f"{node['kong_address']}:7946"])
        node |= {"kong_version": "0.10.4", **({"kong_cluster_listen": listen} if listen else {})}
    return nodes


def make_hybrid(rng):
    nodes = {name: make_host(rng, number) for number, name in enumerate(("c", "n1", "n2"), 1)}
    for name, node in nodes.items():
        node["kong_version"] = "3.9"
        node["kong_role"] = "control_plane" if name == "c" else rng.choice(["data_plane", "data_plane", "traditional"])
        if node["kong_role"] == "traditional":
            admin = {"kong_admin_listen": "0.0.0.0:8001", "kong_admin_gui_listen": "off"}
            node |= {**admin, "kong_admin_sources": rng.choice(["n1", "n2", "@kong"])}
    return nodes


def make_families(rng):
    """Return nodes of hybrid mode of which some have no address of the family on which the others listen, or listen on loopback."""
    nodes = make_hybrid(rng)
    for number, node in enumerate(nodes.values(), 1):
        ipv6 = rng.choice([f"fd00::{number}", f"2001:db8::{number}"])
        node["kong_address"] = rng.choice([ipv6, node["kong_address"], [node["kong_address"], ipv6]])
        if node["kong_role"] == "traditional":
            node["kong_admin_listen"] = rng.choice(["0.0.0.0:8001", "[::]:8001"])
    nodes["c"]["kong_cluster_listen"] = rng.choice(["0.0.0.0:8005", "[::]:8005", "127.0.0.1:8005"])
    return nodes


def find_problems(nodes, tail=""):
    """Return the errors and warnings of nodes whose names have a tail. The findings have names without it."""
    named = {f"{name}{tail}": add_tail(variables, tail) for name, variables in nodes.items()}
    return [
        replace(finding, host=LONG.sub(r"\1", finding.host), message=LONG.sub(r"\1", finding.message))
        for finding in compile_fleet(named).findings
        if finding.severity != INFO
    ]


def add_tail(variables, tail):
    source = variables.get("kong_admin_sources", "@")
    return variables if source.startswith("@") else {**variables, "kong_admin_sources": f"{source}{tail}"}


def list_named(text, finding):
    """Return the names of hosts in a text about the host of a finding."""
    return [finding.host if word == "this host" else word for word in re.findall(r"\b(?:this host|c|n\d)\b", text)]


def as_list(value):
    return value if isinstance(value, list) else [value]


def find_family(change):
    return 6 if "ipv6" in change else 4


def is_private(address):
    return address.startswith(PRIVATE)


def has_unnamed_nat(node):
    return all(map(is_private, as_list(node["kong_address"]))) and not {"kong_nat", "kong_nat_egress"} & {*node}


def list_seen(node, family):
    """Return the addresses of a family with which a node leaves its site."""
    outside = [mapping["outside"] for mapping in node.get("kong_nat", [])]
    choices = (as_list(node.get("kong_nat_egress", [])), outside, as_list(node["kong_address"]))
    found = ([address for address in addresses if (":" in address) == (family == 6)] for addresses in choices)
    return next(filter(None, found), [])


def find_target(finding):
    return "c" if finding.variable == "kong_cluster_control_plane" else finding.host


def find_callers(nodes, finding):
    """Return the hosts that have no path to the target, and in a cluster all peers."""
    if finding.variable == "kong_cluster_advertise":
        return [*nodes.keys() - {finding.host}]
    if finding.variable == "kong_cluster_control_plane":
        return [finding.host]
    text = finding.message.partition("no path from ")[2].partition(" to ")[0]
    named = [] if " more" in text else [*dict.fromkeys(list_named(text, finding))]
    if finding.value == "@kong":
        return named or [*nodes.keys() - {finding.host}]
    return named or [LONG.sub(r"\1", finding.value)]


def apply(nodes, finding, change):
    """Return the nodes after one change of the advice, the same nodes for a change of another variable."""
    after = {node: dict(variables) for node, variables in nodes.items()}
    for part in re.split(" and (?=give )", change):
        function = next((function for words, function in CHANGES.items() if re.search(words, part)), None)
        if function:
            function(nodes, after, finding, part)
    return after


def add_mapping(nodes, after, finding, change):
    target, family = find_target(finding), find_family(change)
    named = re.split(" a kong_nat| an ipv6 kong_nat", change)[0]
    assert "kong_nat mapping" not in change or list_named(named, finding) == [target]
    mapping = {
        "outside": (PRIVATE_OUTSIDE if "from a private address" in change else OUTSIDE)[family],
        "inside_port": int(re.search(r"\bport (\d+)", change)[1]),
    }
    after[target]["kong_nat"] = [*nodes[target].get("kong_nat", []), mapping]
    # Clients without a path for another reason become clients of the mapping too.
    is_for_all = nodes[target].get("kong_flat_network") or change.startswith("then ")
    clients = nodes if is_for_all else find_callers(nodes, finding)
    for node in {*clients} - {target} if "clients need a" in change else ():
        seen = list_seen(nodes[node], family)
        is_named = "kong_nat_egress" in nodes[node] and "public kong_nat_egress" not in change
        if has_unnamed_nat(nodes[node]) or (any(map(is_private, seen)) and not is_named):
            others = [address for address in as_list(nodes[node].get("kong_nat_egress", [])) if address not in seen]
            after[node]["kong_nat_egress"] = [*others, EGRESS[family]]


def set_egress(nodes, after, finding, change):
    chosen = find_callers(nodes, finding)
    if "of peers" in change:
        chosen = [node for node in nodes if nodes[node]["kong_site"] != nodes[finding.host]["kong_site"]]
    leads, family = "leads " in change, find_family(change)
    for node in chosen:
        seen = list_seen(nodes[node], family)
        if has_unnamed_nat(nodes[node]) or (not leads and seen and all(map(is_private, seen))):
            others = [address for address in as_list(nodes[node].get("kong_nat_egress", [])) if address not in seen]
            after[node]["kong_nat_egress"] = [*others, (PRIVATE_EGRESS if leads else EGRESS)[family]]


def add_address(nodes, after, finding, change):
    chosen = list_named(change, finding)
    chosen += [find_target(finding)] if re.search("both hosts|all hosts|give it ", change) else []
    chosen += find_callers(nodes, finding) if re.search("both hosts|all hosts|client", change) else []
    for number, node in enumerate(dict.fromkeys(chosen), 1):
        address = f"fd00:77::{number}" if find_family(change) == 6 else f"10.77.0.{number}"
        own = as_list(nodes[node]["kong_address"])
        if not any((":" in other) == (":" in address) for other in own):
            after[node]["kong_address"] = [*own, address]


def add_entry(nodes, after, finding, change):
    variable = re.search(r"\bkong_\w+_listen\b", change)[0]
    port = nodes[find_target(finding)][variable].rpartition(":")[2]
    entry = f"{'[::]' if find_family(change) == 6 else '0.0.0.0'}:{port}"
    kept = f"{nodes[find_target(finding)][variable]}, " if "entry to" in change else ""
    after[find_target(finding)][variable] = f"{kept}{entry}"


def join_vpn(nodes, after, finding, change):
    chosen = list_named(change, finding)
    chosen += [find_target(finding)] if re.search("both hosts|all of them|give all|give it ", change) else []
    chosen += find_callers(nodes, finding) if re.search("both hosts|all of them|give all|the client ", change) else []
    form = "fd08:9::{}" if "ipv6" in change else "10.8.9.{}"
    for number, node in enumerate(nodes if "the cluster" in change else dict.fromkeys(chosen)):
        old = nodes[node].get("kong_vpn_address")
        if old is None or (":" in old) != (":" in form):
            after[node]["kong_vpn_address"] = [*([old] if old else []), form.format(number)]


def set_flat(nodes, after, finding, change):
    for node in nodes if "the cluster" in change else [find_target(finding)]:
        after[node]["kong_flat_network"] = True
    for node in find_callers(nodes, finding) if re.search("and remove|not false", change) else ():
        if nodes[node].get("kong_flat_network") is False:
            del after[node]["kong_flat_network"]


def bind_anywhere(nodes, after, _finding, _change):
    for node in nodes:
        after[node]["kong_cluster_listen"] = "0.0.0.0:7946"


CHANGES = {
    "kong_nat mapping|map port": add_mapping,
    "set kong_nat_egress": set_egress,
    "kong_vpn_address": join_vpn,
    "kong_flat_network": set_flat,
    "bind 0.0.0.0": bind_anywhere,
    r"an ipv\d address": add_address,
    r"entry to |set (its )?kong_cluster_listen": add_entry,
}


def get_key(finding):
    return finding.host, finding.code, finding.variable, str(finding.value)


def is_demanded(nodes, others, warning):
    """Tell whether another finding about the same target already advises the host of a warning to set its variable."""
    return any(
        warning.variable in other.message
        and warning.host in find_callers(nodes, other)
        and list_named(warning.message.partition(" dials ")[2], warning)[:1] == [find_target(other)]
        for other in others
    )


def find_new(nodes, before, finding, after):
    """Return the messages of a change: the finding itself if it is left, and what hosts without a finding have now."""
    others = [other for other in before if other is not finding]
    known = {(other.host, other.code) for other in before}
    blocked = {other.host for other in others}
    # The clients of one term may have several reasons, of which the change concerns one.
    same = [other for other in after if get_key(other) == get_key(finding)]
    is_left = len(same) >= [*map(get_key, before)].count(get_key(finding))
    yield from (other.message for other in same if is_left)
    for other in after:
        is_new = (other.host, other.code) not in known
        # Warnings about paths are found only without errors, so a fleet with errors may have had them already.
        is_caused = (
            other.severity == ERROR
            or finding.severity != ERROR
            or any(map(other.message.__contains__, OUTSIDE.values()))
        )
        is_warned = other.severity != ERROR and (other.host in blocked or is_demanded(nodes, others, other))
        if is_new and is_caused and not is_warned:
            yield other.message


def list_kinds(changes):
    return [words for change in changes for words in CHANGES if re.search(words, change)]


@pytest.mark.long
def test_each_remedy_of_random_fleets_works():
    """Long names of hosts have the remedies in their short form."""
    tried = Counter()
    for seed in range(FLEETS):
        rng = random.Random(seed)
        nodes = rng.choice([make_gossip, make_hybrid, make_families])(rng)
        tail = f"-{'x' * 60}" if seed % 2 else ""
        before = find_problems(nodes, tail)
        for finding in before:
            _text, *advice = FIRST.split(finding.message, maxsplit=1)
            step, changes = STEP.search(finding.message), []
            start = apply(nodes, finding, step[1].lower()) if step else nodes
            for change in NEXT.split(advice[0].lower()) if advice and finding.code in CODES else ():
                after = apply(start, finding, change)
                if after != start:
                    changes.append(change)
                    new = [*find_new(nodes, before, finding, find_problems(after, tail))]
                    assert not new, (seed, change, finding.message, nodes)
            tried.update(list_kinds([*([step[1].lower()] if step and changes else []), *changes]))
    assert {*tried} == {*CHANGES}
    assert all(tried[words] > FLEETS / 20 for words in CHANGES if words != "bind 0.0.0.0"), tried


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("ports", [1, 8])
@pytest.mark.parametrize("length", [1, 60])
def test_no_remedy_of_many_different_callers_is_left_out(family, ports, length):
    """A message of 400 characters has room for the longest form of all five remedies, whatever the length of the names is."""
    every, address = ("0.0.0.0", "10.{}.0.1") if family == 4 else ("[::]", "fd00:{}::1")
    entries = [f"{every}:{9000 + number}{protocol}" for number in range(ports) for protocol in ("", " udp")]
    node = {"kong_version": "3.9", "kong_site": "a", "kong_address": address.format(0), "kong_stream_sources": "@far"}
    node["kong_stream_listen"] = ", ".join(entries)
    others = {
        f"{'h' * length}{number}": {
            "kong_site": f"{'s' * length}{number}",
            "kong_address": address.format(number),
            **({"kong_flat_network": False} if number % 3 else {}),
        }
        for number in range(1, 20)
    }
    [warning] = list_warnings(plan_fleet({"n" * length: node}, others, {"far": [*others]}), "source-no-path")
    _text, advice = FIRST.split(warning["message"], maxsplit=1)
    found = ["the address that", "kong_nat ", "kong_vpn_address", "kong_flat_network: true", "kong_nat_egress of"]
    assert [words for words in found if words in advice] == found


def count_lines(nodes):
    """Return how many lines of Python are executed to compile a fleet with missing paths."""
    lines = 0

    def trace(_frame, event, _argument):
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        findings = compile_fleet(nodes).findings
    finally:
        sys.settrace(before)
    assert [finding for finding in findings if finding.code in CODES]
    return lines


def leave_nat_out(nodes):
    """Return the nodes, of which every second is behind a NAT that is not named."""
    return {
        name: {key: value for key, value in node.items() if number % 2 or key != "kong_nat"}
        for number, (name, node) in enumerate(nodes.items())
    }


def make_terms(sites, **more):
    return make_gossip_sites(sites, **{"kong_version": "3.9", **ADMIN, "kong_admin_sources": ["@kong"], **more})


def make_gossip_without_vpn(sites):
    """Return nodes of which one must stay off the VPN, because gossip is bound to an address, with and without a path."""
    admin = {"kong_admin_listen": "0.0.0.0:8001", "kong_admin_ssl": False, "kong_admin_sources": ["@kong"]}
    nodes = make_gossip_sites(sites, **admin)
    for node in nodes.values():
        port = {"outside_port": 7946, "inside_port": 7946}
        node |= {"kong_cluster_listen": f"{node['kong_address']}:7946", "kong_nat": [{**node["kong_nat"][0], **port}]}
    return nodes


def make_mappings_of_sites(sites):
    """Return nodes whose mappings each serve another site only."""
    nodes = make_gossip_sites(sites)
    for number, node in enumerate(nodes.values()):
        node["kong_nat"][0]["sites"] = [f"s{(number + 1) % sites:04}"]
    return nodes


FLEETS_OF_SITES = {
    "gossip": lambda sites: leave_nat_out(make_gossip_sites(sites)),
    "source terms": lambda sites: leave_nat_out(make_terms(sites)),
    "source terms of nodes without a flat network": lambda sites: make_terms(
        sites, kong_address="10.0.0.1", kong_flat_network=False, kong_nat=[]
    ),
    "source terms of one site": lambda sites: make_terms(sites, kong_site="s", kong_admin_listen="[::]:8001"),
    "gossip without VPN": make_gossip_without_vpn,
}


def find_second_difference(count, make):
    """Return the second difference of the counts, which is zero without a part that grows with the square, and the largest count."""
    count(make(30))  # fills the caches of names and addresses
    medium, small, large = (count(make(sites)) for sites in (20, 10, 30))
    return large - 2 * medium + small, large


@pytest.mark.parametrize("make", FLEETS_OF_SITES.values(), ids=FLEETS_OF_SITES)
def test_the_cost_of_remedies_grows_with_the_number_of_sites(make):
    square, lines = find_second_difference(count_lines, make)
    assert square < lines / 50


def test_the_routes_to_mappings_of_single_sites_grow_with_the_number_of_sites(monkeypatch):
    """Clients of sites that only mappings of other nodes name are tried once."""
    list_all_routes, tried = paths._list_all_routes, []
    monkeypatch.setattr(paths, "_list_all_routes", lambda *call: tried.append(call) or list_all_routes(*call))

    def count_routes(nodes):
        before = len(tried)
        assert {finding.code for finding in compile_fleet(nodes).findings} == {"no-path"}
        return len(tried) - before

    square, routes = find_second_difference(count_routes, make_mappings_of_sites)
    assert square < routes / 50


def test_a_single_port_is_named_and_several_are_counted():
    assert [format_ports(ports) for ports in ([8001], [8001, 8444], [80, 81, 82])] == [
        "port 8001",
        "2 ports",
        "3 ports",
    ]
