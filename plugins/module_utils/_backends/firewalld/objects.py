# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our objects in firewalld: made from a ruleset, and read back into one.

A policy from any zone to the host, with a priority before all others, holds the rules; each port is a service, each
group of sources an ipset for each family. Settings are those of firewalld.dbus(5), as _firewalld_session gives them.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import POLICY
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import INET, MAXELEM, elements, set_name
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    FAMILIES,
    WILDCARDS,
    Allow,
    Ruleset,
    Service,
    SourceSet,
    make_ruleset,
)

Settings = dict[str, t.Any]
Objects = dict[str, dict[str, Settings]]  # "policies", "services" and "ipsets": settings by name

KINDS = {"policies": "policy", "services": "service", "ipsets": "ipset"}
NOTHING: Objects = {kind: {} for kind in KINDS}

_PRIORITY = -32000  # of -32768 to 32767 (firewalld.policies(5)); the owner can still put one before it
_ACCEPT, _DROP = "accept", "drop"
_FIRST = -30  # of the rules; those for all addresses come after those for one
_STEP = 10
_SERVICE = re.compile(rf"{POLICY}-(?P<listener>.+)-(?P<port>\d+)-(?P<protocol>tcp|udp)")
_RULE = re.compile(
    r'rule priority="(?P<priority>-\d+)" family="(?P<family>ipv4|ipv6)"(?: source ipset="(?P<ipset>[^"]+)")?'
    r'(?: destination address="(?P<address>[^"]+)")? service name="(?P<service>[^"]+)" (?P<verdict>accept|drop)'
)


class Rule(t.NamedTuple):
    """A rich rule of ours: sources (None: anyone) at a service and one address (None: every one of the family)."""

    priority: int
    family: str
    ipset: str | None
    address: str | None
    service: str
    verdict: str

    def __str__(self) -> str:
        """As firewalld writes it (firewalld.richlanguage(5))."""
        source = f' source ipset="{self.ipset}"' if self.ipset else ""
        to = f' destination address="{self.address}"' if self.address else ""
        which = f'priority="{self.priority}" family="{self.family}"'
        return f'rule {which}{source}{to} service name="{self.service}" {self.verdict}'


def parse_rule(text: str) -> Rule | None:
    """The rule that a text of firewalld's stands for, None if this collection never writes such a one."""
    match = _RULE.fullmatch(text)
    return match and Rule(int(match["priority"]), *match.group("family", "ipset", "address", "service", "verdict"))


def make_objects(ruleset: Ruleset | None) -> Objects:
    """All objects of a ruleset; none at all without one."""
    if ruleset is None:
        return NOTHING
    ipsets = {set_name(one.name, family): _ipset(one, family) for one in ruleset.sets for family in FAMILIES}
    services = {_service_name(entry): _service(entry) for entry in ruleset.allow}
    return {"policies": {POLICY: _policy(ruleset)}, "services": services, "ipsets": ipsets}


def frame(objects: Objects) -> t.Any:
    """What only a reload changes: which objects there are, and all of them but a policy's rules and a set's entries."""
    changing = ("rich_rules", "entries")
    return {
        kind: {name: {key: value for key, value in one.items() if key not in changing} for name, one in of.items()}
        for kind, of in objects.items()
    }


def read_ruleset(objects: Objects) -> Ruleset | None:
    """The ruleset that objects stand for; None without a policy. What make_objects never makes is passed over."""
    if POLICY not in objects["policies"]:
        return None
    entries: dict[Service, Allow] = {}
    for rule in filter(None, map(parse_rule, objects["policies"][POLICY].get("rich_rules", []))):
        found = _entry(rule, objects["ipsets"])
        if found:
            entries[found.service] = _merged(entries.get(found.service), found)
    return make_ruleset(entries.values(), _source_sets(objects["ipsets"]))


def differences(found: Objects) -> Iterator[str]:
    """A line for each thing of ours that is otherwise than its own meaning as a ruleset would be written."""
    expected = make_objects(read_ruleset(found))
    for kind, word in KINDS.items():
        for name in sorted({*found[kind], *expected[kind]}):
            yield from _difference(f"{word} {name}", found[kind].get(name), expected[kind].get(name))


def _difference(where: str, found: Settings | None, expected: Settings | None) -> Iterator[str]:
    if found is None or expected is None:
        yield f"{where}: {'missing' if found is None else 'nothing of ours uses it'}"
        return
    # Entries are compared as networks: their spelling tells nothing.
    for key in sorted({*found, *expected} - {"entries"}):
        have, want = (one.get(key) for one in (found, expected))
        if have != want and isinstance(have or want, list):
            yield from (f"{where}: {key} has {item}" for item in have or [] if item not in (want or []))
            yield from (f"{where}: {key} lacks {item}" for item in want or [] if item not in (have or []))
        elif have != want:
            yield f"{where}: {key} is {have!r}"


def _policy(ruleset: Ruleset) -> Settings:
    rules = sorted(str(rule) for entry in ruleset.allow for rule in rules_of(entry))
    return {
        "short": "Kong",
        "description": "Who may reach Kong's ports; kept by the Ansible collection gatehouse.kong",
        "priority": _PRIORITY,
        "target": "CONTINUE",
        "ingress_zones": ["ANY"],
        "egress_zones": ["HOST"],
        **({"rich_rules": rules} if rules else {}),
    }


def rules_of(entry: Allow) -> Iterator[Rule]:
    """The rules of one entry: its sources, or anyone, and for all others a drop."""
    service = entry.service
    priority = _FIRST + _STEP * service.breadth  # which tells all of a family from all
    address = None if service.breadth else service.address
    name = _service_name(entry)
    for family in service.families:
        for source in entry.set_names:
            yield Rule(priority, family, set_name(source, family), address, name, _ACCEPT)
        last = (priority, _ACCEPT) if entry.sources == ANY else (priority + 1, _DROP)
        yield Rule(last[0], family, None, address, name, last[1])


def _service_name(entry: Allow) -> str:
    return f"{POLICY}-{entry.listener}-{entry.service.port}-{entry.service.protocol}"


def _service(entry: Allow) -> Settings:
    ports = [[str(entry.service.port), entry.service.protocol]]
    return {"short": entry.listener, "description": f"Kong's listener {entry.listener}", "ports": ports}


def _ipset(one: SourceSet, family: str) -> Settings:
    return {
        "short": one.name,
        "description": f"Sources of Kong's ports: {one.name}",
        "type": "hash:net",
        "options": {"family": INET[family], "maxelem": str(MAXELEM)},
        "entries": sorted(
            text.removesuffix("/32" if family == "ipv4" else "/128") for text in elements(one.of(family))
        ),
    }


def _entry(rule: Rule, ipsets: Mapping[str, Settings]) -> Allow | None:
    match = _SERVICE.fullmatch(rule.service)
    if not match or (rule.ipset and rule.ipset not in ipsets):
        return None
    wildcard = {family: text for text, family in WILDCARDS.items()}[rule.family]
    everywhere = rule.priority // _STEP == (_FIRST + 2 * _STEP) // _STEP
    address = rule.address or (None if everywhere else wildcard)
    sources: str | tuple[str, ...] = ()
    if rule.ipset:
        sources = (ipsets[rule.ipset]["short"],)
    elif rule.verdict == _ACCEPT:
        sources = ANY
    return Allow(match["listener"], Service(match["protocol"], int(match["port"]), address), sources)


def _merged(known: Allow | None, found: Allow) -> Allow:
    if known is None or ANY in (known.sources, found.sources):
        return found if known is None or found.sources == ANY else known
    return Allow(found.listener, found.service, tuple(sorted({*known.set_names, *found.set_names})))


def _source_sets(ipsets: Mapping[str, Settings]) -> Iterator[SourceSet]:
    for name in sorted({one["short"] for one in ipsets.values()}):
        yield SourceSet(name, *(_networks(ipsets.get(set_name(name, family)), family) for family in FAMILIES))


def _networks(ipset: Settings | None, family: str) -> Networks:
    # Spelled as they are: the state that is kept of them is to write the same files again.
    return parse_networks(family, (ipset or {}).get("entries", []))
