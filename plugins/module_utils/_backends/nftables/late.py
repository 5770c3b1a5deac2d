# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part in nftables: a rule that accepts our mark, in each base chain of the host that drops by default.

The rule is placed before the first rule that drops every new packet to a managed port, in the chain with that rule, or
else at the end of the base chain. Rules of the host for only some sources therefore precede it.
"""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.late import exempt_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import APPENDED_FILE, LATE_FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.own_files import Files, stale_files, written_files
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict_analysis import ends, first_packet
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    CHAIN,
    LATE_COMMENT,
    MARK,
    PRIORITY,
    TABLE,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import NftRule, tables_of
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import (
    ACCEPT,
    DROP,
    Chain,
    Rule,
    reached_by_some,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset, Service
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot

_RULE = f'meta mark & {MARK:#x} == {MARK:#x} accept comment "{LATE_COMMENT}"'
# These files list the loaded tables of iptables-legacy.
_LEGACY = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")
_LEGACY_REASON = "the filter table of iptables-legacy is loaded, and nft does not list its rules"
_LEGACY_ADVICE = "Check them with iptables-legacy-save or ip6tables-legacy-save"
_FAMILIES = {"ip": ("ipv4",), "ip6": ("ipv6",), "inet": ("ipv4", "ipv6")}
_ONLY_NOTES = {"counter", "log"}
# Expressions that match a share of the packets of each source, as libnftables-json(5) names them.
_LIMITS = frozenset({"limit", "ct count", "quota"})
_LIMIT_EXAMPLE = "limit rate over 10/second drop"
_LEADS = frozenset({"jump", "goto", "vmap"})
# A script that adds the rule to each chain in which it is missing. It finds the place of the rule by the number of rules
# that follow, because programs add and remove bans before that place.
_LOAD = """\
#!/bin/sh
# Written by gatehouse.kong. The next run replaces manual changes.
# Adds the rule that accepts authorised packets to the host's own chains. The numbers count the rules that follow it.
nft -a list ruleset | awk '
    BEGIN {{
{chains}    }}
    /^table / {{ table = $2 " " $3 }}
    /^\tchain / {{ chain = table " " $2 }}
    /^\t}}/ {{ chain = "" }}
    /^\t\t.* # handle [0-9]+$/ {{
        if (index($0, "{rule}")) present[chain] = 1
        else handle[chain, ++count[chain]] = $NF
    }}
    /^\t\ttype / {{ count[chain] += 0 }}
    END {{
        for (name in after) {{
            if (present[name] || !(name in count)) continue
            number = count[name] - after[name] + 1
            if (after[name] == 0) print "add rule " name " {escaped}"
            else if (number >= 1) print "insert rule " name " handle " handle[name, number] " {escaped}"
        }}
    }}
' | nft -f -
"""
# A script that deletes all rules of the late part, and then runs the boot script if that file is present.
_RESTORE = f"""\
nft -a list ruleset | awk '
    /^table / {{ table = $2 " " $3 }}
    /^\tchain / {{ chain = $2 }}
    /accept comment "{LATE_COMMENT}" # handle/ {{ print "delete rule " table " " chain " handle " $NF }}
' | nft -f - || exit
[ ! -f @FILE@ ] || exec sh @FILE@
"""
_HEADER = "# Written by gatehouse.kong. The next run replaces manual changes.\n"
_EXPRESSIONS = [
    {"match": {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, MARK]}, "right": MARK}},
    {"accept": None},
]

Objects = list[dict[str, t.Any]]  # the list "nftables" of libnftables-json(5)
Key = tuple[str, str, str]  # family, table and name of a chain
Chains = dict[Key, Chain]


@dataclass(frozen=True)
class Place:
    """A place for the rule: a chain, the number of the host's rules after it, and the handle of the next rule."""

    chain: Key
    after: int
    handle: int | None

    def __str__(self) -> str:
        return " ".join(self.chain)

    @property
    def command(self) -> str:
        """Command of nft(8) that adds the rule."""
        return f"insert rule {self} handle {self.handle} {_RULE}\n" if self.after else f"add rule {self} {_RULE}\n"


def places(chains: Chains, ruleset: Ruleset) -> tuple[Place, ...]:
    """Return the places in the host's chains that need the rule, so that authorised packets are accepted.

    A chain needs one rule, before its first rule that drops every new packet to a port. Packets to several ports can be
    dropped in several chains.
    """
    chains = {key: replace(chain, rules=_host_rules(chain)) for key, chain in chains.items()}
    first: dict[Key, int] = {}
    for base in (chain for chain in chains.values() if _sees_our_mark(chain)):
        for _service, (chain, number) in _find_ends(chains, base, list(_services(base, ruleset))):
            first[_key(chain)] = min(number, first.get(_key(chain), number))
    return tuple(_find_place(chains[key], number) for key, number in first.items())


def with_late_rules(objects: Objects, want: Ruleset) -> Objects:
    """Return the objects that nft will list after the late part for `want` is loaded."""
    chains = _chains_of(objects)
    planned = [item for item in objects if not _is_ours(item.get("rule", {}))]
    for place in places(chains, want):
        family, table, chain = place.chain
        rule = {"family": family, "table": table, "chain": chain, "comment": LATE_COMMENT, "expr": _EXPRESSIONS}
        handles = [item.get("rule", {}).get("handle") if _in_chain(item, place.chain) else None for item in planned]
        planned.insert(len(planned) if place.handle is None else handles.index(place.handle), {"rule": rule})
    return planned


class NftablesLate:
    """The late part on hosts that load their own rules with nft."""

    name = "nftables"

    def __init__(self, host: Host, listing: Listing) -> None:
        self._host = host
        self._listing = listing

    def require(self) -> None:
        """Do nothing: the early part has the same requirements."""

    def read(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each chain of the host in which the rule is missing, unexpected or misplaced."""
        chains = self._chains
        present, wanted = _present(chains), _after(places(chains, ruleset)) if ruleset else {}
        return tuple(_difference(key, present.get(key), wanted.get(key)) for key in sorted({*present, *wanted})
                     if present.get(key) != wanted.get(key))  # fmt: skip

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each file that loads the rules at boot and differs."""
        return stale_files(self._host, self._files(want), 0o600)

    def conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return a warning for each rule that authorised packets do not reach, and for a table of iptables-legacy.

        The kernel evaluates iptables-legacy too, but nft does not list its rules. The early part reports the conflicts of
        all nftables chains.
        """
        found = [path for path in _LEGACY if "filter" in (self._host.read(path) or "").split()]
        legacy = (
            Conflict(certain=False, where=path, reason=_LEGACY_REASON, ports=("any port",), advice=_LEGACY_ADVICE)
            for path in found
        )
        return (*_ineffective_rules(self._chains, want), *legacy)

    def translations(self) -> tuple[Translation, ...]:
        """Return no translations: the early part returns them."""
        return ()

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Run `nft --check` on the commands in check mode; otherwise loading checks them."""
        commands = self._commands(want)
        if check_mode and commands:
            self._host.run("nft", "--check", "--file", "-", stdin=commands)

    def snapshot(self, ruleset: Ruleset | None) -> Snapshot:  # noqa: ARG002 -- the file says it
        """Return the boot files, and a script that makes the rules of the boot script the only rules of the late part."""
        return Snapshot(
            (LATE_FILE, APPENDED_FILE),
            ((("sh",), _RESTORE.replace("@FILE@", shlex.quote(str(self._host.path(LATE_FILE))))),),
        )

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Add missing rules and delete misplaced rules, in one transaction."""
        commands = self._commands(want)
        if commands:
            self._host.run("nft", "--file", "-", stdin=commands)
        return ()

    def persist(self, want: Ruleset | None) -> None:
        """Write or remove the files that the boot units load."""
        with written_files(self._host, self._files(want), 0o600):
            pass

    def _commands(self, want: Ruleset | None) -> str:
        chains = self._chains
        present, wanted = _present(chains), places(chains, want) if want else ()
        right = {place.chain for place in wanted if present.get(place.chain) == (place.after,)}
        added = [place.command for place in wanted if place.chain not in right]
        deleted = [
            f"delete rule {' '.join(key)} handle {_listed(rule)['handle']}\n"
            for key in present
            if key not in right
            for rule in chains[key].rules
            if _is_ours(_listed(rule))
        ]
        return "".join([*added, *deleted])

    def _files(self, want: Ruleset | None) -> Files:
        """Return the texts of the boot files."""
        wanted = places(self._chains, want) if want else ()
        chains = "".join(f'        after["{place}"] = {place.after}\n' for place in wanted)
        appended = "".join(place.command for place in wanted if not place.after)
        escaped = _RULE.replace('"', '\\"')
        return {
            LATE_FILE: _LOAD.format(chains=chains, rule=escaped, escaped=escaped) if wanted else None,
            APPENDED_FILE: _HEADER + appended if appended else None,
        }

    @cached_property
    def _chains(self) -> Chains:
        return _chains_of(self._listing.objects)


def _chains_of(objects: Objects) -> Chains:
    return {(*table, name): chain for table, chains in tables_of(objects).items() for name, chain in chains.items()}


def _sees_our_mark(base: Chain) -> bool:
    """Tell whether a chain is a base chain of the host that sees our mark. Chains of iptables-nft are left out."""
    of_iptables = base.family != "inet" and base.name == "INPUT"
    ours = base.family == "inet" and base.table.startswith(TABLE)
    return base.hook == CHAIN and base.family in _FAMILIES and base.priority > PRIORITY and not of_iptables and not ours


def _services(base: Chain, ruleset: Ruleset) -> Iterator[tuple[Service, str]]:
    """Yield each managed port with each address family of the chain."""
    for entry in ruleset.allow:
        if entry.sources:
            for family in sorted({*_FAMILIES[base.family]} & {*entry.service.families}):
                yield entry.service, family


def _find_ends(
    chains: Chains, base: Chain, services: list[tuple[Service, str]]
) -> Iterator[tuple[tuple[Service, str], tuple[Chain, int]]]:
    """Yield for each port and family the chain and the number of the rule that drops every new packet.

    If the policy drops the packets, the number is that of the rules.
    """
    table = {name: chain for (*place, name), chain in chains.items() if place == [base.family, base.table]}
    shared = _shared(table, services)
    for service in services:
        found = _find_end(table, base, service, shared)
        if found or base.policy == DROP:
            yield service, found or (base, len(base.rules))


def _shared(table: Mapping[str, Chain], services: list[tuple[Service, str]]) -> set[str]:
    """Return the chains to which a rule for only some sources leads. An accept rule there would accept these sources."""
    packets = [first_packet(service, family) for service, family in services]
    actions = {
        name: [
            action
            for rule in chain.rules
            if _leads(rule)
            for packet in packets
            for action in rule.evaluate(packet).actions
        ]
        for name, chain in table.items()
    }
    return reached_by_some(actions)


def _find_end(
    table: Mapping[str, Chain], chain: Chain, service: tuple[Service, str], shared: set[str]
) -> tuple[Chain, int] | None:
    """Return the chain and the number of the first rule that drops every new packet. Chains after a jump are searched too.

    A `shared` chain gets no rule of ours. In that case, the result is the rule that leads to the shared chain.
    """
    number = next((number for number, rule in enumerate(chain.rules) if ends(table, rule, *service)), None)
    if number is None:
        return None
    target = chain.rules[number].target
    inner = None if target in shared or target not in table else _find_end(table, table[target], service, shared)
    return inner or (chain, number)


def _ineffective_rules(chains: Chains, want: Ruleset) -> Iterator[Conflict]:
    """Yield a warning for each rule of the host that has no effect, because our rule accepts its packets.

    The rule of the host accepts packets up to a limit, or it drops some sources but follows our rule.
    """
    chains = {key: replace(chain, rules=_host_rules(chain)) for key, chain in chains.items()}
    first = {place.chain: len(chains[place.chain].rules) - place.after for place in places(chains, want)}
    found: dict[tuple[Key, int, str], list[Service]] = {}
    for base in (chain for chain in chains.values() if _sees_our_mark(chain)):
        for chain, number, service, family in _rules_before_end(chains, base, list(_services(base, want))):
            rule = chain.rules[number]
            is_after = number >= first.get(_key(chain), number + 1)
            if not is_after and not _limits(rule):
                continue
            verdicts = {
                action.verdict for action in rule.evaluate(first_packet(service, family)).actions if not action.certain
            }
            for verdict in verdicts & ({DROP} if is_after else {ACCEPT}):
                found.setdefault((_key(chain), number, verdict), []).append(service)
    for (key, number, verdict), services in found.items():
        where = f"nftables chain {' '.join(key)}"
        yield exempt_rule(where, chains[key].rules[number].text, verdict, services, _LIMIT_EXAMPLE)


def _rules_before_end(
    chains: Chains, base: Chain, services: list[tuple[Service, str]]
) -> Iterator[tuple[Chain, int, Service, str]]:
    """Yield the rules before the rule that drops every new packet to a port, in the same chain."""
    for (service, family), (chain, end) in _find_ends(chains, base, services):
        yield from ((chain, number, service, family) for number in range(end))


def _limits(rule: Rule) -> bool:
    """Tell whether a rule matches a share of the packets of each source."""
    return any(
        not _LIMITS.isdisjoint(expression) for expression in _listed(rule)["expr"] if isinstance(expression, dict)
    )


def _find_place(chain: Chain, number: int) -> Place:
    """Return the place before the host's rule with this number and before rules that log for it, or at the chain's end."""
    following = chain.rules[number - _trailing_notes(chain.rules[:number]) :]
    return Place(_key(chain), len(following), _listed(following[0])["handle"] if following else None)


def _trailing_notes(rules: list[Rule]) -> int:
    """Count the rules at the end that only log or count. They apply to the packets that the next rule drops."""
    count = 0
    for rule in reversed(rules):
        kinds = {next(iter(expression)) for expression in _listed(rule)["expr"] if isinstance(expression, dict)}
        if not kinds & {"log"} or kinds - _ONLY_NOTES:
            break
        count += 1
    return count


def _leads(rule: Rule) -> bool:
    """Tell whether a rule can lead to another chain."""
    return any(
        not _LEADS.isdisjoint(expression) for expression in _listed(rule)["expr"] if isinstance(expression, dict)
    )


def _host_rules(chain: Chain) -> list[Rule]:
    return [rule for rule in chain.rules if not _is_ours(_listed(rule))]


def _listed(rule: Rule) -> Mapping[str, t.Any]:
    """Return a rule in the form in which nft lists it."""
    return rule.listed if isinstance(rule, NftRule) else {}


def _is_ours(rule: Mapping[str, t.Any]) -> bool:
    return bool(rule.get("comment") == LATE_COMMENT and rule["table"] != TABLE)


def _in_chain(item: Mapping[str, t.Any], key: Key) -> bool:
    rule = item.get("rule", {})
    return (rule.get("family"), rule.get("table"), rule.get("chain")) == key


def _present(chains: Chains) -> dict[Key, tuple[int, ...]]:
    """Return, for each rule of the late part in each chain, the number of the host's rules after it."""
    found: dict[Key, tuple[int, ...]] = {}
    for chain in chains.values():
        for number, rule in enumerate(chain.rules):
            if _is_ours(_listed(rule)):
                after = sum(not _is_ours(_listed(other)) for other in chain.rules[number:])
                found[_key(chain)] = (*found.get(_key(chain), ()), after)
    return found


def _after(wanted: Iterable[Place]) -> dict[Key, tuple[int, ...]]:
    return {place.chain: (place.after,) for place in wanted}


def _difference(key: Key, present: tuple[int, ...] | None, wanted: tuple[int, ...] | None) -> str:
    problem = "is missing" if present is None else "is not needed" if wanted is None else "is misplaced or repeated"
    return f"nftables chain {' '.join(key)}: the rule that accepts authorised packets {problem}"


def _key(chain: Chain) -> Key:
    return chain.family, chain.table, chain.name
