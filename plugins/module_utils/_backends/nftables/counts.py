# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of our nftables table that counts packets of unauthorised sources: a set for each family, and chains.

An element of a set is a source, a protocol and a port, with a counter. Each packet renews the time of its element, so the
time that is left tells when the last packet arrived. If a set is full, `update` ends its rule, and the packet reaches the
last rule of the chain, which counts it in the object `uncounted`. Measured with nft 0.9.8, 1.0.6 and 1.1.3.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import TABLE
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.counts import Count, Counts
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset

Json = t.Any

# Names of sets of sources end with their family, so they differ from these names.
SETS = {"counts4": "ip", "counts6": "ip6"}
# The chains for packets to the host and to published ports.
UNAUTHORISED, PUBLISHED_UNAUTHORISED = "unauthorised", "published_unauthorised"
LIMIT = 65536
_UNCOUNTED = "uncounted"
# An element that no packet renews: its time left tells when the count began. No packet has the port 0.
_START = {"counts4": "0.0.0.0 . tcp . 0"}
_DAY = 86400
_L4PROTO: Json = {"meta": {"key": "l4proto"}}
_NFPROTO: Json = {"meta": {"key": "nfproto"}}
# The port as text and in JSON.
_PORT: tuple[str, Json] = ("th dport", {"payload": {"protocol": "th", "field": "dport"}})
_PUBLISHED_PORT: tuple[str, Json] = ("ct original proto-dst", {"ct": {"key": "proto-dst", "dir": "original"}})
_SET_KEYS = {"family", "table", "name", "type", "flags", "handle", "elem", "size", "timeout", "stmt"}
# Minimal systems lack /etc/protocols. nft lists numbers instead of names then.
_PROTOCOLS = {6: "tcp", 17: "udp"}


def list_count_chains(ruleset: Ruleset, *, published: bool) -> tuple[str, ...]:
    """Return the names of the chains that count packets for the ruleset."""
    if not ruleset.count_days:
        return ()
    return (UNAUTHORISED, *((PUBLISHED_UNAUTHORISED,) if published else ()))


def render_counts(ruleset: Ruleset, *, new: bool) -> str:
    """Return the sets and the counter of a ruleset. If they are not new, the text does not change the loaded sets."""
    if not ruleset.count_days:
        return ""
    sets = (_render_set(name, ruleset.count_days, _START.get(name) if new else None) for name in SETS)
    return f"\tcounter {_UNCOUNTED} {{\n\t}}\n\n" + "".join(sets)


def render_count_chains(ruleset: Ruleset, *, published: bool) -> list[str]:
    """Return the chains that count packets, and then accept them (staged) or drop them."""
    return [_render_chain(name, _get_verdict(ruleset)) for name in list_count_chains(ruleset, published=published)]


def render_count_removal() -> str:
    """Return the commands that delete the sets and the counter, after no rule uses them any more."""
    sets = "".join(f"delete set inet {TABLE} {name}\n" for name in SETS)
    return f"{sets}delete counter inet {TABLE} {_UNCOUNTED}\n"


@dataclass
class ListedCounts:
    """The listed objects that count. Each method raises an error of Python for an object that this module does not write."""

    sets: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    rules: dict[str, list[Json]] = field(default_factory=dict)
    uncounted: int | None = None

    def add_set(self, value: Mapping[str, Json]) -> None:
        """Add a set."""
        name = value["name"]
        # Some versions of nft list a single flag as text, or leave out `dynamic`.
        flags = {value["flags"]} if isinstance(value["flags"], str) else {*value["flags"]}
        key = [f"ipv{name[-1]}_addr", "inet_proto", "inet_service"]
        if (value["type"], value["size"], flags - {"dynamic"}) != (key, LIMIT, {"timeout"}) or {*value} - _SET_KEYS:
            raise ValueError(name)
        self.sets[name] = value

    def add_counter(self, value: Mapping[str, Json]) -> None:
        """Add the counter."""
        if value["name"] != _UNCOUNTED:
            raise ValueError(value["name"])
        self.uncounted = value["packets"]

    def add_rule(self, value: Mapping[str, Json]) -> None:
        """Add a rule of one of the chains."""
        self.rules.setdefault(value["chain"], []).append([_name_protocol(expression) for expression in value["expr"]])

    @property
    def staged(self) -> bool:
        """Whether the listed chains accept packets."""
        return any({"accept": None} in rule for rules in self.rules.values() for rule in rules)

    @property
    def days(self) -> int:
        """The number of days for which a set keeps an element, 0 without sets."""
        return int(next((value["timeout"] // _DAY for value in self.sets.values()), 0))

    def compare(self, ruleset: Ruleset, *, published: bool) -> list[str]:
        """Return a line for each difference from the objects of a ruleset with this mode and this number of days."""
        verdict = _get_verdict(ruleset)
        chains = list_count_chains(ruleset, published=published)
        # nft 0.9.8 lists the match of the family that follows from the source address.
        forms = {name: [_list_rules(name, verdict, families=families) for families in (False, True)] for name in chains}
        names = sorted({*forms, *self.rules})
        wrong = (name for name in names if self.rules.get(name) not in forms.get(name, ()))
        lines = [f"rules of chain {name}: not as written" for name in wrong]
        found = {name: value["timeout"] for name, value in self.sets.items()}
        if found != (dict.fromkeys(SETS, ruleset.count_days * _DAY) if ruleset.count_days else {}):
            lines.append("sets of counted packets: not as written")
        if (self.uncounted is None) == bool(ruleset.count_days):
            lines.append(f"counter {_UNCOUNTED}: not as written")
        return lines

    def read(self) -> Counts | None:
        """Return the counts, None if nothing is counted."""
        if not self.sets:
            return None
        elements = [(self.days * _DAY, element) for value in self.sets.values() for element in value.get("elem", ())]
        counts = [_read_element(seconds, element) for seconds, element in elements]
        ages = [count.age for count in counts if not count.port]
        entries = tuple(count for count in counts if count.port)
        return Counts(entries, LIMIT, self.uncounted or 0, ages[0] if ages else None)


def _get_verdict(ruleset: Ruleset) -> str:
    return "accept" if ruleset.staged else "drop"


def _render_set(name: str, days: int, element: str | None) -> str:
    elements = f"\t\telements = {{ {element} }}\n" if element else ""
    return (
        f"\tset {name} {{\n\t\ttype ipv{name[-1]}_addr . inet_proto . inet_service\n\t\tsize {LIMIT}\n"
        f"\t\tflags dynamic,timeout\n\t\ttimeout {days}d\n\t\tcounter\n{elements}\t}}\n\n"
    )


def _render_chain(name: str, verdict: str) -> str:
    updates = (
        f"{f'meta l4proto {protocol} ' if protocol else ''}update @{target} {{ {SETS[target]} saddr . meta l4proto . {port} }}"
        for target, protocol, (port, _json) in _list_updates(name)
    )
    rules = "".join(f"\t\t{rule} {verdict}\n" for rule in (*updates, f"counter name {_UNCOUNTED}"))
    return f"\tchain {name} {{\n{rules}\t}}\n"


def _list_rules(name: str, verdict: str, *, families: bool) -> list[Json]:
    """Return the rules of a chain in the form of libnftables-json(5), with or without the match of their family."""
    updates = [
        [
            *([_make_match(_L4PROTO, protocol)] if protocol else []),
            *([_make_match(_NFPROTO, f"ipv{target[-1]}")] if families and protocol else []),
            _make_update(target, port),
        ]
        for target, protocol, (_text, port) in _list_updates(name)
    ]
    return [[*rule, {verdict: None}] for rule in (*updates, [{"counter": _UNCOUNTED}])]


def _list_updates(name: str) -> list[tuple[str, str, tuple[str, Json]]]:
    """Return the set, the protocol (empty for both) and the port of each rule of a chain.

    Without a match of the protocol, nft 1.0.6 does not know the type of `ct original proto-dst`.
    """
    protocols, port = (("",), _PORT) if name == UNAUTHORISED else (("tcp", "udp"), _PUBLISHED_PORT)
    return [(target, protocol, port) for target in SETS for protocol in protocols]


def _make_match(left: Json, right: str) -> Json:
    return {"match": {"op": "==", "left": left, "right": right}}


def _make_update(target: str, port: Json) -> Json:
    source = {"payload": {"protocol": SETS[target], "field": "saddr"}}
    return {"set": {"op": "update", "elem": {"concat": [source, _L4PROTO, port]}, "set": f"@{target}"}}


def _name_protocol(expression: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return an expression with the name of a protocol in place of its number."""
    match = expression.get("match", {})
    name = _PROTOCOLS.get(match.get("right")) if match.get("left") == _L4PROTO else None
    return _make_match(_L4PROTO, name) if name and match["op"] == "==" else expression


def _read_element(seconds: int, element: Json) -> Count:
    value = element["elem"]
    source, protocol, port = value["val"]["concat"]
    packets = value.get("counter", {}).get("packets", 0)
    # The listed time left has no fraction.
    age = max(0, value.get("timeout", seconds) - value["expires"])
    return Count(source, _PROTOCOLS.get(protocol, protocol), port, packets, age)
