# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intercept rules: how they are read, their allowed sources, and the ports that no node may intercept."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_interception
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.pf_rules import format_interception, render_pf_rules
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    compile_fleet,
    find_only_error,
    plan_fleet,
)

SEED = {"destinations": ["10.0.0.1"], "ports": [80], "listen_port": 8000}
OLD = {
    "kong_version": "1.5",
    "kong_address": ["10.20.0.1", "fd20::1"],
    "kong_proxy_listen": "0.0.0.0:8000 transparent, [::]:8000 transparent, 127.0.0.1:8100 transparent",
    "kong_proxy_sources": ["10.20.0.0/16", "fd20::/64"],
}
NEW = {"kong_version": "3.9", "kong_address": "10.20.0.2", "kong_proxy_listen": "0.0.0.0:8000, 10.20.0.2:8001"}


def make_entries(**given):
    return {"kong_transparent": [{**SEED, **given}]}


def select_intercepted(node, **given):
    return select_interception(plan_fleet({"n": {**node, **make_entries(**given)}}), "n")


def test_example_of_the_seed():
    assert select_intercepted(OLD) == [
        {
            "method": "tproxy",
            "family": "ipv4",
            "destinations": ["10.0.0.1/32"],
            "own": False,
            "ports": [80],
            "interfaces": [],
            "listener": "proxy",
            "address": None,
            "port": 8000,
            "sources": ["10.20.0.0/16"],
        }
    ]


@pytest.mark.parametrize(
    ("version", "method"),
    [("0.14", "redirect"), ("0.15", "tproxy"), ("1.0", "tproxy"), ("1.5.1", "tproxy"), ("2.0", "redirect")],
)
def test_version_decides_the_method(version, method):
    flag = " transparent" if method == "tproxy" else ""
    (rule,) = select_intercepted({**OLD, "kong_version": version, "kong_proxy_listen": f"0.0.0.0:8000{flag}"})
    assert rule["method"] == method


def test_each_family_has_its_own_entry_and_sources():
    found = select_intercepted(OLD, destinations="any", ports=[443, 80, 80], interfaces="eth1")
    assert [(rule["family"], rule["destinations"], rule["sources"]) for rule in found] == [
        ("ipv4", ["0.0.0.0/0"], ["10.20.0.0/16"]),
        ("ipv6", ["::/0"], ["fd20::/64"]),
    ]
    assert {(tuple(rule["ports"]), tuple(rule["interfaces"])) for rule in found} == {((80, 443), ("eth1",))}


def test_listener_on_loopback_has_sources_for_intercepted_packets_and_no_rule():
    plan = plan_fleet({"n": {**OLD, **make_entries(listen_port=8100)}})
    (rule,) = select_interception(plan, "n")
    assert (rule["address"], rule["port"], rule["sources"]) == ("127.0.0.1", 8100, ["10.20.0.0/16"])
    assert [rule["sources"] for rule in plan["nodes"]["n"]["ruleset"]["allow"] if rule["port"] == 8100] == [[]]


@pytest.mark.parametrize(
    ("listen", "destination", "source"),
    [
        ("127.0.0.1:8100 transparent", "10.0.0.1", "10.20.0.9/32"),
        ("[::1]:8100 transparent", "fd00::1", "fd20::9/128"),
    ],
)
def test_hosts_as_sources_of_a_listener_on_loopback(listen, destination, source):
    """A host is a source in the family of the intercepted packets."""
    other = {"kong_address": ["10.20.0.9", "fd20::9"]}
    node = {**OLD, "kong_proxy_listen": listen, "kong_proxy_sources": ["other"]}
    plan = plan_fleet({"n": {**node, **make_entries(destinations=[destination], listen_port=8100)}}, {"other": other})
    (rule,) = select_interception(plan, "n")
    assert rule["sources"] == [source]


def test_own_addresses_have_their_own_rule():
    found = select_intercepted(NEW, destinations=["10.20.0.2", "10.0.0.0/8"])
    assert [(rule["own"], rule["destinations"], rule["sources"]) for rule in found] == [
        (True, ["10.20.0.2/32"], "any"),
        (False, ["10.0.0.0/8"], "any"),
    ]


def test_packets_go_to_the_bound_address():
    (rule,) = select_intercepted(NEW, listen_port=8001)
    assert (rule["address"], rule["port"]) == ("10.20.0.2", 8001)


def list_hidden(node):
    return [
        finding["message"]
        for finding in plan_fleet({"n": node})["findings"]
        if finding["code"] == "interception-hidden"
    ]


def test_note_that_newer_versions_do_not_see_the_destination():
    (message,) = list_hidden({**NEW, **make_entries()})
    assert 'port_maps: "80:8000"' in message
    (message,) = list_hidden({**NEW, **make_entries(), "kong_config": {"port_maps": "80:8000"}})
    assert "port_maps" not in message
    assert "port_maps" not in list_hidden({**NEW, "kong_version": "2.0", **make_entries()})[0]
    assert "port_maps" not in list_hidden({**NEW, **make_entries(ports=[80, 81])})[0]
    assert list_hidden({**OLD, **make_entries()}) == []


REFUSED = {
    "unknown key": (make_entries(port=1), "interception-invalid", "destinations, ports and listen_port"),
    "no network": (make_entries(destinations="10.0.0.300"), "interception-invalid", "'10.0.0.300'"),
    "no destination": (make_entries(destinations=[]), "interception-invalid", "destinations is empty"),
    "no port": (make_entries(ports=[]), "interception-invalid", "ports is empty"),
    "bad port": (make_entries(ports=["http"]), "interception-invalid", "'http' is not a port"),
    "port too low": (make_entries(ports=[0]), "interception-invalid", "0 is not a port"),
    "port too high": (make_entries(ports=[65536]), "interception-invalid", "65536 is not a port"),
    "bad interface": (make_entries(interfaces=["eth0 x"]), "interception-invalid", "'eth0 x'"),
    "no such port": (make_entries(listen_port=9), "interception-listener", "it has 8000, 8100"),
    "no such family": (
        make_entries(destinations="fd00::1", listen_port=8100),
        "interception-listener",
        "has no IPv6 listener",
    ),
    "own address": (make_entries(destinations="10.20.0.1"), "interception-own-address", "TPROXY does not intercept"),
    "ssh": (
        make_entries(destinations="10.20.0.1", ports=[22]),
        "interception-own-address",
        "TPROXY does not intercept",
    ),
    "ssh in a network": (
        make_entries(destinations="10.20.0.0/24", ports=[22]),
        "interception-protected",
        "22 (SSH) of n",
    ),
    "ssh elsewhere": (
        {**make_entries(destinations="10.20.0.0/24", ports=[2222]), "ansible_port": 2222},
        "interception-protected",
        "2222 (SSH) of n (10.20.0.1)",
    ),
    "ssh elsewhere, the older variable": (
        {**make_entries(destinations="10.20.0.0/24", ports=[2222]), "ansible_ssh_port": 2222},
        "interception-protected",
        "2222 (SSH) of n (10.20.0.1)",
    ),
    "admin": (
        {**make_entries(destinations="10.20.0.0/24", ports=[8001]), "kong_admin_listen": "10.20.0.1:8001"},
        "interception-protected",
        "8001 (admin)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    variables, code, part = REFUSED[case]
    error = find_only_error({"n": {**OLD, **variables}})
    assert (error.code, error.host, error.variable) == (code, "n", "kong_transparent")
    assert part in error.message


def test_flag_must_be_present_and_known():
    error = find_only_error({"n": {**OLD, "kong_proxy_listen": "0.0.0.0:8000", **make_entries()}})
    assert (error.code, "add `transparent`" in error.message) == ("interception-flag-missing", True)
    error = find_only_error({"n": {**NEW, "kong_proxy_listen": "0.0.0.0:8000 transparent", **make_entries()}})
    assert error.code == "flag-unsupported"


def test_no_redirection_to_loopback():
    error = find_only_error({"n": {**NEW, "kong_proxy_listen": "127.0.0.1:8000", **make_entries()}})
    assert (error.code, "is on loopback" in error.message) == ("interception-listener", True)


def test_outside_port_of_another_node_is_protected():
    mapping = {"outside": "10.5.0.7", "outside_port": 80, "inside_port": 7946}
    peer = {"kong_version": "0.10", "kong_site": "b", "kong_address": "10.6.0.7", "kong_nat": [mapping]}
    interception = make_entries(destinations="10.5.0.0/16", ports=[80, 7946])
    error = find_only_error({"n": {**OLD, **interception}, "peer": peer})
    assert (error.code, error.value) == ("interception-protected", "10.5.0.0/16")
    assert "it would intercept port 80 (cluster) of peer (10.5.0.7)" in error.message


@pytest.mark.parametrize(
    ("listener", "version", "is_protected"),
    [
        ("proxy", "3.4", False),  # the ports for clients are what interception is for
        ("stream", "3.4", False),
        ("admin", "3.4", True),
        ("admin_gui", "3.4", True),
        ("status", "3.4", True),
        ("cluster", "3.4", True),
        ("cluster_telemetry", "3.4.0.0", True),
        ("cluster", "0.10", True),
    ],
)
def test_ports_of_another_node_are_protected(listener, version, is_protected):
    peer = {"kong_version": version, "kong_address": "10.5.0.7", f"kong_{listener}_listen": "0.0.0.0:7777"}
    peer["kong_role"] = "control_plane" if listener.startswith("cluster") and version != "0.10" else "traditional"
    nodes = {"n": {**OLD, **make_entries(destinations="10.5.0.0/16", ports=[7777])}, "peer": peer}
    message = f"it would intercept port 7777 ({listener}) of peer (10.5.0.7), which"
    assert [(error.code, message in error.message) for error in compile_fleet(nodes).errors] == (
        [("interception-protected", True)] if is_protected else []
    )


@pytest.mark.parametrize(
    ("variables", "taken"),
    [
        ({**OLD, "kong_admin_listen": "0.0.0.0:80", "kong_admin_sources": ["10.9.0.1"], **make_entries()}, 80),
        ({**OLD, **make_entries(ports=[8000])}, None),
        ({**OLD, "kong_stream_listen": "10.20.0.1:80 transparent", **make_entries()}, None),
        ({**NEW, **make_entries(destinations="10.20.0.2", ports=[8000])}, 8000),
    ],
)
def test_intercepted_port_of_another_listener(variables, taken):
    found = [(error.code, error.value) for error in compile_fleet({"n": variables}).errors]
    assert found == ([("interception-port-taken", taken)] if taken else [])


def test_two_entries_that_match_one_packet():
    other = {"destinations": "10.0.0.0/8", "ports": [80, 81], "listen_port": 8100}
    assert find_only_error({"n": {**OLD, "kong_transparent": [SEED, other]}}).code == "interception-overlap"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"interfaces": ["eth1"]}, {"interfaces": ["eth2"]}),
        ({"ports": [80]}, {"ports": [81]}),
        ({"destinations": "10.0.0.1"}, {"destinations": "10.0.0.2"}),
        ({"destinations": "10.0.0.0/24"}, {"destinations": "10.0.1.0/24"}),
    ],
)
def test_two_entries_that_no_packet_matches_both(first, second):
    entries = [{**SEED, **first}, {**SEED, "listen_port": 8100, **second}]
    assert compile_fleet({"n": {**OLD, "kong_transparent": entries}}).errors == ()


WRITTEN = plan_fleet(
    {
        "gw": {**OLD, **make_entries(destinations=["10.0.0.1", "fd00::1"], ports=[80, 81], interfaces="em0")},
        "own": {**NEW, **make_entries(destinations=["10.20.0.2", "10.0.0.0/8"])},
        "quiet": {"kong_address": "10.20.0.3"},
    }
)


def test_table_for_the_operator_of_a_router():
    rows = [line.split("  ") for line in format_interception(WRITTEN, WRITTEN["nodes"])[4:-1]]
    assert [[word.strip() for word in row if word] for row in rows] == [
        ["gw", "10.20.0.0/16", "10.0.0.1 80, 81", "em0", "proxy 10.20.0.1:8000", "tproxy"],
        ["gw", "fd20::/64", "fd00::1 80, 81", "em0", "proxy [fd20::1]:8000", "tproxy"],
        ["own", "anyone", "10.20.0.2 80", "any", "proxy 10.20.0.2:8000", "redirect"],
        ["own", "anyone", "10.0.0.0/8 80", "any", "proxy 10.20.0.2:8000", "redirect"],
    ]
    assert format_interception(WRITTEN, ["quiet"]) == []


@pytest.mark.parametrize("form", ["freebsd", "openbsd"])
def test_rules_of_pf(form):
    text = render_pf_rules(WRITTEN, "gw", form)
    assert "not applied" in text
    assert [line for line in text.splitlines() if not line.startswith("#")] == {
        "freebsd": [
            "rdr pass on em0 inet proto tcp from 10.20.0.0/16 to 10.0.0.1/32 port { 80, 81 } -> 10.20.0.1 port 8000",
            "rdr pass on em0 inet6 proto tcp from fd20::/64 to fd00::1/128 port { 80, 81 } -> fd20::1 port 8000",
            "block drop in quick on em0 inet proto tcp from any to 10.0.0.1/32 port { 80, 81 }",
            "block drop in quick on em0 inet6 proto tcp from any to fd00::1/128 port { 80, 81 }",
        ],
        "openbsd": [
            "pass in quick on em0 inet proto tcp from 10.20.0.0/16 to 10.0.0.1/32 port { 80, 81 } rdr-to 10.20.0.1 port 8000",
            "block drop in quick on em0 inet proto tcp from any to 10.0.0.1/32 port { 80, 81 }",
            "pass in quick on em0 inet6 proto tcp from fd20::/64 to fd00::1/128 port { 80, 81 } rdr-to fd20::1 port 8000",
            "block drop in quick on em0 inet6 proto tcp from any to fd00::1/128 port { 80, 81 }",
        ],
    }[form]
    assert "10.20.0.2/32" not in render_pf_rules(WRITTEN, "own", form)


def test_lowest_and_highest_port_can_be_intercepted():
    (rule,) = select_intercepted(OLD, ports=[65535, 1])
    assert rule["ports"] == [1, 65535]


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (3, "10.1.0.0, 10.1.0.1, 10.1.0.2"),
        (4, "10.1.0.0, 10.1.0.1, 10.1.0.2, 10.1.0.3"),
        (5, "10.1.0.0, 10.1.0.1, 10.1.0.2, 10.1.0.3 and 1 more"),
    ],
)
def test_table_shortens_lists_of_more_than_four_items(count, shown):
    sources = [f"10.1.0.{number}" for number in range(count)]
    plan = plan_fleet({"n": {**NEW, "kong_proxy_sources": sources, **make_entries()}})
    _title, _empty, header, _rule, *lines, _end = format_interception(plan, ["n"])
    column = slice(header.index("from"), header.index("  to  "))
    assert " ".join(text for line in lines if (text := line[column].strip())) == shown
