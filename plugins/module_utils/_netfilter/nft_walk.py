# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of an nftables rule for a packet, from the output of `nft -j list ruleset`."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import (
    UNKNOWN,
    VERDICTS,
    parse_rule,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_match import (
    equals,
    is_ban,
    is_computed,
    is_readable,
    matches,
    names_port,
    write_mark,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_text import format_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import ANY_MARK, Answer, Packet, are_all
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import (
    ACCEPT,
    CONTINUE,
    DIVERT,
    DROP,
    GOTO,
    JUMP,
    RETURN,
    Action,
    Chain,
    Evaluation,
    Rule,
)

Json = t.Any
Tables = t.Dict[t.Tuple[str, str], t.Dict[str, Chain]]  # by family and name of the table, and name of the chain

LINE = "iptables"  # the key under which nft_xtables stores a rule's line of iptables-save
_VERDICTS = {
    "accept": (ACCEPT,),
    "drop": (DROP,),
    "reject": (DROP,),
    "return": (RETURN,),
    "dnat": (DIVERT,),
    "redirect": (DIVERT,),
    "tproxy": (DIVERT,),
    "fwd": (DIVERT,),
    "queue": (ACCEPT, DROP),
    "continue": (CONTINUE,),
    "synproxy": UNKNOWN,
}
# Statements that apply to a share of the packets of each source, as libnftables-json(5) names them.
_LIMITS = ("limit", "ct count", "quota")
_WITH_LOG = {"log", "counter", "match", "limit"}
_NEUTRAL = ("counter", "log", "notrack", "last", "dup", "flow", "ct helper", "ct timeout", "ct expectation", "secmark",
            "masquerade", "snat")  # fmt: skip


@dataclass(frozen=True, eq=False)
class NftRule:
    """A rule in the form in which nft lists it."""

    listed: Mapping[str, Json]

    @property
    def text(self) -> str:
        """Text of the rule in the syntax of nft, with its handle."""
        return f"{format_rule(self.listed['expr'])} # handle {self.listed.get('handle')}"

    @property
    def target(self) -> str:
        """The chain to which the rule sends all matching packets, or ""."""
        targets = [value["target"] for kind, value in self._list_expressions() if kind in (JUMP, GOTO)]
        return targets[-1] if targets else ""

    @property
    def untracks(self) -> bool:
        """True if the rule excludes packets from connection tracking."""
        names = [kind if kind != "xt" else (value or {}).get("name") for kind, value in self._list_expressions()]
        return any(name in ("notrack", "NOTRACK", "CT") for name in names)

    @property
    def leads(self) -> bool:
        """True if the rule can lead to another chain."""
        return any(kind in (JUMP, GOTO, "vmap") for kind, _value in self._list_expressions())

    @property
    def limits(self) -> bool:
        """True if the rule matches a share of the packets of each source."""
        return any(kind in _LIMITS for kind, _value in self._list_expressions())

    @property
    def only_logs(self) -> bool:
        """True if the rule only logs packets, which then reach the next rule."""
        kinds = {kind for kind, _value in self._list_expressions()}
        return "log" in kinds and kinds <= _WITH_LOG

    @property
    def bans_one_source(self) -> bool:
        """True if the rule drops the packets of a network and has no other match."""
        parts = [(kind, value) for kind, value in self._list_expressions() if kind != "counter"]
        return [kind for kind, _value in parts] == ["match", DROP] and _is_one_source(parts[0][1])

    def evaluate(self, packet: Packet) -> Evaluation:
        """Return the possible actions of the rule for a packet."""
        certain, named, ban = True, False, False
        for kind, value in self._list_expressions():
            answer = are_all((is_readable(packet, {kind: value}), _holds(packet, kind, value)))
            if answer is False:
                return Evaluation((), packet.mark)
            if answer is None:
                certain, ban = False, ban or is_ban({kind: value})
            named = named or (kind in ("match", "vmap") and names_port(packet, value))
            if kind == "mangle":
                packet = replace(packet, mark=write_mark(packet, value["key"], value["value"]))
            elif kind == "xt" and _may_mark(value):
                packet = replace(packet, mark=ANY_MARK)
            actions = list(_list_actions(packet, kind, value, Action("", "", certain, named, ban)))
            if actions:
                return Evaluation(actions, packet.mark)
        return Evaluation((), packet.mark)

    def _list_expressions(self) -> Iterator[tuple[str, Json]]:
        for expression in self.listed["expr"]:
            # nft lists some statements as a string.
            yield from expression.items() if isinstance(expression, dict) else [(str(expression), None)]


def parse_tables(objects: Sequence[Mapping[str, Json]]) -> Tables:
    """Return the chains with their rules, from the list "nftables" in the output of `nft -j list ruleset`."""
    tables: Tables = {}
    for listed in (item["chain"] for item in objects if "chain" in item):
        chain = Chain(listed["name"], [], listed.get("hook", ""), listed.get("prio", 0), listed.get("policy", ACCEPT),
                      listed["family"], listed["table"], _parse_device(listed))  # fmt: skip
        tables.setdefault((chain.family, chain.table), {})[chain.name] = chain
    for listed in (item["rule"] for item in objects if "rule" in item):
        chains = tables[listed["family"], listed["table"]]
        chains[listed["chain"]].rules.append(_parse_rule(listed, frozenset(chains)))
    return tables


def _parse_device(listed: Mapping[str, Json]) -> str:
    """Return the network interfaces of a chain. Newer versions of nft can list several."""
    devices = listed.get("dev", "")
    return devices if isinstance(devices, str) else ", ".join(devices)


def _parse_rule(listed: Mapping[str, Json], chains: frozenset[str]) -> Rule:
    return parse_rule(listed[LINE], chains) if LINE in listed else NftRule(listed)


def _holds(packet: Packet, kind: str, value: Json) -> Answer:
    """Tell whether the evaluation of the rule continues after an expression."""
    if kind == "match":
        return matches(packet, value)
    if kind == "mangle":
        return True if is_computed(value["value"]) else None
    if kind in ("dnat", "redirect", "tproxy", "fwd"):
        return True if all(map(is_computed, (value or {}).values())) else None
    if kind == "xt":
        return True if value and (value["type"] == "target" or value["name"] == "comment") else None
    return True if kind in (*_NEUTRAL, *_VERDICTS, JUMP, GOTO, "vmap") else None


def _is_one_source(match: Json) -> bool:
    """Tell whether a match is for an address, or for a network that does not contain every address."""
    if match["op"] != "==" or match["left"].get("payload", {}).get("field") != "saddr":
        return False
    right = match["right"]
    if isinstance(right, dict):
        return bool(right.get("prefix", {}).get("len"))
    return isinstance(right, str) and not right.startswith("@")


def _may_mark(extension: Json) -> bool:
    if extension is None:
        return True
    is_known = extension["name"] in VERDICTS and not extension["name"].endswith("MARK")
    return bool(extension["type"] == "target" and not is_known)


def _list_actions(packet: Packet, kind: str, value: Json, action: Action) -> Iterator[Action]:
    """Yield the actions of an expression, if it ends the rule. `action` has the properties of the expressions before it."""
    if kind in (JUMP, GOTO):
        yield action._replace(verdict=kind, target=value["target"])
    elif kind == "vmap":
        yield from _list_mapped(packet, value, action)
    elif kind == "xt" and (value is None or value["type"] == "target"):
        # Before 1.0.6, nft lists an extension of iptables as null. It can be a target.
        yield from _list_each(VERDICTS.get(value["name"], UNKNOWN) if value else UNKNOWN, action)
    else:
        yield from _list_each(_VERDICTS.get(kind, ()), action)


def _list_each(verdicts: Sequence[str], action: Action) -> Iterator[Action]:
    for verdict in verdicts:
        yield action._replace(verdict=verdict, certain=action.certain and len(verdicts) == 1)


def _list_mapped(packet: Packet, value: Json, action: Action) -> Iterator[Action]:
    """Yield the actions of a verdict map: of the elements that may match, up to the first that certainly matches.

    The element "*" matches all packets that no other element matches.
    """
    key, data = value["key"], value["data"]
    unknown = action._replace(certain=False, ban=action.ban or is_ban({"vmap": value}))
    if not isinstance(data, dict):
        yield from _list_each(UNKNOWN, unknown)
        return
    for element, verdict in sorted(data["set"], key=lambda item: item[0] == "*"):
        answer = is_readable(packet, key) if element == "*" else equals(packet, key, element)
        ((kind, statement),) = verdict.items()
        if answer is not False:
            yield from _list_actions(packet, kind, statement, action if answer else unknown)
        if answer:
            return
