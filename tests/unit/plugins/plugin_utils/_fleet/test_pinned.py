# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet

MAPPING = {"outside": "203.0.113.1", "outside_port": 9005, "inside_port": 8005, "protocols": ["tcp"]}
CP = {
    "kong_version": "3.9",
    "kong_role": "control_plane",
    "kong_site": "a",
    "kong_address": ["10.0.0.1", "fd00::1"],
    "kong_vpn_address": "10.8.0.1",
    "kong_virtual_addresses": "10.0.0.100",
    "kong_cluster_listen": "0.0.0.0:8005",
    "kong_nat": [MAPPING],
}
DP = {"kong_version": "3.9", "kong_role": "data_plane", "kong_site": "a", "kong_address": "10.0.0.9"}
OTHERS = {
    "old": {"kong_version": "3.9", "kong_site": "a", "kong_address": "10.0.0.3"},
    "far": {**CP, "kong_site": "b", "kong_address": "10.0.0.4", "kong_nat": [], "kong_cluster": "other"}
    | {"kong_vpn_address": None, "kong_virtual_addresses": None},
}
FACTS = {"ansible_facts": {"all_ipv4_addresses": ["10.0.0.9", "10.9.0.9"]}}
# The given address, the severity of its finding, a part of its message, and further variables of the data plane.
CASES = [
    ("10.0.0.1:8005", "", "", {}),
    ("10.8.0.1:8005", "", "", {"kong_vpn_address": "10.8.0.9"}),
    ("10.0.0.100:8005", "", "", {}),
    ("203.0.113.1:9005", "", "", {}),
    ("lb.example.com:443", "", "", {}),
    ("192.0.2.1:443", "", "", {}),
    # An address of another site, which this site may have as well.
    ("10.0.0.4:8005", "", "", {}),
    ("10.0.0.1:8015", "", "", {"kong_site": "b"}),
    ("10.0.0.50:8005", "", "", {"kong_virtual_addresses": "10.0.0.50"}),
    ("10.0.0.9:8005", "error", "this is an address of this host", {}),
    ("10.9.0.9:8005", "error", "this is an address of this host", FACTS),
    ("127.0.0.1:8005", "warning", "this is a loopback address", {}),
    ("[::1]:8005", "warning", "this is a loopback address", {}),
    ("localhost:8005", "warning", "this is a loopback address", {}),
    (
        "10.0.0.1:8006",
        "error",
        "cp has no cluster listener at this address and port (port of its cluster listener: 8005)",
        {},
    ),
    ("10.0.0.1:8001", "error", "cp has no cluster listener", {}),
    ("[fd00::1]:8005", "error", "cp has no cluster listener", {}),
    ("[2001:db8::1]:443", "warning", "a data plane cannot dial an IPv6 address", {}),
    ("10.0.0.100:443", "error", "cp has no cluster listener", {}),
    ("10.0.0.3:8005", "error", "old has this address, and it is no control plane of cluster 'default'", {}),
    ("203.0.113.1:8005", "warning", "no kong_nat mapping of cp leads from this port", {}),
]


@pytest.mark.parametrize(("given", "severity", "part", "more"), CASES, ids=[case[0] for case in CASES])
def test_a_given_address_at_which_no_control_plane_listens(given, severity, part, more):
    nodes = {"cp": CP, "dp": {**DP, **more, "kong_cluster_control_plane": given}, **OTHERS}
    found = [finding for finding in compile_fleet(nodes).findings if finding.code == "control-plane-invalid"]
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    for finding in found:
        assert (finding.host, finding.variable, finding.value) == ("dp", "kong_cluster_control_plane", given)
        assert part in finding.message


def test_an_address_in_a_flat_network_is_that_of_the_other_site():
    data_plane = {**DP, "kong_site": "b", "kong_cluster_control_plane": "10.0.0.1:8006"}
    for flat, codes in ((True, ["control-plane-invalid"]), (False, [])):
        found = compile_fleet({"cp": {**CP, "kong_flat_network": flat}, "dp": data_plane}).findings
        assert [finding.code for finding in found if finding.code == "control-plane-invalid"] == codes


def test_a_telemetry_endpoint_is_compared_with_its_own_listener():
    enterprise = {"kong_version": "3.4.3.5", "kong_nat": []}
    data_plane = {**DP, **enterprise, "kong_cluster_telemetry_endpoint": "10.0.0.1:8005"}
    found = compile_fleet({"cp": {**CP, **enterprise}, "dp": data_plane}).findings
    assert [(each.severity, each.variable) for each in found if each.code == "control-plane-invalid"] == [
        ("error", "kong_cluster_telemetry_endpoint")
    ]


def test_one_of_several_control_planes_with_a_virtual_address_listens_there():
    bound = {**CP, "kong_cluster_listen": "10.0.0.2:8005", "kong_address": "10.0.0.2", "kong_nat": []}
    bound["kong_vpn_address"] = None
    nodes = {"cp": CP, "cp2": bound, "dp": {**DP, "kong_cluster_control_plane": "10.0.0.100:8005"}}
    assert [each for each in compile_fleet(nodes).findings if each.code == "control-plane-invalid"] == []


@pytest.mark.parametrize(("count", "ports"), [(3, "8005, 8015, 8025"), (4, "8005, 8015, 8025 +1")])
def test_3_ports_of_a_control_plane_are_named(count, ports):
    listen = ", ".join(f"0.0.0.0:{8005 + 10 * number}" for number in range(count))
    nodes = {"cp": {**CP, "kong_cluster_listen": listen}, "dp": {**DP, "kong_cluster_control_plane": "10.0.0.1:9"}}
    [found] = [each for each in compile_fleet(nodes).findings if each.code == "control-plane-invalid"]
    assert f"(port of its cluster listener: {ports})" in found.message
