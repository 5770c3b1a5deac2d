# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as the playbook adopt finds them."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import read_found_host

KONG = {
    "version": "2.8.5",
    "answers": False,
    "hostname": "",
    "id": "",
    "data_planes": [],
    "prefix": "/usr/local/kong",
    "unit": "kong.service",
    "container": "",
    "shares_network": True,
    "starter": "",
    "path": "/etc/kong/kong.conf",
    "mounted": "",
    "published": None,
    "format": "conf",
    "settings": {},
    "secrets": [],
    "clients": [],
    "links": [],
    "ring": {"name": "", "members": []},
    "logged": [],
    "access": [],
}


def make_facts(*addresses, default=True):
    """Return the facts of a host with an interface for each address of a /24."""
    interfaces = {
        f"eth{index}": {"ipv4": {"address": address, "netmask": "255.255.255.0"}}
        for index, address in enumerate(addresses)
    }
    known = {"default_ipv4": {"address": addresses[0]}} if default else {}
    return {"interfaces": [*interfaces], **interfaces, **known}


def make_settings(origin="file", place="", **values):
    """Return effective settings of one origin."""
    return {name: {"value": value, "origin": origin, "place": place} for name, value in values.items()}


def make_client(port, source, found="connected"):
    """Return a client as a host finds it."""
    return {"port": port, "source": source, "found": found}


def make_link(own, peer):
    """Return an open connection, from two ends as `address:port` of IPv4."""
    address, _colon, port = own.partition(":")
    other, _colon, other_port = peer.partition(":")
    return {"address": address, "port": int(port), "peer": other, "peer_port": int(other_port)}


def make_published(*items):
    """Return published ports from `PORT:INSIDE` or `ADDRESS:PORT:INSIDE`, of tcp."""
    parts = [item.rsplit(":", 2) for item in items]
    return [
        {"address": "".join(part[:-2]), "port": int(part[-2]), "inside": int(part[-1]), "protocol": "tcp"}
        for part in parts
    ]


def make_ring(name, **members):
    """Return the members that a Serf agent knows, from each member's advertised `address:port`, with `|STATUS` if it is not alive."""
    entries = []
    for member, text in members.items():
        place, _bar, status = text.partition("|")
        address, _colon, port = place.rpartition(":")
        entries.append({"name": member, "address": address, "port": int(port), "status": status or "alive"})
    return {"name": name, "members": entries}


def make_access(port, *sources, excepted=(), unknown=(), reason="", protocol="tcp", family="ipv4", **published):
    """Return the sources that the rules of a host allow to a port."""
    return {
        "protocol": protocol,
        "port": port,
        "family": family,
        "sources": [*sources],
        "except": [*excepted],
        "unknown": [*unknown],
        "reason": reason,
        **published,
    }


def make_host(name, *addresses, **kong):
    """Return a host with a running Kong."""
    return read_found_host(name, make_facts(*addresses), {"kongs": [{**KONG, **kong}]})


def make_other(name, *addresses):
    """Return a host without Kong."""
    return read_found_host(name, make_facts(*addresses), {"kongs": []})
