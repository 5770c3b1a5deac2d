# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random fleets with missing paths: each remedy, applied as its text says, removes its finding and gives no other host a new one."""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import ERROR, INFO
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet import paths
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet, make_gossip_sites
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.model import ADMIN

LIST_ALL_ROUTES = paths._list_all_routes
# More fleets with FUZZ=30000 in the environment.
FLEETS = int(os.environ.get("FUZZ", "3000")) // 4
CODES = "no-path", "advertise-not-single", "source-no-path"
PRIVATE = "10.", "192.168."
OUTSIDE, PRIVATE_OUTSIDE = "192.0.2.77", "192.168.99.77"
EGRESS, PRIVATE_EGRESS = "192.0.2.9", "192.168.99.9"
# A long name, which may be shortened, in place of a short one.
LONG = re.compile(r"\b(c|n\d)-x+(?:…x+)?")
FIRST, NEXT = re.compile(r"\. (?=Give|Set|Add|Bind|Map)"), re.compile(r", (?:or )?(?=give |set |add |bind |map )")


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


def has_unnamed_nat(node):
    return not {"kong_nat", "kong_nat_egress"} & {*node} and node["kong_address"].startswith(PRIVATE)


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
    for words, function in CHANGES.items():
        if re.search(words, change):
            function(nodes, after, finding, change)
            break
    return after


def add_mapping(nodes, after, finding, change):
    target = find_target(finding)
    assert "kong_nat mapping" not in change or list_named(change.partition(" a kong_nat")[0], finding) == [target]
    mapping = {
        "outside": PRIVATE_OUTSIDE if "from a private address" in change else OUTSIDE,
        "inside_port": int(re.search(r"\bport (\d+)", change)[1]),
    }
    after[target]["kong_nat"] = [*nodes[target].get("kong_nat", []), mapping]
    clients = nodes if nodes[target].get("kong_flat_network") else find_callers(nodes, finding)
    for node in {*clients} - {target} if "clients need a" in change else ():
        outside = [nodes[node].get("kong_nat_egress"), *(other["outside"] for other in nodes[node].get("kong_nat", []))]
        needs_public = any(address and address.startswith(PRIVATE) for address in outside)
        if has_unnamed_nat(nodes[node]) or (needs_public and "public kong_nat_egress" in change):
            after[node]["kong_nat_egress"] = EGRESS


def set_egress(nodes, after, finding, change):
    chosen = find_callers(nodes, finding)
    if "of peers" in change:
        chosen = [node for node in nodes if nodes[node]["kong_site"] != nodes[finding.host]["kong_site"]]
    for node in chosen:
        if has_unnamed_nat(nodes[node]):
            after[node]["kong_nat_egress"] = PRIVATE_EGRESS if "leads " in change else EGRESS


def join_vpn(nodes, after, finding, change):
    chosen = list_named(change, finding)
    chosen += [find_target(finding)] if re.search("both hosts|all of them|give it ", change) else []
    chosen += find_callers(nodes, finding) if re.search("both hosts|all of them|the client ", change) else []
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
    "kong_nat_egress of": set_egress,
    "kong_vpn_address": join_vpn,
    "kong_flat_network": set_flat,
    "bind 0.0.0.0": bind_anywhere,
}


def find_new(before, finding, after):
    """Return the messages of a change: the finding itself if it is left, and what hosts without a finding have now."""
    known = {(other.host, other.code) for other in before}
    blocked = {other.host for other in before if other is not finding}
    for other in after:
        is_left = (other.host, other.code, other.variable, other.value) == (
            *(finding.host, finding.code, finding.variable, finding.value),
        )
        is_new = (other.host, other.code) not in known
        # Warnings about paths are found only without errors, so a fleet with errors may have had them already.
        is_caused = other.severity == ERROR or finding.severity != ERROR or OUTSIDE in other.message
        if is_left or (is_new and is_caused and not (other.severity != ERROR and other.host in blocked)):
            yield other.message


@pytest.mark.long
def test_each_remedy_of_random_fleets_works():
    """Long names of hosts have the remedies in their short form."""
    tried = Counter()
    for seed in range(FLEETS):
        rng = random.Random(seed)
        nodes = rng.choice([make_gossip, make_hybrid])(rng)
        tail = f"-{'x' * 60}" if seed % 2 else ""
        before = find_problems(nodes, tail)
        for finding in before:
            _text, *advice = FIRST.split(finding.message, maxsplit=1)
            for change in NEXT.split(advice[0].lower()) if advice and finding.code in CODES else ():
                after = apply(nodes, finding, change)
                if after != nodes:
                    tried.update(words for words in CHANGES if re.search(words, change))
                    new = [*find_new(before, finding, find_problems(after, tail))]
                    assert not new, (seed, change, finding.message, nodes)
    assert {*tried} == {*CHANGES}
    assert all(tried[words] > FLEETS / 20 for words in CHANGES if words != "bind 0.0.0.0"), tried


def count_routes(monkeypatch, make, sites):
    """Return how many routes are tried to compile a fleet in which every second site is behind a NAT that is not named."""
    tried = []
    monkeypatch.setattr(paths, "_list_all_routes", lambda *call: tried.append(call) or LIST_ALL_ROUTES(*call))
    nodes = make(sites)
    for name in [*nodes][::2]:
        del nodes[name]["kong_nat"]
    assert [finding for finding in compile_fleet(nodes).findings if finding.code in CODES]
    return len(tried)


def make_terms(sites):
    return make_gossip_sites(sites, kong_version="3.9", **ADMIN, kong_admin_sources=["@kong"])


@pytest.mark.parametrize("make", [make_gossip_sites, make_terms])
def test_the_cost_of_remedies_grows_with_the_number_of_sites(monkeypatch, make):
    """A cost that grows with the square of the number is four times as high."""
    assert count_routes(monkeypatch, make, 40) < 2.5 * count_routes(monkeypatch, make, 20)
