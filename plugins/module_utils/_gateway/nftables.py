# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of the table for the translations of a gateway (nft(8)). It loads with nft 0.9.8 and newer.

The first nat chain that translates a connection decides, and a lower priority comes first. So ours precede the chains of
nftables and iptables (-100) and of firewalld (-90). A drop is final on every host. An accept ends only our own chain,
therefore packets of allowed sources have the mark that the firewall of a node sets as well.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.rules import set_name
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import (
    Egress,
    Forward,
    Nat,
    format_target,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import FORWARD, MARK, PRIORITY
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY

TABLE = "gatehouse_kong_nat"
Interfaces = t.Mapping[str, str]  # the network interface of each outside address

_HEADER = f"""\
# Written by gatehouse.kong. The next run replaces manual changes.
# One transaction replaces the table. `add` makes `delete` succeed if there is no table yet (nft before 1.0.7 has no
# `destroy`).
add table inet {TABLE}
delete table inet {TABLE}
"""
_ACCEPT = f"meta mark set meta mark | {MARK:#x} accept"


def render_nat(nat: Nat | None, interfaces: Interfaces) -> str:
    """Return the input for `nft -f` that replaces our table, or removes it (None)."""
    if nat is None:
        return _HEADER
    chains: tuple[tuple[str, str, Iterable[str]], ...] = (
        ("prerouting", "nat hook prerouting priority dstnat - 10", _render_dnats(nat)),
        ("postrouting", "nat hook postrouting priority srcnat - 10", _render_snat(nat, interfaces)),
        (FORWARD, f"filter hook forward priority filter - {-PRIORITY}", _render_filter(nat)),
    )
    content = [*_render_sets(nat), *(_render_chain(*chain) for chain in chains)]
    return f"{_HEADER}table inet {TABLE} {{\n{''.join(content)}}}\n"


def _render_sets(nat: Nat) -> Iterator[str]:
    """Yield the sets. A set without members stays, so that a new member changes no rule."""
    names = dict(nat.interfaces)
    for source_set in nat.sets:
        for family in FAMILY:
            yield _render_set(set_name(source_set.name, family), source_set.select_family(family))
    for forward in nat.forwards:
        if forward.hairpin:
            name = None if forward.is_routed else names.get(forward.outside)
            yield _render_set(_name_callers(forward, name), forward.hairpin.callers)


def _render_set(name: str, networks: Networks) -> str:
    members = ", ".join(networks.minimise().format())
    elements = f"\t\telements = {{ {members} }}\n" if members else ""
    return f"\tset {name} {{\n\t\ttype {networks.family}_addr\n\t\tflags interval\n\t\tauto-merge\n{elements}\t}}\n"


def _render_chain(name: str, hook: str, rules: Iterable[str]) -> str:
    lines = "".join(f"\t\t{rule}\n" for rule in rules)
    return f"\tchain {name} {{\n\t\ttype {hook}; policy accept;\n{lines}\t}}\n"


def _render_dnats(nat: Nat) -> Iterator[str]:
    """Yield the rules that translate destinations. An address that may change is any address of its interface.

    The interface may also have an address that does not change, so rules for single addresses are first.
    """
    names = dict(nat.interfaces)
    translated = (forward for forward in nat.forwards if not forward.is_routed)
    for forward in sorted(translated, key=lambda forward: forward.outside in names):
        service, ip, name = forward.service, FAMILY[forward.family].ip, names.get(forward.outside)
        leads = (
            f"{service.protocol} dport {service.port} dnat {ip} to {format_target(forward)}{_render_comment(forward)}"
        )
        if name is None:
            yield f"{ip} daddr {service.address} {leads}"
            continue
        yield f'iifname "{name}" meta nfproto {forward.family} fib daddr . iif type local {leads}'
        if forward.hairpin:
            # Packets from inside to an address of another interface of this host.
            callers = f"{ip} saddr @{_name_callers(forward, name)}"
            yield f'iifname != "{name}" {callers} fib daddr type local fib daddr . iif type != local {leads}'


def _render_snat(nat: Nat, interfaces: Interfaces) -> Iterator[str]:
    names = dict(nat.interfaces)
    for forward in nat.forwards:
        if forward.hairpin and not forward.is_routed:
            ip, name = FAMILY[forward.family].ip, names.get(forward.outside)
            callers = f"{ip} saddr @{_name_callers(forward, name)}"
            match, _reply = _match(forward, name)
            yield f"{match} {callers} snat {ip} to {forward.hairpin.source}{_render_comment(forward)}"
    for entry in nat.egress:
        yield _render_egress(entry, interfaces[entry.outside], changes=entry.outside in names)


def _render_egress(entry: Egress, interface: str, *, changes: bool) -> str:
    """Return the rule for connections that leave through the interface of the outside address, outside of IPsec tunnels."""
    ip = FAMILY[entry.family].ip
    source = "masquerade" if changes else f"snat {ip} to {entry.outside}"
    return f'{ip} saddr {entry.inside} oifname "{interface}" rt ipsec missing {source} comment "egress"'


def _render_filter(nat: Nat) -> Iterator[str]:
    """Yield the rules that accept and mark packets of allowed sources and their replies, and drop other packets."""
    names = dict(nat.interfaces)
    for forward in nat.forwards:
        ip, comment = FAMILY[forward.family].ip, _render_comment(forward)
        name = None if forward.is_routed else names.get(forward.outside)
        match, reply = _match(forward, name)
        # Packets that arrive through another interface are of callers inside, or a third-party rule has translated them.
        arriving = f'iifname "{name}" {match}' if name else match
        is_open = forward.allow.sources == ANY
        sets = [f" {ip} saddr @{set_name(sources, forward.family)}" for sources in forward.allow.set_names]
        accepted = [arriving] if is_open else [f"{arriving}{sources}" for sources in sets]
        if forward.hairpin and (name or not is_open):
            accepted.append(f"{match} {ip} saddr @{_name_callers(forward, name)}")
        for packets in accepted:
            yield f"ct direction original {packets} {_ACCEPT}{comment}"
        if not is_open:
            yield f"ct direction original {arriving} drop{comment}"
        yield f"ct direction reply {reply} {_ACCEPT}{comment}"


def _match(forward: Forward, interface: t.Optional[str]) -> tuple[str, str]:
    """Return the match of packets of a forward and the match of their replies, by the destination that the caller dialled.

    With an interface, the dialled address may change, so packets match by the dialled port and by the address inside.
    """
    service, ip = forward.service, FAMILY[forward.family].ip
    port = f"meta l4proto {service.protocol} ct original proto-dst {service.port}"
    if interface is None:
        match = f"ct original {ip} daddr {service.address} {port}"
        match = match if forward.is_routed else f"ct status dnat {match}"
        return match, match
    return f"ct status dnat {port} {ip} daddr {forward.inside}", f"ct status dnat {port} {ip} saddr {forward.inside}"


def _name_callers(forward: Forward, interface: t.Optional[str]) -> str:
    """Return the name of the set of callers from inside. No name of another set ends with a protocol.

    The name has the interface instead of an address that may change, so that a new address changes no rule.
    """
    service = forward.service
    place = f"{interface}-{forward.family}" if interface else forward.outside.replace(":", ".")
    return f"hairpin-{place}-{service.port}-{service.protocol}"


def _render_comment(forward: Forward) -> str:
    return f' comment "{forward.allow.listener}"'
