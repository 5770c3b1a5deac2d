# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources that the rules of a host allow to a published port of a container now, computed from the rules without a packet.

The host translates the destination of such packets (hook prerouting) and forwards them (hook forward). Without a translation a
program of the container's engine receives them on the host (hook input) and connects to the container itself: docker-proxy does so.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import (
    Networks,
    Range,
    from_ranges,
    parse_range,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.access import (
    UNKNOWN,
    Access,
    Base,
    Judgement,
    explain,
    judge,
    select_bases,
    split_sources,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict_analysis import (
    Chains,
    is_partial,
    translate_packet,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import CHAIN, FORWARD, INGRESS, PREROUTING
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import NftRule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import Crossing, Packet
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import (
    ACCEPT,
    DIVERT,
    DROP,
    Reasons,
    Rule,
    Walk,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

_DESTINATION = re.compile(r"--to-destination \[?([0-9a-fA-F.:]+?)\]?(?::(\d+))?(?= |$)")


@dataclass(frozen=True)
class Container:
    """The container behind a published port: the port in it, and its addresses of one family, each with the host's interface to it.

    `own` are the addresses of the host to which packets to the published port are sent. `inner` are the interfaces of the host to
    which only containers are attached. `has_listener` tells whether a program of the host listens on the published port.
    """

    port: int
    own: Networks
    interfaces: Mapping[str, str]
    inner: frozenset[str]
    has_listener: bool


class _Route(t.NamedTuple):
    """The packets after the hook prerouting, and the reason for which a rule there may drop or divert them, else empty.

    `ends` is the judgement if the packets do not continue.
    """

    packet: Packet
    reason: str
    ends: Judgement | None = None


def find_published_access(
    tables: Sequence[Chains], service: Service, family: str, bounds: Sequence[Range], container: Container
) -> Access:
    """Return the sources of a family that the tables allow to the published port `service` of a container."""
    early = select_bases(tables, (INGRESS, PREROUTING), family)
    late = {hook: select_bases(tables, (hook,), family) for hook in (FORWARD, CHAIN)}

    def evaluate(packet: Packet) -> Judgement:
        packet, reason, ends = _follow_route(early, replace(packet, addresses=container.own), container)
        if ends:
            return ends
        if not packet.translated and not container.has_listener:
            return Judgement(DROP, "")
        return _judge_late(late[FORWARD if packet.translated else CHAIN], packet, reason)

    return split_sources(tables, service, family, bounds, evaluate)


def _follow_route(bases: Sequence[Base], packet: Packet, container: Container) -> _Route:
    """Evaluate the base chains before the routing decision."""
    reason = ""
    packet = replace(packet, crossing=Crossing(container.inner, "", packet.addresses, packet.port))
    for chains, base in bases:
        walk = Walk(chains, translate_packet(base, packet))
        found = walk.walk_base(base)
        verdicts = {outcome.verdict for outcome in found}
        if verdicts == {DROP} and not is_partial(base):
            return _Route(packet, "", Judgement(DROP, ""))
        packet = replace(packet, mark=walk.packet.mark)
        # A connection is translated once.
        if verdicts - {ACCEPT} and not (packet.translated and DROP not in verdicts):
            target = _find_target(found, packet, container) if verdicts == {DIVERT} and not is_partial(base) else ""
            if target:
                packet = _translate(packet, target, container)
            elif DIVERT in verdicts:
                return _Route(packet, "", Judgement(UNKNOWN, reason or explain(base, found)))
            else:
                reason = reason or explain(base, found)
    return _Route(packet, reason)


def _judge_late(bases: Sequence[Base], packet: Packet, reason: str) -> Judgement:
    """Evaluate the base chains after the routing decision. Packets to the host itself have no interface that is known."""
    return judge(bases, packet if packet.translated else replace(packet, crossing=None), reason)


def _find_target(found: Reasons, packet: Packet, container: Container) -> str:
    """Return the address of the container to which all rules translate the packets, else an empty text."""
    targets = {_read_destination(rule) for _chain, rule in found.values() if rule}
    if len(targets) != 1:
        return ""
    address, port = targets.pop()
    return address if address in container.interfaces and (port or packet.port) == container.port else ""


def _read_destination(rule: Rule) -> tuple[str, int | None]:
    """Return the address and the port to which a rule translates packets; no address for other rules, no port for the old port."""
    if isinstance(rule, NftRule):
        found = next((part["dnat"] for part in rule.listed["expr"] if isinstance(part, dict) and "dnat" in part), None)
        address, port = (found.get("addr"), found.get("port")) if found else ("", None)
        is_plain = isinstance(address, str) and (port is None or isinstance(port, int))
        return (address, port) if is_plain else ("", None)
    match = _DESTINATION.search(rule.text)
    return (match[1], int(match[2]) if match[2] else None) if match else ("", None)


def _translate(packet: Packet, address: str, container: Container) -> Packet:
    crossing = Crossing(container.inner, container.interfaces[address], packet.addresses, packet.port)
    networks = from_ranges(packet.family, [parse_range(packet.family, address)])
    return replace(packet, addresses=networks, port=container.port, translated=True, crossing=crossing)
