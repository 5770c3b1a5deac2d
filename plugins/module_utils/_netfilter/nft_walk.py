# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows a packet through a chain of nftables rules, as far as that can be told without sending one."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import CATCHING
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_match import (
    Answer,
    Packet,
    equals,
    matches,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_text import rule_text

Json = t.Any
Reasons = dict[str, str]  # what may happen to the packet, and which rule does it

ACCEPT, DROP, DIVERT, RETURN, CONTINUE = "accept", "drop", "divert", "return", "continue"

_ANYTHING = (ACCEPT, DROP, CONTINUE)
_FINAL = {
    "accept": ACCEPT,
    "drop": DROP,
    "reject": DROP,
    "return": RETURN,
    "dnat": DIVERT,
    "redirect": DIVERT,
    "tproxy": DIVERT,
}
_VERDICTS = {*_FINAL, "jump", "goto", "vmap", "queue"}
_NEUTRAL = {"counter", "log", "notrack", "mangle", "ct helper", "ct timeout"}
_NEUTRAL_XT = {"comment"}
_XT_TARGETS = {
    "REJECT": (DROP,),
    "DNAT": (DIVERT,),
    "REDIRECT": (DIVERT,),
    "TPROXY": (DIVERT,),
    "LOG": (),
    "NFLOG": (),
    "TRACE": (),
    "AUDIT": (),
}


@dataclass
class Chain:
    """One chain of the host's: its rules in order, and for a base chain its hook, priority and policy."""

    family: str
    table: str
    name: str
    hook: str = ""
    priority: int = 0
    policy: str = ACCEPT
    rules: list[Mapping[str, Json]] = field(default_factory=list)

    @property
    def place(self) -> str:
        """How nft names it."""
        return f"{self.family} {self.table} {self.name}"


Chains = dict[tuple[str, str, str], Chain]  # by family, table, name


def chains_of(objects: list[dict[str, Json]]) -> Chains:
    """The chains with their rules, from the list below "nftables" in the output of `nft -j list ruleset`."""
    chains: Chains = {}
    for one in (item["chain"] for item in objects if "chain" in item):
        key = one["family"], one["table"], one["name"]
        chains[key] = Chain(*key, one.get("hook", ""), one.get("prio", 0), one.get("policy", ACCEPT))
    for one in (item["rule"] for item in objects if "rule" in item and not _catches(item["rule"])):
        chains[one["family"], one["table"], one["chain"]].rules.append(one)
    return chains


def _catches(rule: Mapping[str, Json]) -> bool:
    """Whether a rule leads to a chain of ours that catches packets for Kong."""
    targets = (one["jump"]["target"] for one in rule.get("expr", ()) if isinstance(one, dict) and "jump" in one)
    return any(str(target).startswith(CATCHING) for target in targets)


def outcomes(chains: Chains, base: Chain, packet: Packet) -> Reasons:
    """What a base chain may do with the packet, ACCEPT, DROP or DIVERT, each with its reason."""
    found = _Walk(chains, packet).chain(base)
    if CONTINUE in found or RETURN in found:
        found.setdefault(base.policy, f"its policy is {base.policy}")
    return {outcome: reason for outcome, reason in found.items() if outcome in (ACCEPT, DROP, DIVERT)}


def rule_outcomes(chains: Chains, chain: Chain, rule: Mapping[str, Json], packet: Packet) -> Reasons:
    """Return what one rule of a chain may do with the packet; CONTINUE if the next rule may get it."""
    return _Walk(chains, packet).rule(chain, rule)


class _Walk:
    """One packet's way; what is known of it shrinks where a rule changes its mark."""

    def __init__(self, chains: Chains, packet: Packet) -> None:
        self._chains = chains
        self._packet = packet

    def chain(self, chain: Chain) -> Reasons:
        found: Reasons = {}
        for rule in chain.rules:
            ends = self.rule(chain, rule)
            # The reason that comes first in the chain stays.
            found = {**ends, **found}
            if found.pop(CONTINUE, None) is None:
                return found
        return {**found, CONTINUE: ""}

    def rule(self, chain: Chain, rule: Mapping[str, Json]) -> Reasons:
        """What may happen to the packet at one rule; CONTINUE where the next rule may get it."""
        certain = True
        for expression in rule["expr"]:
            kind, value = next(iter(expression.items()))
            answer = self._matches(kind, value)
            if answer is False:
                return {CONTINUE: ""}
            certain = certain and answer is True
            ends = self._verdict(chain, kind, value)
            if ends:
                named = {outcome: why or _reason(chain, rule) for outcome, why in ends.items()}
                return named if certain else {CONTINUE: "", **named}
        # Before nft 1.0.6 an extension of iptables is listed as null; at the end of a rule it is the rule's target.
        return (
            {outcome: _reason(chain, rule) for outcome in _ANYTHING} if {"xt": None} in rule["expr"] else {CONTINUE: ""}
        )

    def _matches(self, kind: str, value: Json) -> Answer:
        if kind == "match":
            return matches(self._packet, value)
        if kind == "mangle":
            self._mangle(value)
        if kind == "xt":
            return True if value and (value["type"] == "target" or value["name"] in _NEUTRAL_XT) else None
        return True if kind in _NEUTRAL or kind in _VERDICTS else None

    def _mangle(self, value: Json) -> None:
        keeps = isinstance(value["value"], dict) and "|" in value["value"]
        if value["key"] == {"meta": {"key": "mark"}} and not keeps:
            self._packet = replace(self._packet, marked=None)

    def _verdict(self, chain: Chain, kind: str, value: Json) -> Reasons:
        """What ends the rule, if this expression does: outcomes, their reasons empty where it is this rule itself."""
        if kind in ("jump", "goto"):
            return self._enter(chain, value["target"], kind)
        if kind == "vmap":
            return self._map(chain, value)
        if kind == "xt" and value and value["type"] == "target":
            return dict.fromkeys(_XT_TARGETS.get(value["name"], _ANYTHING), "")
        if kind == "queue":
            return {ACCEPT: "", DROP: ""}
        return {_FINAL[kind]: ""} if kind in _FINAL else {}

    def _enter(self, chain: Chain, target: str, how: str) -> Reasons:
        found = self.chain(self._chains[chain.family, chain.table, target])
        back = CONTINUE if how == "jump" else RETURN
        return {back if outcome in (CONTINUE, RETURN) else outcome: why for outcome, why in found.items()}

    def _map(self, chain: Chain, value: Json) -> Reasons:
        """A verdict map: the first key that surely matches decides, and every key that may match might."""
        if not isinstance(value["data"], dict):
            return dict.fromkeys(_ANYTHING, "")
        found: Reasons = {}
        for key, verdict in value["data"]["set"]:
            answer = equals(self._packet, value["key"], key)
            if answer is not False:
                found.update(self._verdict(chain, *next(iter(verdict.items()))))
            if answer:
                return found
        return {**found, CONTINUE: ""}


def _reason(chain: Chain, rule: Mapping[str, Json]) -> str:
    return f"its rule `{rule_text(rule['expr'])}` (handle {rule.get('handle')}) in chain {chain.name}"
