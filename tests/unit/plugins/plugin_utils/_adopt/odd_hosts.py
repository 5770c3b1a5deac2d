# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd hosts that people configured by hand, from their files, units, sockets and rules to the proposed inventory."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Container, Master
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.admin_api import AdminAnswer
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.connections import Client
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import Running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.serf import Ring
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Socket, Sockets
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_adopt_info
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.bounds import list_named_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_sets import put_members
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import parse_saved
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.live_rules import LiveRules
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import parse_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.published_access import Container as Behind
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import SETTINGS

SECRET = "hunter2"
UNIT = "kong.service"
LUA = "usr/local/share/lua/5.1/kong"
NUMBER = "0123456789abcdef" * 4


class OddHost(Host):
    """A host with a folder for its files, a unit and a container."""

    def __init__(self, root, unit, record):
        super().__init__(root)
        self._unit, self._record = unit, record

    def which(self, program):
        return f"/usr/bin/{program}" if program == "systemctl" or self._record else None

    def run(self, *argv, **_more):
        if argv[0] == "docker":
            return json.dumps([self._record])
        wanted = [word.partition("=")[2] for word in argv if word.startswith("--property=")]
        values = self._unit if argv[2] == UNIT else {}
        lines = [(name, value) for name in wanted for value in values.get(name, "").split("\n") if value]
        return "\n".join(value if "--value" in argv else f"{name}={value}" for name, value in lines)

    def call(self, function, *args):
        return ["10.0.0.1", "fd00::1"] if not args else function(*args)


def write(root: Path, files):
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def list_meta(version):
    """Return the file with the version of Kong."""
    if version.startswith("0.8"):
        return {f"{LUA}/constants.lua": f'local VERSION = "{version}"\n'}
    parts = zip(("major", "minor", "patch"), version.split("."), strict=True)
    return {f"{LUA}/meta.lua": "\n".join(f"  {name} = {number}," for name, number in parts)}


def read_rules(rules, sets):
    """Return the rules of a host from the text of iptables-save by family, or from objects of nft; and the members of ipsets."""
    tables, named = [], {"ipv4": set(), "ipv6": set()}
    for family, text in rules.items():
        if family == "nft":
            tables += parse_tables(text).values()
        else:
            tables += parse_saved(text, family)
        for known in named:
            if family in (known, "nft"):
                named[known] |= list_named_networks(known, text)
    members = {name: parse_networks("ipv4", networks) for name, networks in sets.items()}
    put_members(tables, members)
    for networks in members.values():
        named["ipv4"] |= {*networks.ranges}
    return LiveRules(tuple(tables), {family: tuple(found) for family, found in named.items()})


def inspect(monkeypatch, folder, odd):
    """Return the result of the module for a host."""
    unit = {
        "ExecStartPre": "{ path=/usr/local/bin/kong ; argv[]=/usr/local/bin/kong prepare -p /usr/local/kong ; ignore_errors=no ; }",
        **odd.get("unit", {}),
    }
    by_hand = odd.get("by_hand", False)
    record = odd.get("record")
    prefixes = odd.get("prefixes", ["/usr/local/kong"])
    process = folder / "proc/7"
    root = folder / ("container" if record else "host")
    write(folder / "host", odd.get("files", {}))
    write(
        root,
        {
            **list_meta(odd["version"]),
            **{f"{prefix}/nginx.conf": "# kong" for prefix in prefixes},
            **odd.get("inside", {}),
        },
    )
    write(folder, {"proc/stat": "btime 4000000000\n", "proc/7/stat": ""})
    (process / "root").symlink_to(root)
    container = Container("docker", NUMBER) if record else None
    is_shared = not record or record["HostConfig"]["NetworkMode"] == "host"
    masters = [Master(process, prefix, UNIT, container, is_shared) for prefix in prefixes]
    host = OddHost(folder / "host", unit, record)
    sockets = tuple(Socket(*sock, "nginx", "" if by_hand else UNIT) for sock in odd.get("sockets", ()))

    doubles = {
        "list_kongs": lambda: masters,
        "find_running": lambda _host, _service, prefix, *, in_container: Running(
            next(master for master in masters if master.prefix == prefix), "" if by_hand or record else UNIT
        ),
        "read_sockets": lambda _unit, _prefix: Sockets(sockets, "" if by_hand else UNIT),
        "find_kong_sockets": lambda found: [*found.all],
        "ask_admin_api": lambda _own, _ports: AdminAnswer(),
        "read_ring": lambda _host, _sockets, _rpc: Ring(),
        "list_logged": lambda _root, _prefix, _name: [],
        "list_links": lambda _ports, _dialled: [],
        "list_clients": lambda _ports, _own: [Client(*client, "tracked") for client in odd.get("clients", ())],
        "list_container_clients": lambda *_asked: [Client(*client, "tracked") for client in odd.get("clients", ())],
        "list_proxied_clients": lambda *_asked: [],
        "find_starter": lambda _running: odd.get("starter", ""),
        "gethostname": lambda: "a",
        "read_live_rules": lambda _host: read_rules(odd.get("rules", {}), odd.get("sets", {})),
        "make_container_finder": lambda _host, _addresses: find_container,
    }
    for name, double in doubles.items():
        monkeypatch.setattr(kong_adopt_info, name, double)
    return {"kongs": kong_adopt_info.inspect_kongs(host, "kong", [*SETTINGS])}


def find_container(_service, family, inside):
    interfaces = {"172.18.0.2": "br-1"} if family == "ipv4" else {}
    return Behind(
        inside, parse_networks("ipv4", ["10.0.0.1"]), interfaces, frozenset(["br-1", "docker0"]), has_listener=False
    )
