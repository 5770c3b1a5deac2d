# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what else on a host refuses, or may refuse, the ports that a ruleset opens.

An accept in our table ends only our chain: every other chain on the input hook judges the packet too (nft(8), "VERDICT
STATEMENTS"). So each of them is asked what it does with a packet that ours accepted.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, product

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    CHAIN,
    FORWARD,
    MARK,
    PREROUTING,
    TABLE,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_match import Packet
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import (
    ACCEPT,
    DIVERT,
    DROP,
    Chain,
    Chains,
    chains_of,
    outcomes,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    WILDCARDS,
    Allow,
    Ruleset,
    Service,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Obstacle

_FAMILIES = {"ip": ("ipv4",), "ip6": ("ipv6",), "inet": ("ipv4", "ipv6")}
_Finding = tuple[bool, str, str, Service]  # certain, reason, DROP or DIVERT, what it is about


@dataclass(frozen=True)
class Own:
    """What of the host's chains is ours: base chains, by family, table and name, in which our accept is final.

    Chains of a priority above `marked_after` see the mark that our accepts leave; with None there is no mark.
    """

    bases: frozenset[tuple[str, str, str]]
    marked_after: int | None

    def marks_before(self, base: Chain) -> bool:
        """Tell whether packets that reach the chain, and that we accepted, bear our mark."""
        return base.hook != PREROUTING and self.marked_after is not None and base.priority > self.marked_after


def find_obstacles(
    objects: list[dict[str, t.Any]], ruleset: Ruleset, own: Own, hooks: tuple[str, ...] = (PREROUTING, CHAIN)
) -> tuple[Obstacle, ...]:
    """The obstacles among the listed chains, from the list below "nftables" in the output of `nft -j list ruleset`.

    Before routing only what is certain counts as a drop, as rules there are many that are for other packets.
    On the way to a container (hook "forward") only what is certain counts: most rules there are about addresses and ports
    of containers, which are not known here.
    """
    chains = chains_of(objects)
    bases = [chain for chain in chains.values() if chain.hook in hooks and chain.family in _FAMILIES]
    foreign = [chain for chain in bases if (chain.family, chain.table, chain.name) not in own.bases
               and not (chain.hook == PREROUTING and chain.table.startswith(TABLE))]  # fmt: skip
    return tuple(obstacle for base in foreign for obstacle in _of_chain(chains, base, ruleset, own))


def _of_chain(chains: Chains, base: Chain, ruleset: Ruleset, own: Own) -> Iterator[Obstacle]:
    found = {
        finding
        for entry in ruleset.allow
        if base.hook != FORWARD or entry.published
        for packet in _packets(base, entry, ruleset, own)
        for finding in _judge(chains, base, entry, packet)
    }
    if base.hook == FORWARD:
        found = {finding for finding in found if finding[0]}
    refused = {service for certain, _reason, _effect, service in found if certain}
    found = {finding for finding in found if finding[0] or finding[3] not in refused}
    for (certain, reason, effect), same in groupby(sorted(found, key=_order), key=lambda finding: finding[:3]):
        services = list(dict.fromkeys(finding[3] for finding in same))
        advice = _before_routing(services, effect) if base.hook == PREROUTING else _advice(chains, base, services, own)
        yield Obstacle(certain, f"nftables chain {base.place}", reason, tuple(map(str, services)), advice, effect)


def _order(finding: _Finding) -> tuple[t.Any, ...]:
    certain, reason, effect, service = finding
    return not certain, reason, effect, service.order


def _packets(base: Chain, entry: Allow, ruleset: Ruleset, own: Own) -> Iterator[Packet]:
    """The packets of a connection, for each family and each set of sources that the entry lets in.

    Before routing those of anybody too, as a port that is sent elsewhere may be one that nobody is let in to.
    """
    service = entry.service
    wildcard = service.address is None or service.address in WILDCARDS
    for family, state in product(set(_FAMILIES[base.family]) & set(service.families), ("new", "established")):
        here = base.hook != FORWARD
        addresses = parse_networks(family, [str(service.address)]) if here and not wildcard else None
        port = service.port if here else None
        packet = Packet(family, service.protocol, port, addresses, None, own.marks_before(base), state)
        if entry.sources == ANY or base.hook == PREROUTING:
            yield packet
        members = (one.of(family) for one in ruleset.sets if one.name in entry.set_names)
        yield from (replace(packet, sources=sources) for sources in members if sources.members)


def _judge(chains: Chains, base: Chain, entry: Allow, packet: Packet) -> list[_Finding]:
    """What the chain does with a packet that should get through; before routing, rules are many that may drop it."""
    found = outcomes(chains, base, packet)
    if DIVERT in found:
        counts = packet.state == "new" and not entry.published
        return [(len(found) == 1, found[DIVERT], DIVERT, entry.service)] if counts else []
    let_in = entry.sources == ANY or packet.sources is not None
    counts = base.hook != PREROUTING or {*found} == {DROP}
    return [(ACCEPT not in found, found[DROP], DROP, entry.service)] if DROP in found and let_in and counts else []


def _before_routing(services: list[Service], effect: str) -> str:
    if effect == DIVERT:
        return "If Docker publishes the port, publish another, or on 127.0.0.1 only: our rules never see these packets"
    ports = ", ".join(f"{service.port}/{service.protocol}" for service in services)
    return f"It is before routing, where nothing of ours is: let {ports} pass there"


def _advice(chains: Chains, base: Chain, services: list[Service], own: Own) -> str:
    """What the host's owner does about it, in the words of the program that made the chain."""
    ports = [f"{service.port}/{service.protocol}" for service in services]
    if own.marked_after is not None and not own.marks_before(base):
        return (
            f"It comes before our chain (priority {base.priority}, ours has {own.marked_after}) and so never sees our "
            f"mark: accept {', '.join(ports)} there; our own chain still refuses everybody who is not a source"
        )
    if base.table == "firewalld":
        options = " ".join(f"--add-port={port}" for port in ports)
        return (
            f"firewalld made it: run `firewall-cmd --permanent {options}` and `firewall-cmd --reload`; our own "
            "chain still refuses everybody who is not a source"
        )
    if any(name.startswith("ufw") for _family, table, name in chains if table == base.table):
        commands = ", ".join(f"`ufw allow {port}`" for port in ports)
        return f"ufw made it: run {commands}; our own chain still refuses everybody who is not a source"
    if own.marked_after is None:
        return f"Accept {', '.join(ports)} there; our own chain still refuses everybody who is not a source"
    if base.family in ("ip", "ip6") and base.name == "INPUT":
        program = "iptables" if base.family == "ip" else "ip6tables"
        return (
            f"iptables made it: run `{program} -I INPUT -m mark --mark {MARK:#x}/{MARK:#x} -j ACCEPT`, and save "
            "it where this host loads its iptables rules at boot"
        )
    line = f'meta mark & {MARK:#x} == {MARK:#x} accept comment "gatehouse.kong"'
    return (
        f"Run `nft 'insert rule {base.place} {line}'`, and write `{line}` as the chain's first rule into the file "
        "that the host loads at boot, such as /etc/nftables.conf"
    )
