# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a ruleset as the text of our nftables table (nft(8))."""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter_names import CHAIN, MARK, PRIORITY, TABLE
from ansible_collections.gatehouse.kong.plugins.module_utils._networks import Networks
from ansible_collections.gatehouse.kong.plugins.module_utils._nftables_rules import Rule, compile_rules, set_name
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset import FAMILIES, Ruleset

_HEADER = f"""\
# Written by gatehouse.kong. The next run replaces what is changed here.
# Loaded in one transaction: the old table, if there is one, goes at the moment the new one comes.
# `add` makes `delete` work where there is no table yet; nft before 1.0.7 has no `destroy`.
add table inet {TABLE}
delete table inet {TABLE}
"""

_IP = {"ipv4": "ip", "ipv6": "ip6"}
_ACCEPT = f"meta mark set meta mark | {MARK:#x} accept"


def render_table(ruleset: Ruleset | None) -> str:
    """A complete input for `nft -f` that replaces our table by this ruleset's, or removes it (None)."""
    if ruleset is None:
        return _HEADER
    sets = "".join(_set(one.name, one.of(family)) for one in ruleset.sets for family in FAMILIES)
    rules = "".join(f"\t\t{_rule(rule)}\n" for rule in compile_rules(ruleset.allow))
    return (
        f"{_HEADER}table inet {TABLE} {{\n{sets}"
        f"\tchain {CHAIN} {{\n"
        f"\t\ttype filter hook input priority filter - {-PRIORITY}; policy accept;\n"
        '\t\tiifname "lo" return comment "the host reaches itself"\n'
        f"{rules}\t}}\n}}\n"
    )


def _set(name: str, networks: Networks) -> str:
    elements = ",\n\t\t\t".join(_element(text) for text in networks.outermost().texts())
    return (
        f"\tset {set_name(name, networks.family)} {{\n"
        f"\t\ttype {networks.family}_addr\n\t\tflags interval\n\t\tauto-merge\n"
        + (f"\t\telements = {{\n\t\t\t{elements}\n\t\t}}\n" if elements else "")
        + "\t}\n\n"
    )


def _element(text: str) -> str:
    # A single address is easier to read, and to compare with what nft lists, without its length.
    address, _slash, length = text.partition("/")
    return address if length == ("128" if ":" in address else "32") else text


def _rule(rule: Rule) -> str:
    parts = [_addresses(rule), _ports(rule.ports), _sources(rule), _ACCEPT if rule.accept else "drop"]
    return " ".join(part for part in parts if part) + f' comment "{rule.listener}"'


def _addresses(rule: Rule) -> str:
    if rule.address:
        return f"{_IP[t.cast('str', rule.family)]} daddr {rule.address}"
    # `ip saddr` says the family already.
    return f"meta nfproto {rule.family}" if rule.family and not rule.source_set else ""


def _ports(ports: tuple[tuple[str, int], ...]) -> str:
    protocols = {protocol for protocol, _port in ports}
    if len(protocols) > 1:
        return "meta l4proto . th dport " + _one_of([f"{protocol} . {port}" for protocol, port in ports])
    return f"{protocols.pop()} dport " + _one_of([str(port) for _protocol, port in ports])


def _one_of(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def _sources(rule: Rule) -> str:
    if rule.source_set is None:
        return ""
    family = t.cast("str", rule.family)
    return f"{_IP[family]} saddr @{set_name(rule.source_set, family)}"
