# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remedies for a missing path: each possible change of the inventory is tried on the model, and named only if it works."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Addresses,
    Family,
    find_family,
    is_private,
    make_host_network,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import name_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import is_behind_nat, list_egress_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unfit import FLAT, NAT, PUBLIC, USE_FLAT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import (
    PROTOCOLS,
    Endpoint,
    Host,
    NatMapping,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_words

# Tells whether all callers reach the target. The hosts are those of the fleet after a change.
Works = Callable[[Host, Sequence[Host]], bool]

# Addresses for a trial: of documentation (RFC 5737, RFC 3849) for a public address, and private.
_PUBLIC: dict[Family, str] = {4: "192.0.2.1", 6: "2001:db8::1"}
_PRIVATE: dict[Family, str] = {4: "192.168.255.254", 6: "fdff::1"}


class Wanted(NamedTuple):
    """The ports of the target that have to be reached, and their protocols.

    ``own`` is the host whose finding has the remedies. ``outside`` is the outside endpoint of a mapping, if it is given.
    ``everyone`` is a text for the target and all callers, if the given callers are examples. ``hosts`` are then all callers, with or
    without the target. ``mutual`` tells whether the target also calls the callers, and ``overlaps`` whether two of these hosts
    have the same address in different sites.
    """

    ports: Sequence[int]
    own: str
    protocols: tuple[str, ...] = PROTOCOLS
    outside: Endpoint | None = None
    everyone: str = ""
    mutual: bool = False
    hosts: Sequence[Host] = ()
    overlaps: bool = False

    def __str__(self) -> str:
        origin = f"from {self.outside} " if self.outside else ""
        noun = "port" if len(self.ports) == 1 else "ports"
        return f"{origin}to {noun} {join_words([*map(str, self.ports)])} over {join_words(self.protocols)}"


class _Change(NamedTuple):
    """A change of the inventory as text, and the hosts after it."""

    text: str
    target: Host
    callers: list[Host]


def list_remedies(target: Host, callers: Sequence[Host], wanted: Wanted, works: Works) -> Iterator[str]:
    """Yield the changes of the inventory with which all callers reach the target. Each of them is enough.

    The most probable change is the first. Each change is in the first family in which it works. If there are many callers, the
    given callers are an example of each class for changes, see callers.py.
    """
    is_public = not any(map(is_private, target.address.list_all()))
    kinds = (
        [_propose_egress, _propose_vpn, _propose_flat]
        if is_public
        else [_propose_mapping, _propose_vpn, _propose_flat, _propose_egress]
    )
    for kind in kinds:
        changes = (change for family in FAMILIES if (change := kind(target, callers, wanted, family)))
        fitting = (change.text for change in changes if works(change.target, change.callers))
        yield from islice(fitting, 1)


def _is_unfit(change: str, hosts: Iterable[Host]) -> bool:
    """Tell whether a change must not be made to one of the hosts, see unfit.py."""
    return any(change in host.unfit for host in hosts)


def _has_unnamed_nat(caller: Host) -> bool:
    """Tell whether a caller must have a NAT to leave its site, and the inventory has none."""
    return all(map(is_private, caller.address.list_all())) and not any(
        is_behind_nat(caller, family) for family in FAMILIES
    )


def _propose_egress(target: Host, callers: Sequence[Host], wanted: Wanted, family: Family) -> _Change | None:
    unnamed = [caller for caller in callers if _has_unnamed_nat(caller)]
    own = target.address.select(family)
    if not unnamed or own is None or _is_unfit(NAT, unnamed):
        return None
    egress = (make_host_network((_PRIVATE if is_private(own) else _PUBLIC)[family]),)
    changed = [replace(caller, egress=egress) if caller in unnamed else caller for caller in callers]
    name, adjective = name_host(target.name, wanted.own), _format_family(family)
    which = "whose" if wanted.everyone else "if its"
    leads, sees = f" {which} {adjective}NAT leads to {name}", f" to the {adjective}address that {name} sees"
    text = f"set kong_nat_egress of {_name_clients(callers, wanted)}{leads if is_private(own) else sees}"
    return _Change(text, target, changed)


def _propose_mapping(target: Host, callers: Sequence[Host], wanted: Wanted, family: Family) -> _Change | None:
    given, must_be_private = wanted.outside, _is_public_unfit(target, callers)
    if _is_unfit(NAT, [target]) or (given and find_family(given.address) != family):
        return None
    outside, outside_port, inside_port = (_PRIVATE if must_be_private else _PUBLIC)[family], None, None
    if given:
        outside, outside_port, inside_port = given.address, given.port, wanted.ports[0]
    private = [caller for caller in callers if all(map(is_private, list_egress_networks(caller, target.site, outside)))]
    if must_be_private and not (is_private(outside) and len(private) == len(callers)):
        return None
    origin = also = ""
    if is_private(outside):
        origin = "" if given else "from a private address "
    elif not all(map(_has_unnamed_nat, private)):
        also = " (from a public address clients need a public kong_nat_egress)"
    elif private or target.flat:
        # A mapping comes before a flat network, also for other clients of the target.
        also = " (clients need a kong_nat_egress)"
    mapping = NatMapping(outside, outside_port, inside_port, wanted.protocols, (), outside, None)
    text = f"give {name_host(target.name, wanted.own)} {_format_article(family)}kong_nat mapping {origin}{wanted}{also}"
    return _Change(text, replace(target, nat=(*target.nat, mapping)), [*callers])


def _is_public_unfit(target: Host, callers: Sequence[Host]) -> bool:
    """Tell whether a mapping of a public address, or the egress that clients then need, must not be set."""
    unnamed = [host for host in callers if _has_unnamed_nat(host)]
    named = [host for host in callers if not _has_unnamed_nat(host)]
    return _is_unfit(NAT, unnamed) or _is_unfit(PUBLIC, [*named, *([] if target.egress else [target])])


def _propose_vpn(target: Host, callers: Sequence[Host], wanted: Wanted, family: Family) -> _Change | None:
    missing = [host for host in (target, *callers) if not host.vpn.select(family)]
    if not missing:
        return None
    # Gossip uses IPv4.
    if family == 4 and any(host.off_vpn for host in missing):
        names = {host.name for host in (target, *callers, *wanted.hosts) if not host.vpn.select(family)}
        if any(host.off_vpn and host.off_vpn <= names for host in missing):
            return None
    which = wanted.everyone or ("both hosts" if len(missing) == 2 else name_host(missing[0].name, wanted.own))
    changed = [_with_vpn(caller, family) for caller in callers]
    # A host with a VPN address of the other family needs a second one.
    version = f"an IPv{family} " if any(host.vpn.list_all() for host in missing) else _format_article(family)
    return _Change(f"give {which} {version}kong_vpn_address", _with_vpn(target, family), changed)


def _with_vpn(host: Host, family: Family) -> Host:
    if host.vpn.select(family):
        return host
    ipv4, ipv6 = (_PRIVATE[own] if own == family else host.vpn.select(own) for own in FAMILIES)
    return replace(host, vpn=Addresses(ipv4, ipv6))


def _propose_flat(target: Host, callers: Sequence[Host], wanted: Wanted, _family: Family) -> _Change | None:
    opposed = any(caller.flat is False for caller in callers)
    if _is_unfit(FLAT, [target, *(callers if wanted.mutual else ())]):
        return None
    if _is_unfit(USE_FLAT, (host for host in callers if host.flat is False and not wanted.mutual)):
        return None
    if wanted.overlaps if wanted.mutual else _has_opposed_address(target, wanted.hosts or callers):
        return None
    removal = f" (and remove {_name_opposed(callers, wanted)})" if opposed and not wanted.mutual else ""
    # Peers dial each other, so a flat network in one direction only would leave a NAT in the other.
    changed = [replace(caller, flat=wanted.mutual or None) for caller in callers]
    where = wanted.everyone if wanted.mutual else name_host(target.name, wanted.own)
    text = f"set kong_flat_network: true on {where}{removal} if sites route without NAT"
    return _Change(text, replace(target, flat=True), changed)


def _has_opposed_address(target: Host, callers: Iterable[Host]) -> bool:
    """Tell whether a caller without a flat network has an address of the target, at another site."""
    opposed = (caller for caller in callers if caller.flat is False and caller.site != target.site)
    return any(not {*caller.address.list_all()}.isdisjoint(target.address.list_all()) for caller in opposed)


def has_shared_address(hosts: Iterable[Host]) -> bool:
    """Tell whether hosts of different sites have the same address."""
    sites: dict[str, str] = {}
    held = ((host.site, address) for host in hosts for address in host.address.list_all())
    return any(sites.setdefault(address, site) != site for site, address in held)


def _name_clients(callers: Sequence[Host], wanted: Wanted) -> str:
    """Return a name of the callers in a text."""
    if wanted.everyone:
        return "peers" if wanted.mutual else "clients"
    return name_host(callers[0].name, wanted.own)


def _name_opposed(callers: Sequence[Host], wanted: Wanted) -> str:
    """Return the value of kong_flat_network that callers must not have."""
    return "false from clients" if wanted.everyone else f"it from {_name_clients(callers, wanted)}"


def _format_article(family: Family) -> str:
    return f"an {_format_family(family)}" if family == 6 else "a "


def _format_family(family: Family) -> str:
    return "IPv6 " if family == 6 else ""
