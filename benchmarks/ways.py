# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compared ways to open a node's ports: kong_firewall, a template, and loops over other modules.

A node has 2 proxy ports for any source, an Admin API for 10 hosts, and gossip over tcp and udp with the given number of peers.
A way has the tasks that open these ports on a host with a firewall manager, and a command that removes their rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Tasks = list[dict[str, Any]]

ADMINS = [f"10.9.9.{number}" for number in range(1, 11)]
SYSTEMS = ("nftables", "iptables", "firewalld", "ufw")
LARGE_NAME, LARGE_SOURCES, LARGE_PORTS = "kong_firewall, 6 ports", 5_000, range(9001, 9007)
_FLUSH = "iptables -F INPUT; ip6tables -F INPUT"
_PROXY, _GOSSIP, _ADMIN = (8000, 8443), (("tcp", 7946), ("udp", 7946)), ("tcp", 8001)


@dataclass(frozen=True)
class Way:
    """A way on a host. With `loops` a task has an item for each peer, so the way is measured only once."""

    name: str
    host: str
    tasks: Callable[[list[str]], Tasks]
    undo: str
    loops: bool = False


def make_peers(count: int) -> list[str]:
    """Return addresses of peers. They are not adjacent, because nftables merges adjacent addresses into a network."""
    return [f"10.{20 + number // 12000}.{number // 120 % 100}.{number % 120 * 2 + 1}" for number in range(count)]


def _make_our_way(name: str, system: str, ruleset_of: Callable[[list[str]], dict[str, Any]]) -> Way:
    def make_tasks(peers: list[str]) -> Tasks:
        arguments = {"ruleset": ruleset_of(peers), "backend": system}
        return [{"name": "kong_firewall", "gatehouse.kong.kong_firewall": arguments}]

    return Way(name, system, make_tasks, "")


def make_large_ruleset(sources: list[str]) -> dict[str, Any]:
    """Return a ruleset that allows the same sources at each of six ports."""
    allow = [_make_entry("stream", "tcp", port, ["sources"]) for port in LARGE_PORTS]
    return {"allow": allow, "sets": {"sources": {"ipv4": [f"{source}/32" for source in sources]}}}


def make_ruleset(peers: list[str]) -> dict[str, Any]:
    """Return the ruleset for kong_firewall."""
    allow = [_make_entry("proxy", "tcp", port, "any") for port in _PROXY]
    allow += [_make_entry("cluster", protocol, port, ["peers"]) for protocol, port in _GOSSIP]
    allow.append(_make_entry("admin", *_ADMIN, ["admins"]))
    sets = {name: {"ipv4": [f"{ip}/32" for ip in members]} for name, members in (("peers", peers), ("admins", ADMINS))}
    return {"allow": allow, "sets": sets}


def _make_entry(listener: str, protocol: str, port: int, sources: Any) -> dict[str, Any]:
    return {"listener": listener, "protocol": protocol, "port": port, "address": "0.0.0.0", "sources": sources}


def _accepts(peers: list[str]) -> Iterator[tuple[str | None, str, int]]:
    """Yield source, protocol and port of each accept rule."""
    yield from ((None, "tcp", port) for port in _PROXY)
    yield from ((peer, protocol, port) for peer in peers for protocol, port in _GOSSIP)
    yield from ((admin, *_ADMIN) for admin in ADMINS)


def _write_nft_file(peers: list[str]) -> Tasks:
    return _write_file(format_nft(peers), "/etc/own.nft", "nft -f /etc/own.nft")


def format_nft(peers: list[str]) -> str:
    """Return the input of nft that an administrator writes for the same ports and sources."""
    sets = "".join(
        f"  set {name} {{ type ipv4_addr; elements = {{ {', '.join(of)} }} }}\n"
        for name, of in (("peers", peers), ("admins", ADMINS))
    )
    rules = (
        "    type filter hook input priority 0; policy accept;\n    iifname lo accept\n"
        "    tcp dport { 8000, 8443 } accept\n    tcp dport 7946 ip saddr @peers accept\n"
        "    udp dport 7946 ip saddr @peers accept\n    tcp dport 8001 ip saddr @admins accept\n"
        "    tcp dport { 7946, 8001 } drop\n    udp dport 7946 drop\n"
    )
    return f"table inet own\ndelete table inet own\ntable inet own {{\n{sets}  chain input {{\n{rules}  }}\n}}\n"


def _write_iptables_file(peers: list[str]) -> Tasks:
    accepts = "".join(
        f"-A OWN {f'-s {source} ' if source else ''}-p {protocol} --dport {port} -j ACCEPT\n"
        for source, protocol, port in _accepts(peers)
    )
    drops = "".join(f"-A OWN -p {protocol} --dport {port} -j DROP\n" for protocol, port in (*_GOSSIP, _ADMIN))
    text = f"*filter\n:OWN -\n-F INPUT\n-A INPUT -j OWN\n{accepts}{drops}COMMIT\n"
    return _write_file(text, "/etc/own.rules", "iptables-restore --noflush /etc/own.rules")


def _write_file(text: str, path: str, load: str) -> Tasks:
    copy = {"content": text, "dest": path, "mode": "0600"}
    return [
        {"name": "template", "ansible.builtin.copy": copy, "register": "written"},
        {"name": "load", "ansible.builtin.command": load, "when": "written is changed"},
    ]


def _make_loop(module: str, arguments: dict[str, Any], items: list[dict[str, Any]]) -> Tasks:
    control = {"label": "{{ item.port }}"}
    return [{"name": "loop", module: arguments, "loop": items, "loop_control": control}]


def _make_items(peers: list[str]) -> list[dict[str, Any]]:
    return [{"from": source, "protocol": protocol, "port": port} for source, protocol, port in _accepts(peers)]


def _loop_iptables(peers: list[str]) -> Tasks:
    accept = {
        "chain": "INPUT",
        "source": "{{ item.from or omit }}",
        "protocol": "{{ item.protocol }}",
        "destination_port": "{{ item.port }}",
        "jump": "{{ item.jump | default('ACCEPT') }}",
    }
    drops = [
        {"from": None, "protocol": protocol, "port": port, "jump": "DROP"} for protocol, port in (*_GOSSIP, _ADMIN)
    ]
    return _make_loop("ansible.builtin.iptables", accept, [*_make_items(peers), *drops])


def _loop_ufw(peers: list[str]) -> Tasks:
    allow = {
        "rule": "allow",
        "from_ip": "{{ item.from or omit }}",
        "proto": "{{ item.protocol }}",
        "to_port": "{{ item.port }}",
    }
    return _make_loop("community.general.ufw", allow, _make_items(peers))


def _loop_firewalld(peers: list[str]) -> Tasks:
    rule = (
        "rule family=ipv4 {{ 'source address=' ~ item.from if item.from else '' }} "
        "port port={{ item.port }} protocol={{ item.protocol }} accept"
    )
    enabled = {"rich_rule": rule, "permanent": True, "immediate": True, "state": "enabled"}
    return _make_loop("ansible.posix.firewalld", enabled, _make_items(peers))


_NO_ZONES = "rm -f /etc/firewalld/zones/*; firewall-cmd --quiet --complete-reload"
_NO_RULES = "ufw --force reset >/dev/null; ufw --force enable >/dev/null"
WAYS = (
    *(_make_our_way("kong_firewall", system, make_ruleset) for system in SYSTEMS),
    Way("copy, nft -f", "nftables", _write_nft_file, "nft delete table inet own; rm -f /etc/own.nft"),
    Way(
        "copy, iptables-restore",
        "iptables",
        _write_iptables_file,
        f"{_FLUSH}; iptables -F OWN; iptables -X OWN; rm -f /etc/own.rules",
    ),
    Way("ansible.builtin.iptables", "iptables", _loop_iptables, _FLUSH, loops=True),
    Way("ansible.posix.firewalld", "firewalld", _loop_firewalld, _NO_ZONES, loops=True),
    Way("community.general.ufw", "ufw", _loop_ufw, _NO_RULES, loops=True),
)
LARGE = tuple(_make_our_way(LARGE_NAME, system, make_large_ruleset) for system in SYSTEMS)
