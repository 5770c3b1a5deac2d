# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remedies for a missing path: each possible change of the inventory is tried on the model, and named only if it works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Addresses,
    Family,
    family_of,
    host_network,
    is_private,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import is_behind_nat
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import (
    PROTOCOLS,
    Endpoint,
    Host,
    NatMapping,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import listed

# Tells whether all callers reach the target. The hosts are those of the fleet after a change.
Works = Callable[[Host, Sequence[Host]], bool]

# Addresses for a trial: of documentation (RFC 5737, RFC 3849) for a public address, and private.
_PUBLIC: dict[Family, str] = {4: "192.0.2.1", 6: "2001:db8::1"}
_PRIVATE: dict[Family, str] = {4: "192.168.255.254", 6: "fdff::1"}
_SHOWN = 3


class Wanted(NamedTuple):
    """The ports of the target that have to be reached, and their protocols.

    ``outside`` is the outside endpoint of a mapping, if it is given. ``everyone`` is a text for the target and all callers, if
    the given callers are examples. ``mutual`` tells whether the target also calls the callers.
    """

    ports: Sequence[int]
    protocols: tuple[str, ...] = PROTOCOLS
    outside: Endpoint | None = None
    everyone: str = ""
    mutual: bool = False

    def __str__(self) -> str:
        origin = f"from {self.outside} " if self.outside else ""
        noun = "port" if len(self.ports) == 1 else "ports"
        return f"{origin}to {noun} {' and '.join(map(str, self.ports))} over {' and '.join(self.protocols)}"


class _Change(NamedTuple):
    """A change of the inventory as text, and the hosts after it."""

    text: str
    target: Host
    callers: list[Host]


def advice(target: Host, callers: Sequence[Host], wanted: Wanted, works: Works, *more: str) -> str:
    """Return the changes of the inventory with which all callers reach the target, as one sentence with alternatives.

    ``more`` are further alternatives. The sentence is empty if there is none.
    """
    changes = _changes(target, callers, wanted)
    found = [*(change.text for change in changes if works(change.target, change.callers)), *more]
    text = ", ".join([*found[:-1], f"or {found[-1]}"]) if len(found) > 1 else "".join(found)
    return text[:1].upper() + text[1:]


def _changes(target: Host, callers: Sequence[Host], wanted: Wanted) -> Iterator[_Change]:
    """Yield the possible changes, the most probable first."""
    public = not any(map(is_private, target.address.all()))
    unnamed = [caller for caller in callers if _has_unnamed_nat(caller)]
    if public and unnamed:
        yield _egress(target, callers, unnamed, wanted)
    if not public:
        yield _mapping(target, callers, wanted)
    yield _vpn(target, callers, wanted)
    yield _flat(target, callers, wanted)
    if not public and unnamed:
        yield _egress(target, callers, unnamed, wanted)


def _has_unnamed_nat(caller: Host) -> bool:
    """Tell whether a caller must have a NAT to leave its site, and the inventory has none."""
    return all(map(is_private, caller.address.all())) and not any(is_behind_nat(caller, family) for family in FAMILIES)


def _egress(target: Host, callers: Sequence[Host], unnamed: Sequence[Host], wanted: Wanted) -> _Change:
    private = {family_of(address) for address in target.address.all() if is_private(address)}
    samples = [(_PRIVATE if family in private else _PUBLIC)[family] for family in FAMILIES]
    egress = tuple(map(host_network, samples))
    changed = [replace(caller, egress=egress) if caller in unnamed else caller for caller in callers]
    others = " and of hosts like it" if wanted.everyone else ""
    where = f", if its NAT leads into the network of {target.name}" if private else ""
    text = f"set kong_nat_egress of {_names(unnamed)}{others} to the address that {target.name} sees{where}"
    return _Change(text, target, changed)


def _mapping(target: Host, callers: Sequence[Host], wanted: Wanted) -> _Change:
    outsides = [wanted.outside.address] if wanted.outside else [*_PUBLIC.values()]
    outside_port, inside_port = (wanted.outside.port, wanted.ports[0]) if wanted.outside else (None, None)
    mappings = [
        NatMapping(outside, outside_port, inside_port, wanted.protocols, (), outside, None) for outside in outsides
    ]
    also = " (and hosts behind a NAT their kong_nat_egress)" if any(map(_has_unnamed_nat, callers)) else ""
    text = f"give {target.name} a kong_nat mapping {wanted}{also}"
    return _Change(text, replace(target, nat=(*target.nat, *mappings)), [*callers])


def _vpn(target: Host, callers: Sequence[Host], wanted: Wanted) -> _Change:
    missing = [host for host in (target, *callers) if not host.vpn]
    which = wanted.everyone or ("both hosts" if len(missing) == 2 else _names(missing))
    return _Change(f"give {which} a kong_vpn_address", _on_vpn(target), [_on_vpn(caller) for caller in callers])


def _on_vpn(host: Host) -> Host:
    return host if host.vpn else replace(host, vpn=Addresses(_PRIVATE[4], _PRIVATE[6]))


def _flat(target: Host, callers: Sequence[Host], wanted: Wanted) -> _Change:
    opposed = [caller for caller in callers if caller.flat is False]
    removal = f" (and remove it from {_names(opposed)})" if opposed and not wanted.mutual else ""
    # Peers dial each other, so a flat network in one direction only would leave a NAT in the other.
    changed = [replace(caller, flat=wanted.mutual or None) for caller in callers]
    where = wanted.everyone if wanted.mutual else target.name
    text = f"set kong_flat_network: true on {where}{removal} if the sites route to each other without NAT"
    return _Change(text, replace(target, flat=True), changed)


def _names(hosts: Sequence[Host]) -> str:
    return listed([host.name for host in hosts], _SHOWN)
