# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source that a node sees of a host with several addresses: the address on the network of the connection."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import Addresses
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.networks import Cells, Dialled
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Callers, list_hosts, list_ports
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    find_first_path,
    get_sources,
    list_warnings,
    plan_fleet,
)

LAN, STORAGE = "192.168.1.0/24", "10.30.0.0/16"


def make_facts(*interfaces, default=None):
    """Return facts of interfaces such as "10.0.0.1/24", each alone on its interface."""
    found = {"interfaces": [f"eth{number}" for number in range(len(interfaces))]}
    for number, text in enumerate(interfaces):
        address, _slash, prefix = text.partition("/")
        item = {"address": address, "prefix": prefix}
        found[f"eth{number}"] = {"ipv6": [item]} if ":" in address else {"ipv4": item}
    for family, mark in ((4, "."), (6, ":")):
        own = [text.partition("/")[0] for text in interfaces if mark in text]
        found[f"all_ipv{family}_addresses"] = own
        found[f"default_ipv{family}"] = {"address": default} if default in own else {}
    return found


def make_host(*interfaces, default=None, **variables):
    return {"ansible_facts": make_facts(*interfaces, default=default), **variables}


BOTH = ("192.168.1.5/24", "10.30.0.5/16")
NODE = {"kong_proxy_sources": ["c"]}

# The client, the node, and the source that the node sees; a second value is the code of a warning.
CASES = {
    "the network of the default route": (make_host(*BOTH, default="192.168.1.5"), {"kong_address": "192.168.1.1"}, "192.168.1.5"),
    "another connected network": (make_host(*BOTH, default="192.168.1.5"), {"kong_address": "10.30.0.1"}, "10.30.0.5"),
    "no connected network": (make_host(*BOTH, default="192.168.1.5"), {"kong_address": "172.16.0.1"}, "192.168.1.5"),
    "the chosen address is not on the network of the connection": (
        make_host(*BOTH, default="192.168.1.5", kong_address_networks=[STORAGE, LAN]), {"kong_address": "192.168.1.1"}, "192.168.1.5",
    ),
    "kong_address": (make_host(*BOTH, default="192.168.1.5", kong_address="10.30.0.5"), {"kong_address": "192.168.1.1"}, "10.30.0.5"),
    "a bind address on another network": (
        make_host(*BOTH, default="192.168.1.5"), {**make_host("192.168.1.1/24", "10.30.0.1/16", default="192.168.1.1"),
                                                  "kong_proxy_listen": "10.30.0.1:8000"}, "10.30.0.5",
    ),
    "an IPv6 network without a default route": (
        make_host("192.168.1.5/24", "fd00::5/64", "fd01::5/64", default="192.168.1.5"),
        {"kong_address": "fd01::1", "kong_proxy_listen": "[::]:8000"}, "fd01::5",
    ),
    "a flat network of another site": (
        make_host(*BOTH, default="192.168.1.5", kong_site="other"), {"kong_address": "10.30.0.1", "kong_flat_network": True}, "10.30.0.5",
    ),
    "an egress": (
        make_host(*BOTH, default="192.168.1.5", kong_site="other", kong_nat_egress="192.0.2.9"),
        {"kong_address": "198.51.100.1"}, "192.0.2.9",
    ),
    "an egress, and no default route": (
        make_host(*BOTH, kong_address_networks=[STORAGE], kong_site="other", kong_nat_egress="192.0.2.9"),
        {"kong_address": "198.51.100.1"},
        "192.0.2.9",
    ),
    "another site without NAT": (
        make_host(*BOTH, default="192.168.1.5", kong_site="other"),
        {"kong_address": "10.77.0.1", "kong_nat": [{"outside": "10.30.0.9"}]}, "10.30.0.5",
    ),
    "the default route, with another chosen address": (
        make_host(*BOTH, default="192.168.1.5", kong_address_networks=[STORAGE, LAN]), {"kong_address": "172.16.0.1"}, "192.168.1.5",
    ),
    "unknown": (
        make_host(*BOTH, kong_address_networks=[STORAGE, LAN]), {"kong_address": "172.16.0.1"}, "10.30.0.5", "source-address-unknown",
    ),
    "known, because the network is connected": (
        make_host(*BOTH, kong_address_networks=[STORAGE, LAN]), {"kong_address": "192.168.1.1"}, "192.168.1.5",
    ),
    "two interfaces in one network, one of them of the default route": (
        make_host("10.1.0.5/24", "10.1.0.6/24", default="10.1.0.6"), {"kong_address": "10.1.0.77"}, "10.1.0.6", "source-address-unknown",
    ),
    "a unique local address of the interface of the default route": (
        {"ansible_facts": {
            "interfaces": ["eth0"], "all_ipv6_addresses": ["2001:db8:1::5", "fd00:2::5"],
            "default_ipv6": {"address": "2001:db8:1::5"},
            "eth0": {"ipv6": [{"address": "2001:db8:1::5", "prefix": "64"}, {"address": "fd00:2::5", "prefix": "64"}]},
        }},
        {"kong_address": "fd00:1::1", "kong_proxy_listen": "[::]:8000"}, "fd00:2::5",
    ),
    "outside the bounds": (
        make_host(*BOTH, default="192.168.1.5", kong_address_networks=[STORAGE]), {"kong_address": "192.168.1.1"}, "10.30.0.5",
        "source-address-unknown",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_source_of_a_connection(case):
    client, node, expected, *codes = CASES[case]
    plan = plan_fleet({"n": {**NODE, **node}}, {"c": client})
    found = find_first_path(plan, "c", "n", "proxy")
    source = f"{expected}/{128 if ':' in expected else 32}"
    assert found[1] == (source,)
    assert get_sources(plan, "n", "proxy", port=8000) == [source]
    assert [finding["code"] for finding in list_warnings(plan)] == codes


def test_the_warning_names_the_host_its_fix_and_the_hosts_with_the_same_problem():
    clients = {
        f"c{number}": make_host(f"192.168.1.{number}/24", f"10.30.0.{number}/16", kong_address_networks=[STORAGE])
        for number in range(1, 6)
    }
    (warning,) = list_warnings(
        plan_fleet({"n": {"kong_address": "172.16.0.1", "kong_proxy_sources": list(clients)}}, clients)
    )
    assert "it connects to n at 172.16.0.1" in warning["message"]
    assert "The rules allow 10.30.0.1. Set kong_address" in warning["message"]


def test_networks_that_no_node_is_dialled_in_are_not_in_the_plan():
    client = make_host("192.168.1.5/24", "10.244.7.1/24", default="192.168.1.5")
    plan = plan_fleet({"n": {**NODE, "kong_address": "192.168.1.1"}}, {"c": client})
    assert "networks" not in plan["hosts"]["c"]
    plan = plan_fleet({"n": {**NODE, "kong_address": "10.244.7.9"}}, {"c": client})
    assert plan["hosts"]["c"]["networks"] == {"10.244.7.0/24": "10.244.7.1", "0.0.0.0/0": "192.168.1.5"}


def test_peers_see_each_other_on_the_network_of_the_dialled_address():
    """Both nodes are on the storage network; only one of them is dialled there."""
    nodes = {
        "a": make_host("192.168.1.1/24", "10.30.0.1/16", default="192.168.1.1", kong_address_networks=[STORAGE, LAN]),
        "b": make_host("192.168.1.2/24", "10.30.0.2/16", default="192.168.1.2"),
    }
    for node in nodes.values():
        node |= {"kong_proxy_sources": ["@kong"]}
    plan = plan_fleet(nodes)
    assert find_first_path(plan, "b", "a", "proxy")[:2] == ("10.30.0.1:8000", ("10.30.0.2/32",))
    assert find_first_path(plan, "a", "b", "proxy")[:2] == ("192.168.1.2:8000", ("192.168.1.1/32",))
    assert get_sources(plan, "a", "proxy", port=8000) == ["10.30.0.1/32", "10.30.0.2/32"]
    assert get_sources(plan, "b", "proxy", port=8000) == ["192.168.1.1/32", "192.168.1.2/32"]


def test_gossip_comes_from_the_bound_address_and_joins_from_the_network():
    """Serf sends udp from the socket on which it listens, and the kernel chooses the source of a join."""
    nodes = {
        "a": make_host("192.168.1.1/24", "10.30.0.1/16", default="192.168.1.1", kong_address_networks=[STORAGE, LAN]),
        "b": make_host("192.168.1.2/24", default="192.168.1.2"),
    }
    plan = plan_fleet({name: {**node, "kong_version": "0.10.4"} for name, node in nodes.items()})
    assert plan["nodes"]["a"]["settings"]["cluster_listen"] == "10.30.0.1:7946"
    for protocol in ("tcp", "udp"):
        assert {"10.30.0.1/32", "192.168.1.1/32"} <= {*get_sources(plan, "b", "cluster", protocol)}
        assert get_sources(plan, "a", "cluster", protocol) == ["10.30.0.1/32", "192.168.1.2/32"]


def test_hosts_with_ipv6_addresses_on_different_networks():
    clients = {
        f"c{number}": make_host("192.168.1.5/24", f"fd00:{number}::5/64", "fd77::5/64", default="192.168.1.5")
        for number in (1, 2)
    }
    node = {"kong_address": "fd00:2::1", "kong_proxy_listen": "[::]:8000", "kong_proxy_sources": ["@clients"]}
    plan = plan_fleet({"n": node}, clients, {"clients": ["c1", "c2"]})
    assert get_sources(plan, "n", "proxy") == ["fd00:2::5/128"]
    assert [finding["code"] for finding in list_warnings(plan)] == ["source-no-path"]


def test_the_report_shows_the_source_on_each_network():
    allowed = {"kong_proxy_sources": [LAN, STORAGE], "kong_verify_outsiders": ["c"]}
    nodes = {"a": {**allowed, "kong_address": "192.168.1.1"}, "b": {**allowed, "kong_address": "10.30.0.1"}}
    plan = plan_fleet(nodes, {"c": make_host(*BOTH, default="192.168.1.5")})
    callers = Callers(list_hosts(plan))
    sources = {name: list_ports(plan, get_node(plan, name), callers)[0].flows[0].sources for name in nodes}
    assert {name: "192.168.1.5/32" in found for name, found in sources.items()} == {"a": True, "b": False}
    assert "10.30.0.5/32" in sources["b"]


NETWORKS = ("10.0.0.{}/8", "10.1.0.{}/16", "10.1.2.{}/24", "192.168.0.{}/24")
ATTACHED = st.lists(st.sampled_from(range(len(NETWORKS))), min_size=1, max_size=4, unique=True)


@given(fleet=st.lists(st.tuples(ATTACHED, st.integers(0, 3)), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_every_rule_allows_the_source_that_the_kernel_chooses(fleet):
    """The kernel takes the route with the longest prefix, and each interface has one address."""
    hosts = {}
    for number, (attached, at) in enumerate(fleet, 1):
        own = [NETWORKS[kind].format(number) for kind in attached]
        default = own[at % len(own)].partition("/")[0]
        hosts[f"n{number}"] = {**make_host(*own, default=default), "own": own, "default": default}
    nodes = {
        name: {"ansible_facts": host["ansible_facts"], "kong_proxy_sources": ["@kong"]} for name, host in hosts.items()
    }
    plan = plan_fleet(nodes)
    for caller, host in hosts.items():
        for target in set(hosts) - {caller}:
            dialled = ip_address(hosts[target]["default"])
            connected = [ip_interface(text) for text in host["own"] if dialled in ip_interface(text).network]
            longest = max(connected, key=lambda own: own.network.prefixlen, default=ip_interface(host["default"]))
            assert find_first_path(plan, caller, target, "proxy")[1] == (f"{longest.ip}/32",)
            assert f"{longest.ip}/32" in get_sources(plan, target, "proxy", port=8000)


def test_addresses_in_the_same_networks_are_in_the_same_cell():
    known = (("10.1.0.0/16", "10.1.0.1"), ("0.0.0.0/0", "192.0.2.1"), ("fd00::/64", "fd00::1"))
    cells = Cells([Host("a", "s", Addresses(), networks=known), Host("b", "s", Addresses(), networks=known[1:])])
    assert cells.select("10.1.2.3") == cells.select("10.1.0.9") != cells.select("10.2.0.1") == cells.select("192.0.2.7")
    assert len(cells.select("fd00::7")) == 1
    assert Cells([Host("a", "s", Addresses())]).select("10.1.2.3") == cells.select("2001:db8::1") == ()


@pytest.mark.parametrize(
    ("address", "is_dialled"),
    [("9.255.255.255", False), ("10.0.0.0", True), ("10.0.0.3", True), ("10.0.0.4", False), ("fd00::1", False)],
)
def test_a_network_in_which_a_node_is_dialled(address, is_dialled):
    nodes = plan_fleet({"n": {"kong_address": address}})
    dialled = Dialled([get_node(nodes, "n")])
    host = Host("h", "default", Addresses("192.0.2.1", None), networks=(("10.0.0.0/30", "10.0.0.1"),))
    assert bool(dialled.restrict(host).networks) is is_dialled
