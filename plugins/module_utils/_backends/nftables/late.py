# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part in nftables: a rule that accepts our mark, in each base chain of the host that drops by default.

The rule is placed before the first rule that drops every new packet to a managed port, in the chain with that rule, or
else at the end of the base chain. Rules of the host for only some sources therefore precede it.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.late_place import (
    RULE,
    Chains,
    Key,
    Place,
    find_ineffective_rules,
    find_places,
    find_present,
    is_ours,
    normalise_rule,
    read_chains,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import APPENDED_FILE, LATE_FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.own_files import Files, compare_files, write_files
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_COMMENT, MARK
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot

# These files list the loaded tables of iptables-legacy.
_LEGACY = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")
_LEGACY_REASON = "the filter table of iptables-legacy is loaded, and nft does not list its rules"
_LEGACY_ADVICE = "Check them with iptables-legacy-save or ip6tables-legacy-save"
# A script that deletes the rule from every chain and adds it to each chain that needs it, in one transaction. It finds the
# place of the rule by the number of rules that follow, because programs add and remove bans before that place.
_LOAD = """\
#!/bin/sh
# Written by gatehouse.kong. The next run replaces manual changes.
# Adds the rule that accepts authorised packets to the host's own chains. The numbers count the rules that follow it.
# Comments can contain line breaks, and bytes that are not UTF-8.
export LC_ALL=C
nft -a list ruleset | awk '
    BEGIN {{
{chains}    }}
    /^table / {{ table = $2 " " $3 }}
    /^\tchain / {{ chain = table " " $2; next }}
    /^\t}}/ {{ chain = "" }}
    chain && / # handle [0-9]+$/ {{
        if (index($0, "\t\t{rule} ") == 1) print "delete rule " chain " handle " $NF
        else handle[chain, ++count[chain]] = $NF
    }}
    /^\t\ttype / {{ count[chain] += 0 }}
    END {{
        for (name in after) {{
            if (!(name in count)) continue
            number = count[name] - after[name] + 1
            if (after[name] == 0) print "add rule " name " {escaped}"
            else if (number >= 1) print "insert rule " name " handle " handle[name, number] " {escaped}"
        }}
    }}
' | nft -f -
"""
_HEADER = "# Written by gatehouse.kong. The next run replaces manual changes.\n"
_EXPRESSIONS = [
    {"match": {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, MARK]}, "right": MARK}},
    {"accept": None},
]

Objects = t.List[t.Dict[str, t.Any]]  # the list "nftables" of libnftables-json(5)


def with_late_rules(listing: Listing, want: Ruleset) -> Objects:
    """Return the objects that nft will list after the late part for `want` is loaded."""
    chains = read_chains(listing)
    planned = [item for item in listing.objects if not is_ours(item.get("rule", {}))]
    for place in find_places(chains, want):
        family, table, chain = place.chain
        rule = {"family": family, "table": table, "chain": chain, "comment": LATE_COMMENT, "expr": _EXPRESSIONS}
        handles = [item.get("rule", {}).get("handle") if _is_in_chain(item, place.chain) else None for item in planned]
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
        present, wanted = find_present(chains), _count_after(find_places(chains, ruleset)) if ruleset else {}
        return tuple(_describe_difference(key, present.get(key), wanted.get(key)) for key in sorted({*present, *wanted})
                     if present.get(key) != wanted.get(key))  # fmt: skip

    def compare_persisted(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each file that loads the rules at boot and differs."""
        return compare_files(self._host, self._plan_files(want), 0o600)

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return a warning for each rule that authorised packets do not reach, and for a table of iptables-legacy.

        The kernel evaluates iptables-legacy too, but nft does not list its rules. The early part reports the conflicts of
        all nftables chains.
        """
        found = [path for path in _LEGACY if "filter" in (self._host.read(path) or "").split()]
        legacy = (
            Conflict(certain=False, where=path, reason=_LEGACY_REASON, ports=("any port",), advice=_LEGACY_ADVICE)
            for path in found
        )
        return (*find_ineffective_rules(self._chains, want), *legacy)

    def find_translations(self) -> tuple[Translation, ...]:
        """Return no translations: the early part returns them."""
        return ()

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Run `nft --check` on the commands in check mode; otherwise loading checks them."""
        commands = self._render_commands(want)
        if check_mode and commands:
            self._host.run("nft", "--check", "--file", "-", stdin=commands)

    def snapshot(self, ruleset: Ruleset | None) -> Snapshot:  # noqa: ARG002 -- the file says it
        """Return the boot files, and a script that restores the current rules in one transaction."""
        first = {key: after[0] for key, after in find_present(self._chains).items()}
        return Snapshot((LATE_FILE, APPENDED_FILE), ((("sh",), _render_script(first)),))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Add missing rules and delete misplaced rules, in one transaction."""
        commands = self._render_commands(want)
        if commands:
            self._host.run("nft", "--file", "-", stdin=commands)
        return ()

    def persist(self, want: Ruleset | None) -> None:
        """Write or remove the files that the boot units load."""
        with write_files(self._host, self._plan_files(want), 0o600):
            pass

    def _render_commands(self, want: Ruleset | None) -> str:
        chains = self._chains
        present, wanted = find_present(chains), find_places(chains, want) if want else ()
        right = {place.chain for place in wanted if present.get(place.chain) == (place.after,)}
        added = [place.command for place in wanted if place.chain not in right]
        deleted = [
            f"delete rule {' '.join(key)} handle {normalise_rule(rule)['handle']}\n"
            for key in present
            if key not in right
            for rule in chains[key].rules
            if is_ours(normalise_rule(rule))
        ]
        return "".join([*added, *deleted])

    def _plan_files(self, want: Ruleset | None) -> Files:
        """Return the texts of the boot files."""
        wanted = find_places(self._chains, want) if want else ()
        appended = "".join(place.command for place in wanted if not place.after)
        return {
            LATE_FILE: _render_script({place.chain: place.after for place in wanted}) if wanted else None,
            APPENDED_FILE: _HEADER + appended if appended else None,
        }

    @cached_property
    def _chains(self) -> Chains:
        return read_chains(self._listing)


def _render_script(wanted: Mapping[Key, int]) -> str:
    """Return the script that adds the rule to chains before a number of rules, and removes it from all other chains."""
    chains = "".join(f'        after["{" ".join(chain)}"] = {after}\n' for chain, after in wanted.items())
    escaped = RULE.replace('"', '\\"')
    return _LOAD.format(chains=chains, rule=escaped, escaped=escaped)


def _is_in_chain(item: Mapping[str, t.Any], key: Key) -> bool:
    rule = item.get("rule", {})
    return (rule.get("family"), rule.get("table"), rule.get("chain")) == key


def _count_after(wanted: Iterable[Place]) -> dict[Key, tuple[int, ...]]:
    return {place.chain: (place.after,) for place in wanted}


def _describe_difference(key: Key, present: tuple[int, ...] | None, wanted: tuple[int, ...] | None) -> str:
    problem = "is missing" if present is None else "is not needed" if wanted is None else "is misplaced or repeated"
    return f"nftables chain {' '.join(key)}: the rule that accepts authorised packets {problem}"
