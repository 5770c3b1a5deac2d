# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The counted sources of a fleet, and the effect of enforcing the plan on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonicalise_address,
    make_host_network,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.access import list_owners
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.allowed import Networks, Sets
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_all, make_natural_key

DROPPED, EXPECTED, ALLOWED, UNMANAGED = "dropped", "dropped, as expected", "none, allowed", "none, not a planned port"
DAY = 86400
# Unknown sources of one port are covered by one network if they share a network of this length.
_SHARED_LENGTH = {4: 24, 6: 64}
_ABSENT = "it was unreachable, failed or not part of this run"
_DAMAGED = "its counts cannot be read"
_NO_RULES = "it has no rules of gatehouse.kong yet. Run the playbook site"


@dataclass(frozen=True, slots=True)
class CountedSource:
    """The packets of a source to a port of a node. ``age`` is the number of seconds since the last packet.

    ``hosts`` are the inventory names of the address. Without a name, ``network`` is the smallest network that covers this and
    similar unknown sources of the port. ``listener`` is empty if the plan does not have the port. ``effect`` is the effect of
    enforcing the plan.
    """

    node: str
    listener: str
    protocol: str
    port: int
    address: str
    hosts: tuple[str, ...]
    network: str
    packets: int
    age: int
    effect: str


@dataclass(frozen=True, slots=True)
class CountingNode:
    """A node that was checked. ``seconds`` is how long it has counted, None if longer than it keeps entries.

    ``uncounted`` packets of further sources have no entry, because all entries were in use.
    """

    staged: bool
    counts: bool
    seconds: int | None
    uncounted: int


@dataclass(frozen=True)
class Counted:
    """The counted sources of a fleet, its checked nodes, and the reason for each node that was not checked."""

    sources: tuple[CountedSource, ...]
    nodes: Mapping[str, CountingNode]
    not_checked: Mapping[str, str]

    @property
    def dropped(self) -> tuple[CountedSource, ...]:
        """The sources that enforcing would drop and that are not expected: those of staged nodes.

        An enforced node drops them already, among them the connections with which the verification tests the node.
        """
        return tuple(source for source in self.sources if source.effect == DROPPED and self.nodes[source.node].staged)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Counted:
        """Return the counted sources from their plain data."""
        return Counted(
            tuple(CountedSource(**{**source, "hosts": tuple(source["hosts"])}) for source in data["sources"]),
            {name: CountingNode(**node) for name, node in data["nodes"].items()},
            data["not_checked"],
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "sources": [{**asdict(source), "hosts": list(source.hosts)} for source in self.sources],
            "nodes": {name: asdict(node) for name, node in self.nodes.items()},
            "not_checked": dict(self.not_checked),
        }


def gather(
    plan: Mapping[str, Any],
    seen: Mapping[str, Mapping[str, Any]],
    expected: Iterable[str] = (),
    name_others: Callable[[], Mapping[str, list[str]]] = dict,
) -> Counted:
    """Combine the results of kong_firewall_info on the nodes of a plan.

    ``expected`` are networks (CIDR text) whose packets may be dropped. ``name_others`` returns the inventory names of addresses
    that the plan does not have. It is only called if there is such an address.
    """
    nodes: dict[str, CountingNode] = {}
    not_checked: dict[str, str] = {}
    sources: list[CountedSource] = []
    judge = _Judge(plan, expected, name_others)
    for name in sorted(plan["nodes"], key=make_natural_key):
        result = escape_all(seen.get(name) or {})
        if result.get("failed") or "counts" not in result:
            not_checked[name] = str(result.get("msg", _ABSENT))
        elif result["ruleset"] is None:
            not_checked[name] = _NO_RULES
        else:
            try:
                node, entries = _read_node(result)
            except (AddressError, ValueError, KeyError, TypeError):
                not_checked[name] = _DAMAGED
                continue
            nodes[name] = node
            sources += judge.list_sources(name, entries)
    return Counted(tuple(sources), nodes, not_checked)


class _Entry(NamedTuple):
    """An entry of kong_firewall_info."""

    port: int
    protocol: str
    source: str
    packets: int
    age: int


def _read_node(result: Mapping[str, Any]) -> tuple[CountingNode, list[_Entry]]:
    """Return a node and its entries. Raises an error of Python for a result that kong_firewall_info does not return."""
    staged, counts = bool(result["staged"]), result["counts"]
    if counts is None:
        return CountingNode(staged, counts=False, seconds=0, uncounted=0), []
    seconds = None if counts["seconds"] is None else int(counts["seconds"])
    node = CountingNode(staged, counts=True, seconds=seconds, uncounted=int(counts["uncounted"]))
    return node, [_read_entry(entry) for entry in counts["entries"]]


def _read_entry(entry: Mapping[str, Any]) -> _Entry:
    source = canonicalise_address(str(entry["source"]))
    return _Entry(int(entry["port"]), str(entry["protocol"]), source, int(entry["packets"]), int(entry["age"]))


class _Judge:
    """The plan, to find the names of sources and the effect of enforcing it."""

    def __init__(
        self,
        plan: Mapping[str, Any],
        expected: Iterable[str],
        name_others: Callable[[], Mapping[str, list[str]]],
    ) -> None:
        self._plan = plan
        self._sets = Sets(plan["sets"])
        self._expected = Networks(expected)
        self._name_others = name_others

    @cached_property
    def _owners(self) -> Mapping[str, list[str]]:
        return list_owners(self._plan)

    @cached_property
    def _owned(self) -> Networks:
        return Networks(self._owners)

    @cached_property
    def _others(self) -> Mapping[str, list[str]]:
        return self._name_others()

    def list_sources(self, node: str, entries: Iterable[_Entry]) -> Iterator[CountedSource]:
        """Yield the sources of a node, by port, those with most packets first."""
        ordered = sorted(entries, key=lambda entry: (entry.port, entry.protocol, -entry.packets, entry.source))
        hosts = {entry.source: self._find_hosts(entry.source) for entry in ordered}
        networks = _find_networks(entry for entry in ordered if not hosts[entry.source])
        for entry in ordered:
            listener, effect = self._judge(node, entry)
            yield CountedSource(
                node=node,
                listener=listener,
                protocol=entry.protocol,
                port=entry.port,
                address=entry.source,
                hosts=hosts[entry.source],
                network=networks.get(entry, ""),
                packets=entry.packets,
                age=entry.age,
                effect=effect,
            )

    def _find_hosts(self, address: str) -> tuple[str, ...]:
        networks = self._owned.list_containing(make_host_network(address))
        names = [name for network in networks for name in self._owners[network]] or self._others.get(address, [])
        return tuple(sorted({*names}, key=make_natural_key))

    def _judge(self, node: str, entry: _Entry) -> tuple[str, str]:
        """Return the listener and the effect. A port may have rules for several addresses of the node."""
        allow = self._plan["nodes"][node]["ruleset"]["allow"]
        rules = [rule for rule in allow if (rule["protocol"], rule["port"]) == (entry.protocol, entry.port)]
        source = make_host_network(entry.source)
        if not rules:
            return "", UNMANAGED
        if any(rule["sources"] == "any" or self._sets.allow(rule["sources"], source) for rule in rules):
            return rules[0]["listener"], ALLOWED
        expected = any(True for _network in self._expected.list_containing(source))
        return rules[0]["listener"], EXPECTED if expected else DROPPED


def _find_networks(entries: Iterable[_Entry]) -> dict[_Entry, str]:
    """Return for each entry the smallest network that covers the similar entries of its port."""
    similar: dict[tuple[int, str, str], list[_Entry]] = {}
    for entry in entries:
        address = ip_address(entry.source)
        shared = ip_network((address, _SHARED_LENGTH[address.version]), strict=False)
        similar.setdefault((entry.port, entry.protocol, str(shared)), []).append(entry)
    covered = [(group, _find_cover(entry.source for entry in group)) for group in similar.values()]
    return {entry: network for group, network in covered for entry in group}


def _find_cover(addresses: Iterable[str]) -> str:
    """Return the smallest network that covers addresses of one family."""
    numbers = sorted(ip_address(address) for address in addresses)
    length = numbers[0].max_prefixlen - (int(numbers[0]) ^ int(numbers[-1])).bit_length()
    return str(ip_network((numbers[0], length), strict=False))
