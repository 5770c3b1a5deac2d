# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's own addresses: given, preferred, from a query, or from facts."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    compile_fleet,
    find_errors,
    find_only_error,
    plan_fleet,
    read_text,
)

FACTS = {
    "default_ipv4": {"address": "10.0.0.1", "interface": "eth0"},
    "default_ipv6": {"address": "fd00::1"},
    "all_ipv4_addresses": ["172.17.0.1", "10.0.0.1", "192.168.5.1", "127.0.0.1"],
    "all_ipv6_addresses": ["fe80::1", "fd00::1", "2001:db8::1"],
    "hostname": "kong1",
}


def read_address(facts=None, **variables):
    plan = plan_fleet(
        {"n": {"ansible_facts": facts or {}, **{f"kong_{key}": value for key, value in variables.items()}}}
    )
    found = plan["nodes"]["n"]["address"]
    return found["ipv4"], found["ipv6"]


def find_error(facts=None, **variables):
    return find_only_error(
        {"n": {"ansible_facts": facts or {}, **{f"kong_{key}": value for key, value in variables.items()}}}
    )


CHOSEN = {
    "given": (None, {"address": "10.0.0.9"}, ("10.0.0.9", None)),
    "given, both": (None, {"address": ["fd00::9", "10.0.0.9"]}, ("10.0.0.9", "fd00::9")),
    "given has priority": (
        FACTS,
        {"address": "192.168.5.1", "address_query": "x", "address_networks": "10.0.0.0/8"},
        ("192.168.5.1", None),
    ),
    "default routes": (FACTS, {}, ("10.0.0.1", "fd00::1")),
    "default route of one family": (
        {"default_ipv4": {"address": "10.0.0.1"}, "default_ipv6": {}},
        {},
        ("10.0.0.1", None),
    ),
    "the only address": ({"all_ipv4_addresses": ["127.0.0.1", "10.0.0.1"]}, {}, ("10.0.0.1", None)),
    "the only address of each family": (
        {"all_ipv4_addresses": ["10.0.0.1"], "all_ipv6_addresses": ["fe80::1", "fd00::1"]},
        {},
        ("10.0.0.1", "fd00::1"),
    ),
    "a default route with a link-local address": (
        {"default_ipv6": {"address": "fe80::1"}, "all_ipv6_addresses": ["fe80::1", "fd00::1"]},
        {},
        (None, "fd00::1"),
    ),
    "preferred network": (FACTS, {"address_networks": "192.168.0.0/16"}, ("192.168.5.1", None)),
    "first network that contains an address": (
        FACTS,
        {"address_networks": ["10.99.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "2001:db8::/32", "fd00::/8"]},
        ("172.17.0.1", "2001:db8::1"),
    ),
    "query": (FACTS, {"address_query": "ansible_facts.all_ipv4_addresses[2]"}, ("192.168.5.1", None)),
    "query for both families": (
        FACTS,
        {"address_query": "[ansible_facts.default_ipv4.address, ansible_facts.default_ipv6.address]"},
        ("10.0.0.1", "fd00::1"),
    ),
    "query with a function": (
        FACTS,
        {"address_query": "ansible_facts.all_ipv4_addresses[?starts_with(@, '192.')] | [0]"},
        ("192.168.5.1", None),
    ),
    "query before networks": (
        FACTS,
        {"address_query": "ansible_facts.all_ipv4_addresses[2]", "address_networks": ["10.0.0.0/8", "192.168.0.0/16"]},
        ("192.168.5.1", None),
    ),
    "zones and invalid addresses in facts": (
        {
            "all_ipv4_addresses": ["10.0.0.1", None, "10.0.0.1/24"],
            "all_ipv6_addresses": ["fe80::1%em0", "fd00::1%em0"],
            "default_ipv6": "none",
        },
        {},
        ("10.0.0.1", None),
    ),
    "facts of the wrong type": (
        {"all_ipv4_addresses": "10.0.0.1", "default_ipv4": {"address": "10.0.0.1"}},
        {},
        ("10.0.0.1", None),
    ),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_chosen(case):
    facts, variables, expected = CHOSEN[case]
    assert read_address(facts, **variables) == expected


BAD = {
    "no address known": (
        {},
        {},
        "address-unknown",
        "kong_address",
        None,
        ["the host has no facts", "fact_caching", "--limit"],
    ),
    "several": (
        {"all_ipv4_addresses": ["10.0.0.1", "172.17.0.1"]},
        {},
        "address-ambiguous",
        "kong_address",
        None,
        ["kong_address_networks", "This host has 10.0.0.1, 172.17.0.1"],
    ),
    "an empty list": (FACTS, {"address": []}, "variable-invalid", "kong_address", [], ["give one IPv4"]),
    "no address": (FACTS, {"address": "kong1"}, "address-invalid", "kong_address", "kong1", ["give one IPv4"]),
    "a network": (FACTS, {"address": "10.0.0.0/8"}, "address-invalid", "kong_address", "10.0.0.0/8", ["give one IPv4"]),
    "two addresses of a family": (
        None,
        {"address": ["10.0.0.1", "10.0.0.2"]},
        "address-invalid",
        "kong_address",
        ["10.0.0.1", "10.0.0.2"],
        ["two IPv4 addresses"],
    ),
    "loopback": (None, {"address": "127.0.0.1"}, "address-invalid", "kong_address", "127.0.0.1", ["loopback"]),
    "not on the host": (
        FACTS,
        {"address": "10.0.0.9"},
        "address-not-on-host",
        "kong_address",
        "10.0.0.9",
        ["10.0.0.1, 172.17.0.1, 192.168.5.1", "an outside address of kong_nat"],
    ),
    "in none of the networks": (
        FACTS,
        {"address_networks": ["10.99.0.0/16"]},
        "address-unknown",
        "kong_address_networks",
        ["10.99.0.0/16"],
        ["172.17.0.1, 10.0.0.1", "Set kong_address"],
    ),
    "networks without facts": (
        {},
        {"address_networks": "10.0.0.0/8"},
        "address-unknown",
        "kong_address_networks",
        ["10.0.0.0/8"],
        ["no address", "gather the host's facts"],
    ),
    "query without result": (
        FACTS,
        {"address_query": "ansible_facts.nothing"},
        "address-unknown",
        "kong_address_query",
        "ansible_facts.nothing",
        ["correct the query"],
    ),
    "query without address": (
        FACTS,
        {"address_query": "ansible_facts.hostname"},
        "address-invalid",
        "kong_address_query",
        "ansible_facts.hostname",
        ["has the result 'kong1'"],
    ),
    "query outside the networks": (
        FACTS,
        {"address_query": "ansible_facts.all_ipv4_addresses[2]", "address_networks": ["10.0.0.0/8", "fd00::/8"]},
        "address-outside-networks",
        "kong_address_query",
        "192.168.5.1",
        ["comes from facts", "kong_address_networks (10.0.0.0/8, fd00::/8)"],
    ),
    "NAT query outside the networks": (
        FACTS,
        {
            "nat_query": "[{outside: ansible_facts.all_ipv4_addresses[2], outside_port: `80`, inside_port: `8000`}]",
            "address_networks": ["10.0.0.0/8"],
        },
        "address-outside-networks",
        "kong_nat_query",
        "192.168.5.1",
        ["comes from facts"],
    ),
    "hairpin outside the networks": (
        FACTS,
        {
            "nat_query": "[{outside: '10.9.9.9', hairpin_source: ansible_facts.all_ipv4_addresses[2]}]",
            "address_networks": ["10.0.0.0/8"],
        },
        "address-outside-networks",
        "kong_nat_query",
        "192.168.5.1",
        ["comes from facts"],
    ),
    "VPN address": (FACTS, {"vpn_address": "vpn"}, "address-invalid", "kong_vpn_address", "vpn", ["give one IPv4"]),
    "egress": (
        FACTS,
        {"nat_egress": ["router"]},
        "address-invalid",
        "kong_nat_egress",
        "router",
        ["addresses or networks"],
    ),
    "egress of any address": (
        FACTS,
        {"nat_egress": "0.0.0.0/0"},
        "address-invalid",
        "kong_nat_egress",
        ["0.0.0.0/0"],
        ["any address", "at other sites"],
    ),
    "bind address": (
        FACTS,
        {"proxy_listen": "10.0.0.9:8000"},
        "bind-not-on-host",
        "kong_proxy_listen",
        "10.0.0.9",
        ["10.0.0.1, 172.17.0.1"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case):
    facts, variables, code, variable, value, parts = BAD[case]
    error = find_error(facts, **variables)
    assert (error.code, error.host, error.variable, error.value) == (code, "n", variable, value)
    for part in ["n: " + variable + (f": {value!r}: " if value is not None else ": "), *parts]:
        assert part in read_text(error)


@pytest.mark.parametrize(
    "query",
    [
        *("a[", "ansible_facts.all_ipv4_addresses[::0]", "starts_with(ansible_facts, 'a')", "unknown(@)", "(" * 3000),
        *("@", "[@]", "{a: [@]}"),  # all variables, with passwords
    ],
)
def test_failing_query(query):
    error = find_error(FACTS, address_query=query)
    assert (error.code, error.variable, error.value) == ("query-invalid", "kong_address_query", query)
    assert "JMESPath" in error.message


REPLACED_QUERIES = {
    "kong_address_query": {"kong_address": "10.0.0.1"},
    "kong_nat_query": {"kong_address": "10.0.0.1", "kong_nat": [{"outside": "203.0.113.7"}]},
}


@pytest.mark.parametrize("query", ["a[", "x y", "unknown(@)", "a[?unknown(@)]", "a[0:2].{b: unknown(c)}"])
@pytest.mark.parametrize("name", REPLACED_QUERIES)
def test_query_that_is_not_used_is_checked(name, query):
    """Another variable replaces the query on this host, but the query of the group is wrong for all hosts."""
    error = find_only_error({"n": {**REPLACED_QUERIES[name], name: query}})
    assert (error.variable, error.value) == (name, query)
    assert "JMESPath" in error.message


@pytest.mark.parametrize("name", REPLACED_QUERIES)
def test_query_that_a_source_host_does_not_use_is_checked(name):
    bastion = {**REPLACED_QUERIES[name], "kong_address": "10.0.0.2", name: "a["}
    node = {"kong_address": "10.0.0.1", "kong_admin_sources": ["bastion"]}
    [error] = compile_fleet({"n": node}, {"bastion": bastion}).errors
    assert (error.code, error.host, error.variable) == ("query-invalid", "bastion", name)


@pytest.mark.parametrize(
    "query", ["ansible_facts.eth1.ipv4.address", "length(ansible_facts.eth1)", "a[::2]", "'no address'"]
)
@pytest.mark.parametrize("name", REPLACED_QUERIES)
def test_query_that_is_not_used_needs_no_result(name, query):
    """A host that does not use the query of its group may lack the values that the query reads."""
    plan_fleet({"n": {**REPLACED_QUERIES[name], name: query}})


@pytest.mark.parametrize(
    "listen",
    ["10.0.0.1:8000", "192.168.5.1:8000", "0.0.0.0:8000", "127.0.0.1:8000", "[fd00::1]:8000", "kong.example.org:8000"],
)
def test_bind_addresses_of_the_host(listen):
    read_address(FACTS, proxy_listen=listen)


def test_addresses_of_the_inventory_may_be_outside_the_networks():
    given = {"vpn_address": "172.30.0.1", "nat_egress": "203.0.113.7", "nat": [{"outside": "203.0.113.8"}]}
    assert read_address(FACTS, address_networks="10.0.0.0/8", **given) == ("10.0.0.1", None)


def test_query_of_inventory_data_may_be_outside_the_networks():
    query = "[{outside: kong_nat_egress, outside_port: `80`, inside_port: `8000`}]"
    found = read_address(FACTS, address_networks="10.0.0.0/8", nat_egress="203.0.113.7", nat_query=query)
    assert found == ("10.0.0.1", None)


def test_fact_with_the_name_of_a_variable():
    error = find_error({"default_ipv4": {"address": "10.0.0.1"}, "kong_role": "control_plane"})
    assert (error.code, error.host, error.variable, error.value) == ("variable-in-facts", "n", "kong_role", None)
    assert error.message.startswith("n: kong_role: the facts of this host have this name")


def test_fact_of_a_named_host_with_the_name_of_a_variable():
    hosts = {"n": {"kong_address": "10.0.0.1", "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": ["admin"]}}
    admin = {"kong_address": "10.0.0.2", "ansible_facts": {"kong_nat_egress": ["0.0.0.0/1"]}}
    error = find_only_error(hosts, {"admin": admin})
    assert (error.code, error.host, error.variable) == ("variable-in-facts", "admin", "kong_nat_egress")


def test_bind_a_vpn_address_that_is_not_in_facts():
    read_address(FACTS, vpn_address="10.8.0.1", proxy_listen="10.8.0.1:8000")


def test_nat_from_a_query():
    cloud = {"cloud": [{"public": "203.0.113.2", "port": 8000}, {"public": "203.0.113.3", "port": 8443}]}
    query = "cloud[?port > `8000`].{outside: public, inside_port: port}"
    plan = plan_fleet({"n": {**cloud, "kong_address": "10.0.0.1", "kong_nat_query": query}})
    assert [(mapping["outside"], mapping["inside_port"]) for mapping in plan["nodes"]["n"]["nat"]] == [
        ("203.0.113.3", 8443)
    ]
    plan = plan_fleet({"n": {**cloud, "kong_address": "10.0.0.1", "kong_nat_query": query, "kong_nat": []}})
    assert plan["nodes"]["n"]["nat"] == []


@pytest.mark.parametrize(
    ("query", "code"), [("cloud[", "query-invalid"), ("cloud", "nat-invalid"), ("[cloud]", "nat-invalid")]
)
def test_nat_from_a_bad_query(query, code):
    error = find_only_error({"n": {"cloud": "x", "kong_address": "10.0.0.1", "kong_nat_query": query}})
    assert (error.code, error.variable) == (code, "kong_nat_query")


@pytest.mark.parametrize("query", ["cloud || `[]`", "cloud[?port].{outside: public} || `[]`", "nat[?port]"])
def test_nat_from_a_query_whose_result_is_empty(query):
    plan = plan_fleet({"n": {"kong_address": "10.0.0.1", "nat": [], "kong_nat_query": query}})
    assert plan["nodes"]["n"]["nat"] == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("cloud", "it has no result"),
        ("cloud[].{outside: public}", "it has no result"),
        ("nat[].{outside: public, inside_port: prt}", "key inside_port of a mapping is null"),
        ("nat[].{outside: pblic}", "key outside of a mapping is null"),
    ],
)
def test_a_wrong_name_in_a_query_for_nat_is_an_error(query, says):
    nat = [{"public": "203.0.113.2", "port": 80}]
    error = find_only_error({"n": {"kong_address": "10.0.0.1", "nat": nat, "kong_nat_query": query}})
    assert (error.code, error.variable) == ("nat-invalid", "kong_nat_query")
    assert says in error.message


OF_NO_HOST = ["0.0.0.5", "224.0.0.1", "255.255.255.255", "ff02::1"]


@pytest.mark.parametrize("address", OF_NO_HOST)
@pytest.mark.parametrize(
    ("name", "value", "more"),
    [
        ("kong_address", "{}", {}),
        ("kong_address_networks", "{}", {}),
        ("kong_address_query", "'{}'", {"kong_address": None}),
        ("kong_vpn_address", "{}", {}),
        ("kong_virtual_addresses", "{}", {}),
        ("kong_nat", [{"outside": "{}"}], {}),
        ("kong_nat", [{"outside": "203.0.113.2", "hairpin_source": "{}"}], {}),
        ("kong_nat_query", "[{{outside: '{}'}}]", {}),
        ("kong_nat_egress", "{}", {}),
        ("kong_proxy_listen", "[{}]:8000", {}),
        ("kong_proxy_sources", ["{}"], {}),
        ("kong_published_ports", "[{}]:80:8000", {}),
        ("kong_transparent", [{"destinations": ["{}"], "ports": [80], "listen_port": 8000}], {}),
        ("kong_cluster_control_plane", "[{}]:8005", {"kong_role": "data_plane"}),
        ("kong_cluster_advertise", "{}:7946", {"kong_version": "0.10"}),
    ],
)
def test_address_that_no_host_has(name, value, more, address):
    nodes = {"n": {"kong_address": "10.0.0.1", **more, name: fill_value(value, address)}}
    nodes["n"] = {key: item for key, item in nodes["n"].items() if item is not None}
    assert name in {error.variable for error in find_errors(nodes)}


def fill_value(value, address):
    """Return a value with an address in place of braces. IPv4 has no brackets."""
    if isinstance(value, list):
        return [fill_value(item, address) for item in value]
    if isinstance(value, dict):
        return {key: fill_value(item, address) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    text = value.format(address) if "{" in value else value
    return text if ":" in address else text.replace(f"[{address}]", address)


@pytest.mark.parametrize("network", ["224.0.0.0/4", "239.1.0.0/16", "0.0.0.0/8", "ff00::/8"])
@pytest.mark.parametrize("name", ["kong_proxy_sources", "kong_nat_egress", "kong_address_networks"])
def test_network_without_a_host(name, network):
    error = find_only_error({"n": {"kong_address": "10.0.0.1", name: [network]}})
    assert (error.variable, error.value) in ((name, network), (name, [network]))


@pytest.mark.parametrize(
    "network", ["0.0.0.0/0", "0.0.0.0/7", "240.0.0.0/4", "126.0.0.0/7", "fe80::/10", "169.254.0.0/16"]
)
def test_network_that_may_be_a_source(network):
    plan_fleet({"n": {"kong_address": "10.0.0.1", "kong_proxy_sources": [network]}})


@pytest.mark.parametrize("network", ["127.0.0.1", "127.0.0.0/8", "127.8.0.0/16", "::1"])
def test_loopback_address_is_no_source(network):
    error = find_only_error({"n": {"kong_address": "10.0.0.1", "kong_proxy_sources": [network]}})
    assert (error.code, error.variable) == ("source-unknown", "kong_proxy_sources")


TWICE = {"kong_address": ["10.0.0.1", "fd00::1"]}


def test_same_address_twice_in_a_site():
    found = find_errors({"m": TWICE, "n": TWICE})
    assert [(error.code, error.host, error.variable, error.value) for error in found] == [
        ("address-duplicate", "n", "kong_address", "10.0.0.1"),
        ("address-duplicate", "n", "kong_address", "fd00::1"),
    ]
    assert "m of the same site has the same address; correct one of them" in found[0].message


def test_same_address_twice_on_the_vpn():
    error = find_only_error(
        {
            name: {"kong_address": f"10.{number}.0.1", "kong_site": name, "kong_vpn_address": "10.8.0.1"}
            for number, name in enumerate("mn")
        }
    )
    assert (error.code, error.host, error.variable, error.value) == (
        "address-duplicate",
        "n",
        "kong_vpn_address",
        "10.8.0.1",
    )
    assert "m has the same address on the VPN" in error.message


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        (True, True, True),
        (True, None, True),
        (None, True, True),
        (True, False, False),
        (False, True, False),
        (None, None, False),
    ],
)
def test_sites_that_overlap(first, second, refused):
    nodes = {
        "m": {"kong_address": "10.0.0.1", "kong_site": "x", "kong_flat_network": first},
        "n": {"kong_address": "10.0.0.1", "kong_site": "y", "kong_flat_network": second},
    }
    if not refused:
        plan_fleet(nodes)
        return
    error = find_only_error(nodes)
    assert (error.code, error.host, error.variable, error.value) == ("address-overlap", "n", "kong_address", "10.0.0.1")
    for part in ("m (site x)", "kong_flat_network: false"):
        assert part in read_text(error)


def test_host_without_facts_is_named():
    nodes = {
        name: {"ansible_facts": {"default_ipv4": {"address": f"10.0.0.{number}"}}}
        for number, name in enumerate("abc", 1)
    }
    nodes["b"] = {}
    error = find_only_error(nodes)
    assert (error.code, error.host) == ("address-unknown", "b")


def test_source_without_address_is_an_error():
    error = find_only_error({"n": {"kong_address": "10.0.0.1", "kong_proxy_sources": ["admin"]}}, {"admin": {}})
    assert (error.code, error.host) == ("address-unknown", "admin")


def test_unnamed_host_needs_no_address():
    assert compile_fleet({"n": {"kong_address": "10.0.0.1"}}, {"elsewhere": {}}).errors == ()
