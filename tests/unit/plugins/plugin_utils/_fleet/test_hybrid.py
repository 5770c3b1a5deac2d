# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hybrid mode: the control plane of each data plane, and the data planes that a control plane allows."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    compile_fleet,
    find_errors,
    find_only_error,
    get_settings,
    get_sources,
    list_warnings,
    plan_fleet,
    read_text,
)


def make_node(role, site, address, **more):
    return {
        "kong_version": "3.9",
        "kong_role": role,
        "kong_site": site,
        "kong_address": address,
        **{f"kong_{key}": value for key, value in more.items()},
    }


def make_cp(site, address, **more):
    return make_node("control_plane", site, address, **more)


def make_dp(site, address, **more):
    return make_node("data_plane", site, address, **more)


BY_PORT = [{"outside": "203.0.113.1", "outside_port": 9005, "inside_port": 8005, "protocols": ["tcp"]}]

# name: control planes, the data plane, its value, its source at the first control plane
CONNECTED = {
    "same site": ({"cp": make_cp("a", "10.0.0.1")}, make_dp("a", "10.0.0.9"), "10.0.0.1:8005", "10.0.0.9/32"),
    "NAT by another port": (
        {"cp": make_cp("a", "10.0.0.1", nat=BY_PORT)},
        make_dp("b", "10.1.0.9", nat_egress=["198.51.100.7"]),
        "203.0.113.1:9005",
        "198.51.100.7/32",
    ),
    "NAT one-to-one": (
        {"cp": make_cp("a", "10.0.0.1", nat=[{"outside": "203.0.113.1"}])},
        make_dp("b", "10.1.0.9"),
        "203.0.113.1:8005",
        "10.1.0.9/32",
    ),
    "VPN": (
        {"cp": make_cp("a", "10.0.0.1", vpn_address="10.8.0.1", nat=BY_PORT)},
        make_dp("b", "10.1.0.9", vpn_address="10.8.0.9"),
        "10.8.0.1:8005",
        "10.8.0.9/32",
    ),
    "IPv4 of another site before IPv6 of the own site": (
        {
            "cp1": make_cp("b", "10.0.0.1", flat_network=True),
            "cp2": make_cp("a", "fd00::1", cluster_listen="[::]:8005"),
        },
        make_dp("a", ["10.1.0.9", "fd00::9"]),
        "10.0.0.1:8005",
        "10.1.0.9/32",
    ),
    "another port": (
        {"cp": make_cp("a", "10.0.0.1", cluster_listen="10.0.0.1:8015")},
        make_dp("a", "10.0.0.9"),
        "10.0.0.1:8015",
        "10.0.0.9/32",
    ),
    "its own value is kept": (
        {"cp": make_cp("a", "10.0.0.1")},
        make_dp("a", "10.0.0.9", cluster_control_plane="lb.example.com:443"),
        "lb.example.com:443",
        "10.0.0.9/32",
    ),
    "the own site first": (
        {"cp1": make_cp("a", "10.0.0.1", flat_network=True), "cp2": make_cp("b", "10.1.0.1")},
        make_dp("b", "10.1.0.9"),
        "10.1.0.1:8005",
        "10.1.0.9/32",
    ),
    "the first control plane with a path": (
        {"cp1": make_cp("a", "10.0.0.1"), "cp2": make_cp("c", "10.2.0.1", flat_network=True)},
        make_dp("b", "10.1.0.9"),
        "10.2.0.1:8005",
        None,
    ),
    "its own cluster": (
        {"cp1": make_cp("a", "10.0.0.1", cluster="other"), "cp2": make_cp("a", "10.0.0.2")},
        make_dp("a", "10.0.0.9"),
        "10.0.0.2:8005",
        None,
    ),
}


@pytest.mark.parametrize("case", CONNECTED)
def test_connected(case):
    control_planes, data_plane, value, source = CONNECTED[case]
    plan = plan_fleet({**control_planes, "dp": data_plane})
    assert get_settings(plan, "dp")["cluster_control_plane"] == value
    assert "cluster_telemetry_endpoint" not in get_settings(plan, "dp")
    allowed = get_sources(plan, next(iter(control_planes)), "cluster")
    assert allowed == ([source] if source else [])


def test_each_data_plane_gets_the_value_of_its_site():
    plan = plan_fleet(
        {
            "cp": make_cp("a", "10.0.0.1", nat=[{**BY_PORT[0], "sites": ["b"]}], vpn_address="10.8.0.1"),
            "dp_a": make_dp("a", "10.0.0.9"),
            "dp_b": make_dp("b", "10.1.0.9", nat_egress="198.51.100.0/29"),
            "dp_c": make_dp("c", "10.2.0.9", vpn_address="10.8.0.9"),
        },
    )
    assert {name: get_settings(plan, name)["cluster_control_plane"] for name in ("dp_a", "dp_b", "dp_c")} == {
        "dp_a": "10.0.0.1:8005",
        "dp_b": "203.0.113.1:9005",
        "dp_c": "10.8.0.1:8005",
    }
    assert get_sources(plan, "cp", "cluster") == ["10.0.0.9/32", "10.8.0.9/32", "198.51.100.0/29"]


def test_only_data_planes_reach_the_cluster_port():
    """Other control planes, traditional nodes and data planes of another cluster are not allowed, and only tcp is."""
    plan = plan_fleet(
        {
            "cp1": make_cp("a", "10.0.0.1"),
            "cp2": make_cp("a", "10.0.0.2"),
            "old": make_node("traditional", "a", "10.0.0.3"),
            "dp1": make_dp("a", "10.0.0.11"),
            "dp2": make_dp("a", "10.0.0.12"),
            "other_cp": make_cp("a", "10.0.0.4", cluster="other"),
            "other_dp": make_dp("a", "10.0.0.13", cluster="other"),
        },
    )
    assert (
        get_sources(plan, "cp1", "cluster") == get_sources(plan, "cp2", "cluster") == ["10.0.0.11/32", "10.0.0.12/32"]
    )
    assert get_sources(plan, "other_cp", "cluster") == ["10.0.0.13/32"]
    rules = {
        (name, entry["listener"], entry["protocol"])
        for name, data in plan["nodes"].items()
        for entry in data["ruleset"]["allow"]
        if entry["listener"] == "cluster"
    }
    assert rules == {(name, "cluster", "tcp") for name in ("cp1", "cp2", "other_cp")}


def assign_control_planes(control_planes, data_planes):
    """Return the control plane of each data plane, all at one site."""
    nodes = {name: make_cp("a", f"10.0.0.{number}") for number, name in enumerate(control_planes, 1)}
    nodes |= {
        name: make_dp("a", f"10.0.{number // 200 + 1}.{number % 200 + 1}") for number, name in enumerate(data_planes)
    }
    by_value = {f"{nodes[name]['kong_address']}:8005": name for name in control_planes}
    plan = plan_fleet(nodes)
    return {name: by_value[get_settings(plan, name)["cluster_control_plane"]] for name in data_planes}


DATA_PLANES = [f"dp{number}" for number in range(120)]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_data_planes_are_spread_over_the_control_planes(count):
    chosen = Counter(assign_control_planes([f"cp{number}" for number in range(count)], DATA_PLANES).values())
    share = len(DATA_PLANES) / count
    assert len(chosen) == count
    assert all(share / 2 < number < share * 2 for number in chosen.values())


def test_a_new_node_changes_only_the_data_planes_that_it_takes_over():
    before = assign_control_planes(["cp1", "cp2"], DATA_PLANES)
    with_data_plane = assign_control_planes(["cp1", "cp2"], [*DATA_PLANES, "new"])
    assert {name: with_data_plane[name] for name in DATA_PLANES} == before
    with_control_plane = assign_control_planes(["cp1", "cp0", "cp2"], DATA_PLANES)
    changed = {name for name in DATA_PLANES if with_control_plane[name] != before[name]}
    assert changed == {name for name in DATA_PLANES if with_control_plane[name] == "cp0"} != set()


def test_data_planes_are_spread_over_the_control_planes_that_they_reach():
    """Other sites and control planes without a path get no data plane, and telemetry uses the same control plane."""
    enterprise = {"kong_version": "3.4.3.5"}
    near = {
        name: {**make_cp("a", f"10.0.0.{number}"), **enterprise} for number, name in enumerate(("cp1", "cp2", "cp3"), 1)
    }
    near["cp3"]["kong_cluster_listen"] = "127.0.0.1:8005"
    near["cp3"]["kong_cluster_telemetry_listen"] = "127.0.0.1:8006"
    far = {"cp4": {**make_cp("b", "10.1.0.1", flat_network=True), **enterprise}}
    data_planes = {f"dp{number}": {**make_dp("a", f"10.0.1.{number}"), **enterprise} for number in range(1, 21)}
    plan = plan_fleet({**near, **far, **data_planes})
    chosen = {get_settings(plan, name)["cluster_control_plane"] for name in data_planes}
    assert chosen == {"10.0.0.1:8005", "10.0.0.2:8005"}
    for name in data_planes:
        found = get_settings(plan, name)
        assert found["cluster_telemetry_endpoint"] == found["cluster_control_plane"].replace("8005", "8006")


def test_errors_name_the_first_control_plane_by_name():
    nodes = {name: make_cp("b", f"10.1.0.{number}") for number, name in enumerate(("cp1", "cp2", "cp3"), 1)}
    data_planes = {f"dp{number}": make_dp("a", f"10.0.0.{number}") for number in range(1, 9)}
    assert {"cluster listener of cp1 (site b)" in error.message for error in find_errors({**nodes, **data_planes})} == {
        True
    }


def test_telemetry_of_enterprise():
    enterprise = {"kong_version": "3.4.3.5"}
    plan = plan_fleet(
        {
            "cp": {**make_cp("a", "10.0.0.1", nat=[{"outside": "203.0.113.1"}]), **enterprise},
            "dp": {**make_dp("b", "10.1.0.9"), **enterprise},
            "own": {**make_dp("b", "10.1.0.8"), **enterprise, "kong_cluster_telemetry_endpoint": "10.1.1.1:8006"},
            # Kong without Enterprise does not know the setting and would drop it.
            "free": make_dp("b", "10.1.0.7"),
        },
    )
    assert get_settings(plan, "dp")["cluster_telemetry_endpoint"] == "203.0.113.1:8006"
    assert get_settings(plan, "own")["cluster_telemetry_endpoint"] == "10.1.1.1:8006"
    assert "cluster_telemetry_endpoint" not in get_settings(plan, "free")
    assert get_sources(plan, "cp", "cluster_telemetry") == ["10.1.0.7/32", "10.1.0.8/32", "10.1.0.9/32"]


VERSIONS = [
    ("3.9", "3.9", True),
    ("3.9", "3.4.3.5", True),
    ("3.4", "3.9", False),
    ("3.0", "2.8", False),
    ("3.0.0.0", "2.8.4.1", True),
    ("3.1.0.0", "2.8.4.1", False),
    # Control planes before 2.3 do not compare versions, but 2.1 and 2.3 changed the messages.
    ("2.0.4", "2.0.5", True),
    ("2.0.5", "2.1", False),
    ("2.1", "2.0.5", False),
    ("2.1.4", "2.2", True),
    ("2.2", "2.1", True),
    ("2.2", "2.3", False),
    ("2.2", "3.0", False),
    ("2.3.0", "2.2.1", False),
    ("2.3.0", "2.3.2", True),
    ("2.3.2", "2.4", False),
    ("2.4", "2.2", False),
    ("2.4", "2.3", True),
    ("2.8", "2.2", False),
    ("2.8", "2.3", True),
    # Data planes of 3.1 know only the protocol that 3.2 no longer has.
    ("3.1.1", "3.0", True),
    ("3.1.1", "3.1.0", True),
    ("3.2", "3.1", False),
    ("3.2", "3.0.1", True),
    ("3.2.2.0", "3.1.0.0", False),
    ("3.2.2.0", "3.1.1.2", True),
]


@pytest.mark.parametrize(("control", "data", "takes"), VERSIONS)
def test_warning_about_a_control_plane_that_rejects_the_version(control, data, takes):
    found = list_warnings(
        plan_fleet({"cp": make_cp("a", "10.0.0.1", version=control), "dp": make_dp("a", "10.0.0.9", version=data)})
    )
    assert [(finding["code"], finding["host"], finding["value"]) for finding in found] == (
        [] if takes else [("version-skew", "dp", data)]
    )
    assert takes or f"a control plane of Kong {control} does not configure" in found[0]["message"]


FLAGGED = "0.0.0.0:8005 proxy_protocol"
BEHIND_NAT = {"nat": [{"outside": "203.0.113.1"}]}
PROXIED = {
    "computed address": ({}, {}, True),
    "given address": ({}, {"cluster_control_plane": "10.0.0.1:8005"}, True),
    "name, which may be that of a balancer": ({}, {"cluster_control_plane": "cp.example.com:8005"}, False),
    "another host, which may be a balancer": ({}, {"cluster_control_plane": "10.0.0.77:8005"}, False),
    "NAT, which may be a balancer": (BEHIND_NAT, {"site": "b", "address": "10.1.0.9"}, False),
    "without the flag": ({"cluster_listen": "0.0.0.0:8005"}, {}, False),
    "flag of the same port at another address": (
        {"cluster_listen": "10.0.0.1:8005, 192.168.5.1:8005 proxy_protocol"},
        {},
        False,
    ),
    "flag of the address, which precedes every address": (
        {"cluster_listen": "0.0.0.0:8005, 10.0.0.1:8005 proxy_protocol"},
        {},
        True,
    ),
    "container": ({"published_ports": ["8005:8005"]}, {}, True),
    "container without the flag": (
        {"published_ports": ["8005:8006"], "cluster_listen": f"{FLAGGED}, 0.0.0.0:8006"},
        {},
        False,
    ),
    "flag of another entry": ({"cluster_listen": f"{FLAGGED}, 0.0.0.0:8006"}, {}, False),
    "given entry with the flag": (
        {"cluster_listen": f"0.0.0.0:8006, {FLAGGED}"},
        {"cluster_control_plane": "10.0.0.1:8005"},
        True,
    ),
}


@pytest.mark.parametrize(("control", "data", "reported"), PROXIED.values(), ids=list(PROXIED))
def test_warning_about_the_proxy_protocol_that_no_data_plane_sends(control, data, reported):
    nodes = {
        "cp": make_cp("a", "10.0.0.1", **{"cluster_listen": FLAGGED, **control}),
        "dp": make_dp(**{"site": "a", "address": "10.0.0.9", **data}),
    }
    found = [finding for finding in list_warnings(plan_fleet(nodes)) if finding["code"] == "cluster-proxy-protocol"]
    assert [(finding["host"], finding["value"]) for finding in found] == [("dp", "10.0.0.1:8005")] * reported
    assert all(
        "kong_cluster_listen" in finding["message"] and "onnects to cp" in finding["message"] for finding in found
    )


def test_data_plane_prefers_the_entry_without_the_proxy_protocol():
    nodes = {"cp": make_cp("a", "10.0.0.1", cluster_listen=f"{FLAGGED}, 0.0.0.0:8006"), "dp": make_dp("a", "10.0.0.9")}
    assert get_settings(plan_fleet(nodes), "dp")["cluster_control_plane"] == "10.0.0.1:8006"


def test_data_plane_prefers_the_published_port_without_the_proxy_protocol():
    published = {"cluster_listen": f"{FLAGGED}, 0.0.0.0:8006", "published_ports": ["18005:8005", "18006:8006"]}
    nodes = {"cp": make_cp("a", "10.0.0.1", **published), "dp": make_dp("a", "10.0.0.9")}
    assert get_settings(plan_fleet(nodes), "dp")["cluster_control_plane"] == "10.0.0.1:18006"


def test_warning_about_the_proxy_protocol_of_the_telemetry_listener():
    nodes = {
        "cp": make_cp("a", "10.0.0.1", version="3.4.3.5", cluster_telemetry_listen="0.0.0.0:8006 proxy_protocol"),
        "dp": make_dp("a", "10.0.0.9", version="3.4.3.5"),
    }
    [found] = [finding for finding in list_warnings(plan_fleet(nodes)) if finding["code"] == "cluster-proxy-protocol"]
    assert (found["variable"], found["value"]) == ("kong_cluster_telemetry_endpoint", "10.0.0.1:8006")
    assert "kong_cluster_telemetry_listen" in found["message"]


VIRTUAL = {"virtual_addresses": "10.0.0.100"}
PINNED = [
    ("address", "10.0.0.1:8005", {}, "cp"),
    ("address of a control plane that accepts it", "10.0.0.2:8005", {}, None),
    (
        "NAT mapping",
        "203.0.113.1:18005",
        {"nat": [{"outside": "203.0.113.1", "outside_port": 18005, "inside_port": 8005}]},
        "cp",
    ),
    ("virtual address of both", "10.0.0.100:8005", VIRTUAL, "cp"),
    ("name", "cp.example.com:8005", {}, None),
]


@pytest.mark.parametrize(
    ("given", "variables", "rejecting"), [case[1:] for case in PINNED], ids=[case[0] for case in PINNED]
)
def test_warning_about_a_given_control_plane_that_rejects_the_version(given, variables, rejecting):
    nodes = {
        "cp": make_cp("a", "10.0.0.1", version="3.3", **variables),
        "new": make_cp("a", "10.0.0.2", version="3.4", **(variables if variables == VIRTUAL else {})),
        "dp": make_dp("a", "10.0.0.9", version="3.4", cluster_control_plane=given),
    }
    found = [finding for finding in list_warnings(plan_fleet(nodes)) if finding["code"] == "version-skew"]
    assert [finding["host"] for finding in found] == (["dp"] if rejecting else [])
    assert all(f"onnects to {rejecting}" in finding["message"] for finding in found)


def test_control_plane_that_accepts_the_version_has_priority():
    """While control planes are upgraded, each data plane keeps a control plane that accepts it."""
    near = {"old": make_cp("a", "10.0.0.1", version="2.8"), "new": make_cp("a", "10.0.0.2")}
    far = {"other": make_cp("b", "10.1.0.1", version="2.8", flat_network=True)}
    assert get_settings(plan_fleet({**near, "dp": make_dp("a", "10.0.0.9", version="2.7")}), "dp")[
        "cluster_control_plane"
    ] == ("10.0.0.1:8005")
    del near["old"]
    plan = plan_fleet({**near, **far, "dp": make_dp("a", "10.0.0.9", version="2.7")})
    assert get_settings(plan, "dp")["cluster_control_plane"] == "10.1.0.1:8005"
    assert list_warnings(plan) == []


@pytest.mark.parametrize(
    ("nodes", "code", "value", "parts"),
    [
        ({}, "control-plane-missing", None, ["cluster 'default'", "kong_role: control_plane"]),
        (
            {"cp": make_cp("a", "10.0.0.1", cluster="other")},
            "control-plane-missing",
            None,
            ["cluster 'default'", "kong_cluster"],
        ),
        (
            {"cp": make_cp("b", "10.1.0.1")},
            "no-path",
            None,
            [
                "This host is in site a",
                "cp (site b)",
                "kong_nat mapping to port 8005",
                "kong_vpn_address",
                "kong_flat_network",
            ],
        ),
        (
            {"cp": make_cp("b", "10.1.0.1", cluster_listen=["0.0.0.0:8005", "0.0.0.0:8006"])},
            "no-path",
            None,
            ["kong_nat mapping to port 8005"],
        ),
        (
            {"cp": make_cp("a", "10.0.0.1", cluster_listen="127.0.0.1:8005")},
            "no-path",
            None,
            ["This host is in site a", "cp (site a)", "It binds 127.0.0.1 only", "Set kong_cluster_listen of cp"],
        ),
        (
            {"cp": make_cp("b", ["10.0.0.1", "fd00::1"], cluster_listen="[::]:8005")},
            "no-path",
            None,
            [
                "It listens on IPv6 only, and data planes dial IPv4 only. First add an IPv4 entry to kong_cluster_listen of cp.",
                "Then give cp a kong_nat mapping to port 8005 over tcp",
            ],
        ),
        (
            {"cp": make_cp("a", "fd00::1")},
            "no-path",
            None,
            ["It listens on IPv4 only, and cp has no IPv4 address. Give cp an IPv4 address"],
        ),
        (
            {"cp": make_cp("b", "fd00::1", cluster_listen="10.1.0.100:8005")},
            "no-path",
            None,
            ["site b). Set kong_flat_network: true on cp"],
        ),
    ],
)
def test_unconnected(nodes, code, value, parts):
    error = find_only_error({**nodes, "dp": make_dp("a", "10.0.0.9")})
    assert (error.code, error.host, error.variable, error.value) == (code, "dp", "kong_cluster_control_plane", value)
    for part in ["dp: kong_cluster_control_plane", *parts]:
        assert part in read_text(error)


def test_warning_about_a_given_value_without_a_path():
    plan = plan_fleet(
        {"cp": make_cp("b", "10.1.0.1"), "dp": make_dp("a", "10.0.0.9", cluster_control_plane="203.0.113.9:443")}
    )
    (warning,) = (finding for finding in list_warnings(plan) if finding["variable"] == "kong_cluster_control_plane")
    assert (warning["code"], warning["host"], warning["value"]) == ("no-path", "dp", "203.0.113.9:443")
    assert get_sources(plan, "cp", "cluster") == []


def test_vpn_address_does_not_help_if_the_control_plane_does_not_listen_there():
    nodes = {"cp": make_cp("a", "198.51.100.1", cluster_listen="10.0.0.100:8005"), "dp": make_dp("a", "fd00::9")}
    advice = "It listens on IPv4 only, and this host has no {0}. Give this host an {0}"
    assert advice.format("IPv4 address") in read_text(find_only_error(nodes))
    nodes["dp"]["kong_vpn_address"] = "10.8.0.9"
    assert advice.format("IPv4 kong_address") in read_text(find_only_error(nodes))


# The given address, and the first words of the advice.
GIVEN = {
    "IPv4": ("203.0.113.9:443", "First add an IPv4 entry to kong_cluster_listen of cp"),
    "a name": ("cp.example.com:8005", "Map port 8005 in its IPv6 kong_nat"),
    "a program on the data plane": ("127.0.0.1:8005", "Map port 8005 in its IPv6 kong_nat"),
}


@pytest.mark.parametrize("case", GIVEN)
def test_advice_for_a_given_address_has_its_family(case):
    given, advice = GIVEN[case]
    control_plane = make_cp("b", ["10.0.0.1", "fd00::1"], cluster_listen="[::]:8005")
    plan = plan_fleet({"cp": control_plane, "dp": make_dp("a", ["10.1.0.9", "fd01::9"], cluster_control_plane=given)})
    (warning,) = (finding for finding in list_warnings(plan) if finding["code"] == "no-path")
    assert advice in warning["message"]


ADVICE = re.compile(r"\b(Give|Set|Add|First) ")


@pytest.mark.parametrize("listen", ["0.0.0.0", "10.0.0.100", "[fd00::100]", "[::]", "127.0.0.1", "10.8.0.1"])
@pytest.mark.parametrize("site", ["a", "b"])
def test_each_missing_path_has_advice(listen, site):
    """The control plane binds a wildcard, an address other than its ``kong_address``, loopback, or the VPN."""
    addresses = ["10.0.0.1", "198.51.100.1", "fd00::1", ["10.0.0.1", "fd00::1"]]
    own, vpn = ["10.1.0.9", "fd01::9", ["10.1.0.9", "fd01::9"]], [None, "10.8.0.9", "fd08::9"]
    for address, target_vpn, source, source_vpn in product(addresses, [None, "10.8.0.1", "fd08::1"], own, vpn):
        control_plane = make_cp("b", address, cluster_listen=f"{listen}:8005", vpn_address=target_vpn)
        found = compile_fleet({"cp": control_plane, "dp": make_dp(site, source, vpn_address=source_vpn)}).findings
        lacking = [error.message for error in found if error.code == "no-path" and not ADVICE.search(error.message)]
        assert lacking == []


# The site of the control plane, its variables, those of its data plane, and the words of the warning about telemetry.
TELEMETRY = {
    "a path": ("a", {}, {}, ""),
    "no listener": ("a", {"cluster_telemetry_listen": "off"}, {}, ""),
    "given": ("a", {"cluster_telemetry_listen": "127.0.0.1:8006"}, {"cluster_telemetry_endpoint": "x.example:1"}, ""),
    "loopback": ("a", {"cluster_telemetry_listen": "127.0.0.1:8006"}, {}, "Set kong_cluster_telemetry_listen of cp"),
    "IPv6": ("a", {"cluster_telemetry_listen": "[::]:8006"}, {}, "Add an IPv4 entry to kong_cluster_telemetry_listen"),
    "not published": ("a", {"published_ports": ["8005:8005"]}, {}, "Add the port to its kong_published_ports"),
    "not mapped": ("b", {"nat": BY_PORT}, {"nat_egress": ["198.51.100.7"]}, "Give cp a kong_nat mapping to port 8006"),
}


@pytest.mark.parametrize("case", TELEMETRY)
def test_warning_about_telemetry_without_a_path(case):
    site, more, own, words = TELEMETRY[case]
    control_plane = make_cp(site, ["10.0.0.1", "fd00::1"], version="3.4.3.5", **more)
    data_plane = make_dp("a", ["10.0.0.9", "fd00::9"], version="3.4.3.5", **own)
    found = list_warnings(plan_fleet({"cp": control_plane, "dp": data_plane}))
    about = [warning for warning in found if warning["variable"] == "kong_cluster_telemetry_endpoint"]
    assert [(warning["code"], warning["host"]) for warning in about] == ([("no-path", "dp")] if words else [])
    assert all(words in warning["message"] for warning in about)


def test_a_data_plane_without_a_control_plane_has_no_warning_about_telemetry():
    nodes = {"cp": make_cp("b", "10.1.0.1", version="3.4.3.5"), "dp": make_dp("a", "10.0.0.9", version="3.4.3.5")}
    assert find_only_error(nodes).variable == "kong_cluster_control_plane"
    assert "telemetry" not in str(list(compile_fleet(nodes).findings))


def test_a_control_plane_outside_the_inventory():
    plan = plan_fleet({"dp": make_dp("a", "10.0.0.9", cluster_control_plane="konnect.example.com:443")})
    assert get_settings(plan, "dp")["cluster_control_plane"] == "konnect.example.com:443"
    assert list_warnings(plan) == []


@pytest.mark.parametrize(
    ("version", "variable", "known"),
    [
        ("0.10.4", "kong_cluster_control_plane", "2.0"),
        ("1.5", "kong_cluster_control_plane", "2.0"),
        ("1.5", "kong_cluster_telemetry_endpoint", "2.1 of Kong Enterprise"),
        ("3.9", "kong_cluster_telemetry_endpoint", "2.1 of Kong Enterprise"),
    ],
)
def test_settings_that_the_version_would_drop(version, variable, known):
    error = find_only_error({"n": {"kong_version": version, "kong_address": "10.0.0.1", variable: "10.0.0.2:8005"}})
    assert (error.code, error.variable, error.value) == ("setting-unknown", variable, "10.0.0.2:8005")
    assert f"since {known}" in error.message
    assert "Remove it" in error.message
