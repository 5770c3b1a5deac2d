# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The neutral ruleset of one host: who may reach which port. It knows nothing of any firewall's language."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, parse_networks

ANY = "any"
PROTOCOLS = ("tcp", "udp")
FAMILIES = ("ipv4", "ipv6")
WILDCARDS = {"0.0.0.0": "ipv4", "::": "ipv6"}

_NAME = re.compile(r"[A-Za-z0-9._-]+")
# The longest set name nft takes is 255 bytes; room is left for a prefix and the family.
_LONGEST = 200
# A listener is a rule's comment (nft 1.0.6: "comment too long, 128 characters maximum allowed").
_LONGEST_LISTENER = 128
_ALLOW_KEYS = ("listener", "protocol", "port", "address", "sources", "published")
_KINDS: dict[type, str] = {str: "text", Mapping: "mappings"}


class RulesetError(ValueError):
    """A ruleset that cannot be used; the message names the field and the value."""


@dataclass(frozen=True, order=True)
class Service:
    """What a packet is addressed to: protocol, port, and the listener's bind address.

    The address "0.0.0.0" is every IPv4 address, "::" every IPv6 address, None every address of both families.
    """

    protocol: str
    port: int
    address: str | None

    @property
    def families(self) -> tuple[str, ...]:
        """The address families whose packets this covers."""
        if self.address is None:
            return FAMILIES
        return ("ipv6",) if ":" in self.address else ("ipv4",)

    @property
    def order(self) -> tuple[int, str, int, str]:
        """Sort key by port, which is how people look for it."""
        return self.port, self.protocol, len(self.families), self.address or ""

    @property
    def breadth(self) -> int:
        """How many addresses it is for: 0 for one, 1 for all of a family, 2 for all.

        The kernel gives a packet to the socket with the most specific address, so rules stand in this order.
        """
        return 2 if self.address is None else int(self.address in WILDCARDS)

    def __str__(self) -> str:
        words = {None: "every address", "0.0.0.0": "every IPv4 address", "::": "every IPv6 address"}
        return f"{self.protocol} {self.port} at {words.get(self.address, self.address)}"


@dataclass(frozen=True)
class Allow:
    """One listener's port and who may reach it: ANY, or names of sets (none: nobody but the host itself).

    A published port is one that the host itself translates, so that packets to it go on to a container and are forwarded.
    """

    listener: str
    service: Service
    sources: str | tuple[str, ...]
    published: bool = False

    @property
    def set_names(self) -> tuple[str, ...]:
        """The sets named as sources; none for ANY."""
        return () if isinstance(self.sources, str) else self.sources


@dataclass(frozen=True)
class SourceSet:
    """A named group of sources, both families."""

    name: str
    ipv4: Networks
    ipv6: Networks

    def of(self, family: str) -> Networks:
        """The networks of one family."""
        return self.ipv4 if family == "ipv4" else self.ipv6


@dataclass(frozen=True)
class Ruleset:
    """Everything a host allows on the listed ports, in a fixed order; equal when it means the same."""

    allow: tuple[Allow, ...] = ()
    sets: tuple[SourceSet, ...] = ()


def entries_of(ruleset: Ruleset, family: str) -> list[Allow]:
    """The entries that cover a family, in the order in which their rules stand: one address before all of them."""
    entries = (entry for entry in ruleset.allow if family in entry.service.families)
    return sorted(entries, key=lambda entry: (entry.service.breadth, entry.service.address or "", entry.service.order))


def published_part(ruleset: Ruleset) -> Ruleset:
    """The published ports alone."""
    return make_ruleset((entry for entry in ruleset.allow if entry.published), ruleset.sets)


def make_ruleset(allow: Iterable[Allow], sets: Iterable[SourceSet]) -> Ruleset:
    """Put the parts in order and leave out sets that no entry names."""
    entries = tuple(sorted(allow, key=lambda entry: entry.service.order))
    used = {name for entry in entries for name in entry.set_names}
    return Ruleset(entries, tuple(sorted((one for one in sets if one.name in used), key=lambda one: one.name)))


def ruleset_from_data(data: Mapping[str, t.Any]) -> Ruleset:
    """Read plain data, as a plan holds it: {"allow": [...], "sets": {...}}.

    Raises RulesetError, naming the field and the value, for anything out of place.
    """
    _check_keys("ruleset", data, ("allow", "sets"), optional=("sets",))
    sets = [_source_set(name, value) for name, value in _mapping("sets", data.get("sets") or {}).items()]
    known = {one.name for one in sets}
    entries = [_allow(f"allow[{at}]", entry, known) for at, entry in enumerate(_list("allow", data["allow"], Mapping))]
    _refuse_repeats(entries)
    return make_ruleset(entries, sets)


def ruleset_to_data(ruleset: Ruleset) -> dict[str, t.Any]:
    """The plain data that ruleset_from_data reads."""
    return {
        "allow": [_allow_data(entry) for entry in ruleset.allow],
        "sets": {one.name: {family: one.of(family).texts() for family in FAMILIES} for one in ruleset.sets},
    }


def _allow_data(entry: Allow) -> dict[str, t.Any]:
    service = entry.service
    sources = entry.sources if isinstance(entry.sources, str) else list(entry.sources)
    return {
        "listener": entry.listener,
        "protocol": service.protocol,
        "port": service.port,
        "address": service.address,
        "sources": sources,
        **({"published": True} if entry.published else {}),
    }


def _allow(where: str, value: t.Any, known: set[str]) -> Allow:
    entry = _mapping(where, value)
    _check_keys(where, entry, _ALLOW_KEYS, optional=("address", "published"))
    listener = _name(f"{where}.listener", entry["listener"], _LONGEST_LISTENER)
    if entry["protocol"] not in PROTOCOLS:
        raise RulesetError(f"{where}.protocol is {entry['protocol']!r}; accepted are tcp and udp")
    service = Service(
        entry["protocol"], _port(f"{where}.port", entry["port"]), _address(f"{where}.address", entry.get("address"))
    )
    sources = _sources(f"{where}.sources", entry["sources"], known)
    return Allow(listener, service, sources, _flag(f"{where}.published", entry.get("published")))


def _sources(where: str, value: t.Any, known: set[str]) -> str | tuple[str, ...]:
    if value == ANY:
        return ANY
    names = _list(where, value, str, "'any' or a list of names of sets")
    for name in names:
        if name not in known:
            raise RulesetError(f"{where} names {name!r}, which is not in sets; there are {sorted(known)!r}")
    return tuple(sorted(set(names)))


def _source_set(name: t.Any, value: t.Any) -> SourceSet:
    where = f"sets[{name!r}]"
    _name(f"name of {where}", name)
    _check_keys(where, _mapping(where, value), FAMILIES, optional=FAMILIES)
    ipv4, ipv6 = (_networks(f"{where}.{family}", family, value.get(family) or []) for family in FAMILIES)
    return SourceSet(name, ipv4, ipv6)


def _networks(where: str, family: str, value: t.Any) -> Networks:
    texts = _list(where, value, str)
    try:
        return parse_networks(family, texts)
    except ValueError as error:
        raise RulesetError(
            f"{where}: {error}; expected are {family} networks such as "
            f"{'192.0.2.0/24' if family == 'ipv4' else '2001:db8::/32'}"
        ) from error


def _address(where: str, value: t.Any) -> str | None:
    if value is None:
        return None
    # ipaddress takes numbers too, and a zone (fe80::1%eth0), which no firewall here can match.
    if isinstance(value, str) and "%" not in value:
        with suppress(ValueError):
            return str(ipaddress.ip_address(value))
    raise RulesetError(f"{where} is {value!r}; expected is an address without a zone, 0.0.0.0, :: or null")


def _port(where: str, value: t.Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise RulesetError(f"{where} is {value!r}; expected is a number from 1 to 65535")
    return value


def _flag(where: str, value: t.Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise RulesetError(f"{where} is {value!r}; expected is true or false")
    return bool(value)


def _name(where: str, value: t.Any, longest: int = _LONGEST) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value) or len(value) > longest:
        raise RulesetError(
            f"{where} is {value!r}; expected are 1 to {longest} letters, digits, dots, underscores and hyphens"
        )
    return value


def _refuse_repeats(entries: list[Allow]) -> None:
    seen: dict[Service, str] = {}
    for entry in entries:
        if entry.service in seen:
            raise RulesetError(
                f"{entry.service} is given twice, for the listeners {seen[entry.service]!r} and "
                f"{entry.listener!r}; give one entry with all its sources"
            )
        seen[entry.service] = entry.listener


def _mapping(where: str, value: t.Any) -> Mapping[str, t.Any]:
    if not isinstance(value, Mapping):
        raise RulesetError(f"{where} is {value!r}; expected is a mapping")
    return value


def _list(where: str, value: t.Any, kind: type, expected: str = "a list") -> list[t.Any]:
    if not isinstance(value, (list, tuple)):
        raise RulesetError(f"{where} is {value!r}; expected is {expected}")
    for item in value:
        if not isinstance(item, kind):
            raise RulesetError(f"{where} holds {item!r}; expected is {expected} of {_KINDS[kind]}")
    return list(value)


def _check_keys(where: str, value: Mapping[str, t.Any], known: tuple[str, ...], optional: tuple[str, ...]) -> None:
    for key in value:
        if key not in known:
            raise RulesetError(f"{where} has the unknown key {key!r}; known are {', '.join(known)}")
    for key in known:
        if key not in value and key not in optional:
            raise RulesetError(f"{where} lacks {key!r}: {dict(value)!r}")
