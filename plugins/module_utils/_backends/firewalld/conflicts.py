# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conflicts of firewalld's settings, and of iptables rules, with our rich rules, which are the last rules of the zones."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.objects import LAST
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_ranges, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import PRIORITY
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_conflicts import Own, find_conflicts
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, Allow, Ruleset

_DROPS = ("DROP", "REJECT", "%%REJECT%%")
_OTHER_BASES = frozenset((family, "filter", chain) for family in ("ip", "ip6") for chain in ("FORWARD", "OUTPUT"))
_EARLY = Own(_OTHER_BASES, marked_after=PRIORITY)
# With FirewallBackend=iptables, this jump begins firewalld's own part of INPUT, which contains our rules.
_ZONES_CHAIN = re.compile(r"INPUT_(ZONES|POLICIES_pre)")
# A rich rule that drops or rejects every packet of its family, source and port (firewalld.richlanguage(5)).
_END = re.compile(
    r'rule(?: priority="(?P<priority>-?\d+)")?(?: family="(?P<family>ipv4|ipv6)")?'
    r'(?: source address="(?P<source>[^"]+)")?(?: port port="(?P<first>\d+)(?:-(?P<last>\d+))?" protocol="(?P<protocol>\w+)")?'
    r'(?: log(?: (?:prefix|level)="[^"]*")*| audit)* (?:drop|reject(?: type="[^"]+")?)'
)
# A rule that accepts some packets of a port. Later rules are evaluated for the other packets.
_LIMIT = re.compile(
    r'rule(?: priority="-?\d+")?.*? port port="(?P<first>\d+)(?:-(?P<last>\d+))?" protocol="(?P<protocol>\w+)".* accept limit .*'
)
_BAN = re.compile(r"rule .*\bsource .* (?:drop|reject)\b.*")
_ACCEPT_FIRST = re.compile(r'rule priority="(?P<priority>-\d+)".* accept\b')


def find_settings_conflicts(state: Mapping[str, t.Any], zones: Iterable[str], want: Ruleset) -> Iterator[Conflict]:
    """Yield the conflicts in the runtime configuration: panic mode, policies, rules of zones, and ineffective bans."""
    entries = [entry for entry in want.allow if entry.sources]
    ports = tuple(str(entry.service) for entry in entries)
    used = {zone: state["zones"][zone] for zone in zones if zone in state["zones"]}
    if state["panic"]:
        yield Conflict(
            certain=True,
            where="firewalld",
            reason="it is in panic mode, which drops all packets",
            ports=ports,
            advice="Run `firewall-cmd --panic-off`",
        )
    for name, policy in state["policies"].items():
        yield from _find_policy_conflicts(name, policy, {*used}, entries, want)
    dropped = {zone: _find_drops(settings.get("rules_str", []), entries, want) for zone, settings in used.items()}
    for zone, found in dropped.items():
        for entry, rule in found.items():
            yield Conflict(
                certain=all(entry in other for other in dropped.values()),
                where=f"firewalld's zone {zone}",
                reason=f"its rule `{rule}` drops every packet of the authorised sources",
                ports=(str(entry.service),),
                advice=f"Remove it with `firewall-cmd --permanent --zone={zone} --remove-rich-rule=...`, and reload",
            )
    yield from _find_ineffective_rules(state["policies"], used, entries)
    for zone, settings in used.items():
        if settings.get("sources") and settings.get("target") in _DROPS:
            yield Conflict(
                certain=False,
                where=f"firewalld's zone {zone}",
                reason=f"it contains our rules, because it has interfaces or is the default zone. Authorised addresses among "
                f"its sources {', '.join(settings['sources'])} are therefore accepted",
                ports=ports,
                advice="Bind banned sources to another zone, such as block",
                effect="accept",
            )


def _find_ineffective_rules(
    policies: Mapping[str, t.Any], used: Mapping[str, t.Any], entries: list[Allow]
) -> Iterator[Conflict]:
    """Yield the rules without effect on authorised sources: limits in zones, and bans in policies after the zones."""
    for zone, settings in used.items():
        for limit in filter(None, map(_LIMIT.fullmatch, settings.get("rules_str", []))):
            for entry in entries:
                if _is_at(limit, entry):
                    yield Conflict(
                        certain=False,
                        where=f"firewalld's zone {zone}",
                        reason=f"its rule `{limit[0]}` accepts packets up to a limit, but our rules accept the rest",
                        ports=(str(entry.service),),
                        advice="To limit authorised sources, add a rule that drops packets",
                        effect="accept",
                    )
    for name, policy in policies.items():
        bans = [rule for rule in policy.get("rich_rules", []) if _BAN.fullmatch(rule)]
        if bans and policy.get("priority", 0) > 0 and _is_to_host(policy, {*used}):
            yield Conflict(
                certain=False,
                where=f"firewalld's policy {name}",
                reason=f"it follows the zones, which contain our rules, so `{bans[0]}` does not drop authorised sources",
                ports=tuple(str(entry.service) for entry in entries),
                advice=f"Give it a negative priority: `firewall-cmd --permanent --policy={name} --set-priority=-100`, "
                "and reload",
                effect="accept",
            )


def _is_to_host(policy: Mapping[str, t.Any], zones: set[str]) -> bool:
    return "HOST" in policy.get("egress_zones", []) and bool({*policy.get("ingress_zones", [])} & {"ANY", *zones})


def _is_at(rule: re.Match[str], entry: Allow) -> bool:
    ports = range(int(rule["first"]), int(rule["last"] or rule["first"]) + 1)
    return rule["protocol"] == entry.service.protocol and entry.service.port in ports


def find_iptables_conflicts(listed: list[dict[str, t.Any]], want: Ruleset) -> tuple[Conflict, ...]:
    """Return the conflicts in INPUT of iptables, which contains direct rules of firewalld and third-party rules.

    `listed` is the list "nftables" of `nft -j list ruleset`. With FirewallBackend=iptables, firewalld's own rules, which
    include our rules, are the last rules of INPUT. The early part checks all other chains.
    """
    own: set[str] = set()
    third_party = []
    for item in listed:
        value = next(iter(item.values()))
        if value.get("family") not in ("ip", "ip6") or "filter" not in (value.get("table"), value.get("name")):
            continue
        if "rule" in item and value["chain"] == "INPUT":
            if any(_ZONES_CHAIN.match(part["jump"]["target"]) for part in value["expr"] if "jump" in part):
                own.add(value["family"])
            if value["family"] in own:
                continue
        third_party.append(item)
    return find_conflicts(third_party, want, _EARLY)


def _find_policy_conflicts(
    name: str, policy: Mapping[str, t.Any], used: set[str], entries: list[Allow], want: Ruleset
) -> Iterator[Conflict]:
    """Yield the conflicts of a policy that precedes the zones, for packets of these zones to the host."""
    ingress = {*policy.get("ingress_zones", [])}
    if policy.get("priority", 0) >= 0 or not _is_to_host(policy, used):
        return
    everywhere = "ANY" in ingress or used <= ingress
    content = [key for key in ("rich_rules", "services", "ports", "protocols", "source_ports") if policy.get(key)]
    if policy.get("target") in _DROPS:
        drops: dict[Allow, str] = dict.fromkeys(entries, f"its target is {policy['target']}")
        certain = everywhere and not content
    else:
        found = _find_drops(policy.get("rich_rules", []), entries, want)
        drops, certain = {entry: f"its rule `{rule}` drops every packet" for entry, rule in found.items()}, everywhere
    for entry, reason in drops.items():
        yield Conflict(
            certain=certain,
            where=f"firewalld's policy {name}",
            reason=f"it precedes the zones, which contain our rules, and {reason}",
            ports=(str(entry.service),),
            advice=f"Give it a positive priority: `firewall-cmd --permanent --policy={name} --set-priority=100`, and reload",
        )


def _find_drops(rules: Iterable[str], entries: Iterable[Allow], want: Ruleset) -> dict[Allow, str]:
    """Return by entry the rule that drops every packet to the entry.

    A rule is left out if a rule with a lower (negative) priority accepts packets before it.
    """
    rules = [*rules]
    ends = [match for match in map(_END.fullmatch, rules) if match and int(match["priority"] or 0) < LAST]
    firsts = [int(match["priority"]) for match in map(_ACCEPT_FIRST.match, rules) if match]
    ends = [match for match in ends if all(int(match["priority"] or 0) <= first for first in firsts)]
    found = {}
    for entry in entries:
        covering = [
            [match for match in ends if _covers(match, entry, family, want)] for family in _list_families(entry, want)
        ]
        if covering and all(covering):
            found[entry] = covering[0][0][0]
    return found


def _list_families(entry: Allow, want: Ruleset) -> list[str]:
    """Return the families of the authorised sources of an entry."""
    sets = [source for source in want.sets if source.name in entry.set_names]
    return [family for family in entry.service.families
            if entry.sources == ANY or any(source.select_family(family).members for source in sets)]  # fmt: skip


def _covers(match: re.Match[str], entry: Allow, family: str, want: Ruleset) -> bool:
    """Tell whether a rule drops every packet of a family's authorised sources to the port of an entry."""
    if match["family"] not in (None, family) or (match["first"] and not _is_at(match, entry)):
        return False
    if not match["source"]:
        return True
    try:
        banned = from_ranges(family, [parse_range(family, match["source"])])
    except ValueError:
        return False
    members = [
        member
        for source in want.sets
        if source.name in entry.set_names
        for member in source.select_family(family).members
    ]
    return entry.sources != ANY and all(banned.covers(member) for member in members)
