# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that cannot be gateways, and third-party rules in conflict with the translations of a gateway.

Forwarded packets pass the chains on the hook forward, with their destination inside and with our mark.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.detect import find_manager
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.changing import list_present_addresses
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import Egress, Forward, Nat, format_target
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.nftables import TABLE
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.partial_drops import (
    Dropped,
    are_dropped,
    find_dropped,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges, parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict_analysis import (
    Chains,
    Finding,
    Own,
    are_tracked,
    has_family,
    sort_bases,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import FORWARD, PRIORITY
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import TABLE as FIREWALL_TABLE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_conflicts import (
    explain_findings,
    explain_rule,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import Tables, parse_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import read_saved, with_options
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    MARKED,
    UNMARKED,
    Answer,
    Packet,
    list_unicast,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import (
    parse_listed_translations,
    parse_saved_translations,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import DROP, Chain, Reasons, Walk
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, PROTOCOLS, Service

_OURS = frozenset({("inet", TABLE, FORWARD), ("inet", FIREWALL_TABLE, FORWARD)})
_FIREWALLD_CONF = "/etc/firewalld/firewalld.conf"
_STRICT = re.compile(r"^\s*StrictForwardPorts\s*=\s*(yes|true)\s*$", re.IGNORECASE | re.MULTILINE)
_LEGACY_FORWARD = re.compile(r"^-A FORWARD |^:FORWARD DROP", re.MULTILINE)
# A warning lists at most so many networks.
_SHOWN = 4
_FORWARDING = {
    "ipv4": ("/proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward"),
    "ipv6": ("/proc/sys/net/ipv6/conf/all/forwarding", "net.ipv6.conf.all.forwarding"),
}


def refuse_host(host: Host, nat: Nat) -> None:
    """Raise HostError if the host does not forward packets, or if its firewall manager is not supported."""
    manager = find_manager(host)
    if manager.name == "firewalld" and _STRICT.search(host.read(_FIREWALLD_CONF) or ""):
        raise HostError(
            f"{_FIREWALLD_CONF} has StrictForwardPorts=yes, so firewalld rejects each forward that it did not make itself. Set "
            "StrictForwardPorts=no and run `firewall-cmd --reload`, or make the forwards with firewalld"
        )
    for family in FAMILY.values():
        program = f"{family.iptables}-legacy-save"
        loaded = host.read(family.legacy_tables) and host.which(program) is not None
        if loaded and _LEGACY_FORWARD.search(host.run(program)):
            raise HostError(
                f"{family.iptables}-legacy has rules in FORWARD, which nft does not list. Gateways with iptables-legacy are not "
                f"supported: load these rules with {family.iptables}-nft"
            )
    for name in _list_families(nat):
        path, setting = _FORWARDING[name]
        if host.call(_read_value, path) != "1":
            raise HostError(
                f"{setting} is not 1, so this host forwards no packet. Set it to 1 in a file in /etc/sysctl.d, and run "
                "`sysctl --system`"
            )


def _read_value(path: str) -> str:
    """Return the value of a kernel setting, empty if the kernel does not have it, for example without IPv6."""
    with suppress(OSError):
        return Path(path).read_text(encoding="ascii").strip()
    return ""


def _list_families(nat: Nat) -> list[str]:
    used = {forward.family for forward in nat.forwards} | {entry.family for entry in nat.egress}
    return [name for name in FAMILY if name in used]


def find_nat_conflicts(host: Host, listing: Listing, nat: Nat) -> tuple[Conflict, ...]:
    """Return the third-party rules that translate a forward's packets to another destination, or drop them."""
    objects = listing.objects
    translations = [*parse_listed_translations(item for item in objects if not _is_own_rule(item))]
    for family, saved in read_saved(host, objects).items():
        translations += parse_saved_translations(saved, f"{family}tables")
        objects = with_options(objects, family, saved)
    own = Own(_OURS, PRIORITY, listing.of_files)
    tables = parse_tables(objects)
    drops = _find_drops(tables, nat, own)
    return (
        *_find_translations(nat.forwards, translations, list_present_addresses(host, nat)),
        *explain_findings(tables, drops.findings, own, objects),
        *drops.list_partial(),
        *_find_dropped_egress(tables, nat, own),
    )


def _is_own_rule(item: dict[str, t.Any]) -> bool:
    rule = item.get("rule", {})
    return (rule.get("family"), rule.get("table")) == ("inet", TABLE)


def _find_translations(
    forwards: Iterable[Forward], translations: list[Translation], present: t.Mapping[str, t.Set[str]]
) -> Iterator[Conflict]:
    """Yield each translation of a forward's port at its outside address, or at a present address of its interface."""
    for forward in forwards:
        service = forward.service
        addresses: tuple[str | None, ...] = (None, service.address, *present.get(forward.outside, ()))
        if forward.is_routed:  # a rule without an address may be for the addresses of this host only
            addresses = (service.address,)
        for found in translations:
            is_same_port = (found.protocol, found.port) == (service.protocol, service.port)
            if (
                is_same_port
                and found.address in addresses
                and (found.to, found.to_port) != forward.target
                and (":" in found.to) == (forward.family == "ipv6")
            ):
                yield Conflict(
                    certain=True,
                    where=found.place,
                    reason=f"it leads to {found}, and the plan leads to {format_target(forward)}",
                    ports=(str(service),),
                    advice="Remove this rule, or give the mapping another outside port",
                    effect="translate",
                )


@dataclass
class _Drops:
    """The rules and policies that drop all packets of forwards, or possibly some, and those that drop known sources only."""

    findings: list[Finding] = field(default_factory=list)
    partial: dict[tuple[str, str], dict[Networks, list[Service]]] = field(default_factory=dict)

    def add_partial(self, base: Chain, dropped: Iterable[Dropped], service: Service) -> None:
        """Add the sources of a service that rules drop."""
        for part in dropped:
            place = base.place, explain_rule(base, part.chain, part.rule)
            self.partial.setdefault(place, {}).setdefault(part.networks, []).append(service)

    def list_partial(self) -> Iterator[Conflict]:
        """Yield a warning for each rule, because the host's administrator may ban these sources."""
        for (place, reason), parts in self.partial.items():
            yield Conflict(
                certain=True,
                where=f"nftables chain {place}",
                reason=reason,
                ports=tuple(
                    f"{', '.join(map(str, services))} from {_list_networks(networks)}"
                    for networks, services in parts.items()
                ),
                advice="If this is no ban, accept these sources there before",
                effect="part",
            )


def _find_drops(tables: Tables, nat: Nat, own: Own) -> _Drops:
    """Return the rules and policies that drop the first packet of a forward.

    They drop it for certain, or possibly and for any source, or for certain and for some of the planned sources.
    """
    tracked = are_tracked(tables.values())
    bases = {family: _list_bases(tables, family, own) for family in FAMILY}
    found = _Drops()
    for forward in nat.forwards:
        planned = _list_sources(nat, forward)
        for chains, base in bases[forward.family]:
            mark = MARKED if own.has_mark_before(base) else UNMARKED
            inside = parse_networks(forward.family, [forward.inside])
            packet = Packet(forward.family, forward.service.protocol, forward.inside_port, list_unicast(forward.family),
                            inside, tracked=tracked, mark=mark, translated=not forward.is_routed)  # fmt: skip
            outcomes = Walk(chains, packet).walk_base(base)
            passes = any(outcome.verdict != DROP for outcome in outcomes)

            walk = partial(_walk_from, chains, base, packet)
            if passes and planned.members and (dropped := find_dropped(walk, planned)) is not None:
                found.add_partial(base, dropped, forward.service)
                continue
            for outcome, (chain, rule) in outcomes.items():
                if outcome.verdict == DROP and not (passes and outcome.ban):
                    found.findings.append(Finding(base, not passes, DROP, chain, rule, forward.service))
                    break
    return found


def _walk_from(chains: Chains, base: Chain, packet: Packet, sources: Networks) -> Reasons:
    """Return the outcomes of packets from other sources."""
    return Walk(chains, replace(packet, sources=sources)).walk_base(base)


def _list_sources(nat: Nat, forward: Forward) -> Networks:
    """Return the planned sources of a forward and the callers of its hairpin; none if any source is allowed."""
    if forward.allow.sources == ANY:
        return from_ranges(forward.family, ())
    names = {*forward.allow.set_names}
    found = [source_set.select_family(forward.family) for source_set in nat.sets if source_set.name in names]
    if forward.hairpin:
        found.append(forward.hairpin.callers)
    return from_ranges(forward.family, (addresses for networks in found for addresses in networks.ranges))


def _list_networks(networks: Networks) -> str:
    """Return the first networks, and the number of the others."""
    single = f"/{FAMILY[networks.family].bits}"
    texts = [text[: -len(single)] if text.endswith(single) else text for text in networks.format()]
    return ", ".join(texts[:_SHOWN]) + (f" +{len(texts) - _SHOWN}" if len(texts) > _SHOWN else "")


def _list_bases(tables: Tables, family: str, own: Own) -> list[tuple[Chains, Chain]]:
    """Return the third-party base chains that forwarded packets of a family pass, each after the chains of its table."""
    bases = [(chains, base) for chains, base in sort_bases(tables.values()) if base.hook == FORWARD]
    return [(chains, base) for chains, base in bases if not own.has(base) and has_family(base, family)]


def _find_dropped_egress(tables: Tables, nat: Nat, own: Own) -> Iterator[Conflict]:
    """Yield a warning for each rule or policy that drops connections of hosts inside to the outside.

    It drops all of them, all over one protocol, or those to known addresses outside, which are the sources of forwards. These
    packets do not have our mark. A host may need no such connection, so the warning stops no change.
    """
    bases = {family: _list_bases(tables, family, own) for family in FAMILY}
    outside = {family: _list_outside(nat, family) for family in FAMILY}
    tracked = are_tracked(tables.values())
    found: dict[tuple[str, str, bool], list[str]] = {}
    for entry in nat.egress:
        text = f"connections from {entry.inside} that leave with {entry.outside}"
        for chains, base in bases[entry.family]:
            walks = {protocol: _make_walk(chains, base, entry, protocol, tracked) for protocol in PROTOCOLS}
            everywhere = {protocol: walk(list_unicast(entry.family)) for protocol, walk in walks.items()}
            if all(map(are_dropped, everywhere.values())):
                (chain, rule), *_others = everywhere[PROTOCOLS[0]].values()
                found.setdefault((base.place, explain_rule(base, chain, rule), False), []).append(text)
                continue
            for protocol, walk in walks.items():
                is_whole = are_dropped(everywhere[protocol])
                known = list_unicast(entry.family) if is_whole else outside[entry.family]
                for part in find_dropped(walk, known) or ():
                    to = "" if is_whole else f" to {_list_networks(part.networks)}"
                    key = base.place, explain_rule(base, part.chain, part.rule), True
                    found.setdefault(key, []).append(f"{protocol} {text}{to}")
    for (place, reason, is_part), texts in found.items():
        yield Conflict(
            certain=is_part,
            where=f"nftables chain {place}",
            reason=reason,
            ports=tuple(texts),
            advice="If these hosts connect to other sites, accept their new connections there, and the replies",
            effect="part" if is_part else DROP,
        )


def _make_walk(
    chains: Chains, base: Chain, entry: Egress, protocol: str, tracked: Answer
) -> Callable[[Networks], Reasons]:
    """Return a function that returns the outcomes of connections from inside to networks."""
    inside = parse_networks(entry.family, [entry.inside])

    def walk(networks: Networks) -> Reasons:
        packet = Packet(entry.family, protocol, None, inside, networks, tracked=tracked, mark=UNMARKED)
        return Walk(chains, packet).walk_base(base)

    return walk


def _list_outside(nat: Nat, family: str) -> Networks:
    """Return the sources of all forwards of a family. Hosts inside connect to many of them."""
    found = (source_set.select_family(family) for source_set in nat.sets)
    return from_ranges(family, (addresses for networks in found for addresses in networks.ranges))
