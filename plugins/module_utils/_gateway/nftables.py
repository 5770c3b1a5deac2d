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
        ("prerouting", "nat hook prerouting priority dstnat - 10", map(_render_dnat, nat.forwards)),
        ("postrouting", "nat hook postrouting priority srcnat - 10", _render_snat(nat, interfaces)),
        (FORWARD, f"filter hook forward priority filter - {-PRIORITY}", _render_filter(nat.forwards)),
    )
    content = [*_render_sets(nat), *(_render_chain(*chain) for chain in chains)]
    return f"{_HEADER}table inet {TABLE} {{\n{''.join(content)}}}\n"


def _render_sets(nat: Nat) -> Iterator[str]:
    """Yield the sets. A set without members stays, so that a new member changes no rule."""
    for source_set in nat.sets:
        for family in FAMILY:
            yield _render_set(set_name(source_set.name, family), source_set.select_family(family))
    for forward in nat.forwards:
        if forward.hairpin:
            yield _render_set(_name_callers(forward), forward.hairpin.callers)


def _render_set(name: str, networks: Networks) -> str:
    members = ", ".join(networks.minimise().format())
    elements = f"\t\telements = {{ {members} }}\n" if members else ""
    return f"\tset {name} {{\n\t\ttype {networks.family}_addr\n\t\tflags interval\n\t\tauto-merge\n{elements}\t}}\n"


def _render_chain(name: str, hook: str, rules: Iterable[str]) -> str:
    lines = "".join(f"\t\t{rule}\n" for rule in rules)
    return f"\tchain {name} {{\n\t\ttype {hook}; policy accept;\n{lines}\t}}\n"


def _render_dnat(forward: Forward) -> str:
    service, ip = forward.service, FAMILY[forward.family].ip
    where = f"{ip} daddr {service.address} {service.protocol} dport {service.port}"
    return f"{where} dnat {ip} to {format_target(forward)}{_render_comment(forward)}"


def _render_snat(nat: Nat, interfaces: Interfaces) -> Iterator[str]:
    for forward in nat.forwards:
        if forward.hairpin:
            ip = FAMILY[forward.family].ip
            callers = f"{ip} saddr @{_name_callers(forward)}"
            yield f"{_match(forward)} {callers} snat {ip} to {forward.hairpin.source}{_render_comment(forward)}"
    for entry in nat.egress:
        yield _render_egress(entry, interfaces[entry.outside])


def _render_egress(entry: Egress, interface: str) -> str:
    """Return the rule for connections that leave through the interface of the outside address, outside of IPsec tunnels."""
    ip = FAMILY[entry.family].ip
    return f'{ip} saddr {entry.inside} oifname "{interface}" rt ipsec missing snat {ip} to {entry.outside} comment "egress"'


def _render_filter(forwards: Iterable[Forward]) -> Iterator[str]:
    """Yield the rules that accept and mark packets of allowed sources and their replies, and drop other packets."""
    for forward in forwards:
        ip, comment = FAMILY[forward.family].ip, _render_comment(forward)
        sets = [f"{ip} saddr @{set_name(name, forward.family)} " for name in forward.allow.set_names]
        sets += [f"{ip} saddr @{_name_callers(forward)} "] if forward.hairpin else []
        for sources in [""] if forward.allow.sources == ANY else sets:
            yield f"ct direction original {_match(forward)} {sources}{_ACCEPT}{comment}"
        if forward.allow.sources != ANY:
            yield f"ct direction original {_match(forward)} drop{comment}"
        yield f"ct direction reply {_match(forward)} {_ACCEPT}{comment}"


def _match(forward: Forward) -> str:
    """Return the match of packets of a forward, in both directions, by the destination that the caller dialled."""
    service = forward.service
    return (
        f"ct status dnat ct original {FAMILY[forward.family].ip} daddr {service.address} "
        f"meta l4proto {service.protocol} ct original proto-dst {service.port}"
    )


def _name_callers(forward: Forward) -> str:
    """Return the name of the set of callers from inside. No name of another set ends with a protocol."""
    service = forward.service
    return f"hairpin-{forward.outside.replace(':', '.')}-{service.port}-{service.protocol}"


def _render_comment(forward: Forward) -> str:
    return f' comment "{forward.allow.listener}"'
