# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conflicts of firewalld's settings, and of rules of iptables, with our last rich rules of the zones."""

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
# With FirewallBackend=iptables this jump begins firewalld's own part of INPUT, in which our rules are.
_ZONES_CHAIN = re.compile(r"INPUT_(ZONES|POLICIES_pre)")
# A rich rule that ends every packet of its family, source and port (firewalld.richlanguage(5)).
_END = re.compile(
    r'rule(?: priority="(?P<priority>-?\d+)")?(?: family="(?P<family>ipv4|ipv6)")?'
    r'(?: source address="(?P<source>[^"]+)")?(?: port port="(?P<first>\d+)(?:-(?P<last>\d+))?" protocol="(?P<protocol>\w+)")?'
    r'(?: log(?: (?:prefix|level)="[^"]*")*| audit)* (?:drop|reject(?: type="[^"]+")?)'
)
# A rule that accepts some packets of a port, and leaves the others to later rules.
_LIMIT = re.compile(
    r'rule(?: priority="-?\d+")?.*? port port="(?P<first>\d+)(?:-(?P<last>\d+))?" protocol="(?P<protocol>\w+)".* accept limit .*'
)
_BAN = re.compile(r"rule .*\bsource .* (?:drop|reject)\b.*")
_ACCEPT_FIRST = re.compile(r'rule priority="(?P<priority>-\d+)".* accept\b')


def settings_conflicts(state: Mapping[str, t.Any], zones: Iterable[str], want: Ruleset) -> Iterator[Conflict]:
    """Return the conflicts in the runtime configuration: panic mode, policies, rules of zones, and bans that do not hold."""
    entries = [entry for entry in want.allow if entry.sources]
    ports = tuple(str(entry.service) for entry in entries)
    used = {zone: state["zones"][zone] for zone in zones if zone in state["zones"]}
    if state["panic"]:
        yield Conflict(
            certain=True,
            where="firewalld",
            reason="it is in panic mode, which drops every packet",
            ports=ports,
            advice="Leave it with `firewall-cmd --panic-off`",
        )
    for name, policy in state["policies"].items():
        yield from _of_policy(name, policy, {*used}, entries, want)
    ended = {zone: _ended(settings.get("rules_str", []), entries, want) for zone, settings in used.items()}
    for zone, found in ended.items():
        for entry, rule in found.items():
            yield Conflict(
                certain=all(entry in other for other in ended.values()),
                where=f"firewalld's zone {zone}",
                reason=f"its rule `{rule}` ends every packet of the authorised sources",
                ports=(str(entry.service),),
                advice=f"Remove it with `firewall-cmd --permanent --zone={zone} --remove-rich-rule=...`, and reload",
            )
    yield from _without_effect(state["policies"], used, entries)
    for zone, settings in used.items():
        if settings.get("sources") and settings.get("target") in _DROPS:
            yield Conflict(
                certain=False,
                where=f"firewalld's zone {zone}",
                reason=f"our rules are in it, because it has interfaces or is the default zone; its sources "
                f"{', '.join(settings['sources'])} cannot be told apart there, so authorised ones among them are accepted",
                ports=ports,
                advice="Bind sources that you ban to another zone, such as block",
                effect="accept",
            )


def _without_effect(
    policies: Mapping[str, t.Any], used: Mapping[str, t.Any], entries: list[Allow]
) -> Iterator[Conflict]:
    """Return the rules that do not hold for authorised sources: limits of zones, and bans of policies after the zones."""
    for zone, settings in used.items():
        for limit in filter(None, map(_LIMIT.fullmatch, settings.get("rules_str", []))):
            for entry in entries:
                if _is_at(limit, entry):
                    yield Conflict(
                        certain=False,
                        where=f"firewalld's zone {zone}",
                        reason=f"its rule `{limit[0]}` accepts some packets, and our rules accept the others",
                        ports=(str(entry.service),),
                        advice="To limit authorised sources, write a rule that drops packets",
                        effect="accept",
                    )
    for name, policy in policies.items():
        bans = [rule for rule in policy.get("rich_rules", []) if _BAN.fullmatch(rule)]
        if bans and policy.get("priority", 0) > 0 and _is_to_host(policy, {*used}):
            yield Conflict(
                certain=False,
                where=f"firewalld's policy {name}",
                reason=f"it comes after the zones, in which our rules are, so `{bans[0]}` does not drop authorised sources",
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


def chains_of_iptables(listed: list[dict[str, t.Any]], want: Ruleset) -> tuple[Conflict, ...]:
    """Return the conflicts in INPUT of iptables, which holds direct rules of firewalld and third-party rules.

    `listed` is the list below "nftables" of `nft -j list ruleset`. With FirewallBackend=iptables firewalld's own rules are
    the last ones of INPUT; our rules are among them. All other chains are for the early part.
    """
    own: set[str] = set()
    others = []
    for item in listed:
        value = next(iter(item.values()))
        if value.get("family") not in ("ip", "ip6") or "filter" not in (value.get("table"), value.get("name")):
            continue
        if "rule" in item and value["chain"] == "INPUT":
            if any(_ZONES_CHAIN.match(part["jump"]["target"]) for part in value["expr"] if "jump" in part):
                own.add(value["family"])
            if value["family"] in own:
                continue
        others.append(item)
    return find_conflicts(others, want, _EARLY)


def _of_policy(
    name: str, policy: Mapping[str, t.Any], used: set[str], entries: list[Allow], want: Ruleset
) -> Iterator[Conflict]:
    """Return the conflicts of a policy that comes before the zones: packets of these zones to the host."""
    ingress = {*policy.get("ingress_zones", [])}
    if policy.get("priority", 0) >= 0 or not _is_to_host(policy, used):
        return
    everywhere = "ANY" in ingress or used <= ingress
    content = [key for key in ("rich_rules", "services", "ports", "protocols", "source_ports") if policy.get(key)]
    if policy.get("target") in _DROPS:
        ends: dict[Allow, str] = dict.fromkeys(entries, f"its target is {policy['target']}")
        certain = everywhere and not content
    else:
        found = _ended(policy.get("rich_rules", []), entries, want)
        ends, certain = {entry: f"its rule `{rule}` ends every packet" for entry, rule in found.items()}, everywhere
    for entry, reason in ends.items():
        yield Conflict(
            certain=certain,
            where=f"firewalld's policy {name}",
            reason=f"it comes before the zones, in which our rules are, and {reason}",
            ports=(str(entry.service),),
            advice=f"Give it a positive priority: `firewall-cmd --permanent --policy={name} --set-priority=100`, and reload",
        )


def _ended(rules: Iterable[str], entries: Iterable[Allow], want: Ruleset) -> dict[Allow, str]:
    """Return the rule that ends every packet to an entry, by entry.

    A rule that accepts before, by a negative priority, may save some packets; then nothing is certain.
    """
    rules = [*rules]
    ends = [match for match in map(_END.fullmatch, rules) if match and int(match["priority"] or 0) < LAST]
    firsts = [int(match["priority"]) for match in map(_ACCEPT_FIRST.match, rules) if match]
    ends = [match for match in ends if all(int(match["priority"] or 0) <= first for first in firsts)]
    found = {}
    for entry in entries:
        covering = [
            [match for match in ends if _covers(match, entry, family, want)] for family in _families(entry, want)
        ]
        if covering and all(covering):
            found[entry] = covering[0][0][0]
    return found


def _families(entry: Allow, want: Ruleset) -> list[str]:
    """Return the families of which an entry has authorised sources."""
    sets = [source for source in want.sets if source.name in entry.set_names]
    return [family for family in entry.service.families
            if entry.sources == ANY or any(source.of(family).members for source in sets)]  # fmt: skip


def _covers(match: re.Match[str], entry: Allow, family: str, want: Ruleset) -> bool:
    """Tell whether a rule ends every packet of a family's authorised sources to the port of an entry."""
    if match["family"] not in (None, family) or (match["first"] and not _is_at(match, entry)):
        return False
    if not match["source"]:
        return True
    try:
        banned = from_ranges(family, [parse_range(family, match["source"])])
    except ValueError:
        return False
    members = [member for source in want.sets if source.name in entry.set_names for member in source.of(family).members]
    return entry.sources != ANY and all(banned.covers(member) for member in members)
