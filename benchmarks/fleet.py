# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventories of any size that are similar to real fleets: five sites behind NAT, three clusters, three Kong versions.

A fleet can be written in two styles. With ``templates`` most values are Jinja2 templates in group_vars, as in real fleets of
this size. With ``literals`` every host has all its values. Ansible reads these about ten times as fast, so the time of
the compiler itself is visible.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template
from jinja2.nativetypes import NativeEnvironment

STYLES = ("templates", "literals")
# Fleets in which every node has its own site behind a NAT, as literals.
SITE_KINDS = ("gossip sites", "hybrid sites")
SITE_CONTROL_PLANE_EVERY = 50
# How other sites reach a site: each node has its own outside address, or the nodes share an address and have own ports.
SITES = {"ams": "address", "fra": "port", "lon": "address", "nyc": "port", "sin": "address"}
VPN_SITES = ("nyc", "sin")
# The addresses of this site's nodes are in cached facts, the addresses of all other nodes in a variable.
FACTS_SITE = "lon"
CLUSTERS = ("legacy", "hybrid", "edge")
CONTROL_PLANE_EVERY = 60
# The forwards of a device to a node, by the kind of node: inside port, first outside port, protocols.
FORWARDS = {
    "legacy": [(7946, 20000, ["tcp", "udp"]), (8000, 30000, ["tcp"]), (8443, 40000, ["tcp"])],
    "control_plane": [(8005, 20000, ["tcp"])],
    "data_plane": [(8000, 30000, ["tcp"]), (8443, 40000, ["tcp"])],
    "edge": [(8000, 30000, ["tcp"]), (8443, 40000, ["tcp"])],
}
NODES_BEHIND_ONE_ADDRESS = 50
OWN_FILE_EVERY = 10

Variables = dict[str, Any]
_JINJA = NativeEnvironment(autoescape=False)

GROUP_VARS: dict[str, Variables] = {
    "all": {
        "internal_domain": "internal.example.net",
        "office_networks": ["192.0.2.0/25", "2001:db8:ff::/48"],
        "kong_site": "{{ site_code }}",
        "kong_address": "{{ internal_ip }}",
    },
    "kong": {
        "kong_admin_sources": ["@bastions_{{ site_code }}", "{{ office_networks[0] }}"],
        "kong_status_sources": "@monitoring_{{ site_code }}",
        "kong_config": {"log_level": "{{ log_level | default('notice') }}", "nginx_worker_processes": "{{ cores }}"},
        "cores": "{{ 8 if size | default('small') == 'large' else 4 }}",
    },
    "legacy": {
        "kong_cluster": "legacy",
        "kong_version": "0.10.4",
        "proxy_port": 8000,
        "kong_proxy_listen": "{{ internal_ip }}:{{ proxy_port }}, 0.0.0.0:8443 ssl",
    },
    "hybrid": {"kong_cluster": "hybrid", "kong_version": "2.8.5", "kong_status_listen": "0.0.0.0:8100"},
    "control_plane": {"kong_role": "control_plane", "kong_admin_listen": "{{ internal_ip }}:8001, 127.0.0.1:8444 ssl"},
    "data_plane": {"kong_role": "data_plane", "kong_proxy_listen": "0.0.0.0:8000, 0.0.0.0:8443 ssl http2 reuseport"},
    "edge": {
        "kong_cluster": "edge",
        "kong_version": "3.9",
        "kong_proxy_listen": ["0.0.0.0:8000", "[::]:8000", "0.0.0.0:8443 ssl http2", "[::]:8443 ssl http2"],
        "kong_admin_listen": "0.0.0.0:{{ 8000 + 1 }}",
        "kong_status_listen": "{{ internal_ip }}:8007",
    },
    "by_address": {"kong_nat": [{"device": "{{ site_code }}-edge", "outside": "{{ public_ip }}"}]},
    "on_vpn": {"kong_vpn_address": "{{ vpn_ip }}"},
    "with_facts": {"kong_address": None, "kong_address_networks": ["10.0.0.0/8"]},
}


@dataclass(frozen=True)
class Member:
    """A host of the fleet: its groups, variables and address."""

    name: str
    groups: tuple[str, ...]
    variables: Variables
    address: str


def write_inventory(folder: Path, count: int, style: str) -> Path:
    """Write an inventory of ``count`` Kong nodes and their cached facts into a folder; return the inventory's file."""
    if style in SITE_KINDS:
        (folder / "facts").mkdir(parents=True)
        _write(folder / "hosts.yml", {"all": {"children": {"kong": {"hosts": make_sites(count, style)}}}})
        return folder / "hosts.yml"
    members = [*(_make_node(number, count) for number in range(count)), *_make_other_hosts()]
    (folder / "facts").mkdir(parents=True)
    if style == "literals":
        members = [_write_out(member) for member in members]
    else:
        for group, variables in GROUP_VARS.items():
            _write(folder / "group_vars" / f"{group}.yml", variables)
    for member in members[::OWN_FILE_EVERY]:
        _write(folder / "host_vars" / f"{member.name}.yml", member.variables)
    for member in members:
        if "with_facts" in member.groups:
            _write_facts(folder / "facts", member)
    _write(folder / "hosts.yml", {"all": {"children": _make_groups(members)}})
    return folder / "hosts.yml"


def _make_groups(members: list[Member]) -> Variables:
    groups: Variables = {"kong": {"children": {name: {} for name in (*CLUSTERS, "control_plane", "data_plane")}}}
    for index, member in enumerate(members):
        for group in member.groups:
            here = index % OWN_FILE_EVERY and group == member.groups[0]
            groups.setdefault(group, {}).setdefault("hosts", {})[member.name] = member.variables if here else {}
    return groups


def make_sites(count: int, kind: str) -> Variables:
    """Return the variables of nodes that each have their own site: a gossip ring, or hybrid mode."""
    return {f"kong-{number:05}": _make_site(number, kind) for number in range(count)}


def _make_site(number: int, kind: str) -> Variables:
    variables: Variables = {
        "kong_site": f"site-{number:05}",
        "kong_address": f"10.{number // 250}.{number % 250}.2",
        "kong_nat": [{"device": f"edge-{number:05}", "outside": f"198.18.{number // 250}.{number % 250 + 1}"}],
        "kong_version": "0.10.4" if kind == SITE_KINDS[0] else "3.4",
    }
    if kind != SITE_KINDS[0]:
        variables["kong_role"] = "data_plane" if number % SITE_CONTROL_PLANE_EVERY else "control_plane"
    return variables


def _write_out(member: Member) -> Member:
    """Return a member with the variables of its groups, without templates."""
    groups = ["all", *(["kong"] if member.groups[0] in CLUSTERS else []), *member.groups]
    found: Variables = {}
    for group in groups:
        found |= GROUP_VARS.get(group, {})
    found |= member.variables
    kept = {name: value for name, value in found.items() if name.startswith("kong_")}
    return replace(member, variables=_render(kept, found))


def _render(value: Any, variables: Variables) -> Any:
    if isinstance(value, dict):
        return {key: _render(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_render(item, variables) for item in value]
    if isinstance(value, str) and "{{" in value:
        known = {name: _render(item, variables) for name, item in variables.items() if name in value}
        return _compile(value).render(known)
    return value


@cache
def _compile(text: str) -> Template:
    return _JINJA.from_string(text)


def _write(path: Path, data: Variables) -> None:
    """Write YAML in its form JSON, which Ansible reads faster."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")


def _make_node(number: int, count: int) -> Member:
    site = list(SITES)[number % len(SITES)]
    slot = number // len(SITES)
    cluster = CLUSTERS[slot % len(CLUSTERS)]
    kind = _choose_kind(cluster, slot // len(CLUSTERS))
    groups = [cluster, f"site_{site}", "by_address" if SITES[site] == "address" else "by_port"]
    groups += [kind] if kind != cluster else []
    groups += ["on_vpn"] if site in VPN_SITES else []
    groups += ["with_facts"] if site == FACTS_SITE else []
    address = _make_address(10, site, slot)
    variables: Variables = {"site_code": site, "internal_ip": address}
    if site in VPN_SITES:
        variables["vpn_ip"] = _make_address(172, site, slot)
    if slot % 4 == 0:
        variables["size"] = "large"
    if SITES[site] == "address":
        variables["public_ip"] = _make_address(198, site, slot)
    else:
        variables["kong_nat"] = _make_nat(kind, slot, site, _make_address(198, site, slot // NODES_BEHIND_ONE_ADDRESS))
    return Member(f"kong-{site}-{slot:0{len(str(count))}}", tuple(groups), variables, address)


def _choose_kind(cluster: str, index: int) -> str:
    if cluster != "hybrid":
        return cluster
    return "control_plane" if index % CONTROL_PLANE_EVERY == 0 else "data_plane"


def _make_address(first: int, site: str, slot: int) -> str:
    """Return an address of 10.0.0.0/8, of 172.16.0.0/12 (the VPN), or of 198.18.0.0/15 (outside)."""
    index = list(SITES).index(site)
    second = {10: 10 + index, 172: 16 + index, 198: 18}[first]
    third = slot // 250 + (index * 40 if first == 198 else 0)
    return f"{first}.{second}.{third}.{slot % 250 + 1}"


def _make_nat(kind: str, slot: int, site: str, outside: str) -> list[Variables]:
    return [
        {
            "device": f"{site}-edge",
            "outside": outside,
            "outside_port": first_port + slot % NODES_BEHIND_ONE_ADDRESS,
            "inside_port": inside_port,
            "protocols": protocols,
        }
        for inside_port, first_port, protocols in FORWARDS[kind]
    ]


def _make_other_hosts() -> list[Member]:
    """Return the other hosts that source terms name: two bastions and a monitor at each site."""
    return [
        Member(
            f"{purpose}-{site}-{index}", (f"{purpose}_{site}",), {"site_code": site, "internal_ip": address}, address
        )
        for site in SITES
        for purpose, numbers in (("bastions", (1, 2)), ("monitoring", (3,)))
        for index in numbers
        for address in [f"10.{10 + list(SITES).index(site)}.255.{index}"]
    ]


def _write_facts(folder: Path, member: Member) -> None:
    """Write a node's facts in the format of the jsonfile cache of ansible-core 2.19 and later."""
    interface = {"address": member.address, "interface": "eth0", "gateway": f"{member.address.rpartition('.')[0]}.254"}
    facts = {
        "ansible_default_ipv4": interface,
        "ansible_default_ipv6": {},
        "ansible_all_ipv4_addresses": [member.address, "172.17.0.1"],
        "ansible_all_ipv6_addresses": ["fe80::5054:ff:fe12:3456"],
        "ansible_interfaces": ["lo", "eth0", "docker0"],
        "ansible_eth0": {"active": True, "device": "eth0", "ipv4": interface, "mtu": 1500, "type": "ether"},
        "ansible_distribution": "Debian",
        "ansible_distribution_major_version": "12",
        "ansible_hostname": member.name,
        "ansible_fqdn": f"{member.name}.internal.example.net",
        "ansible_kernel": "6.1.0-28-amd64",
        "gather_subset": ["network"],
        "module_setup": True,
    }
    (folder / f"s1_{member.name}").write_text(json.dumps({"__payload__": json.dumps(facts)}), encoding="utf-8")
