# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our rich rules and ipsets in firewalld for a ruleset.

firewalld can accept packets only in a zone, and cannot match marks. Therefore each port has rich rules with its sources, as
the last rules of the zones. Each group of sources has two ipsets for each family, and each rule exists for both sets: one
is filled, the other is empty. New members fill the empty set in one call, and then the old set is emptied. No packet is
lost, and the number of calls does not depend on the number of members.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import FIREWALLD_SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_suffix
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import MAXELEM, list_elements
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, WILDCARDS, Allow, Ruleset

# The priority of the last rules of a zone. Priorities are -32768 to 32767 (firewalld.richlanguage(5)).
LAST = 32767
TYPE = "hash:net"
_HALVES = ("a", "b")
# IPSET_MAXNAMELEN in linux/netfilter/ipset/ip_set.h is 32, with the terminating 0.
_LONGEST = 31
_DIGEST = 8
# Our rules for all sources use a set of every address, so that they differ from rules of the administrator.
_EVERY = {"ipv4": ["0.0.0.0/1", "128.0.0.0/1"], "ipv6": ["8000::/1", "::/1"]}
_RULE = re.compile(
    r'rule priority="(?P<priority>-?\d+)" family="(?P<family>ipv4|ipv6)" source ipset="(?P<ipset>[^"]+)"'
    r'(?: destination address="(?P<address>[^"]+)")? port port="(?P<port>\d+)" protocol="(?P<protocol>tcp|udp)" accept'
)


class Rule(t.NamedTuple):
    """A rich rule: members of an ipset may connect to a port at an address (None: at every address of the family)."""

    family: str
    ipset: str
    address: str | None
    port: int
    protocol: str

    def __str__(self) -> str:
        """Return the rule as firewalld lists it (firewalld.richlanguage(5))."""
        to = f' destination address="{self.address}"' if self.address else ""
        return (
            f'rule priority="{LAST}" family="{self.family}" source ipset="{self.ipset}"{to} '
            f'port port="{self.port}" protocol="{self.protocol}" accept'
        )


@dataclass(frozen=True)
class Group:
    """The ipsets of a group of sources for one family. Exactly one of them has the entries."""

    family: str
    names: tuple[str, ...]
    entries: tuple[str, ...]

    def fill(self, name: str) -> dict[str, list[str]]:
        """Return the entries of each ipset if `name` is the filled ipset."""
        return {ipset: [*self.entries] if ipset == name else [] for ipset in self.names}


@dataclass(frozen=True)
class Objects:
    """All objects of a ruleset: rules for each zone, and groups of sources."""

    rules: tuple[Rule, ...] = ()
    groups: tuple[Group, ...] = ()

    @property
    def families(self) -> dict[str, str]:
        """The family of each ipset, by its name."""
        return {name: group.family for group in self.groups for name in group.names}

    def lay_out(self, present: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
        """Return the wanted entries of each ipset, given the present entries.

        A set with exactly the wanted entries is kept. Otherwise an empty set is filled, so that the old set is in use until
        the new set is complete. If a change was interrupted, no set is empty, and the smallest set is filled.
        """
        found: dict[str, list[str]] = {}
        for group in self.groups:
            sizes = {name: len([*present.get(name, ())]) for name in group.names}
            complete = [name for name in group.names if {*present.get(name, ())} == {*group.entries}]
            found.update(group.fill(min(complete or group.names, key=lambda name: sizes[name])))
        return found


def make_objects(ruleset: Ruleset | None) -> Objects:
    """Return the objects of a ruleset, or no objects without a ruleset."""
    if ruleset is None:
        return Objects()
    rules = tuple(sorted({rule for entry in ruleset.allow for rule in _make_rules(entry)}, key=str))
    groups = [
        Group(family, _make_names(f"-{source.name}", family), _merge_entries(source.select_family(family)))
        for source in ruleset.sets
        for family in FAMILIES
    ]
    groups += [Group(family, (_name_every_set(family),), (*_EVERY[family],)) for family in FAMILIES]
    used = {rule.ipset for rule in rules}
    return Objects(rules, tuple(group for group in groups if used.intersection(group.names)))


def set_options(family: str) -> dict[str, str]:
    """Return the options of our ipsets (firewalld.ipset(5))."""
    return {"family": FAMILY[family].inet, "maxelem": str(MAXELEM)}


def is_ours(rule: str) -> bool:
    """Tell whether a rich rule, as firewalld lists it, uses one of our ipsets."""
    return any(f'source ipset="{prefix}' in rule for prefix in FIREWALLD_SET_PREFIX.values())


def _make_rules(entry: Allow) -> Iterator[Rule]:
    service = entry.service
    address = None if service.address in WILDCARDS else service.address
    for family in service.families:
        any_source = (_name_every_set(family),) if entry.sources == ANY else ()
        groups = (name for source in entry.set_names for name in _make_names(f"-{source}", family))
        for name in (*any_source, *groups):
            yield Rule(family, name, address, service.port, service.protocol)


def _name_every_set(family: str) -> str:
    return f"{FIREWALLD_SET_PREFIX[family]}any"


def _make_names(name: str, family: str) -> tuple[str, ...]:
    return tuple(_make_name(FIREWALLD_SET_PREFIX[family] + half, name) for half in _HALVES)


def _make_name(prefix: str, name: str) -> str:
    """Return the name of an ipset. A long name is shortened and gets a digest of the whole name."""
    full = prefix + name
    if len(full) <= _LONGEST:
        return full
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{full[: _LONGEST - _DIGEST - 1]}-{digest}"


def _merge_entries(networks: Networks) -> tuple[str, ...]:
    """Return the fewest entries for networks, because nft lists adjacent networks merged and both forms must be equal."""
    texts = list_elements(from_ranges(networks.family, networks.ranges))
    return tuple(sorted(remove_suffix(text, f"/{FAMILY[networks.family].bits}") for text in texts))
