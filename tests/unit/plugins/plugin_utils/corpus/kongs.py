# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories with different Kong nodes: generations, roles, containers, interception, virtual addresses, many nodes."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.model import Fleet, make_facts

_FAR = {"kong_site": "far", "kong_address": "10.1.0.9", "kong_vpn_address": "10.8.0.9"}
INTERCEPTION = Fleet(
    {
        "tproxy": {"kong_version": "1.5", "kong_address": ["10.0.0.1", "fd00::1"], "kong_proxy_sources": ["10.20.0.0/16", "fd20::/64"],
                   "kong_proxy_listen": "0.0.0.0:8000 transparent, [::]:8000 transparent",
                   "kong_stream_listen": "127.0.0.1:9000 transparent", "kong_stream_sources": ["client", "far"], "kong_vpn_address": "10.8.0.1",
                   "kong_transparent": [
                       {"destinations": ["198.51.100.0/24", "203.0.113.7", "2001:db8::/32"], "ports": [80, 8080],
                        "listen_port": 8000, "interfaces": ["eth1", "eth2"]},
                       {"destinations": "10.5.0.0/16", "ports": 5432, "listen_port": 9000}]},
        "redirect": {"kong_version": "3.9", "kong_address": ["10.0.0.2", "fd00::2"],
                     "kong_admin_gui_listen": "off", "kong_status_listen": "off",
                     "kong_proxy_listen": "0.0.0.0:8000, [::]:8000, 10.0.0.2:8443 ssl",
                     "kong_proxy_sources": [f"10.{number}.0.0/16" for number in range(1, 7)],
                     "kong_transparent": [
                         {"listen_port": 8000, "ports": [80], "destinations": ["10.0.0.2"]},
                         {"listen_port": 8000, "ports": [81], "destinations": "any", "interfaces": "br0"},
                         {"listen_port": 8443, "ports": [443], "destinations": ["198.51.100.0/24"]}]},
        "old": {"kong_version": "0.14", "kong_address": "10.0.0.3", "kong_proxy_sources": "nobody",
                "kong_transparent": [{"listen_port": 8000, "ports": [80], "destinations": ["198.51.100.7"]}]},
        "maps": {"kong_version": "2.8", "kong_address": "10.0.0.4", "kong_config": {"port_maps": "80:8000"},
                 "kong_proxy_sources": "any",
                 "kong_transparent": [{"listen_port": 8000, "ports": [80, 81], "destinations": ["198.51.100.8"]}]},
    },
    {"client": {"kong_address": "10.20.0.9"}, "far": _FAR},
    later={"old": {"kong_proxy_sources": "any"}, "maps": {"kong_transparent": None}},
)  # fmt: skip

CONTAINERS = Fleet(
    {
        "box": {"kong_version": "3.9", "kong_address": ["10.0.0.3", "fd00::3"], "kong_vpn_address": "10.8.0.3",
                "kong_proxy_listen": "0.0.0.0:8000, [::]:8000", "kong_stream_listen": "0.0.0.0:53 udp",
                "kong_stream_sources": ["far", "10.0.0.0/24"],
                "kong_published_ports": ["53:53/udp", "80:8000", "8001:8001", "127.0.0.1:8444:8444", "10.0.0.3:8002:8002"],
                "kong_admin_listen": "0.0.0.0:8001, 0.0.0.0:8444 ssl", "kong_admin_sources": ["far"],
                "kong_admin_gui_listen": "0.0.0.0:8002", "kong_admin_gui_sources": ["far"]},
        "ring1": {"kong_version": "0.10", "kong_address": "10.0.0.4", "kong_cluster": "ring",
                  "kong_published_ports": ["8000:8000", "17946:7946", "17946:7946/udp"]},
        "ring2": {"kong_version": "0.10", "kong_address": "10.0.0.5", "kong_cluster": "ring",
                  "kong_listen_target": "env"},
        "shut": {"kong_version": "2.8", "kong_address": "10.0.0.6", "kong_published_ports": [], "kong_proxy_sources": ["far"]},
    },
    {"far": _FAR},
    later={"box": {"kong_published_ports": ["80:8000"]}},
)  # fmt: skip

_CP = {"kong_version": "3.4", "kong_role": "control_plane",
       "kong_config": {"cluster_cert": "/c", "cluster_cert_key": "/k", "database": "postgres"}}  # fmt: skip
_DP = {"kong_version": "3.4", "kong_role": "data_plane",
       "kong_config": {"cluster_cert": "/c", "cluster_cert_key": "/k", "database": "off"}}  # fmt: skip
HYBRID = Fleet(
    {
        "cp1": {**_CP, "kong_site": "x", "kong_address": "10.1.0.1",
                "kong_nat": [{"outside": "203.0.113.1", "outside_port": 18005, "inside_port": 8005, "protocols": ["tcp"]}]},
        "cp2": {**_CP, "kong_site": "y", "kong_address": "10.2.0.1", "kong_version": "3.4.3.5",
                "kong_cluster_telemetry_listen": "0.0.0.0:8006"},
        "cp-old": {**_CP, "kong_version": "2.8", "kong_site": "x", "kong_address": "10.1.0.2", "kong_config": {}},
        "dp1": {**_DP, "kong_site": "x", "kong_address": "10.1.0.11"},
        "dp2": {**_DP, "kong_site": "y", "kong_address": "10.2.0.11", "kong_config": {}},
        "dp3": {**_DP, "kong_site": "z", "kong_address": "10.3.0.11", "kong_nat_egress": "203.0.113.3", "kong_version": "3.3"},
        "dp4": {**_DP, "kong_site": "y", "kong_address": "10.2.0.12", "kong_version": "2.8.4.1",
                "kong_cluster_control_plane": "cp.example:8005", "kong_cluster_telemetry_endpoint": "cp.example:8006"},
    },
    later={"cp1": {"kong_version": "3.5"}, "dp1": None, "dp5": {**_DP, "kong_site": "x", "kong_address": "10.1.0.15"}},
    pictured=True,
)  # fmt: skip

VIRTUAL = Fleet(
    {
        name: {"kong_version": "3.4", "kong_admin_gui_listen": "off", "kong_site": "x",
               "kong_proxy_listen": "10.9.0.100:80, 10.9.0.100:443 ssl, 0.0.0.0:8000",
               "kong_virtual_addresses": ["10.9.0.100", "fd09::100"], "kong_proxy_sources": ["@kong", "caller", "far"],
               "kong_address": [f"10.9.0.{number}", f"fd09::{number}"], "kong_published_ports": None,
               "kong_status_listen": "[fd09::100]:8007", "kong_status_sources": "@kong",
               "kong_nat": [{"outside": "203.0.113.7", "outside_port": 443, "inside": "10.9.0.100", "inside_port": 443,
                             "protocols": ["tcp"]}]}
        for number, name in enumerate(("vip1", "vip2"), 5)
    },
    {"caller": {"kong_site": "x", **make_facts(["10.9.0.50"], eth0=["10.9.0.50/24"], eth1=["10.10.0.50/24"])},
     "far": {**_FAR, "kong_nat_egress": "203.0.113.99"}},
    later={name: {"kong_virtual_addresses": ["10.9.0.100", "fd09::100", "10.9.0.101"]} for name in ("vip1", "vip2")},
)  # fmt: skip

_EVERY = {
    "kong_proxy_listen": "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 ssl http2",
    "kong_admin_listen": "0.0.0.0:8001, 127.0.0.1:8444 ssl",
    "kong_admin_sources": ["192.0.2.10", "192.0.2.0/28", "2001:db8::10"],
}
_PLAIN = {
    "kong_proxy_listen": "0.0.0.0:8000, 0.0.0.0:8443 ssl",
    "kong_admin_listen": "0.0.0.0:8001",
    "kong_admin_sources": ["w"],
}
_VERSIONS = (
    "0.6",
    "0.8",
    "0.9",
    "0.11",
    "0.13",
    "0.14",
    "0.15",
    "1.1",
    "1.5",
    "2.0",
    "2.3",
    "2.8",
    "3.0",
    "3.5",
    "3.9",
    "3.4.3.5",
    "3.12",
)
GENERATIONS = Fleet(
    {
        **{f"k{version}": {**_PLAIN, "kong_version": version, "kong_cluster": version, "kong_address": f"10.0.0.{number}"}
           for number, version in enumerate(_VERSIONS, 1)},
        "all": {**_EVERY, "kong_version": "3.4.3.5", "kong_address": "10.0.0.50", "kong_config": {"portal": True},
                "kong_status_listen": "0.0.0.0:8007 ssl", "kong_status_sources": "192.0.2.1",
                "kong_stream_listen": "0.0.0.0:9100, 0.0.0.0:9101 ssl, 0.0.0.0:9102 udp",
                "kong_stream_sources": {9100: "any", 9101: ["w"], 9102: ["w", "192.0.2.1"]},
                "kong_admin_gui_listen": "0.0.0.0:8002", "kong_admin_gui_sources": ["w"],
                "kong_portal_gui_listen": "0.0.0.0:8003, 0.0.0.0:8446 ssl", "kong_portal_api_listen": "0.0.0.0:8004",
                "kong_portal_gui_sources": "any", "kong_portal_api_sources": ["w"],
                "kong_debug_listen": "0.0.0.0:8008", "kong_debug_sources": ["w"], "kong_listen_target": "env"},
        "switches": {"kong_version": "0.12", "kong_cluster": "s", "kong_address": "10.0.0.51", "kong_http2": "on",
                     "kong_admin_ssl": "off", "kong_admin_http2": False, "kong_ssl": True},
        "shared": {"kong_version": "0.14", "kong_cluster": "sh", "kong_address": "10.0.0.52", "kong_admin_allow_any": True,
                   "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": "any", "kong_proxy_listen": "off"},
    },
    {"w": {"kong_address": "10.0.0.99"}},
    later={"all": {"kong_debug_listen": None, "kong_debug_sources": None, "kong_config": None, "kong_version": "3.4", "kong_portal_gui_listen": None,
                   "kong_portal_api_listen": None, "kong_portal_gui_sources": None, "kong_portal_api_sources": None}},
    without=("paths", "explanations", "verification", "causes of faults", "sample of the probes", "report"),
)  # fmt: skip

# More nodes, sources and findings than a terminal shows.
MANY = Fleet(
    {
        f"node-{number}": {
            "kong_version": "3.4", "kong_admin_gui_listen": "off", "kong_site": f"site-{number % 7}",
            "kong_address": f"10.{number}.0.1", "kong_cluster": f"c{number % 3}",
            **({"kong_status_listen": "0.0.0.0:8007", "kong_status_sources": ["@kong", "far"]} if number % 5 == 0 else {}),
        }
        for number in range(1, 57)
    },
    {"far": _FAR},
    without=("findings", "plan as data", "paths", "explanations", "verification", "causes of faults", "sample of the probes",
             "report"),
)  # fmt: skip

# Equivalent nodes in the report, and a verification with a column for each site.
CROWD = Fleet(
    {
        f"c{number}": {
            "kong_version": "3.4", "kong_admin_gui_listen": "off", "kong_site": "east" if number < 9 else "west",
            "kong_address": f"10.{number}.0.1", "kong_flat_network": True, "kong_proxy_sources": ["@kong", "far"],
            "kong_verify_outsiders": ["far"],
        }
        for number in range(1, 13)
    },
    {"far": _FAR},
    pictured=True,
    without=("findings", "plan as data", "plan as text", "paths", "explanations", "verification", "causes of faults"),
)  # fmt: skip

KONGS = {"interception": INTERCEPTION, "containers": CONTAINERS, "hybrid": HYBRID, "virtual": VIRTUAL, "generations": GENERATIONS,
         "many": MANY, "crowd": CROWD}  # fmt: skip
