# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NAT mappings from the inventory, or from the result of a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonicalise_address,
    explain_unusable,
    find_family,
    parse_port,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import ask, check_unused_query
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import PROTOCOLS, NatMapping
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key, quote_value

_MAPPING_KEYS = frozenset(
    {
        "outside",
        "outside_interface",
        "outside_port",
        "inside",
        "inside_port",
        "protocols",
        "sites",
        "device",
        "hairpin_source",
    }
)
# The same names as in the module kong_gateway.
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_MAPPED = "give the address that other hosts dial or see"


def read_mappings(variables: HostVariables, read_inside: Callable[[], Collection[str]]) -> list[NatMapping]:
    """Read kong_nat, or the result of kong_nat_query. Errors are added to the findings of ``variables``.

    ``read_inside`` returns the addresses that may be an inside address. It is called if a mapping has an inside address.
    """
    query, items = _read_items(variables)
    if not isinstance(items, (list, tuple)):
        _refuse(variables, query, items, "it must be a list of mappings")
        return []
    return [mapping for item in items if (mapping := _read_mapping(variables, query, item, read_inside))]


def read_devices(variables: HostVariables) -> set[str]:
    """Return the named devices of all mappings. Errors in other keys do not count."""
    query, items = _read_items(variables)
    devices: set[str] = set()
    for item in _select_mappings(items):
        try:
            devices.update(_parse_words(item, "device"))
        except ValueError as exc:
            _refuse(variables, query, item, str(exc))
    return devices


def _read_items(variables: HostVariables) -> tuple[Any, Any]:
    """Return the query, None without one, and kong_nat or the result of the query."""
    items = variables.read_value("kong_nat")
    if items is None and (query := variables.read_value("kong_nat_query")) is not None:
        return query, _ask(variables, "kong_nat_query", query)
    check_unused_query(variables, "kong_nat_query")
    return None, items or []


def _ask(variables: HostVariables, name: str, query: Any) -> Any:
    """Return the mappings that a query yields. No result at all is an error, because a name in the query may be misspelt."""
    before = len(variables.findings)
    items = ask(variables, name, query)
    if items is None and len(variables.findings) == before:
        message = (
            "it has no result: a name in it may be wrong, or facts are missing. Correct it, or if a host may have no NAT, "
            "write (QUERY) || `[]`"
        )
        variables.add_error("nat-invalid", name, query, message)
    nulls = (key for item in _select_mappings(items) for key, value in item.items() if value is None)
    if key := next(nulls, None):
        message = f"key {key} of a mapping is null: a name in the query may be wrong. Correct it, or leave the key out with merge()"
        variables.add_error("nat-invalid", name, query, message)
        return []
    return items or []


def _select_mappings(items: Any) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, (list, tuple)) else []


def _refuse(variables: HostVariables, query: Any, value: Any, message: str) -> None:
    """Add an error about a value of kong_nat, or of the result of kong_nat_query if there is a query."""
    if query is None:
        variables.add_error("nat-invalid", "kong_nat", value, message)
    else:
        result = quote_value(make_plain(value))
        variables.add_error(
            "nat-invalid", "kong_nat_query", query, f"its result is wrong: {message}", f"has the result {result}"
        )


def _read_mapping(
    variables: HostVariables, query: Any, item: Any, read_inside: Callable[[], Collection[str]]
) -> NatMapping | None:
    if not isinstance(item, Mapping) or "outside" not in item:
        _refuse(variables, query, item, "a mapping is a dictionary, and its key outside is an address")
        return None
    if unknown := sorted(set(item) - _MAPPING_KEYS, key=str):
        _refuse(
            variables,
            query,
            item,
            f"unknown key {quote_value(unknown[0])}; a mapping has {', '.join(sorted(_MAPPING_KEYS))}",
        )
        return None
    try:
        return _parse_mapping(item, read_inside)
    except ValueError as exc:
        _refuse(variables, query, item, str(exc))
        return None


def _parse_mapping(item: Mapping[str, Any], read_inside: Callable[[], Collection[str]]) -> NatMapping:
    outside = _parse_mapped_address(item, "outside")
    inside = _parse_mapped_address(item, "inside") if item.get("inside") is not None else None
    if inside and (inside not in read_inside() or find_family(inside) != find_family(outside)):
        raise ValueError(
            f"inside is {inside}; give the host's own address or a virtual address, of the family of outside"
        )
    outside_port, inside_port = _parse_port(item, "outside_port"), _parse_port(item, "inside_port")
    protocols = _parse_words(item, "protocols") or PROTOCOLS
    if unknown := set(protocols) - set(PROTOCOLS):
        raise ValueError(f"protocols has {quote_value(min(unknown))}; it takes tcp and udp")
    hairpin = _parse_mapped_address(item, "hairpin_source") if item.get("hairpin_source") is not None else None
    if hairpin and find_family(hairpin) != find_family(outside):
        raise ValueError(
            f"hairpin_source is IPv{find_family(hairpin)} and outside IPv{find_family(outside)}; give one family"
        )
    devices = tuple(dict.fromkeys(_parse_words(item, "device"))) or (outside,)
    return NatMapping(
        outside=outside,
        # A single port is the same on both sides of the device.
        outside_port=outside_port or inside_port,
        inside_port=inside_port or outside_port,
        protocols=tuple(protocol for protocol in PROTOCOLS if protocol in protocols),
        sites=tuple(sorted(_parse_words(item, "sites"), key=make_natural_key)),
        devices=devices,
        hairpin_source=hairpin,
        inside=inside,
        outside_interface=_parse_interface(item, devices),
    )


def _parse_interface(item: Mapping[str, Any], devices: tuple[str, ...]) -> str | None:
    """Return the interface of a device whose address may change, None if the mapping names none."""
    value = item.get("outside_interface")
    if value is None:
        return None
    if not isinstance(value, str) or not _INTERFACE.fullmatch(value):
        raise ValueError(
            f"outside_interface is {quote_value(value)}; give the name of a network interface, such as wan0"
        )
    if "device" not in item or len(devices) > 1:
        raise ValueError(f"outside_interface is {value}, an interface of one device; give the name of one device")
    return value


def _parse_mapped_address(item: Mapping[str, Any], key: str) -> str:
    try:
        address = canonicalise_address(str(item[key]).strip())
    except AddressError as exc:
        raise ValueError(f"{key}: {exc}; {_MAPPED}") from exc
    if reason := explain_unusable(address):
        raise ValueError(f"{key} is {reason}; {_MAPPED}")
    return address


def _parse_words(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the words of a key that has a list of words, or a single word."""
    value = item.get(key)
    items = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    words = tuple(str(item).strip() for item in items if isinstance(item, (str, int)))
    if value is not None and not items:
        raise ValueError(f"{key} is an empty list; give a word or a list of words, or leave the key out")
    if len(words) < len(items) or not all(words):
        raise ValueError(f"{key} is {quote_value(value)}; it must be a word or a list of words")
    return words


def _parse_port(item: Mapping[str, Any], key: str) -> int | None:
    value = item.get(key)
    if value is None:
        return None
    port = parse_port(value)
    if port is None:
        raise ValueError(f"{key} is {quote_value(value)}; it must be a port from 1 to 65535")
    return port
