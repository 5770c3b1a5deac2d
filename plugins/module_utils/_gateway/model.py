# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The translations of a gateway: forwards with their allowed sources, and source NAT. Independent of Kong and of fleets."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, is_port, parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import (
    RulesetError,
    ruleset_from_data,
    ruleset_to_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    WILDCARDS,
    Allow,
    Ruleset,
    Service,
    SourceSet,
)

Data = t.Mapping[str, t.Any]
# The kernel's limit is 15 bytes. These characters may also be in the name of a set of nftables.
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")


class NatError(ValueError):
    """Invalid data. The message names the option and the value."""


@dataclass(frozen=True)
class Hairpin:
    """Connections from inside to a forward: the addresses of their callers, and the source that they get."""

    callers: Networks
    source: str


@dataclass(frozen=True)
class Forward:
    """A forward. `allow` has its destination outside and its sources; packets of other sources are dropped.

    If both destinations are the same, the gateway only routes the packets, for example IPv6 without NAT.
    """

    allow: Allow
    inside: str
    inside_port: int
    hairpin: Hairpin | None = None

    @property
    def service(self) -> Service:
        """The destination outside, with a single address."""
        return self.allow.service

    @property
    def outside(self) -> str:
        """The outside address."""
        return t.cast("str", self.service.address)

    @property
    def family(self) -> str:
        """The address family, "ipv4" or "ipv6"."""
        return self.service.families[0]

    @property
    def target(self) -> tuple[str, int]:
        """The address and port inside."""
        return self.inside, self.inside_port

    @property
    def is_routed(self) -> bool:
        """Whether the gateway forwards the packets without a translation."""
        return self.target == (self.outside, self.service.port)


@dataclass(frozen=True)
class Egress:
    """Source NAT: connections from the address inside leave with the address outside."""

    inside: str
    outside: str

    @property
    def family(self) -> str:
        """The address family, "ipv4" or "ipv6"."""
        return "ipv6" if ":" in self.inside else "ipv4"


@dataclass(frozen=True)
class Nat:
    """All translations of a gateway. The order is fixed: equal translations have the same meaning.

    Another gateway may hold the ``shared`` outside addresses (VRRP). ``interfaces`` has the outside addresses that may change,
    each with its interface: rules match the interface instead of the address.
    """

    forwards: tuple[Forward, ...] = ()
    egress: tuple[Egress, ...] = ()
    sets: tuple[SourceSet, ...] = ()
    shared: tuple[str, ...] = ()
    interfaces: tuple[tuple[str, str], ...] = ()

    @property
    def ruleset(self) -> Ruleset:
        """The allowed sources of each outside port: a ruleset in which each port is published."""
        return Ruleset(tuple(forward.allow for forward in self.forwards), self.sets)

    @property
    def outside_addresses(self) -> tuple[str, ...]:
        """Each address that the gateway needs, once."""
        found = [forward.outside for forward in self.forwards if not forward.is_routed]
        found += [entry.outside for entry in self.egress]
        return tuple(dict.fromkeys(found))


def nat_from_data(
    forwards: Iterable[Data],
    egress: Iterable[Data],
    sets: Mapping[str, t.Any],
    shared_addresses: Iterable[str] = (),
    outside_interfaces: t.Optional[Mapping[str, t.Any]] = None,
) -> Nat:
    """Return the translations in the options of the module, or in the part of a gateway in a plan.

    The keys and the types of the values are already checked. Raises NatError for values that no rule can have.
    """
    given = list(forwards)
    try:
        ruleset = ruleset_from_data({"allow": [_make_allow(item) for item in given], "sets": sets})
    except RulesetError as error:
        raise NatError(str(error).replace("allow[", "forwards[")) from error
    entries = {entry.service: entry for entry in ruleset.allow}
    parsed = [_parse_forward(f"forwards[{index}]", item, entries) for index, item in enumerate(given)]
    shared = {_parse_address("shared_addresses", address) for address in shared_addresses}
    return Nat(
        tuple(sorted(parsed, key=lambda forward: forward.service.order)),
        _parse_egress(list(egress)),
        ruleset.sets,
        sort_addresses(shared),
        _parse_interfaces(outside_interfaces or {}, shared),
    )


def nat_to_data(nat: Nat) -> dict[str, t.Any]:
    """Return the plain data that nat_from_data parses."""
    return {
        "forwards": [_forward_to_data(forward) for forward in nat.forwards],
        "egress": [{"inside": entry.inside, "outside": entry.outside} for entry in nat.egress],
        "sets": ruleset_to_data(nat.ruleset)["sets"],
        "shared_addresses": list(nat.shared),
        "outside_interfaces": dict(nat.interfaces),
    }


def format_nat(nat: Nat | None) -> str:
    """Return the translations as text for a diff: a line for each forward, source NAT and member of a set."""
    if nat is None:
        return ""
    lines = [_format_forward(forward) for forward in nat.forwards]
    lines += [f"connections from {entry.inside} leave with {entry.outside}" for entry in nat.egress]
    lines += [f"another gateway may hold {address}" for address in nat.shared]
    lines += [f"{address} is the address of the interface {name}, and may change" for address, name in nat.interfaces]
    lines += [
        f"set {source_set.name}: {network}"
        for source_set in nat.sets
        for networks in (source_set.ipv4, source_set.ipv6)
        for network in networks.format()
    ]
    return "".join(f"{line}\n" for line in lines)


def _make_allow(item: Data) -> dict[str, t.Any]:
    """Return a forward as an entry of a ruleset, whose parser checks it."""
    return {
        "listener": item["listener"],
        "protocol": item["protocol"],
        "port": item["outside_port"],
        "address": item["outside"],
        "sources": item["sources"],
        "published": True,
    }


def _parse_forward(field: str, item: Data, entries: Mapping[Service, Allow]) -> Forward:
    outside = _parse_address(f"{field}.outside", item["outside"])
    inside = _parse_address(f"{field}.inside", item["inside"], outside)
    if not is_port(item["inside_port"]):
        raise NatError(f"{field}.inside_port is {item['inside_port']!r}; expected a number from 1 to 65535")
    allow = entries[Service(item["protocol"], item["outside_port"], outside)]
    return Forward(allow, inside, item["inside_port"], _parse_hairpin(f"{field}.hairpin", item.get("hairpin"), outside))


def _parse_hairpin(field: str, value: Data | None, outside: str) -> Hairpin | None:
    if value is None:
        return None
    family = "ipv6" if ":" in outside else "ipv4"
    try:
        callers = parse_networks(family, value["callers"])
    except ValueError as error:
        raise NatError(f"{field}.callers: {error}; expected {family} networks") from error
    return Hairpin(callers, _parse_address(f"{field}.source", value["source"], outside))


def sort_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return addresses in their fixed order: by family and number."""
    return tuple(sorted(addresses, key=lambda address: (":" in address, ipaddress.ip_address(address).packed)))


def sort_egress(entries: Iterable[Egress]) -> tuple[Egress, ...]:
    """Return source NAT in its fixed order: by family and address."""
    return tuple(sorted(entries, key=lambda entry: (entry.family, ipaddress.ip_address(entry.inside).packed)))


def _parse_egress(given: list[Data]) -> tuple[Egress, ...]:
    found: dict[str, Egress] = {}
    for index, item in enumerate(given):
        inside = _parse_address(f"egress[{index}].inside", item["inside"])
        entry = Egress(inside, _parse_address(f"egress[{index}].outside", item["outside"], inside))
        if found.setdefault(inside, entry) != entry:
            raise NatError(f"egress has {inside} twice, with {found[inside].outside} and {entry.outside}")
    return sort_egress(found.values())


def _parse_interfaces(given: Mapping[str, t.Any], shared: t.Collection[str]) -> tuple[tuple[str, str], ...]:
    parsed = {_parse_address("outside_interfaces", address): name for address, name in given.items()}
    found: dict[tuple[t.Any, bool], str] = {}
    for address, name in parsed.items():
        if not isinstance(name, str) or not _INTERFACE.fullmatch(name):
            raise NatError(f"outside_interfaces.{address} is {name!r}; expected the name of a network interface")
        if address in shared:
            raise NatError(
                f"{address} is in shared_addresses and in outside_interfaces; a shared address does not change"
            )
        other = found.setdefault((name, ":" in address), address)
        if other != address:
            raise NatError(f"outside_interfaces has {name} for {other} and {address}; give one address of each family")
    return tuple((address, parsed[address]) for address in sort_addresses(parsed))


def _parse_address(field: str, value: str, other: str | None = None) -> str:
    """Return a single address, of the family of another address if that is given."""
    try:
        address = str(ipaddress.ip_address(value)) if "%" not in value else ""
    except ValueError:
        address = ""
    if not address or address in WILDCARDS or (other is not None and (":" in address) != (":" in other)):
        family = "" if other is None else f" of the family of {other}"
        raise NatError(f"{field} is {value!r}; expected one address{family}, without a zone")
    return address


def _forward_to_data(forward: Forward) -> dict[str, t.Any]:
    service, hairpin = forward.service, forward.hairpin
    return {
        "listener": forward.allow.listener,
        "protocol": service.protocol,
        "outside": service.address,
        "outside_port": service.port,
        "inside": forward.inside,
        "inside_port": forward.inside_port,
        "sources": forward.allow.sources if forward.allow.sources == ANY else list(forward.allow.set_names),
        "hairpin": {"callers": hairpin.callers.format(), "source": hairpin.source} if hairpin else None,
    }


def _format_forward(forward: Forward) -> str:
    sources = "any source" if forward.allow.sources == ANY else ", ".join(forward.allow.set_names) or "no source"
    target = "without NAT" if forward.is_routed else f"to {format_target(forward)}"
    hairpin = forward.hairpin
    back = f"; from {', '.join(hairpin.callers.format())} with the source {hairpin.source}" if hairpin else ""
    return f"{forward.service} {target} ({forward.allow.listener}), from {sources}{back}"


def format_target(forward: Forward) -> str:
    """Return the address and port inside as text, also for nft."""
    address = f"[{forward.inside}]" if forward.family == "ipv6" else forward.inside
    return f"{address}:{forward.inside_port}"
