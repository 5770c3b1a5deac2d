# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ruleset as the plain data of a plan."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Mapping
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, is_port, parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    PROTOCOLS,
    Allow,
    Ruleset,
    Service,
    SourceSet,
    make_ruleset,
)

_NAME = re.compile(r"[A-Za-z0-9._-]+")
# nft accepts names of sets up to 255 bytes; the rest is for a prefix and the family.
_LONGEST = 200
# The name of the listener is the comment of its rule (nft 1.0.6: "comment too long, 128 characters maximum allowed").
_LONGEST_LISTENER = 128
_ALLOW_KEYS = ("listener", "protocol", "port", "address", "sources", "published")
# nft stores the time in milliseconds in 64 bits; a longer time than a year is a mistake.
_MOST_DAYS = 365
_KINDS: dict[type, str] = {str: "text", Mapping: "mappings"}


class RulesetError(ValueError):
    """An invalid ruleset. The message names the field and the value."""


def ruleset_from_data(data: Mapping[str, t.Any]) -> Ruleset:
    """Parse the plain data of a plan: {"allow": [...], "sets": {...}}, and if given `staged` and `count_days`.

    Raises RulesetError with the field and its value if the data is invalid.
    """
    _check_keys("ruleset", data, ("allow", "sets", "staged", "count_days"), optional=("sets", "staged", "count_days"))
    sets = [_parse_set(name, value) for name, value in _check_mapping("sets", data.get("sets") or {}).items()]
    known = {source_set.name for source_set in sets}
    values = _check_list("allow", data["allow"], Mapping)
    entries = [_parse_allow(f"allow[{index}]", value, known) for index, value in enumerate(values)]
    _refuse_repeats(entries)
    staged, days = _parse_flag("staged", data.get("staged")), _parse_days("count_days", data.get("count_days"))
    return make_ruleset(entries, sets, staged=staged, count_days=days)


def ruleset_to_data(ruleset: Ruleset) -> dict[str, t.Any]:
    """Return the plain data that ruleset_from_data parses."""
    return {
        "allow": [_entry_to_data(entry) for entry in ruleset.allow],
        "sets": {
            source_set.name: {family: source_set.select_family(family).format() for family in FAMILIES}
            for source_set in ruleset.sets
        },
        **({"staged": True} if ruleset.staged else {}),
        **({"count_days": ruleset.count_days} if ruleset.count_days else {}),
    }


def _entry_to_data(entry: Allow) -> dict[str, t.Any]:
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


def _parse_allow(field: str, value: t.Any, known: set[str]) -> Allow:
    entry = _check_mapping(field, value)
    _check_keys(field, entry, _ALLOW_KEYS, optional=("address", "published"))
    listener = _check_name(f"{field}.listener", entry["listener"], _LONGEST_LISTENER)
    if entry["protocol"] not in PROTOCOLS:
        raise RulesetError(f"{field}.protocol is {entry['protocol']!r}; expected tcp or udp")
    port = entry["port"]
    if not is_port(port):
        raise RulesetError(f"{field}.port is {port!r}; expected a number from 1 to 65535")
    service = Service(entry["protocol"], port, _parse_address(f"{field}.address", entry.get("address")))
    sources = _parse_sources(f"{field}.sources", entry["sources"], known)
    return Allow(listener, service, sources, _parse_flag(f"{field}.published", entry.get("published")))


def _parse_sources(field: str, value: t.Any, known: set[str]) -> str | tuple[str, ...]:
    if value == ANY:
        return ANY
    names = _check_list(field, value, str, "'any' or a list of names of sets")
    for name in names:
        if name not in known:
            raise RulesetError(f"{field} names the unknown set {name!r}; known sets: {sorted(known)!r}")
    return tuple(sorted(set(names)))


def _parse_set(name: t.Any, value: t.Any) -> SourceSet:
    field = f"sets[{name!r}]"
    _check_name(f"name of {field}", name)
    _check_keys(field, _check_mapping(field, value), FAMILIES, optional=FAMILIES)
    ipv4, ipv6 = (_parse_networks(f"{field}.{family}", family, value.get(family) or []) for family in FAMILIES)
    return SourceSet(name, ipv4, ipv6)


def _parse_networks(field: str, family: str, value: t.Any) -> Networks:
    texts = _check_list(field, value, str)
    try:
        return parse_networks(family, texts)
    except ValueError as error:
        raise RulesetError(
            f"{field}: {error}; expected {family} networks such as "
            f"{'192.0.2.0/24' if family == 'ipv4' else '2001:db8::/32'}"
        ) from error


def _parse_address(field: str, value: t.Any) -> str | None:
    if value is None:
        return None
    # ipaddress also accepts numbers, and a zone (fe80::1%eth0), which no firewall here can match.
    if isinstance(value, str) and "%" not in value:
        with suppress(ValueError):
            return str(ipaddress.ip_address(value))
    raise RulesetError(f"{field} is {value!r}; expected an address without a zone, 0.0.0.0, :: or null")


def _parse_flag(field: str, value: t.Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise RulesetError(f"{field} is {value!r}; expected true or false")
    return bool(value)


def _parse_days(field: str, value: t.Any) -> int:
    days = 0 if value is None else value
    if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= _MOST_DAYS:
        raise RulesetError(
            f"{field} is {value!r}; expected a number of days from 1 to {_MOST_DAYS}, or 0 to count nothing"
        )
    return days


def _check_name(field: str, value: t.Any, longest: int = _LONGEST) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value) or len(value) > longest:
        raise RulesetError(
            f"{field} is {value!r}; expected 1 to {longest} letters, digits, dots, underscores and hyphens"
        )
    return value


def _refuse_repeats(entries: list[Allow]) -> None:
    listeners: dict[Service, str] = {}
    for entry in entries:
        if entry.service in listeners:
            raise RulesetError(
                f"{entry.service} has two entries, for the listeners {listeners[entry.service]!r} and "
                f"{entry.listener!r}; write one entry with all its sources"
            )
        listeners[entry.service] = entry.listener


def _check_mapping(field: str, value: t.Any) -> Mapping[str, t.Any]:
    if not isinstance(value, Mapping):
        raise RulesetError(f"{field} is {value!r}; expected a mapping")
    return value


def _check_list(field: str, value: t.Any, kind: type, expected: str = "a list") -> list[t.Any]:
    if not isinstance(value, (list, tuple)):
        raise RulesetError(f"{field} is {value!r}; expected {expected}")
    for item in value:
        if not isinstance(item, kind):
            raise RulesetError(f"{field} contains {item!r}; expected {expected} of {_KINDS[kind]}")
    return list(value)


def _check_keys(field: str, value: Mapping[str, t.Any], known: tuple[str, ...], optional: tuple[str, ...]) -> None:
    for key in value:
        if key not in known:
            raise RulesetError(f"{field} has the unknown key {key!r}; known keys: {', '.join(known)}")
    for key in known:
        if key not in value and key not in optional:
            raise RulesetError(f"{field} lacks the key {key!r}: {dict(value)!r}")
