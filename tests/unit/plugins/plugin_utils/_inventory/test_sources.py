# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source terms: the allowed sources of each listener."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import join_message
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    find_errors,
    find_only_error,
    get_sources,
    list_warnings,
    plan_fleet,
    read_text,
)

BASE = {"kong_version": "3.9", "kong_address": "10.0.0.1", "kong_admin_listen": "0.0.0.0:8001"}
OTHERS = {
    "admin": {"kong_address": "10.0.0.20"},
    "bastion1": {"kong_address": "10.0.0.31"},
    "bastion2": {"kong_address": ["10.0.0.32", "fd00::32"]},
    "far": {"kong_address": "10.9.0.1", "kong_site": "elsewhere"},
}
GROUPS = {"bastions": ["bastion2", "bastion1"], "empty": []}
PEER = {"kong_version": "3.9", "kong_address": "10.0.0.2"}


def make_fleet(**variables):
    return {"n": {**BASE, **{f"kong_{key}": value for key, value in variables.items()}}, "peer": PEER}


def make_plan(**variables):
    return plan_fleet(make_fleet(**variables), OTHERS, GROUPS)


def find_error(**variables):
    error = find_only_error(make_fleet(**variables), OTHERS, GROUPS)
    assert error.host == "n"
    assert error.message.startswith(f"n: {error.variable}: {error.value!r}: ")
    return error


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("nobody", []),
        (["nobody"], []),
        (" nobody ", []),
        (None, []),
        ("10.1.2.3", ["10.1.2.3/32"]),
        ([" 10.1.2.3 ", "2001:db8::/32", "10.1.0.0/16"], ["10.1.0.0/16", "10.1.2.3/32"]),
        ("admin", ["10.0.0.20/32"]),
        (["admin", "admin"], ["10.0.0.20/32"]),
        ("@bastions", ["10.0.0.31/32", "10.0.0.32/32"]),
        (["@bastions", "admin", "10.7.0.0/24"], ["10.0.0.20/32", "10.0.0.31/32", "10.0.0.32/32", "10.7.0.0/24"]),
        ("peers", ["10.0.0.1/32", "10.0.0.2/32"]),
        ("@kong", ["10.0.0.1/32", "10.0.0.2/32"]),
        ("n", []),
    ],
)
def test_terms(terms, expected):
    allowed = get_sources(make_plan(admin_sources=terms), "n", "admin")
    assert sorted(source for source in allowed if ":" not in source) == expected


@pytest.mark.parametrize(
    ("listener", "default"),
    [("proxy", "any"), ("admin", []), ("admin_gui", []), ("status", [])],
)
def test_defaults(listener, default):
    assert get_sources(make_plan(status_listen="0.0.0.0:8007"), "n", listener) == default


def test_streams_allow_any_source_by_default():
    assert get_sources(make_plan(stream_listen="0.0.0.0:9000"), "n", "stream") == "any"


@pytest.mark.parametrize("key", [9000, "9000"])
def test_streams_by_port(key):
    plan = make_plan(
        stream_listen="0.0.0.0:9000, 0.0.0.0:9000 udp, 0.0.0.0:9001",
        stream_sources={key: ["admin"], 9001: "any"},
    )
    assert get_sources(plan, "n", "stream", port=9000) == ["10.0.0.20/32"]
    assert get_sources(plan, "n", "stream", "udp", port=9000) == ["10.0.0.20/32"]
    assert get_sources(plan, "n", "stream", port=9001) == "any"


def test_gui_has_the_sources_of_the_admin_api():
    plan = make_plan(admin_sources=["admin"])
    assert get_sources(plan, "n", "admin_gui", port=8002) == ["10.0.0.20/32"]
    plan = make_plan(admin_sources=["admin"], admin_gui_sources=["bastion1"])
    assert get_sources(plan, "n", "admin") == ["10.0.0.20/32"]
    assert get_sources(plan, "n", "admin_gui", port=8445) == ["10.0.0.31/32"]
    plan = make_plan(admin_sources=["admin"], admin_gui_sources=None)
    assert get_sources(plan, "n", "admin_gui", port=8445) == ["10.0.0.20/32"]


def test_status_api_has_its_own_sources():
    plan = make_plan(status_listen="0.0.0.0:8007", status_sources="admin", admin_sources="bastion1")
    assert get_sources(plan, "n", "status") == ["10.0.0.20/32"]


EVERYBODY = ["any", ["any", "admin"], "0.0.0.0/0", "::/0", ["0.0.0.0/1", "128.0.0.0/1"], " any "]
EVERYBODY += [["::/1", "8000::/1"], ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/1"]]


@pytest.mark.parametrize("terms", EVERYBODY)
def test_any_admin_source_needs_an_opt_in(terms):
    error = find_error(admin_sources=terms, admin_gui_sources="nobody")
    assert (error.code, error.variable) == ("source-any", "kong_admin_sources")
    assert "kong_admin_allow_any: true" in error.message
    make_plan(admin_sources=terms, admin_allow_any=True)


@pytest.mark.parametrize("terms", EVERYBODY)
def test_any_source_of_the_gui_needs_an_opt_in(terms):
    found = find_errors(make_fleet(admin_gui_sources=terms), OTHERS, GROUPS)
    assert {(error.code, error.variable) for error in found} == {("source-any", "kong_admin_gui_sources")}
    make_plan(admin_gui_sources=terms, admin_allow_any=True)


@pytest.mark.parametrize(
    ("version", "setting", "listener", "needs_opt_in"),
    [
        ("3.9", "admin_listen", "admin", True),
        ("3.9", "admin_gui_listen", "admin_gui", True),
        ("3.9.0.1", "debug_listen", "debug", True),
        ("0.10", "cluster_listen_rpc", "cluster_rpc", True),
        ("3.9", "status_listen", "status", False),
        ("3.9", "stream_listen", "stream", False),
        ("3.9", "proxy_listen", "proxy", False),
    ],
)
def test_any_source_of_a_listener_that_controls_kong_needs_an_opt_in(version, setting, listener, needs_opt_in):
    """cluster_rpc is the RPC of Serf."""
    node = {"version": version, setting: "0.0.0.0:7373", f"{listener}_sources": "any"}
    if needs_opt_in:
        found = find_errors(make_fleet(**node), OTHERS, GROUPS)
        assert {(error.code, error.variable) for error in found} == {("source-any", f"kong_{listener}_sources")}
    allowed = {"admin_allow_any": True} if needs_opt_in else {}
    assert get_sources(make_plan(**node, **allowed), "n", listener, port=7373) == "any"


def test_half_of_all_addresses_is_not_any():
    assert get_sources(make_plan(admin_sources="0.0.0.0/1"), "n", "admin") == ["0.0.0.0/1"]


def test_any_source_with_opt_in():
    assert get_sources(make_plan(admin_sources=["any", "admin"], admin_allow_any=True), "n", "admin") == "any"
    assert get_sources(make_plan(proxy_sources=["0.0.0.0/0"]), "n", "proxy", port=8000) == ["0.0.0.0/0"]


@pytest.mark.parametrize("value", ["yes", 1, "true"])
def test_opt_in_is_a_boolean(value):
    found = find_errors(make_fleet(admin_sources="any", admin_allow_any=value), OTHERS, GROUPS)
    assert {error.code for error in found} == {"variable-invalid", "source-any"}


@pytest.mark.parametrize(
    ("term", "part"),
    [
        ("stranger", "not a host of the inventory"),
        ("@strangers", "no such inventory group"),
        ("@empty", "has no hosts"),
        ("10.0.0.300", "not an IPv4 or IPv6 address or network"),
        ("10.0.0.5/24", "write 10.0.0.0/24 or 10.0.0.5"),
        ("::ffff:10.0.0.1", "IPv4-mapped"),
        ("0.0.0.0", "for any source write any"),
        ("::/128", "for any source write any"),
        ("admin bastion1", "not a host of the inventory"),
        ("all", "not a host of the inventory"),
    ],
)
def test_unknown_terms(term, part):
    error = find_error(status_listen="0.0.0.0:8007", status_sources=[term])
    assert (error.code, error.variable, error.value) == ("source-unknown", "kong_status_sources", term)
    assert part in read_text(error)


@pytest.mark.parametrize(("name", "value"), [("proxy", []), ("stream", []), ("stream", {8000: ["any"], "9000": []})])
def test_empty_list_of_an_open_port(name, value):
    found = find_errors(make_fleet(stream_listen="0.0.0.0:9000", **{f"{name}_sources": value}), OTHERS, GROUPS)
    assert {(error.code, error.variable) for error in found} == {("source-empty", f"kong_{name}_sources")}
    assert "write nobody if that is intended" in found[0].message


@pytest.mark.parametrize("term", ["control_planes", "data_planes"])
def test_terms_without_hosts_in_the_cluster(term):
    error = find_error(status_listen="0.0.0.0:8007", status_sources=[term])
    assert (error.code, error.host, error.variable, error.value) == ("source-unknown", "n", "kong_status_sources", term)
    assert "remove it" in error.message


def test_a_finding_names_the_variable_that_is_set():
    listens = {"admin_listen": "0.0.0.0:8001", "admin_gui_listen": "0.0.0.0:8002"}
    found = find_errors(make_fleet(**listens, admin_sources=["data_planes"]), OTHERS, GROUPS)
    assert {error.variable for error in found} == {"kong_admin_sources"}
    found = list_warnings(make_plan(**listens, admin_sources=["far"]), "source-no-path")
    assert [warning["variable"] for warning in found] == ["kong_admin_sources"] * 2


def test_cluster_sources_without_the_cluster():
    node = {"kong_role": "control_plane", "kong_address": "10.0.0.1", "kong_cluster_sources": ["10.0.0.9"]}
    (warning,) = list_warnings(plan_fleet({"n": node}))
    assert (warning["code"], warning["variable"]) == ("source-replaced", "kong_cluster_sources")
    assert "data_planes" in warning["message"]
    assert list_warnings(plan_fleet({"n": {**node, "kong_cluster_sources": ["10.0.0.9", "data_planes"]}})) == []


def test_stream_port_that_is_missing_in_the_mapping():
    error = find_error(stream_listen="0.0.0.0:9000, 0.0.0.0:9001", stream_sources={9000: ["admin"]})
    assert (error.code, error.variable) == ("source-port-missing", "kong_stream_sources")
    assert "9001" in error.message


@pytest.mark.parametrize("terms", [["nobody", "admin"], ["any", "nobody"], ["nobody", " 10.0.0.0/8"]])
def test_nobody_must_be_the_only_term(terms):
    error = find_error(proxy_sources=terms)
    assert (error.code, error.variable) == ("source-contradiction", "kong_proxy_sources")
    assert "`nobody` must be the only term" in error.message


def test_warning_about_sources_of_a_loopback_listener():
    plan = make_plan(admin_listen="127.0.0.1:8001, [::1]:8444 ssl", admin_sources=["admin"], admin_gui_sources="nobody")
    assert get_sources(plan, "n", "admin", port=8001) == []
    found = list_warnings(plan, "source-loopback")
    assert {(warning["host"], warning["variable"]) for warning in found} == {("n", "kong_admin_sources")}
    assert "127.0.0.1" in found[0]["message"]
    assert "set kong_admin_listen" in found[0]["message"]


@pytest.mark.parametrize("terms", ["nobody", ["nobody"], None])
def test_no_warning_about_nobody(terms):
    assert list_warnings(make_plan(admin_listen="127.0.0.1:8001", admin_sources=terms)) == []


def test_no_warning_if_only_one_of_two_sockets_is_on_loopback():
    plan = make_plan(admin_listen="10.0.0.1:8001, 127.0.0.1:8001", admin_sources=["admin"], admin_gui_listen="off")
    rules = [rule for rule in plan["nodes"]["n"]["ruleset"]["allow"] if rule["listener"] == "admin"]
    assert [(rule["address"], len(rule["sources"])) for rule in rules] == [("10.0.0.1", 1), ("127.0.0.1", 0)]
    assert list_warnings(plan) == []


@pytest.mark.parametrize("terms", [["far"], ["@others"]])
def test_missing_path_is_a_warning_without_a_rule(terms):
    plan = plan_fleet(make_fleet(admin_sources=terms, admin_gui_sources="nobody"), OTHERS, {"others": ["far", "admin"]})
    allowed = get_sources(plan, "n", "admin")
    assert "10.9.0.1/32" not in allowed
    (warning,) = list_warnings(plan)
    assert (warning["code"], warning["host"], warning["variable"], warning["value"]) == (
        "source-no-path",
        "n",
        "kong_admin_sources",
        terms[0],
    )
    for part in (
        "far (site elsewhere)",
        "port 8001 of this host",
        "This host is in site default",
        "kong_nat",
        "kong_vpn_address",
    ):
        assert part in join_message(warning)


def test_hosts_without_the_family_have_their_own_warning():
    """A NAT mapping would not help them."""
    others = {**OTHERS, "six": {"kong_address": "fd00::6"}, "seven": {"kong_address": "fd00::7"}}
    nodes = make_fleet(admin_sources=["@mixed"], admin_gui_sources="nobody")
    plan = plan_fleet(nodes, others, {"mixed": ["far", "seven", "admin", "six"]})
    network, family = sorted(warning["message"] for warning in list_warnings(plan))
    assert "no path from far (site elsewhere) to" in network
    assert "kong_nat" in network
    assert "no path from seven, six (site default) to the admin port 8001 of this host" in family
    assert (
        "It listens on IPv4 only, and seven and six have no IPv4 address. Give seven and six an IPv4 address" in family
    )
    assert "kong_nat" not in family


def test_ports_without_a_path_from_different_hosts():
    """Only one port is forwarded. The warning names the other port."""
    nat = [{"outside": "203.0.113.1", "inside_port": 8001}]
    plan = make_plan(
        admin_listen="0.0.0.0:8001, 0.0.0.0:8444 ssl", admin_sources=["far"], admin_gui_listen="off", nat=nat
    )
    (warning,) = list_warnings(plan, "source-no-path")
    assert "port 8444 of this host" in warning["message"]
    assert get_sources(plan, "n", "admin", port=8001) == ["10.9.0.1/32"]


def test_ports_without_a_path_from_different_members_of_a_group():
    others = {**OTHERS, "farther": {"kong_address": "10.8.0.1", "kong_site": "c"}}
    nat = [{"outside": "203.0.113.1", "inside_port": 8001, "sites": ["elsewhere"]}]
    nodes = make_fleet(
        admin_listen="0.0.0.0:8001, 0.0.0.0:8444 ssl", admin_sources=["@remote"], admin_gui_listen="off", nat=nat
    )
    plan = plan_fleet(nodes, others, {"remote": ["farther", "far"]})
    first, second = (warning["message"] for warning in list_warnings(plan, "source-no-path"))
    assert "no path from far (site elsewhere), farther (site c) to the admin port 8444" in first
    assert "no path from farther (site c) to the admin port 8001" in second


def test_two_addresses_on_one_port():
    """Each socket has the sources with a path to it. A host with a path to one of them has no warning."""
    others = {"near": {"kong_address": "10.0.0.20"}, "vpn": {**OTHERS["far"], "kong_vpn_address": "10.8.0.9"}}
    nodes = make_fleet(
        vpn_address="10.8.0.1",
        admin_listen="10.0.0.1:8001, 10.8.0.1:8001",
        admin_sources=["near", "vpn"],
        admin_gui_listen="off",
    )
    plan = plan_fleet(nodes, others)
    rules = {rule["address"]: rule["sources"] for rule in plan["nodes"]["n"]["ruleset"]["allow"]}
    named = {address: [plan["sets"][name]["ipv4"] for name in rules[address]] for address in ("10.0.0.1", "10.8.0.1")}
    assert named == {"10.0.0.1": [["10.0.0.20/32"]], "10.8.0.1": [["10.8.0.9/32"]]}
    assert list_warnings(plan) == []


def test_both_families_share_a_set():
    plan = make_plan(
        address=["10.0.0.1", "fd00::1"],
        admin_listen="0.0.0.0:8001, [::]:8001",
        admin_sources=["bastion2"],
        admin_gui_listen="off",
    )
    rules = [rule["sources"] for rule in plan["nodes"]["n"]["ruleset"]["allow"] if rule["listener"] == "admin"]
    assert rules == [["admin-bastion2-from-default"]] * 2
    assert plan["sets"]["admin-bastion2-from-default"] == {"ipv4": ["10.0.0.32/32"], "ipv6": ["fd00::32/128"]}
    assert list_warnings(plan) == []


def test_address_as_name_of_a_host_is_the_host():
    plan = plan_fleet(make_fleet(admin_sources=["10.0.0.20"]), {"10.0.0.20": {"kong_address": "10.0.0.21"}})
    assert get_sources(plan, "n", "admin") == ["10.0.0.21/32"]


def make_remote(site, **variables):
    return {"kong_site": site, "kong_version": "3.9", "kong_admin_listen": "0.0.0.0:8001", **variables}


def test_members_of_a_site_that_dial_different_addresses():
    """Only one of two hosts turns off the flat network, so only the other host has a path."""
    others = {
        "x1": {"kong_site": "x", "kong_address": "10.5.0.1", "kong_flat_network": False},
        "x2": {"kong_site": "x", "kong_address": "10.5.0.2"},
    }
    nodes = {"n": make_remote("b", kong_address="10.1.0.1", kong_flat_network=True, kong_admin_sources=["@x"])}
    plan = plan_fleet(nodes, others, {"x": ["x1", "x2"]})
    assert get_sources(plan, "n", "admin") == ["10.5.0.2/32"]
    assert ["no path from x1 (site x) to" in warning["message"] for warning in list_warnings(plan)] == [True] * len(
        list_warnings(plan)
    )


def test_group_for_two_sites():
    """The host has a different outside address for each site. Each site sees that address only."""
    mappings = [{"outside": "203.0.113.2", "sites": ["b"]}, {"outside": "203.0.113.3", "sites": ["c"]}]
    others = {"x": {"kong_site": "x", "kong_address": "10.5.0.1", "kong_nat": mappings}}
    nodes = {
        site: make_remote(
            site,
            kong_address=f"10.{number}.0.1",
            kong_nat=[{"outside": f"198.51.100.{number}"}],
            kong_admin_sources="x",
        )
        for number, site in enumerate("bc", 1)
    }
    plan = plan_fleet(nodes, others)
    assert get_sources(plan, "b", "admin") == ["203.0.113.2/32"]
    assert get_sources(plan, "c", "admin") == ["203.0.113.3/32"]


@pytest.mark.parametrize(
    ("listener", "listen"),
    [("admin", "off"), ("status", "127.0.0.1:8007"), ("debug", None), ("portal_api", None), ("cluster", None)],
)
@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ("nope", "source-unknown"),
        ("@nope", "source-unknown"),
        ("10.0.0.300", "source-unknown"),
        ([], "source-empty"),
        ({}, "source-empty"),
        (["nobody", "admin"], "source-contradiction"),
    ],
)
def test_sources_of_a_closed_listener_are_checked(listener, listen, terms, code):
    """A mistake is found before a change of the listener opens the port."""
    opened = {f"{listener}_listen": listen} if listen else {}
    error = find_error(**opened, **{f"{listener}_sources": terms})
    assert (error.code, error.variable) == (code, f"kong_{listener}_sources")


def test_sources_of_closed_ports_of_streams_are_checked():
    terms = {"9000": ["admin"], "9001": ["nope"]}
    assert find_error(stream_listen="0.0.0.0:9000", stream_sources=terms).code == "source-unknown"
    assert (
        find_error(stream_listen="0.0.0.0:9000", stream_sources={"9000": ["admin"], "9001": None}).code
        == "source-empty"
    )
    error = find_error(stream_listen="0.0.0.0:9000", stream_sources={"9000": ["admin"], "https": ["admin"]})
    assert (error.code, error.variable) == ("port-invalid", "kong_stream_sources")
    right = {"9000": ["admin"], "9001": ["admin"]}
    assert get_sources(make_plan(stream_listen="0.0.0.0:9000", stream_sources=right), "n", "stream") == ["10.0.0.20/32"]


def test_any_is_no_error_for_a_closed_listener():
    assert make_plan(admin_listen="127.0.0.1:8001", admin_gui_listen="off", admin_sources="any")
