# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parsing of a rule of our nftables table, in the form of libnftables-json(5)."""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.counts import (
    PUBLISHED_UNAUTHORISED,
    UNAUTHORISED,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.rules import Rule, split_set_name
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_prefix
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import MARK
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_elements import list_elements

Json = t.Any
PACKET_MARK = {"meta": {"key": "mark"}}
_ACCEPT = [{"mangle": {"key": PACKET_MARK, "value": {"|": [PACKET_MARK, MARK]}}}, {"accept": None}]
_DROP = [{"drop": None}]
_FAMILY = {"ip": "ipv4", "ip6": "ipv6"}
_NFPROTO = {family: family for family in FAMILIES}
# Minimal systems lack /etc/protocols. nft lists numbers instead of names then.
_PROTOCOL = {"tcp": "tcp", "udp": "udp", 6: "tcp", 17: "udp"}
_PROTOCOL_AND_PORT = [{"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}}]


class UnrecognisedError(ValueError):
    """An object that this collection does not write."""


def parse_rule(expressions: list[Mapping[str, Json]], comment: str, *, published: bool) -> Rule:
    """Return the rule with these expressions. Raises UnrecognisedError, or an error of Python, for other expressions."""
    accept = expressions[-2:] == _ACCEPT
    counts = expressions[-1:] == [{"goto": {"target": PUBLISHED_UNAUTHORISED if published else UNAUTHORISED}}]
    if not accept and not counts and expressions[-1:] != _DROP:
        raise UnrecognisedError("verdict")
    rule = Rule(comment, None, None, (), None, accept, counts)
    matches = [expression["match"] for expression in expressions[: -2 if accept else -1]]
    for match in _undo_translation(matches) if published else matches:
        rule = _add_match(rule, match)
    if not rule.ports:
        raise UnrecognisedError("a rule for every port")
    return rule


def _undo_translation(matches: Iterable[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
    """Yield the matches of a rule for a published port, converted to matches of packets that are not translated."""
    protocol = None
    for match in matches:
        left = match["left"]
        key = left["ct"]["key"] if left.get("ct", {}).get("dir") == "original" else None
        if left == _PROTOCOL_AND_PORT[0] and protocol is None and match["op"] == "==":
            protocol = match["right"]
        elif key == "proto-dst":
            yield {**match, "left": {"payload": {"protocol": protocol, "field": "dport"}}}
        elif key in ("ip daddr", "ip6 daddr"):
            yield {**match, "left": {"payload": dict(zip(("protocol", "field"), key.split()))}}
        elif left.get("payload", {}).get("field") == "saddr" or left == {"meta": {"key": "nfproto"}}:
            yield match
        else:
            raise UnrecognisedError("a match of the destination after the translation")


def _add_match(rule: Rule, match: Mapping[str, Json]) -> Rule:
    """Return the rule with another match. Each kind of match is allowed only once."""
    left, right = match["left"], match["right"]
    if match["op"] != "==":
        raise UnrecognisedError(match["op"])
    # After a match of the original destination, nft 0.9.8 lists the family as well.
    if left == {"meta": {"key": "nfproto"}} and rule.family in (None, _NFPROTO[right]):
        return replace(rule, family=_NFPROTO[right])
    if "concat" in left and not rule.ports:
        return replace(rule, ports=_parse_port_pairs(left, right))
    protocol, name = left["payload"]["protocol"], left["payload"]["field"]
    if name == "dport" and not rule.ports:
        return replace(rule, ports=tuple((_PROTOCOL[protocol], _parse_port(port)) for port in list_elements(right)))
    family = _FAMILY[protocol]
    if name == "daddr" and rule.family is None:
        return replace(rule, family=family, address=str(ipaddress.ip_address(right)))
    if name == "saddr" and rule.source_set is None and rule.family in (None, family):
        return replace(rule, family=family, source_set=_parse_source(right, family))
    raise UnrecognisedError(name)


def _parse_port_pairs(left: Json, right: Json) -> tuple[tuple[str, int], ...]:
    if left["concat"] != _PROTOCOL_AND_PORT:
        raise UnrecognisedError("concatenation")
    pairs = (value["concat"] for value in list_elements(right))
    ports = ((_PROTOCOL[protocol], _parse_port(port)) for protocol, port in pairs)
    return tuple(sorted(ports, key=lambda pair: pair[::-1]))


def _parse_port(value: Json) -> int:
    if not isinstance(value, int):
        raise UnrecognisedError("a range of ports")
    return value


def _parse_source(right: str, family: str) -> str:
    name, family_of_set = split_set_name(remove_prefix(right, "@"))
    if family_of_set != family:
        raise UnrecognisedError(right)
    return name
